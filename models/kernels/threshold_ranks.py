"""Values as ranks among the thresholds of forests, found once for all that share features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from tagcast.models.kernels.compilation import compiled
from tagcast.models.kernels.lightgbm_parser import Tree, UnsupportedForestError

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.unsignedinteger]

ZERO = float(np.float32(1e-35))
"""LightGBM reads magnitudes up to this as zero."""
BLOCK = 256
"""Rows that are worked on together, small enough for the nearest cache."""
MOST_COLUMNS, MOST_RANKS = 1 << 13, (1 << 16) - 2
"""What a node's word has room for."""


@dataclass(frozen=True)
class Encoding:
    """Ranks of the columns of X on which some forests split, shared by all of them.

    Parameters
    ----------
    columns : ndarray of shape (c,)
        Which column of X each column of codes comes from.
    categorical : ndarray of shape (c,)
        Whether the codes are places of categories instead of ranks.
    bounds : ndarray
        Thresholds or categories of each column in turn, sorted, filled up with infinity to a power of two.
    start : ndarray of shape (c + 1,)
        Where each column's part of ``bounds`` begins.
    most : int
        Bounds of the column that has most.
    """

    columns: npt.NDArray[np.int64]
    categorical: npt.NDArray[np.bool_]
    bounds: Floats
    start: npt.NDArray[np.int64]
    most: int

    @classmethod
    def over(
        cls, forests: Sequence[tuple[Sequence[Tree], Sequence[int]]], within: range | None = None
    ) -> Encoding:
        """Return the encoding that serves all of ``forests``: their trees, and the column of X of each feature.

        Parameters
        ----------
        forests : sequence of (trees, columns)
        within : range, optional
            Columns of X to encode, of those that are split on; all by default.

        Raises
        ------
        UnsupportedForestError
            Where a feature has more thresholds than there are ranks, or there are too many features.
        """
        found: dict[tuple[int, bool], set[float]] = {}
        for trees, columns in forests:
            for tree in trees:
                splits = zip(tree.feature.tolist(), tree.threshold.tolist(), tree.categories, strict=True)
                for feature, threshold, listed in splits:
                    if within is not None and int(columns[feature]) not in within:
                        continue
                    values = found.setdefault((int(columns[feature]), listed is not None), set())
                    values.update([threshold] if listed is None else map(float, listed))
        keys = sorted(found)
        most = max((len(found[key]) for key in keys), default=0)
        if most > MOST_RANKS or len(keys) > MOST_COLUMNS:
            raise UnsupportedForestError(f"{most:,} thresholds of one feature, {len(keys):,} features")
        parts = [np.full(1 << max(len(found[key]), 1).bit_length(), np.inf) for key in keys]
        for part, key in zip(parts, keys, strict=True):
            part[: len(found[key])] = sorted(found[key])
        return cls(
            columns=np.array([column for column, _ in keys], np.int64),
            categorical=np.array([categorical for _, categorical in keys], bool),
            bounds=np.concatenate([*parts, np.empty(0)]),
            start=np.cumsum([0, *(len(part) for part in parts)]).astype(np.int64),
            most=most,
        )

    def beside(self, other: Encoding) -> Encoding:
        """Return the encoding whose codes are those of this one, followed by those of ``other``.

        Raises
        ------
        UnsupportedForestError
            Where there are too many features together.
        """
        if len(self.columns) + len(other.columns) > MOST_COLUMNS:
            raise UnsupportedForestError(f"{len(self.columns) + len(other.columns):,} features")
        return Encoding(
            np.r_[self.columns, other.columns],
            np.r_[self.categorical, other.categorical],
            np.r_[self.bounds, other.bounds],
            np.r_[self.start, self.start[-1] + other.start[1:]],
            max(self.most, other.most),
        )

    def encode(self, X: Floats, first: int = 0) -> Codes:
        """Return the codes of rows, shape (n, c): 0 for a missing value or an unknown category.

        Parameters
        ----------
        X : ndarray of shape (n, p)
            C-ordered.
        first : int
            Which column the first of X is, where X holds only some of them.
        """
        codes: Codes = np.empty((len(X), len(self.columns)), np.uint8 if self.most < 255 else np.uint16)
        _encode(X, self.columns - first, self.categorical, self.bounds, self.start, codes)
        return codes

    def column(self, column: int, *, categorical: bool) -> int:
        """Return which column of codes holds a column of X."""
        return self._places[column, categorical]

    @cached_property
    def _places(self) -> dict[tuple[int, bool], int]:
        keys = zip(self.columns.tolist(), self.categorical.tolist(), strict=True)
        return {key: place for place, key in enumerate(keys)}

    def code_of(self, place: int, bound: float) -> int:
        """Return the code that a bound of a column of codes has."""
        return self._codes[place][bound]

    @cached_property
    def _codes(self) -> list[dict[float, int]]:
        found = []
        for first, after in pairwise(self.start.tolist()):
            bounds = self.bounds[first:after].tolist()
            # Padding repeats infinity behind the last bound: a bound that is infinite itself is the first of them.
            found.append({bound: code for code, bound in reversed(list(enumerate(bounds, 1)))})
        return found


@compiled
def _encode(X, columns, categorical, bounds, start, codes):  # type: ignore[no-untyped-def]
    """Fill ``codes``: 1 + how many bounds lie below the value, or 1 + the place of its category.

    The search is the same number of steps for every row of a block, so that it is done on several at once.
    """
    n = len(X)
    value = np.empty(BLOCK)
    rank = np.empty(BLOCK, np.int64)
    for first in range(0, n, BLOCK):
        rows = min(BLOCK, n - first)
        for c in range(len(columns)):
            column, low, size = columns[c], start[c], start[c + 1] - start[c]
            for i in range(rows):
                x = X[first + i, column]
                value[i] = 0.0 if abs(x) <= ZERO else x
                rank[i] = 0
            if categorical[c]:
                for i in range(rows):
                    value[i] = np.trunc(value[i])
            half = size >> 1
            while half > 0:
                for i in range(rows):
                    rank[i] += half if bounds[low + rank[i] + half - 1] < value[i] else 0
                half >>= 1
            if categorical[c]:
                for i in range(rows):
                    known = bounds[low + rank[i]] == value[i] and value[i] < np.inf
                    codes[first + i, c] = rank[i] + 1 if known else 0
            else:
                for i in range(rows):
                    codes[first + i, c] = 0 if value[i] != value[i] else rank[i] + 1
