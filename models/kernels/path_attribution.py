"""Path attribution: what each feature added on a row's way through the trees, a hundredth of the cost of SHAP.

A split's feature gets the change of the expected output from the node to the child that the row goes to (A. Saabas,
Interpreting random forests, 2014). A row's parts add up to its log-odds minus the forest's mean.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tagcast.models.kernels.compilation import compiled
from tagcast.models.kernels.forest_kernel import CHILD, COLUMN, LEAF, ForestKernel, descend, descend_sets
from tagcast.models.kernels.threshold_ranks import BLOCK, Codes, Encoding, Floats


@dataclass(frozen=True)
class ForestPaths:
    """What reaching each leaf adds per feature.

    Parameters
    ----------
    kernel : ForestKernel
    start : ndarray of shape (nodes + 1,)
        Where each node's entries begin; inner nodes have none.
    columns : ndarray of shape (entries,)
        Of X.
    gains : ndarray of shape (entries,)
        Log-odds.
    """

    kernel: ForestKernel
    start: npt.NDArray[np.int64]
    columns: npt.NDArray[np.int64]
    gains: Floats

    @classmethod
    def of(cls, kernel: ForestKernel, encoding: Encoding) -> ForestPaths:
        """Return the paths of a packed forest; the expected output of a node is the mean of its training rows."""
        words = kernel.words
        leaf = (words & LEAF).astype(bool)
        column = (
            np.zeros(len(words), np.int64)
            if leaf.all()
            else encoding.columns[(words & COLUMN).astype(np.int64)]
        )
        left = (words >> CHILD).astype(np.int64)
        return cls(kernel, *_on_the_way(leaf, left, column, kernel.values, kernel.cover.astype(float)))

    def add_to(self, out: Floats, codes: Codes) -> None:
        """Add the contributions of encoded rows to ``out``, shape (n, columns of X)."""
        k = self.kernel
        _attribute(codes, k.words, k.roots, k.depths, k.sets, self.start, self.columns, self.gains, out)


@compiled
def _attribute(codes, words, roots, depths, sets, start, features, gains, out):  # type: ignore[no-untyped-def]
    """Add what reaching its leaf adds per feature to each row of ``out``, tree by tree."""
    leaf = np.empty(BLOCK, np.int64)
    for first in range(0, len(codes), BLOCK):
        rows = min(BLOCK, len(codes) - first)
        for t in range(len(roots)):
            if len(sets):
                descend_sets(codes, first, rows, words, roots[t], sets, leaf)
            else:
                descend(codes, first, rows, words, roots[t], depths[t], leaf)
            for k in range(rows):
                for e in range(start[leaf[k]], start[leaf[k] + 1]):
                    out[first + k, features[e]] += gains[e]


@compiled
def _on_the_way(leaf, left, column, values, cover):  # type: ignore[no-untyped-def]
    """Return start, columns and gains: of each leaf what the splits on the way to it add, by column, the first of them first."""
    nodes = len(leaf)
    expected, rows = values.copy(), cover.copy()
    parent, depth = np.full(nodes, -1, np.int64), np.zeros(nodes, np.int64)
    for node in range(nodes - 1, -1, -1):  # children stand after their parents
        if not leaf[node]:
            a, b = left[node], left[node] + 1
            rows[node] = rows[a] + rows[b]
            expected[node] = (expected[a] * rows[a] + expected[b] * rows[b]) / rows[node]
            parent[a], parent[b] = node, node
    entries = 0
    for node in range(nodes):
        if parent[node] >= 0:
            depth[node] = depth[parent[node]] + 1
        if leaf[node]:
            entries += depth[node]
    start, way = np.zeros(nodes + 1, np.int64), np.empty(depth.max() + 1, np.int64)
    columns, gains = np.empty(entries, np.int64), np.empty(entries)
    filled = 0
    for node in range(nodes):
        first, at = filled, node
        if leaf[node]:
            for step in range(depth[node], -1, -1):
                way[step] = at
                at = parent[at]
            for step in range(depth[node]):
                split, child = way[step], way[step + 1]
                entry = first
                while entry < filled and columns[entry] != column[split]:
                    entry += 1
                if entry == filled:
                    columns[entry], gains[entry] = column[split], 0.0
                    filled += 1
                gains[entry] += expected[child] - expected[split]
        start[node + 1] = filled
    return start, columns[:filled].copy(), gains[:filled].copy()
