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
        expected, rows = kernel.values.copy(), kernel.cover.astype(float)
        left = (words >> CHILD).astype(np.int64)
        inner = np.flatnonzero(~(words & LEAF).astype(bool))
        for node in inner[::-1].tolist():  # children stand after their parents
            a, b = left[node], left[node] + 1
            rows[node] = rows[a] + rows[b]
            expected[node] = (expected[a] * rows[a] + expected[b] * rows[b]) / rows[node]
        column = (
            encoding.columns[(words & COLUMN).astype(np.int64)]
            if len(inner)
            else np.zeros(len(words), np.int64)
        )
        on_the_way: list[dict[int, float]] = [{} for _ in words]
        for node in inner.tolist():
            so_far, feature = on_the_way[node], int(column[node])
            for child in (int(left[node]), int(left[node]) + 1):
                step = float(expected[child] - expected[node])
                on_the_way[child] = {**so_far, feature: so_far.get(feature, 0.0) + step}
            on_the_way[node] = {}
        return cls(
            kernel,
            np.cumsum([0, *map(len, on_the_way)]).astype(np.int64),
            np.array([c for entries in on_the_way for c in entries], np.int64),
            np.array([g for entries in on_the_way for g in entries.values()], np.float64),
        )

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
