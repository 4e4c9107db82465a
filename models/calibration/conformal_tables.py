"""The distribution of an amount around its prediction: conformal tables by size of the prediction.

A table holds the quantiles of ``amount / prediction`` over past cases scored out of time, in bins of the prediction
(a Mondrian split conformal predictive system; V. Vovk et al., Nonparametric predictive distributions based on
conformal prediction, Machine Learning 108, 2019). The ratio keeps the mass at zero where it is and grows with the
prediction as spend does. Between the middles of two bins the tables are interpolated, so that no two nearly equal
predictions get different bounds.

crepes 0.9 and MAPIE 1.6 were tried on the demo's spend in 30 days, on three past snapshots with the same predictions.
crepes' Mondrian predictive system holds .81 of the amounts with intervals a tenth wider (231 against 212), .86 where its
residuals are divided by the prediction: it does not see that an interval which starts at zero has no lower tail. MAPIE's
split conformal interval holds .98 of the lowest fifth and .59 of the highest. Both keep what they have learned in
Python objects. So the tables are our own, and plain JSON.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from tagcast.models.stats.amount_metrics import COVERAGE

Floats = npt.NDArray[np.float64]

LEVELS = 200
"""Quantiles a bin: probabilities of tiers come in steps of half a percent."""
BIN_CASES = 250
"""Cases in a bin, at least, where there are as many."""
MAX_BINS = 20
_CHUNK = 10_000  # rows at a time: memory stays flat
LEAST_RATIO = 0.01
"""Predictions under this share of the mean amount count as that much: a ratio to nothing means nothing."""


@dataclass(frozen=True)
class AmountTables:
    """Quantiles of amount over prediction by bin of prediction.

    Parameters
    ----------
    least : float
        Predictions below it count as it.
    middles : ndarray of shape (k,)
        Mean logarithm of each bin's predictions, rising.
    quantiles : ndarray of shape (k, LEVELS)
        Rising along each row, never below 0.
    low, high : ndarray of shape (k,)
        Conformal ends of the interval, as ratios.
    """

    least: float
    middles: Floats
    quantiles: Floats
    low: Floats
    high: Floats

    def __post_init__(self) -> None:
        k = len(self.middles)
        if k < 1 or self.quantiles.shape != (k, LEVELS) or self.low.shape != (k,) or self.high.shape != (k,):
            raise ValueError(f"{k} bins with tables of shapes {self.quantiles.shape}, {self.low.shape}")
        if not (
            self.least > 0 and (np.diff(self.middles) > 0).all() and (np.diff(self.quantiles) >= 0).all()
        ):
            raise ValueError("bins and quantiles have to rise")

    @classmethod
    def fit(cls, predicted: Floats, amount: Floats) -> Self:
        """Fit on out-of-time cases, arrays of shape (n,), whatever their order."""
        order = np.lexsort((amount, predicted))
        least = max(LEAST_RATIO * float(amount[order].mean()), 1e-6)
        mu, y = np.maximum(predicted[order], least), amount[order]
        bins = int(np.clip(len(mu) // BIN_CASES, 1, MAX_BINS))
        edges = mu[np.linspace(0, len(mu), bins + 1).astype(int)[1:-1]]
        place = np.searchsorted(np.unique(edges), mu, side="right")  # equal predictions share a bin
        tables = []
        for k in np.unique(place):
            rows = place == k
            ratio = np.sort(y[rows] / mu[rows])
            middle = float(np.log(mu[rows]).mean())
            levels = (np.arange(LEVELS) + 0.5) / LEVELS
            tables.append((middle, _at(ratio, levels), *_ends(ratio)))
        return cls(
            least,
            np.array([t[0] for t in tables]),
            np.stack([t[1] for t in tables]),
            np.array([t[2] for t in tables]),
            np.array([t[3] for t in tables]),
        )

    def _places(self, mu: Floats) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], Floats]:
        """Return the bins left and right of each prediction and the weight of the right one."""
        z = np.log(mu)
        right = np.clip(np.searchsorted(self.middles, z, side="right"), 0, len(self.middles) - 1)
        left = np.maximum(right - 1, 0)
        apart = np.where(right > left, self.middles[right] - self.middles[left], 1.0)
        return left, right, np.clip((z - self.middles[left]) / apart, 0.0, 1.0)

    def interval(self, predicted: Floats) -> tuple[Floats, Floats]:
        """Return lower and upper end of the interval for predictions of shape (n,)."""
        mu = np.maximum(predicted, self.least)
        left, right, w = self._places(mu)
        low: Floats = mu * ((1 - w) * self.low[left] + w * self.low[right])
        high: Floats = mu * ((1 - w) * self.high[left] + w * self.high[right])
        return low, high

    def amounts(self, predicted: Floats) -> Floats:
        """Return ``LEVELS`` equally likely amounts of each prediction, shape (n, LEVELS)."""
        mu = np.maximum(predicted, self.least)
        left, right, w = self._places(mu)
        w = w[:, None]
        found: Floats = mu[:, None] * ((1 - w) * self.quantiles[left] + w * self.quantiles[right])
        return found

    def tiers(self, predicted: Floats, starts: Floats) -> Floats:
        """Return the probability of each tier, shape (n, tiers), for predictions of shape (n,).

        Parameters
        ----------
        predicted : ndarray of shape (n,)
        starts : ndarray of shape (tiers,)
            Amounts at which the tiers start, rising from 0.
        """
        out = np.empty((len(predicted), len(starts)))
        for first in range(0, len(predicted), _CHUNK):
            rows = slice(first, first + _CHUNK)
            amounts = self.amounts(predicted[rows])
            below = np.stack([(amounts < start).sum(axis=1) for start in starts[1:]], axis=1) / LEVELS
            ends = np.column_stack([np.zeros(len(amounts)), below, np.ones(len(amounts))])
            out[rows] = np.diff(ends, axis=1)
        return out

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "least": self.least,
            "middles": self.middles.tolist(),
            "quantiles": self.quantiles.tolist(),
            "low": self.low.tolist(),
            "high": self.high.tolist(),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Read what :meth:`to_json` wrote; KeyError, TypeError or ValueError where it is malformed."""
        return cls(
            float(data["least"]),
            np.array(data["middles"], float),
            np.array(data["quantiles"], float),
            np.array(data["low"], float),
            np.array(data["high"], float),
        )


def _at(ratio: Floats, levels: Floats) -> Floats:
    """Return the values of the empirical distribution at ``levels``: zeros stay zeros."""
    found: Floats = ratio[np.minimum((levels * len(ratio)).astype(int), len(ratio) - 1)]
    return found


def _ends(ratio: Floats) -> tuple[float, float]:
    """Return the conformal ends: of n + 1 exchangeable cases at most 1 - COVERAGE lie outside.

    Each tail holds half of that; where the lower end is zero nothing lies below it, and the upper tail holds all.
    """
    n, outside = len(ratio), 1 - COVERAGE
    low = int(np.floor(outside / 2 * (n + 1)))
    lower = float(ratio[low - 1]) if low >= 1 else 0.0
    upper = 1 - outside / 2 if lower > 0 else COVERAGE
    return lower, float(ratio[min(int(np.ceil(upper * (n + 1))), n) - 1])
