"""Cases out of time on which decision rules, and the tiers of an amount, are tried."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from tagcast.models.stats.draws import Weight, total

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]
Rows = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class _OverTime:
    """Cases of several snapshots; ``weight`` says how many rows each stands for, None once each."""

    profile_id: npt.NDArray[np.str_]
    as_of: npt.NDArray[np.datetime64]
    weight: Weight = field(default=None, kw_only=True)

    @property
    def snapshots(self) -> list[tuple[str, Rows]]:
        """Day and rows of each snapshot, in order of time."""
        return [(str(day), self.as_of == day) for day in np.unique(self.as_of)]

    @property
    def size(self) -> float:
        """Rows that the cases stand for."""
        return total(self.as_of, self.weight)


@dataclass(frozen=True)
class Cases(_OverTime):
    """Cases out of time: each scored by a model that had not seen its outcome; arrays of shape (n,).

    Parameters
    ----------
    profile_id : ndarray of str
    as_of : ndarray of datetime64[D]
    y : ndarray of int8
        Outcomes.
    score, lower, upper : ndarray of float
        Calibrated by the tables that the active model uses.
    """

    y: npt.NDArray[np.int8]
    score: Floats
    lower: Floats
    upper: Floats


@dataclass(frozen=True)
class EffectCases(_OverTime):
    """Cases of an experiment, each scored by a model that had not seen its outcome; arrays of shape (n,).

    Parameters
    ----------
    profile_id : ndarray of str
    as_of : ndarray of datetime64[D]
        The day on which each was approached, or left alone.
    y, treated : ndarray of int8
    propensity : ndarray of float
        How likely an approach was.
    effect : ndarray of float
        Doubly robust pseudo-outcomes: the mean over any group is its measured effect.
    raw : ndarray of float
        Effects before they are calibrated.
    score, lower, upper, error : ndarray of float
        Calibrated effect, its bounds and its standard error.
    """

    y: npt.NDArray[np.int8]
    treated: npt.NDArray[np.int8]
    propensity: Floats
    effect: Floats
    raw: Floats
    score: Floats
    lower: Floats
    upper: Floats
    error: Floats


@dataclass(frozen=True)
class TierCases(_OverTime):
    """Cases out of time, each predicted by a model that had not seen its amount; arrays of shape (n,).

    Parameters
    ----------
    profile_id : ndarray of str
    as_of : ndarray of datetime64[D]
    amount : ndarray of float
        What came.
    score, lower, upper : ndarray of float
        As of :class:`Cases`.
    tier, true_tier : ndarray of int
        Place of the likeliest tier, and of the one that came.
    confidence : ndarray of float
    """

    amount: Floats
    score: Floats
    lower: Floats
    upper: Floats
    tier: Places
    true_tier: Places
    confidence: Floats

    def from_tier(self, place: int) -> Cases:
        """Return the cases of the question whether the amount reaches the tier at ``place``."""
        reached = (self.true_tier >= place).astype(np.int8)
        return Cases(
            self.profile_id, self.as_of, reached, self.score, self.lower, self.upper, weight=self.weight
        )
