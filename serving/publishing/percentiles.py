"""Percentiles of a run's scores without keeping the scores."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tagcast.models.decisions.sorted_scores import SortedScores

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

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
    def of(cls, scores: SortedScores) -> Percentiles:
        """Return the percentiles of all ``scores`` of a tag."""
        n = len(scores)
        # Points by rank, not by score: many profiles may share one, and it has to be among them.
        ranks = np.linspace(0, n - 1, POINTS).round().astype(np.int64) if n > POINTS else np.arange(n)
        every, some, distinct = [], [], 0
        for score, lower, upper in _tied(scores):
            distinct += len(score)
            if distinct <= POINTS:
                every.append((score, lower, upper))
            wanted = ranks[slice(*np.searchsorted(ranks, [lower[0], upper[-1]]))]
            chosen = np.unique(np.searchsorted(lower, wanted, side="right") - 1)
            some.append((score[chosen], lower[chosen], upper[chosen]))
        points = every if distinct <= POINTS else some
        empty = np.empty(0), np.empty(0, np.int64), np.empty(0, np.int64)
        score, lower, upper = (np.concatenate(column) for column in zip(empty, *points, strict=True))
        return cls(score, lower.astype(float), upper.astype(float), n)

    def save(self, file: Path) -> None:
        """Write them to ``file``."""
        with file.open("wb") as handle:
            np.save(handle, np.array([self.score, self.lower, self.upper]))

    @classmethod
    def load(cls, file: Path) -> Percentiles:
        """Read what :meth:`save` wrote."""
        score, lower, upper = np.load(file)
        # The highest score is always among the points.
        return cls(score, lower, upper, int(upper[-1]) if len(upper) else 0)

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


def _tied(scores: SortedScores) -> Iterator[tuple[Floats, Counts, Counts]]:
    """Yield different scores, rising, and how many are lower than each, and lower or the same."""
    last, first, done = np.empty(0), np.empty(0, np.int64), 0
    for block in scores.blocks():
        # The last score of a block may go on in the next one.
        held = np.r_[last, block]
        new = np.flatnonzero(np.r_[True, held[1:] != held[:-1]])
        lower = np.r_[first, new[len(last) :] + (done - len(last))]
        if len(new) > 1:
            yield held[new[:-1]], lower[:-1], lower[1:]
        last, first, done = held[new[-1:]], lower[-1:], done + len(block)
    if done:
        yield last, first, np.array([done])
