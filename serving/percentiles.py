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
    score, percentile : ndarray of shape (m,)
        Both rising.
    """

    score: Floats
    percentile: Floats

    @classmethod
    def of(cls, scores: Floats) -> Percentiles:
        """Return the percentiles of all ``scores`` of a tag, which are put in order."""
        scores.sort()
        first = np.flatnonzero(np.r_[True, scores[1:] != scores[:-1]]) if len(scores) else np.empty(0, int)
        after = np.r_[first[1:], len(scores)]
        chosen = np.arange(len(first))
        if len(first) > POINTS:
            chosen = np.unique(np.linspace(0, len(first) - 1, POINTS).round().astype(int))
        middle = (first[chosen] + after[chosen]) / 2
        return cls(scores[first[chosen]], 100.0 * middle / max(len(scores), 1))

    def __call__(self, score: Floats) -> Floats:
        """Return the percentile of each score, NaN for NaN."""
        if not len(self.score):
            return np.full(len(score), np.nan)
        found: Floats = np.interp(score, self.score, self.percentile)
        return found
