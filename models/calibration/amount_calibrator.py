"""From a predicted amount to an amount tag's prediction: amount, interval, tier, and how sure the tier is.

The prediction is corrected by what past snapshots have shown of its drift (:mod:`tagcast.models.calibration.amount_drift`), always by what
was expected *before* a snapshot's outcomes were known: the errors of that expectation are then part of the tables
(:mod:`tagcast.models.calibration.conformal_tables`), and an interval holds across snapshots, not within one.

``confidence`` is made as that of a yes or no: "the amount lies in its likeliest tier" is an event with a
probability, which tables of the *other* snapshots gave, and :class:`tagcast.models.calibration.binary_calibrator.Calibrator` follows from
snapshot to snapshot how far it was right. Its lower bound is the confidence: 19 new snapshots of 20 lie above it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from tagcast.models.calibration.amount_drift import AmountDrift, expected_and_seen
from tagcast.models.calibration.binary_calibrator import SURENESS, Calibrator
from tagcast.models.calibration.conformal_tables import LEVELS, AmountTables
from tagcast.models.stats.amount_outlook import AmountOutlook
from tagcast.models.stats.numerics import Floats, logit

Days = npt.NDArray[np.datetime64]

LEAST_SPREAD = 0.02
"""Standard deviation of the logarithm under which a common move changes no tier worth the cost of asking."""
KNOTS = 24
"""Predictions at which a run keeps chances and spread: between them both change slowly."""
BEYOND = 10.0
"""How far the last knot lies beyond the largest predictions and the highest tier's start."""
TAIL_DEVIATIONS = 1.2816
"""Standard deviations between the middle of a normal distribution and the end of its 80 % interval."""


class CalibratedAmount(NamedTuple):
    """Amount, interval, tier and confidence, each of shape (n,), and each tier's probability, (n, tiers)."""

    score: Floats
    lower: Floats
    upper: Floats
    tier: npt.NDArray[np.intp]
    confidence: Floats
    chances: Floats


