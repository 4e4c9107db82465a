"""How outcomes drift away from a model's log-odds, snapshot by snapshot, and what to expect of the next.

At each past snapshot the truth is ``raw + shift + slope * raw``: an intercept and a slope that change slowly
(seasons, prices, a model that has learned from more). They follow an autoregression around zero, since a
model without any known drift is right as it is, and are tracked by a Kalman filter whose observation is the
logistic likelihood of the snapshot's outcomes. What comes of it is both the correction of the score and how
unsure it is: the standard deviation grows with the time since the last snapshot whose outcomes are known.

The constants were set on forward-chained scores of fourteen tags of real shops, each predicted from its past
snapshots only; test snapshots had no part in it. Held against the spread of what those tags did, ``SPREAD``
came out at .8 to 1.4 times the truth. Further interests moved nearly twice as much as expected (``benchmarks/quality/drift.py``):
wider bounds kept few more promises to audiences and gave up a third more.

Source: L. Fahrmeir, Posterior mode estimation by extended Kalman filtering for multivariate dynamic
generalized linear models, JASA 87 (1992).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from tagcast.models.stats.draws import Weight, information, part
from tagcast.models.stats.numerics import probability, sigmoid

Floats = npt.NDArray[np.float64]

STEP_DAYS = 30
SPREAD = (0.1, 0.05)
"""Standard deviation of what shift and slope gain in one step, in log-odds and per log-odds."""
KEPT = 0.5
"""Share of a drift that is left after one step."""
SEASON_SPREAD = (0.1, 0.05)
"""What is added where the whole window lies in a season that no snapshot has shown."""
LEAST_SLOPE = 0.1
_NEWTON_STEPS = 50


def faded(day: date, as_of: date) -> tuple[float, float]:
    """Return the share of a drift of ``day`` that is left at ``as_of``, and the steps' variances gained since."""
    left = KEPT ** max(1.0, (as_of - day).days / STEP_DAYS)
    # What is added on the way fades too: the spread never exceeds that of drifts in general.
    return left, (1 - left**2) / (1 - KEPT**2)


@dataclass(frozen=True)
class Drift:
    """What is known about shift and slope at a moment.

    Parameters
    ----------
    day : date
        The snapshot whose outcomes were the last to tell.
    mean : ndarray of shape (2,)
        Shift and slope.
    covariance : ndarray of shape (2, 2)
    """

    day: date
    mean: Floats
    covariance: Floats

    def __post_init__(self) -> None:
        if self.mean.shape != (2,) or self.covariance.shape != (2, 2):
            raise ValueError(
                f"shapes (2,) and (2, 2) expected, found {self.mean.shape}, {self.covariance.shape}"
            )
        if not (np.isfinite(self.mean).all() and (np.linalg.eigvalsh(self.covariance) > 0).all()):
            raise ValueError("mean has to be finite and covariance positive definite")

    def ahead(self, as_of: date, unseen: float = 0.0) -> Drift:
        """Return what is known at ``as_of``: closer to zero, and less sure.

        Parameters
        ----------
        as_of : date
        unseen : float
            Share of the window ahead whose season no snapshot has shown (:mod:`tagcast.models.stats.season_coverage`).
        """
        left, gained = faded(self.day, as_of)
        covariance = self.covariance * left**2 + np.diag(np.square(SPREAD)) * gained
        covariance += np.diag(np.square(SEASON_SPREAD)) * unseen
        return Drift(self.day, self.mean * left, covariance)

    @property
    def slope(self) -> float:
        """How much corrected log-odds rise with a model's own."""
        return max(LEAST_SLOPE, 1.0 + float(self.mean[1]))

    def corrected(self, raw: Floats) -> Floats:
        """Return corrected log-odds, rising with ``raw``."""
        return raw * self.slope + float(self.mean[0])

    def spread(self, raw: Floats) -> Floats:
        """Return the standard deviation of the corrected log-odds."""
        (a, b), (_, c) = self.covariance.tolist()
        variance: Floats = a + 2 * b * raw + c * raw**2
        return np.sqrt(variance)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {"day": str(self.day), "mean": self.mean.tolist(), "covariance": self.covariance.tolist()}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Read what :meth:`to_json` wrote; KeyError, TypeError or ValueError where it is malformed."""
        return cls(
            date.fromisoformat(data["day"]),
            np.array(data["mean"], float),
            np.array(data["covariance"], float),
        )


def follow(
    raw: Floats, y: npt.NDArray[np.int8], snapshot: npt.NDArray[np.datetime64], weight: Weight = None
) -> list[tuple[Drift, npt.NDArray[np.bool_]]]:
    """Return what was known right after each snapshot, and its rows, in order of time.

    Parameters
    ----------
    raw : ndarray of shape (n,)
        Log-odds by models that had not seen the outcome.
    y : ndarray of shape (n,)
        Outcomes, 0 or 1.
    snapshot : ndarray of shape (n,)
        Day of each case.
    weight : ndarray of shape (n,), optional
        How many rows each case stands for.
    """
    found: list[tuple[Drift, npt.NDArray[np.bool_]]] = []
    for day in np.unique(snapshot):
        rows = snapshot == day
        when = day.astype("datetime64[D]").item()
        before = found[-1][0].ahead(when) if found else Drift(when, np.zeros(2), np.diag(np.square(SPREAD)))
        found.append((_seen(before, raw[rows], y[rows], when, part(weight, rows)), rows))
    return found


def _seen(before: Drift, raw: Floats, y: npt.NDArray[np.int8], day: date, weight: Weight = None) -> Drift:
    """Return the posterior mode and its curvature, by Newton's method."""
    order = np.lexsort((y, raw))  # one order of addition, whatever the order of the rows
    r, happened = raw[order], y[order].astype(float)
    counts = np.ones(len(r))
    if weight is not None:
        # A prior is weighed against the cases that were looked at, not those that they stand for.
        counts = weight[order] * information(probability(r), y[order], weight[order])
    precision = np.linalg.inv(before.covariance)
    u = before.mean.copy()
    hessian = precision
    for _ in range(_NEWTON_STEPS):
        p = sigmoid(r + u[0] + u[1] * r)
        w, e = counts * p * (1 - p), counts * (p - happened)
        wr = w * r
        hessian = precision + np.array([[w.sum(), wr.sum()], [wr.sum(), (wr * r).sum()]])
        gradient = np.array([e.sum(), (e * r).sum()]) + precision @ (u - before.mean)
        step = np.linalg.solve(hessian, gradient)
        u = u - step
        if float(np.abs(step).max()) < 1e-12:
            break
    return Drift(day, u, np.linalg.inv(hessian))
