"""From raw log-odds to score, lower and upper bound: what a tag promises.

``score`` is the model's own log-odds, corrected by what past snapshots have shown of its drift
(:mod:`tagcast.models.calibration.binary_drift`). Held against a pooled isotonic curve on fourteen tags of real shops at 36 past snapshots, each
scored from its own past only, this gave less log loss (.4092 against .4105) and less calibration error (.024 against
.027): the curve learns from models that knew less than today's.

``lower`` and ``upper`` are the wider of two: the quantile of the drift to expect (19 new snapshots of 20 lie above
it), and the Venn-Abers bounds of all out-of-time cases, each moved by its own snapshot's drift, which see where the
curve's shape is wrong. At the same snapshots this kept the promise to more random audiences than the worst of the
snapshots' own tables (at most .01 of a snapshot's audiences broken against .22, .001 against .007 on average), for
less of what those gave up (.030 against .040): the worst of many small tables is the noisiest of them, not the worst
season.

Where a model has learned from last year's season, that of the window ahead moves score and bounds, and its variance widens the bounds
(:mod:`tagcast.models.calibration.binary_season`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tagcast.models.calibration.binary_drift import Drift, follow
from tagcast.models.calibration.binary_season import Season, SeasonOffset
from tagcast.models.calibration.venn_abers import Steps, VennAbersTable
from tagcast.models.stats.draws import Weight
from tagcast.models.stats.numerics import CLIP, Floats, clip, logit, probability

__all__ = ["CLIP", "MIN_CASES", "Calibrated", "Calibrator"]

MIN_CASES = 20
"""True and false outcomes each without which a snapshot can neither teach nor test a calibration."""
SURENESS = 1.6449
"""Standard deviations of drift that a bound covers: made for 19 new snapshots of 20 above the lower one, which nine of
ten kept among past ones of the demo (``benchmarks/quality/drift.py``)."""


class Calibrated(NamedTuple):
    """Probability and its bounds, each of shape (n,)."""

    score: Floats
    lower: Floats
    upper: Floats


@dataclass(frozen=True)
class Calibrator:
    """What past snapshots tell about a model's log-odds.

    Parameters
    ----------
    drift : Drift
        After the last snapshot whose outcomes are known.
    p0, p1 : Steps
        Venn-Abers bounds over corrected log-odds.
    snapshots : tuple of dict
        ``as_of``, ``yes`` and ``no`` (cases), ``shift`` and ``slope`` of each; for people to read.
    season : Season, optional
        What the model's own training snapshots tell of the seasons; None where none of them is nearly a year back.
    """

    drift: Drift
    p0: Steps
    p1: Steps
    snapshots: tuple[dict[str, Any], ...]
    season: Season | None = None

    @classmethod
    def fit(
        cls,
        raw: Floats,
        y: npt.NDArray[np.int8],
        snapshot: npt.NDArray[np.datetime64],
        weight: Weight = None,
        season: Season | None = None,
    ) -> Calibrator:
        """Fit on out-of-time cases.

        Parameters
        ----------
        raw : ndarray of shape (n,)
            Log-odds given by models that had not seen the outcome.
        y : ndarray of shape (n,)
            Outcomes, 0 or 1.
        snapshot : ndarray of shape (n,)
            Day of each case's snapshot.
        weight : ndarray of shape (n,), optional
            How many rows each case stands for.
        season : Season, optional
            Of the model that is calibrated.
        """
        known = follow(raw, y, snapshot, weight)
        corrected = np.empty(len(raw))
        for drift, rows in known:
            corrected[rows] = drift.corrected(raw[rows])
        table = VennAbersTable.fit(corrected, y, weight)
        return cls(
            drift=known[-1][0],
            p0=table.p0,
            p1=table.p1,
            snapshots=tuple(
                {
                    "as_of": str(drift.day),
                    "yes": int(y[rows].sum()),
                    "no": int((1 - y[rows]).sum()),
                    "shift": float(drift.mean[0]),
                    "slope": float(drift.mean[1]),
                }
                for drift, rows in known
            ),
            season=season,
        )

    def predict(self, raw: Floats, as_of: date, unseen: float = 0.0) -> Calibrated:
        """Return score, lower and upper for raw log-odds of shape (n,).

        Parameters
        ----------
        raw : ndarray of shape (n,)
        as_of : date
            Date of the prediction: the longer after the last known outcomes, the wider the bounds.
        unseen : float
            Share of the window whose season no snapshot has shown: it widens the bounds too.
        """
        return self._predict(raw, as_of, unseen, self.season_ahead(as_of))

    def predict_past(self, raw: Floats) -> Calibrated:
        """Return the same of past cases of any snapshot, as if each was predicted right after the last known outcomes.

        No season is added: each case has its own.
        """
        return self._predict(raw, self.drift.day, 0.0, None)

    def season_ahead(self, as_of: date) -> SeasonOffset | None:
        """Return what the season of the window after ``as_of`` adds to log-odds; None where no window a year back reaches into it."""
        return None if self.season is None else self.season.ahead(as_of)

    def line_ahead(self, as_of: date, unseen: float = 0.0) -> tuple[float, float, Floats]:
        """Return slope and shift that make the log-odds of scores at ``as_of``, and how unsure shift and slope are, shape (2, 2).

        ``unseen`` as of :meth:`predict`.
        """
        now, season = self.drift.ahead(as_of, unseen), self.season_ahead(as_of)
        shift, covariance = float(now.mean[0]), now.covariance
        if season is not None:
            shift, covariance = shift + season.mean, covariance + np.diag([season.spread**2, 0.0])
        return now.slope, shift, covariance

    def _predict(self, raw: Floats, as_of: date, unseen: float, season: SeasonOffset | None) -> Calibrated:
        now = self.drift.ahead(as_of, unseen)
        z, spread = now.corrected(raw), now.spread(raw)
        if season is not None:
            z = z + season.mean
            spread = np.sqrt(spread**2 + season.spread**2)
        margin = SURENESS * spread
        score = probability(z)
        return Calibrated(
            score,
            np.minimum(np.minimum(probability(z - margin), self.p0(z)), score),
            np.maximum(np.maximum(probability(z + margin), self.p1(z)), score),
        )

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "drift": self.drift.to_json(),
            "p0": self.p0.to_json(),
            "p1": self.p1.to_json(),
            "snapshots": list(self.snapshots),
            **({} if self.season is None else {"season": self.season.to_json()}),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Calibrator:
        """Read what :meth:`to_json` wrote; KeyError, TypeError or ValueError where it is malformed."""
        return cls(
            drift=Drift.from_json(data["drift"]),
            p0=Steps.from_json(data["p0"]),
            p1=Steps.from_json(data["p1"]),
            snapshots=tuple(data["snapshots"]),
            season=Season.from_json(data["season"]) if "season" in data else None,
        )


def score_curve(raw: Floats, y: npt.NDArray[np.int8], weight: Weight = None) -> tuple[Floats, Floats]:
    """Return a rising curve from any ranking to log-odds: middles of isotonic steps, strictly rising.

    For rankings whose numbers mean nothing by themselves; interpolated between the knots, so that no step
    ties what the ranking can distinguish. ``weight`` says how many rows each stands for.
    """
    p0, p1 = VennAbersTable.fit(raw, y, weight).predict(raw)
    steps, inverse, counts = np.unique(clip(p1 / (1 - p0 + p1)), return_inverse=True, return_counts=True)
    order = np.lexsort((raw, inverse))  # one order of addition, whatever the order of the rows
    starts = np.r_[0, np.cumsum(counts)[:-1]]
    stands_for = np.ones(len(raw)) if weight is None else weight[order]
    middles = np.add.reduceat(raw[order] * stands_for, starts) / np.add.reduceat(stands_for, starts)
    rises = np.r_[True, np.diff(middles) > 0]
    return middles[rises], logit(steps[rises])