@dataclass(frozen=True)
class AmountCalibrator:
    """What past snapshots tell about a model's amounts.

    Parameters
    ----------
    drift : AmountDrift
        After the last snapshot whose outcomes are known.
    usual : float
        Variance of the drift that the tables hold already.
    tables : AmountTables
        Of all out-of-time cases.
    right : Calibrator
        Of "the amount lies in its likeliest tier".
    starts : tuple of float
        Amounts at which the tiers start.
    snapshots : tuple of dict
        ``as_of``, ``cases``, ``spent`` (cases with any), ``drift`` of each; for people to read.
    """

    drift: AmountDrift
    usual: float
    tables: AmountTables
    right: Calibrator
    starts: tuple[float, ...]
    snapshots: tuple[dict[str, Any], ...]

    @classmethod
    def fit(cls, predicted: Floats, amount: Floats, snapshot: Days, starts: tuple[float, ...]) -> Self:
        """Fit on out-of-time cases.

        Parameters
        ----------
        predicted : ndarray of shape (n,)
            Amounts predicted by models that had not seen the outcome.
        amount : ndarray of shape (n,)
            What came.
        snapshot : ndarray of shape (n,)
            Day of each case's snapshot.
        starts : tuple of float
            Amounts at which the tiers start, rising from 0.
        """
        known = expected_and_seen(predicted, amount, snapshot)
        corrected = np.empty(len(predicted))
        for expected, _, rows in known:
            corrected[rows] = predicted[rows] * np.exp(expected.mean)
        chance, tier = likeliest_tiers(corrected, amount, snapshot, np.array(starts))
        right = (tier == tier_of(amount, np.array(starts))).astype(np.int8)
        return cls(
            drift=known[-1][1],
            usual=float(np.mean([expected.variance for expected, _, _ in known])),
            tables=AmountTables.fit(corrected, amount),
            right=Calibrator.fit(_log_odds(chance), right, snapshot),
            starts=tuple(starts),
            snapshots=tuple(
                {
                    "as_of": str(seen.day),
                    "cases": int(rows.sum()),
                    "spent": int((amount[rows] > 0).sum()),
                    "drift": seen.mean,
                }
                for _, seen, rows in known
            ),
        )

    def predict(self, predicted: Floats, as_of: date, unseen: float = 0.0) -> CalibratedAmount:
        """Return the calibrated predictions, each of shape (n,).

        Parameters
        ----------
        predicted : ndarray of shape (n,)
            Amounts, as the model gives them.
        as_of : date
            Date of the prediction: the longer after the last known outcomes, the wider the bounds.
        unseen : float
            Share of the window whose season no snapshot has shown: it widens the bounds too.
        """
        now = self.drift.ahead(as_of, unseen)
        score = predicted * np.exp(now.mean)
        low, high = self.tables.interval(score)
        # What the drift adds to what the tables have seen of it: little, but long after, or in a new season.
        spread = float(np.sqrt(max(0.0, now.variance - self.usual)))
        wider = float(np.exp(TAIL_DEVIATIONS * spread))
        chances = self._chances(score)
        tier = chances.argmax(axis=1)  # the first, so the lower, of equal ones
        return CalibratedAmount(
            score,
            # Where nearly everybody spends nothing the mean lies beyond the interval of one amount.
            np.minimum(low / wider, score),
            np.maximum(high * wider, score),
            tier,
            self.right.predict(
                _log_odds(self._least_chance(score, chances, tier, spread)), as_of, unseen
            ).lower,
            chances,
        )

    def predict_past(self, predicted: Floats) -> CalibratedAmount:
        """Return the same of past cases of any snapshot, as if each was predicted right after the last known outcomes."""
        return self.predict(predicted, self.drift.day)

    def _chances(self, score: Floats, move: float = 0.0) -> Floats:
        """Return the probability of each tier, shape (n, tiers), were all logarithms of amounts to move by ``move``."""
        return self.tables.tiers(score * np.exp(move), np.array(self.starts))

    def _least_chance(
        self, score: Floats, chances: Floats, tier: npt.NDArray[np.intp], spread: float
    ) -> Floats:
        """Return the probability of the predicted tier, the least over how far all amounts may have shifted together."""
        rows = np.arange(len(score))
        least: Floats = chances[rows, tier]
        if spread > LEAST_SPREAD:
            for shift in (-SURENESS, SURENESS):
                least = np.minimum(least, self._chances(score, shift * spread)[rows, tier])
        return least

    def outlook(self, as_of: date, unseen: float = 0.0) -> AmountOutlook:
        """Return what is to be expected of corrected predictions at ``as_of``, as few knots."""
        spread = float(np.sqrt(self.drift.ahead(as_of, unseen).variance))
        top = BEYOND * max(float(np.exp(self.tables.middles[-1])), self.starts[-1])
        scores = np.r_[0.0, np.geomspace(self.tables.least, top, KNOTS - 1)]
        moved = [self._chances(scores, move * spread) for move in (-SURENESS, 0.0, SURENESS)]

        def rows(chances: Floats) -> tuple[tuple[float, ...], ...]:
            return tuple(tuple(row) for row in np.round(chances.T, 4).tolist())

        variance = self.tables.amounts(scores).var(axis=1)
        return AmountOutlook(
            tuple(scores.tolist()),
            rows(moved[1]),
            rows(np.max(moved, axis=0)),
            tuple(variance.tolist()),
            spread,
        )

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "drift": self.drift.to_json(),
            "usual": self.usual,
            "tables": self.tables.to_json(),
            "right": self.right.to_json(),
            "starts": list(self.starts),
            "snapshots": list(self.snapshots),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Read what :meth:`to_json` wrote; KeyError, TypeError or ValueError where it is malformed."""
        return cls(
            AmountDrift.from_json(data["drift"]),
            float(data["usual"]),
            AmountTables.from_json(data["tables"]),
            Calibrator.from_json(data["right"]),
            tuple(map(float, data["starts"])),
            tuple(data["snapshots"]),
        )


def likeliest_tiers(
    predicted: Floats, amount: Floats, snapshot: Days, starts: Floats
) -> tuple[Floats, npt.NDArray[np.intp]]:
    """Return each case's likeliest tier and its chance, both of shape (n,), by tables of the other snapshots.

    A snapshot would explain itself: what it did otherwise than all others would count as known before. Where there is
    one snapshot alone its own table has to do.
    """
    chance, tier = np.empty(len(amount)), np.empty(len(amount), np.intp)
    days = np.unique(snapshot)
    for day in days:
        rows = snapshot == day
        others = ~rows if len(days) > 1 else rows
        chances = AmountTables.fit(predicted[others], amount[others]).tiers(predicted[rows], starts)
        chance[rows], tier[rows] = chances.max(axis=1), chances.argmax(axis=1)
    return chance, tier


def tier_of(amount: Floats, starts: Floats) -> npt.NDArray[np.intp]:
    """Return the place of the tier in which each amount lies."""
    return np.searchsorted(starts, amount, side="right") - 1


def _log_odds(chance: Floats) -> Floats:
    return logit(np.clip(chance, 0.5 / LEVELS, 1 - 0.5 / LEVELS))
