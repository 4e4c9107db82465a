"""Recency, frequency and monetary value by rank: what every marketer has without a model.

It is the bar that a tag's model has to clear (:class:`RfmRanking`), and what a tag falls back to where there
are too few outcomes to learn a model from (:class:`RfmScorer`).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tagcast.models.calibration.binary_calibrator import score_curve
from tagcast.models.estimators.shapley import shapley_values
from tagcast.models.stats.draws import Weight, shares_below
from tagcast.models.stats.metrics import auc
from tagcast.models.stats.numerics import probability

Floats = npt.NDArray[np.float64]

TABLE_POINTS = 201
MIN_RFM_CASES = 20
"""True and false outcomes each without which not even a ranking can be turned into probabilities."""


def rfm_rank(rfm: Floats, as_of: npt.NDArray[np.datetime64], weight: Weight = None) -> Floats:
    """Return the mean of the percent ranks within each snapshot, shape (n,), in [0, 1].

    Parameters
    ----------
    rfm : ndarray of shape (n, 3)
        Recency in days (low ranks high), frequency, monetary value; NaN (never) ranks lowest.
    as_of : ndarray of shape (n,)
        Snapshot of each row: a profile is ranked among its contemporaries.
    weight : ndarray of shape (n,), optional
        How many contemporaries each row stands for.
    """
    from scipy.stats import rankdata

    high = _high(rfm)
    out = np.empty(len(rfm))
    for day in np.unique(as_of):
        rows = as_of == day
        if weight is None:
            ranks = rankdata(high[rows], axis=0)
            out[rows] = (ranks.mean(axis=1) - 0.5) / rows.sum()
        else:
            out[rows] = np.mean([shares_below(column, weight[rows]) for column in high[rows].T], axis=0)
    return out


def _high(rfm: Floats) -> Floats:
    """Turn the columns so that high is good; NaN (never) is lowest."""
    high = np.column_stack([-rfm[:, :1], rfm[:, 1:]])
    high[np.isnan(high)] = -np.inf
    return high


@dataclass(frozen=True)
class RfmRanking:
    """The ranking turned the way the training labels point, with probabilities calibrated on them.

    Parameters
    ----------
    sign : int
        1 where a high rank makes the outcome likelier, else -1 (churn).
    knots, log_odds : ndarray of shape (k,)
        From signed rank to log-odds.
    """

    sign: int
    knots: Floats
    log_odds: Floats

    @classmethod
    def fit(
        cls,
        rfm: Floats,
        y: npt.NDArray[np.int8],
        as_of: npt.NDArray[np.datetime64],
        weight: Weight = None,
    ) -> RfmRanking:
        """Learn direction and calibration from training snapshots (shapes as in :func:`rfm_rank`)."""
        rank = rfm_rank(rfm, as_of, weight)
        sign = 1 if auc(y, rank, weight) >= 0.5 else -1
        return cls(sign, *score_curve(sign * rank, y, weight))

    def predict(self, rfm: Floats, as_of: npt.NDArray[np.datetime64], weight: Weight = None) -> Floats:
        """Return the calibrated probability of each row; its order is the ranking's."""
        rank = rfm_rank(rfm, as_of, weight)
        return probability(_interpolated(self.sign * rank, self.knots, self.log_odds))


def _interpolated(rank: Floats, knots: Floats, log_odds: Floats) -> Floats:
    """Interpolate, and go on beyond the outer knots at a slope of one, so that no two ranks tie."""
    inside: Floats = np.interp(rank, knots, log_odds)
    beyond: Floats = np.minimum(rank - knots[0], 0) + np.maximum(rank - knots[-1], 0)
    return inside + beyond


@dataclass(frozen=True)
class RfmScorer:
    """The ranking as a part of a tag's model: each row alone, ranked among the profiles of training.

    Parameters
    ----------
    columns : tuple of int
        Of X: recency, then frequency and monetary value where there are such.
    tables : tuple of (values, ranks)
        For each column the quantiles of training, rising, and their ranks in [0, 1].
    sign : int
    knots, log_odds : tuple of float
        From signed mean rank to log-odds.
    """

    columns: tuple[int, ...]
    tables: tuple[tuple[tuple[float, ...], tuple[float, ...]], ...]
    sign: int
    knots: tuple[float, ...]
    log_odds: tuple[float, ...]

    @classmethod
    def fit(
        cls, X: Floats, y: npt.NDArray[np.int8], columns: tuple[int, ...], weight: Weight = None
    ) -> RfmScorer:
        """Learn ranks, direction and calibration from X of shape (n, p) and y of shape (n,).

        Ranks are those among the rows that are there: whatever rises with them, the curve after them speaks of the population
        (``weight``).
        """
        high = _high(X[:, columns])
        tables = []
        for j in range(high.shape[1]):
            known = np.sort(high[np.isfinite(high[:, j]), j])
            if not len(known):
                known = np.zeros(1)
            values = np.unique(np.quantile(known, np.linspace(0, 1, TABLE_POINTS), method="nearest"))
            ranks = (np.searchsorted(known, values, "left") + np.searchsorted(known, values, "right")) / 2
            never = len(high) - len(known)
            tables.append((tuple(values.tolist()), tuple(((never + ranks) / max(1, len(high))).tolist())))
        plain = cls(columns, tuple(tables), 1, (0.0,), (0.0,))
        rank = plain._rank(X[:, columns])
        sign = 1 if auc(y, rank, weight) >= 0.5 else -1
        knots, log_odds = score_curve(sign * rank, y, weight)
        return cls(columns, plain.tables, sign, tuple(knots.tolist()), tuple(log_odds.tolist()))

    def _rank(self, rfm: Floats) -> Floats:
        high = _high(rfm)
        total = np.zeros(len(rfm))
        for j, (values, ranks) in enumerate(self.tables):
            # Those who never did share the lowest ranks.
            total += np.where(np.isfinite(high[:, j]), np.interp(high[:, j], values, ranks), ranks[0] / 2)
        return total / len(self.tables)

    def _log_odds(self, rfm: Floats) -> Floats:
        return _interpolated(self.sign * self._rank(rfm), np.array(self.knots), np.array(self.log_odds))

    @property
    def used_features(self) -> frozenset[int]:
        """Columns of X that can change the log-odds."""
        return frozenset(self.columns)

    def raw(self, X: Floats) -> Floats:
        """Return log-odds, shape (n,), for X of shape (n, p)."""
        return self._log_odds(X[:, self.columns])

    def contributions(self, X: Floats, *, exact: bool = True) -> Floats:
        """Return Shapley values of the inputs against the middle rank, shape (n, p); always exact."""
        middles = [values[len(values) // 2] for values, _ in self.tables]
        typical = np.array([-middles[0], *middles[1:]])
        out = np.zeros(X.shape)
        out[:, self.columns] = shapley_values(self._log_odds, X[:, self.columns], typical)
        return out

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> RfmScorer:
        """Read what :meth:`to_json` wrote; KeyError, TypeError or ValueError where it is malformed."""
        return cls(
            tuple(map(int, data["columns"])),
            tuple((tuple(map(float, v)), tuple(map(float, r))) for v, r in data["tables"]),
            int(data["sign"]),
            tuple(map(float, data["knots"])),
            tuple(map(float, data["log_odds"])),
        )
