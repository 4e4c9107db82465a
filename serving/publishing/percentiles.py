"""Percentiles of a run's scores without keeping the scores."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

POINTS = 16_384
"""Scores at which a percentile is exact; between two of them it is interpolated, less than .01 off."""


@dataclass(frozen=True)
class Percentiles:
    """The share of a population scored lower, ties counted half, times 100.

    Parameters
    ----------
    score : ndarray of shape (m,)
        Rising.
    lower, upper : ndarray of shape (m,)
        How many are scored lower than each, and how many lower or the same.
    total : int
    """

    score: Floats
    lower: Floats
    upper: Floats
    total: int

    @classmethod
    def of(cls, scores: Floats) -> Percentiles:
        """Return the percentiles of all ``scores`` of a tag, which are put in order."""
        scores.sort()
        n = len(scores)
        first = np.flatnonzero(np.r_[True, scores[1:] != scores[:-1]]) if n else np.empty(0, np.int64)
        if len(first) > POINTS:
            # Points by rank, not by score: many profiles may share one, and it has to be among them.
            ranks = np.linspace(0, n - 1, POINTS).round().astype(np.int64)
            chosen = np.unique(np.searchsorted(first, ranks, side="right") - 1)
        else:
            chosen = np.arange(len(first))
        after = np.r_[first[1:], n]
        return cls(scores[first[chosen]], first[chosen].astype(float), after[chosen].astype(float), n)

    def __call__(self, score: Floats) -> Floats:
        """Return the percentile of each score, NaN for NaN."""
        if not len(self.score):
            return np.full(len(score), np.nan)
        score = np.clip(score, self.score[0], self.score[-1])  # NaN stays
        after = np.clip(np.searchsorted(self.score, score), min(1, len(self.score) - 1), len(self.score) - 1)
        before = np.maximum(after - 1, 0)
        low, high = self.score[before], self.score[after]
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            part = np.clip((score - low) / (high - low), 0.0, 1.0)
            found = self.upper[before] + part * (self.lower[after] - self.upper[before])
        for place, edge in ((before, low), (after, high)):
            found = np.where(score == edge, (self.lower[place] + self.upper[place]) / 2, found)
        return np.where(np.isnan(score), np.nan, 100.0 * found / self.total)
