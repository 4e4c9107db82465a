"""LightGBM's forests walked over ranked features: the same bits as ``Booster.predict(raw_score=True)``, sooner.

A split asks whether a value is at most a threshold, so a value's rank among all thresholds of its feature tells as much
as the value (C. Lucchese et al., QuickScorer, SIGIR 2015, rank them too). Ranks are found once for all models that
share features. A node is one 64-bit word, its children lie side by side, leaves lead to themselves: eight rows
walk a tree abreast without a branch, and a block of rows goes through all trees while its ranks are in the nearest
cache.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tagcast.models.kernels.compilation import compiled
from tagcast.models.kernels.lightgbm_parser import Tree, UnsupportedForestError
from tagcast.models.kernels.threshold_ranks import BLOCK, MOST_COLUMNS, MOST_RANKS, Codes, Encoding, Floats

# A node's word, from the lowest bit: column of codes (13 bits), whether the split is categorical, whether it is a leaf,
# whether a missing value goes right, rank of the threshold or number of the set of categories (16), place of the
# left child (32). The right one follows it.
COLUMN = np.uint64(MOST_COLUMNS - 1)
_CATEGORICAL = np.uint64(1 << 13)
LEAF = np.uint64(1 << 14)
_MISSING = np.uint64(15)
_RANK = np.uint64(16)
_RANKS = np.uint64((1 << 16) - 1)
CHILD = np.uint64(32)
_ONE, _NONE = np.uint64(1), np.uint64(0)


@dataclass(frozen=True)
class ForestKernel:
    """A forest packed for an encoding.

    Parameters
    ----------
    words : ndarray of uint64
        The nodes of all trees.
    values : ndarray of shape (nodes,)
        Log-odds at leaves.
    roots, depths : ndarray of shape (trees,)
    cover : ndarray of shape (nodes,)
        Training rows at leaves.
    sets : ndarray of shape (s, w) of uint64
        Bitsets of codes: categories that go left.
    """

    words: npt.NDArray[np.uint64]
    values: Floats
    roots: npt.NDArray[np.int64]
    depths: npt.NDArray[np.int64]
    cover: npt.NDArray[np.int64]
    sets: npt.NDArray[np.uint64]

    @classmethod
    def pack(cls, trees: Sequence[Tree], columns: Sequence[int], encoding: Encoding) -> ForestKernel:
        """Pack ``trees`` whose features are ``columns`` of X; ``encoding`` was made over them among others.

        Raises
        ------
        UnsupportedForestError
            Where it has more different sets of categories than a node can name.
        """
        words: list[int] = []
        values: list[float] = []
        cover: list[int] = []
        roots = []
        sets: dict[frozenset[int], int] = {}

        def node_word(feature: int, threshold: float, listed: Collection[int] | None, nan_left: bool) -> int:
            place = encoding.column(int(columns[feature]), categorical=listed is not None)
            if listed is not None:
                codes = frozenset(encoding.code_of(place, float(value)) for value in listed)
                return place | int(_CATEGORICAL) | sets.setdefault(codes, len(sets)) << int(_RANK)
            # With a missing value on the right, codes are moved down by one: 0 becomes the largest.
            right = int(not nan_left)
            rank = encoding.code_of(place, threshold) - right
            return place | right << int(_MISSING) | rank << int(_RANK)

        for tree in trees:
            splits = zip(
                tree.feature.tolist(),
                tree.threshold.tolist(),
                tree.categories,
                tree.nan_left.tolist(),
                strict=True,
            )
            nodes = [node_word(*split) for split in splits]
            lefts, rights = tree.left.tolist(), tree.right.tolist()
            leaf_values, leaf_counts = tree.leaf_value.tolist(), tree.leaf_count.tolist()
            roots.append(len(words))
            words.append(0)
            values.append(0.0)
            cover.append(0)
            todo = [(0 if nodes else -1, len(words) - 1)]
            for node, place in todo:  # grows while it is walked: breadth first
                if node < 0:
                    words[place] = int(LEAF) | int(_RANKS) << int(_RANK) | place << int(CHILD)
                    values[place], cover[place] = leaf_values[~node], leaf_counts[~node]
                    continue
                left = len(words)
                words += [0, 0]
                values += [0.0, 0.0]
                cover += [0, 0]
                words[place] = nodes[node] | left << int(CHILD)
                todo += [(lefts[node], left), (rights[node], left + 1)]
        if len(sets) > MOST_RANKS:
            raise UnsupportedForestError(f"{len(sets):,} different sets of categories")
        return cls(
            np.array(words, np.uint64), np.array(values), np.array(roots, np.int64),
            np.array([tree.depth for tree in trees], np.int64), np.array(cover, np.int64), _bitsets(list(sets)),
        )  # fmt: skip

    def raw(self, codes: Codes) -> Floats:
        """Return the log-odds of encoded rows, shape (n,): the leaves' values added up tree by tree."""
        out = np.zeros(len(codes))
        _walk(codes, self.words, self.values, self.roots, self.depths, self.sets, out)
        return out


