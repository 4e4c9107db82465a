"""Calibration by Venn-Abers predictors, precomputed to tables, and the confidence that comes of them.

An inductive Venn-Abers predictor answers a score ``s`` with two probabilities: ``p1``, what isotonic
regression says at ``s`` once ``(s, 1)`` is added to the calibration cases, and ``p0`` the same with
``(s, 0)``. One of them is perfectly calibrated, whichever outcome comes, so ``p0`` is a floor and ``p1`` a
ceiling. Both are step functions of ``s``: computed once for all ``s`` in O(n log n), then looked up.

Source: V. Vovk, I. Petej, V. Fedorova, Large-scale probabilistic predictors with and without guarantees
of validity, NIPS 2015 (algorithms 1 to 4).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

CLIP = 1e-4
"""No finite sample shows an outcome to be impossible: probabilities keep this distance from 0 and 1."""
MIN_CASES = 20
"""True and false outcomes each that a snapshot needs for a table of its own."""


def _clip(p: Floats) -> Floats:
    return np.clip(p, CLIP, 1 - CLIP)


def logit(p: Floats) -> Floats:
    """Return log-odds of probabilities."""
    return np.log(p) - np.log1p(-p)


@dataclass(frozen=True)
class Steps:
    """A rising step function: ``values[i]`` where ``i`` of the ``edges`` lie below (or at) the score.

    Parameters
    ----------
    edges : ndarray of shape (m,)
        Strictly rising scores at which the function jumps.
    values : ndarray of shape (m + 1,)
        Rising.
    closed : {"left", "right"}
        "left": at an edge the function already has its upper value; "right": it still has its lower one.
    """

    edges: Floats
    values: Floats
    closed: str

    def __post_init__(self) -> None:
        if len(self.values) != len(self.edges) + 1:
            raise ValueError(f"{len(self.edges)} edges need one value more, found {len(self.values)}")
        if (np.diff(self.edges) <= 0).any() or (np.diff(self.values) < 0).any():
            raise ValueError("edges and values have to rise")
        if self.closed not in {"left", "right"}:
            raise ValueError(f"closed is left or right, found {self.closed!r}")

    def __call__(self, s: Floats) -> Floats:
        """Return the value at each score."""
        return self.values[np.searchsorted(self.edges, s, side="right" if self.closed == "left" else "left")]

    def compact(self) -> Steps:
        """Return the same function without jumps of size zero."""
        jump = np.flatnonzero(np.diff(self.values))
        return Steps(self.edges[jump], self.values[np.r_[jump, len(self.edges)]], self.closed)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {"edges": self.edges.tolist(), "values": self.values.tolist(), "closed": self.closed}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Steps:
        """Read what :meth:`to_json` wrote; KeyError, TypeError or ValueError where it is malformed."""
        return cls(np.array(data["edges"], float), np.array(data["values"], float), str(data["closed"]))


@dataclass(frozen=True)
class VennAbersTable:
    """``p0`` and ``p1`` for every score."""

    p0: Steps
    p1: Steps

    @classmethod
    def fit(cls, scores: Floats, y: npt.ArrayLike) -> VennAbersTable:
        """Build the table from calibration cases.

        Parameters
        ----------
        scores : ndarray of shape (n,)
            Finite; any monotone scale.
        y : array of shape (n,)
            Outcomes, 0 or 1.
        """
        distinct, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
        if not len(distinct) or not np.isfinite(distinct).all():
            raise ValueError("scores have to be finite and at least one")
        positives = np.bincount(inverse, weights=np.asarray(y, float)).astype(np.int64)
        with_one = _added_one(counts.tolist(), positives.tolist())
        # Adding a 0 is adding a 1 with scores and outcomes both turned round.
        with_zero = 1 - _added_one(counts[::-1].tolist(), (counts - positives)[::-1].tolist())[::-1]
        # Between two calibration scores an added 1 is pooled with the next score, an added 0 with the last.
        return cls(
            p0=Steps(distinct, _clip(np.r_[0.0, with_zero]), "left").compact(),
            p1=Steps(distinct, _clip(np.r_[with_one, 1.0]), "right").compact(),
        )

    def predict(self, s: Floats) -> tuple[Floats, Floats]:
        """Return ``(p0, p1)`` for each score, clipped to [CLIP, 1 - CLIP]."""
        return self.p0(s), self.p1(s)


def _added_one(counts: list[int], positives: list[int]) -> Floats:
    """Return, for each distinct score, isotonic regression's value there with one true case added to it.

    Isotonic values are slopes of the greatest convex minorant of the points (cases so far, true cases so
    far). With a case added at score i, points before it move by (-1, -1) against those after, and the
    value is the slope of the common lower tangent of the two groups. Going from i to i + 1 one point
    changes sides, so a stack of the right-hand hull, its top the tangent's left end, serves all i in O(n).
    All in whole numbers: no rounding decides a comparison.
    """
    points = [(0, 0)]
    for count, positive in zip(counts, positives, strict=True):
        points.append((points[-1][0] + count, points[-1][1] + positive))

    def turns_right(a: tuple[int, int], b: tuple[int, int], c: tuple[int, int]) -> bool:
        return (b[1] - a[1]) * (c[0] - b[0]) >= (c[1] - b[1]) * (b[0] - a[0])

    hull: list[tuple[int, int]] = []
    for point in [*reversed(points[1:]), (-1, -1)]:
        while len(hull) > 1 and turns_right(point, hull[-1], hull[-2]):
            hull.pop()
        hull.append(point)
    out = np.empty(len(counts))
    for i, (x, y) in enumerate(points[1:]):
        (x0, y0), (x1, y1) = hull[-1], hull[-2]
        out[i] = (y1 - y0) / (x1 - x0)
        moved = (x - 1, y - 1)
        if (moved[1] - y0) * (x1 - x0) < (y1 - y0) * (moved[0] - x0):
            hull.pop()
            while len(hull) > 1 and turns_right(moved, hull[-1], hull[-2]):
                hull.pop()
            hull.append(moved)
    return out


@dataclass(frozen=True)
class Calibrator:
    """From raw log-odds to score, lower and upper bound.

    ``score`` follows the table of all out-of-time cases, p1 / (1 - p0 + p1), but runs straight (in
    log-odds) between the middles of its steps: a step would tie thousands of profiles that the model can
    tell apart. ``lower`` and ``upper`` are the worst of the tables of each past snapshot and of all
    together, widened where they would exclude the score.

    Parameters
    ----------
    knots, log_odds : ndarray of shape (k,)
        Middles of the steps (raw log-odds) and their calibrated log-odds; both strictly rising.
    lower, upper : Steps
    snapshots : tuple of dict
        ``as_of`` (list of dates), ``yes`` and ``no`` (cases) behind each table; for people to read.
    """

    knots: Floats
    log_odds: Floats
    lower: Steps
    upper: Steps
    snapshots: tuple[dict[str, Any], ...]

    def __post_init__(self) -> None:
        if len(self.knots) != len(self.log_odds) or not len(self.knots):
            raise ValueError(f"{len(self.knots)} knots and {len(self.log_odds)} log_odds do not go together")
        if (np.diff(self.knots) <= 0).any() or (np.diff(self.log_odds) <= 0).any():
            raise ValueError("knots and log_odds have to rise")

    @classmethod
    def fit(
        cls,
        raw: Floats,
        y: npt.NDArray[np.int8],
        snapshot: npt.NDArray[np.datetime64],
    ) -> Calibrator:
        """Fit on out-of-time cases.

        Parameters
        ----------
        raw : ndarray of shape (n,)
            Log-odds given by models that had not seen the outcome.
        y : ndarray of shape (n,)
            Outcomes, 0 or 1.
        snapshot : ndarray of shape (n,)
            Day of each case's snapshot; those with fewer than ``MIN_CASES`` of either outcome are joined
            with a neighbour in time.
        """
        pooled = VennAbersTable.fit(raw, y)
        groups = _snapshot_groups(y, snapshot)
        tables = [VennAbersTable.fit(raw[rows], y[rows]) for _, rows in groups] if len(groups) > 1 else []
        knots, log_odds = _curve(pooled, raw)
        return cls(
            knots=knots,
            log_odds=log_odds,
            lower=_envelope([t.p0 for t in (pooled, *tables)], np.minimum.reduce),
            upper=_envelope([t.p1 for t in (pooled, *tables)], np.maximum.reduce),
            snapshots=tuple(
                {"as_of": [str(d) for d in days], "yes": int(y[rows].sum()), "no": int((1 - y[rows]).sum())}
                for days, rows in groups
            ),
        )

    def predict(self, raw: Floats) -> tuple[Floats, Floats, Floats]:
        """Return ``(score, lower, upper)``, each of shape (n,), for raw log-odds of shape (n,)."""
        log_odds = np.interp(raw, self.knots, self.log_odds)
        # Beyond the outer knots the score goes on as the model does, but never steeper than before.
        first, last = self._outer_slopes()
        log_odds += first * np.minimum(raw - self.knots[0], 0) + last * np.maximum(raw - self.knots[-1], 0)
        score = _clip(1 / (1 + np.exp(-log_odds)))
        return score, np.minimum(self.lower(raw), score), np.maximum(self.upper(raw), score)

    def _outer_slopes(self) -> tuple[float, float]:
        if len(self.knots) == 1:
            return 1.0, 1.0
        slopes = np.diff(self.log_odds) / np.diff(self.knots)
        return min(1.0, float(slopes[0])), min(1.0, float(slopes[-1]))

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "knots": self.knots.tolist(),
            "log_odds": self.log_odds.tolist(),
            "lower": self.lower.to_json(),
            "upper": self.upper.to_json(),
            "snapshots": list(self.snapshots),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Calibrator:
        """Read what :meth:`to_json` wrote; KeyError, TypeError or ValueError where it is malformed."""
        return cls(
            knots=np.array(data["knots"], float),
            log_odds=np.array(data["log_odds"], float),
            lower=Steps.from_json(data["lower"]),
            upper=Steps.from_json(data["upper"]),
            snapshots=tuple(data["snapshots"]),
        )


def _curve(pooled: VennAbersTable, raw: Floats) -> tuple[Floats, Floats]:
    """Return the middles of the pooled table's steps (mean raw of the cases on each) and their log-odds."""
    p0, p1 = pooled.predict(raw)
    steps, inverse, counts = np.unique(_clip(p1 / (1 - p0 + p1)), return_inverse=True, return_counts=True)
    order = np.lexsort((raw, inverse))  # one order of addition, whatever the order of the rows
    middles = np.add.reduceat(raw[order], np.r_[0, np.cumsum(counts)[:-1]]) / counts
    rises = np.r_[True, np.diff(middles) > 0]
    return middles[rises], logit(steps[rises])


