"""From an uncalibrated effect to a score, bounds and an error, by what out-of-fold cases of an experiment showed.

The score is the best linear predictor of the effect: the average effect, and a slope times the distance from the average
score. Its lower bound is made for groups: of any audience the mean lower bound is a floor on the effect that is measured on it,
19 times of 20. It is the score less 1.645 standard errors, of the average effect, of the slope at the audience's distance,
and of what the average effect moves by from one campaign to the next. The error grows with the distance faster than its
mean does (it is convex), so that the mean bound of an audience lies at or below the bound of its mean.

What no line tells, how far tenths of the scores lie from it, averages out over an audience. It stays with the values, which say of people of
one score on which side of the margin they are.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from tagcast.models.stats.effects import LinearEffect, between
from tagcast.models.stats.metrics import Floats, Ids

ONE_SIDED_95 = 1.645
"""Standard errors below a mean above which it lies 19 times of 20."""
PRIOR_SLOPE, PRIOR_SPREAD = 1.0, 0.5
"""What is known of the slope before any case: the regularised learners are about calibrated, give or take a half."""


class CalibratedEffect(NamedTuple):
    """Effect, its bounds, and the standard error of the effect on people of one score, each of shape (n,)."""

    score: Floats
    lower: Floats
    upper: Floats
    error: Floats


class EffectDay(NamedTuple):
    """The day whose outcomes were the last to tell."""

    day: date


@dataclass(frozen=True)
class EffectCalibrator:
    """The best linear predictor of the effect by what the scorer gives, and how unsure it is.

    Parameters
    ----------
    mean, slope, centre : float
        The effect is ``mean + slope * (predicted - centre)``.
    mean_error, slope_error, covariance : float
        Standard errors of both, and their covariance.
    between : float
        Variance of the average effect from one campaign to the next; 0 where one is known.
    misfit : float
        Variance of effects around the line, from one tenth of the scores to the next: what no line tells.
    snapshots : tuple of dict
        Day, cases and average effect of each.
    day : date
        The last of them.
    """

    mean: float
    slope: float
    centre: float
    mean_error: float
    slope_error: float
    covariance: float
    between: float
    misfit: float
    snapshots: tuple[dict[str, Any], ...]
    day: date

    def __post_init__(self) -> None:
        figures = (self.mean, self.slope, self.centre, self.covariance, self.between, self.misfit)
        if not (np.isfinite(figures).all() and min(self.mean_error, self.slope_error) > 0):
            raise ValueError("figures have to be finite, and errors above zero")
        if min(self.between, self.misfit) < 0:
            raise ValueError("variances are never below zero")

    @property
    def drift(self) -> EffectDay:
        """The day from which predictions look ahead."""
        return EffectDay(self.day)

    @classmethod
    def fit(
        cls, predicted: Floats, effect: Floats, snapshot: npt.NDArray[np.datetime64], profile_id: Ids
    ) -> Self:
        """Fit it on cases that the scorer had not seen.

        Parameters
        ----------
        predicted, effect : ndarray of shape (n,)
            Uncalibrated effects, and pseudo-outcomes.
        snapshot : ndarray of shape (n,)
            Day of each case.
        profile_id : ndarray of shape (n,)
        """
        order = np.lexsort((effect, predicted, profile_id.astype(str), snapshot))
        s, phi, day, who = predicted[order], effect[order], snapshot[order], profile_id[order]
        line = LinearEffect.fit(s, phi, day, who)
        slope, slope_error, share = _shrunk(line)
        days = np.unique(day)
        rows = tuple(
            {
                "as_of": str(one.astype("datetime64[D]")),
                "cases": int((day == one).sum()),
                "effect": float(phi[day == one].mean()),
            }
            for one in days
        )
        return cls(
            line.mean,
            slope,
            line.centre,
            max(line.mean_error, 1e-9),
            slope_error,
            share * line.covariance,
            between(phi, day),
            between(phi - line.mean - slope * (s - line.centre), _tenths(s)),
            rows,
            days[-1].astype("datetime64[D]").item(),
        )

    def predict(self, predicted: Floats, as_of: date, unseen: float = 0.0) -> CalibratedEffect:
        """Return effect, bounds and error of uncalibrated effects, shape (n,).

        ``unseen`` is the share of the window that lies in a season that no campaign has shown: there the average effect may
        differ by as much again as it is unsure.
        """
        away = predicted - self.centre
        score = self.mean + self.slope * away
        known = (self.mean_error**2 + self.between) * (1 + unseen)
        variance = np.maximum(known + 2 * self.covariance * away + (self.slope_error * away) ** 2, 1e-18)
        score, half = np.clip(score, -1.0, 1.0), ONE_SIDED_95 * np.sqrt(variance)
        lower, upper = np.maximum(score - half, -1.0), np.minimum(score + half, 1.0)
        return CalibratedEffect(score, lower, upper, np.sqrt(variance + self.misfit))

    def predict_past(self, predicted: Floats) -> CalibratedEffect:
        """Return the same of past cases of any day, as if each was predicted right after the last known outcomes."""
        return self.predict(predicted, self.drift.day)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {**asdict(self), "snapshots": list(self.snapshots), "day": str(self.day)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Read what :meth:`to_json` wrote; KeyError, TypeError or ValueError where it is malformed."""
        names = ("mean", "slope", "centre", "mean_error", "slope_error", "covariance", "between", "misfit")
        return cls(
            **{name: float(data[name]) for name in names},
            snapshots=tuple(map(dict, data["snapshots"])),
            day=date.fromisoformat(data["day"]),
        )


def _tenths(score: Floats) -> npt.NDArray[np.intp]:
    """Return the tenth of each score; equal scores share one."""
    return np.searchsorted(np.quantile(score, np.arange(1, 10) / 10), score, side="right")


def _shrunk(line: LinearEffect) -> tuple[float, float, float]:
    """Return slope and error once the prior is weighed in, never below 0, and the weight of what was measured."""
    if not line.slope_error > 0:
        return 0.0, PRIOR_SPREAD, 0.0
    precision, prior = line.slope_error**-2, PRIOR_SPREAD**-2
    share = precision / (precision + prior)
    slope = share * line.slope + (1 - share) * PRIOR_SLOPE
    return max(0.0, slope), (precision + prior) ** -0.5, share