def _bitsets(sets: Sequence[frozenset[int]]) -> npt.NDArray[np.uint64]:
    width = max((max(codes, default=0) for codes in sets), default=0) // 64 + 1
    out = np.zeros((len(sets), width), np.uint64)
    for row, codes in zip(out, sets, strict=True):
        for code in codes:
            row[code // 64] |= np.uint64(1) << np.uint64(code % 64)
    return out


@compiled
def _next(codes, row, word):  # type: ignore[no-untyped-def]
    """Return the child of a numeric node, a leaf itself."""
    compared = (np.uint64(codes[row, word & COLUMN]) - ((word >> _MISSING) & _ONE)) & _RANKS
    return (word >> CHILD) + (_ONE if compared > ((word >> _RANK) & _RANKS) else _NONE)


@compiled
def descend(codes, first, rows, words, root, depth, leaf):  # type: ignore[no-untyped-def]
    """Fill ``leaf`` with the nodes that ``rows`` rows from ``first`` on reach in a tree of numeric splits.

    The eight rows are written out: as a loop over a small array they would live in memory instead of registers.
    """
    i, end, start = first, first + rows, np.uint64(root)
    while i + 8 <= end:
        a = b = c = d = e = f = g = h = start
        for _ in range(depth):
            wa, wb, wc, wd = words[a], words[b], words[c], words[d]
            we, wf, wg, wh = words[e], words[f], words[g], words[h]
            if wa & wb & wc & wd & we & wf & wg & wh & LEAF:
                break
            a, b = _next(codes, i, wa), _next(codes, i + 1, wb)
            c, d = _next(codes, i + 2, wc), _next(codes, i + 3, wd)
            e, f = _next(codes, i + 4, we), _next(codes, i + 5, wf)
            g, h = _next(codes, i + 6, wg), _next(codes, i + 7, wh)
        k = i - first
        leaf[k], leaf[k + 1], leaf[k + 2], leaf[k + 3] = a, b, c, d
        leaf[k + 4], leaf[k + 5], leaf[k + 6], leaf[k + 7] = e, f, g, h
        i += 8
    while i < end:
        a = start
        while not words[a] & LEAF:
            a = _next(codes, i, words[a])
        leaf[i - first] = a
        i += 1


@compiled
def descend_sets(codes, first, rows, words, root, sets, leaf):  # type: ignore[no-untyped-def]
    """Fill ``leaf`` as :func:`descend` does; splits of both kinds, a row at a time."""
    low6, six = np.uint64(63), np.uint64(6)
    for k in range(rows):
        a = np.uint64(root)
        while not words[a] & LEAF:
            word = words[a]
            if word & _CATEGORICAL:
                code = np.uint64(codes[first + k, word & COLUMN])
                place = code >> six
                left = _NONE
                if place < sets.shape[1]:
                    left = (sets[(word >> _RANK) & _RANKS, place] >> (code & low6)) & _ONE
                a = (word >> CHILD) + (_ONE ^ left)
            else:
                a = _next(codes, first + k, word)
        leaf[k] = a


@compiled
def _walk(codes, words, values, roots, depths, sets, out):  # type: ignore[no-untyped-def]
    """Add every tree's leaf to ``out``, tree by tree as LightGBM does."""
    leaf = np.empty(BLOCK, np.int64)
    for first in range(0, len(codes), BLOCK):
        rows = min(BLOCK, len(codes) - first)
        for t in range(len(roots)):
            if len(sets):
                descend_sets(codes, first, rows, words, roots[t], sets, leaf)
            else:
                descend(codes, first, rows, words, roots[t], depths[t], leaf)
            for k in range(rows):
                out[first + k] += values[leaf[k]]