def _snapshot_groups(
    y: npt.NDArray[np.int8], snapshot: npt.NDArray[np.datetime64]
) -> list[tuple[list[date], npt.NDArray[np.bool_]]]:
    """Return days and rows of each snapshot, neighbours in time joined until each has enough cases."""
    groups: list[tuple[list[date], npt.NDArray[np.bool_]]] = []
    days: list[date] = []
    rows = np.zeros(len(y), dtype=bool)
    for day in np.unique(snapshot):
        days, rows = [*days, day.astype("datetime64[D]").item()], rows | (snapshot == day)
        if min(int(y[rows].sum()), int((1 - y[rows]).sum())) >= MIN_CASES:
            groups.append((days, rows))
            days, rows = [], np.zeros(len(y), dtype=bool)
    if days:  # what is left joins the group before it
        before = groups.pop() if groups else ([], np.zeros(len(y), dtype=bool))
        groups.append((before[0] + days, before[1] | rows))
    return groups


def _envelope(tables: Sequence[Steps], reduce: Any) -> Steps:
    """Return the pointwise least or greatest of step functions that are closed on the same side."""
    edges = np.unique(np.concatenate([t.edges for t in tables]))
    closed = tables[0].closed
    # A score on each piece: the edges themselves, and one beyond the open end.
    at = np.r_[-np.inf, edges] if closed == "left" else np.r_[edges, np.inf]
    return Steps(edges, reduce([t(at) for t in tables]), closed).compact()
