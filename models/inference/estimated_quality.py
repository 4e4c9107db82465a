"""How good a run's scores are, before anybody knows what came: what calibrated scores say of themselves.

Each profile counts as p of a yes and 1 - p of a no: that gives the AUC, and how many of those called yes will be right. How
sure that is follows from how unsure the calibration is of the drift, and from chance: outcomes are drawn from both again and again.
Profiles are counted by score, in steps of log-odds too small to matter: batches add up, in any order and on any machine.

Source: confidence-based performance estimation, as of M. Humeniuk et al., NannyML (2022), with an interval that knows the drift.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from tagcast.models.stats.metrics import Estimate
from tagcast.models.stats.numerics import probability

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
Numbers = npt.NDArray[Any]

STEP = 0.05
"""Width of a step, in log-odds."""
MOST = 16.0
"""Log-odds beyond which scores are not distinguished."""
DRAWS = 400
WIDER = 1.25
"""By how much the drift is drawn wider than the calibration expects it: its order of scores errs too, which no shift and slope can say. Set on
99 past snapshots of eleven tags (``benchmarks.loop.estimates.py``)."""
_STEPS = round(2 * MOST / STEP)
_FIELDS = ("auc", "precision", "recall", "rate")


@dataclass(frozen=True)
class EstimatedQuality:
    """What is to be expected of a run's values, each with its 95 % interval.

    Parameters
    ----------
    auc : Estimate
    precision : Estimate or None
        Share of those called yes for whom it will come true; None where nobody is.
    recall : Estimate or None
        Share of those for whom it will come true that are called yes.
    rate : Estimate
        Share of all for whom it will come true.
    """

    auc: Estimate
    precision: Estimate | None
    recall: Estimate | None
    rate: Estimate

    @property
    def estimates(self) -> dict[str, Estimate]:
        """Each that there is, by its name."""
        found = {name: getattr(self, name) for name in _FIELDS}
        return {name: one for name, one in found.items() if one is not None}

    def to_json(self) -> dict[str, list[float]]:
        """Return value, low and high of each that there is."""
        return {name: [one.value, one.low, one.high] for name, one in self.estimates.items()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what :meth:`to_json` wrote; KeyError or TypeError where it is malformed."""
        found = {name: Estimate(*map(float, one)) for name, one in data.items()}
        return cls(found["auc"], found.get("precision"), found.get("recall"), found["rate"])


@dataclass
class ScoreCounts:
    """How many profiles have which score, and how many of these are called yes; filled batch by batch."""

    every: Counts = field(default_factory=lambda: np.zeros(_STEPS, np.int64))
    yes: Counts = field(default_factory=lambda: np.zeros(_STEPS, np.int64))

    def add(self, score: Floats, yes: npt.NDArray[np.bool_]) -> None:
        """Count a batch.

        Parameters
        ----------
        score : ndarray of shape (n,)
            Chances; NaN is of nobody in the population.
        yes : ndarray of shape (n,)
            Whether the value is yes.
        """
        there = ~np.isnan(score)
        with np.errstate(divide="ignore"):
            z = np.clip(np.log(score[there]) - np.log1p(-score[there]), -MOST, MOST)
        step = np.minimum(((z + MOST) / STEP).astype(np.int64), _STEPS - 1)
        self.every += np.bincount(step, minlength=_STEPS)
        self.yes += np.bincount(step[yes[there]], minlength=_STEPS)

    def __add__(self, other: ScoreCounts) -> ScoreCounts:
        return ScoreCounts(self.every + other.every, self.yes + other.yes)


def estimated_quality(
    counts: ScoreCounts, slope: float, shift: float, covariance: Floats, seed: int
) -> EstimatedQuality | None:
    """Return what calibrated scores say of themselves; None where they say nothing, of fewer than two profiles.

    Parameters
    ----------
    counts : ScoreCounts
    slope, shift : float
        How the model's own log-odds became those of the score: ``shift + slope * raw``.
    covariance : ndarray of shape (2, 2)
        How unsure shift and slope are.
    seed : int
    """
    held = np.flatnonzero(counts.every)
    n, yes = counts.every[held], counts.yes[held]
    if n.sum() < 2:
        return None
    z: Floats = np.asarray((held + 0.5) * STEP - MOST, np.float64)
    raw = (z - shift) / slope
    rng = np.random.default_rng(seed)
    moved = rng.multivariate_normal([0.0, 0.0], covariance * WIDER**2, DRAWS, method="cholesky")
    drawn_z: Floats = z + moved[:, :1] + moved[:, 1:] * raw
    chance = probability(drawn_z)
    came_yes, came_no = rng.binomial(yes, chance), rng.binomial(n - yes, chance)
    drawn = _figures(n, yes, came_yes, came_yes + came_no)
    p = probability(z)
    expected = _figures(n, yes, yes * p, n * p)
    made = [_estimate(value, some) for value, some in zip(expected, drawn, strict=True)]
    auc, precision, recall, rate = made
    if auc is None or rate is None:
        return None
    return EstimatedQuality(auc, precision, recall, rate)


def _figures(n: Counts, yes: Counts, right: Numbers, came: Numbers) -> tuple[Floats, Floats, Floats, Floats]:
    """Return AUC, precision, recall and rate where ``came`` of ``n`` came true, ``right`` of those called yes; NaN where there is none.

    Parameters
    ----------
    n, yes : ndarray of shape (k,)
        By score, rising.
    right, came : ndarray of shape (..., k)
    """
    not_came = n - came
    true, false, caught = came.sum(axis=-1), not_came.sum(axis=-1), right.sum(axis=-1)
    below = np.cumsum(not_came, axis=-1) - not_came / 2  # equal scores count half
    called = float(yes.sum())
    with np.errstate(invalid="ignore", divide="ignore"):
        auc = (came * below).sum(axis=-1) / (true * false)
        recall = caught / true if called else np.full_like(auc, np.nan)
        return auc, caught / (called or np.nan), recall, true / float(n.sum())


def _estimate(value: Floats, drawn: Floats) -> Estimate | None:
    known = drawn[~np.isnan(drawn)]
    if np.isnan(value) or not len(known):
        return None
    low, high = np.quantile(known, [0.025, 0.975])
    return Estimate(float(value), float(low), float(high))
