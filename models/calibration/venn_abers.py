"""Venn-Abers predictors, precomputed to tables.

An inductive Venn-Abers predictor answers a score ``s`` with two probabilities: ``p1``, what isotonic
regression predicts at ``s`` once ``(s, 1)`` is added to the calibration cases, and ``p0`` the same with
``(s, 0)``. One of them is perfectly calibrated, whichever outcome comes, so ``p0`` is a floor and ``p1`` a
ceiling. Both are step functions of ``s``: computed once for all ``s`` in O(n log n), then looked up.

Source: V. Vovk, I. Petej, V. Fedorova, Large-scale probabilistic predictors with and without guarantees
of validity, NIPS 2015 (algorithms 1 to 4).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tagcast.models.stats.draws import Weight, information, weighted_mean
from tagcast.models.stats.numerics import Floats, clip

_UNIT = 1024
"""Parts of a case in which weights are counted: in whole numbers no rounding decides a comparison."""


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
    def fit(cls, scores: Floats, y: npt.ArrayLike, weight: Weight = None) -> VennAbersTable:
        """Build the table from calibration cases.

        Parameters
        ----------
        scores : ndarray of shape (n,)
            Finite; any monotone scale.
        y : array of shape (n,)
            Outcomes, 0 or 1.
        weight : ndarray of shape (n,), optional
            How many rows each case stands for. The case that is added counts as one of those that were looked at.
        """
        distinct, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
        if not len(distinct) or not np.isfinite(distinct).all():
            raise ValueError("scores have to be finite and at least one")
        happened, one = np.asarray(y, float), 1
        if weight is not None:
            one = _UNIT
            rate = weighted_mean(happened, weight)
            units = np.maximum(1.0, np.round(weight * information(rate, happened, weight) * one))
            counts = np.bincount(inverse, weights=units).astype(np.int64)
            happened = happened * units
        positives = np.bincount(inverse, weights=happened).astype(np.int64)
        with_one = _added_one(counts.tolist(), positives.tolist(), one)
        # Adding a 0 is adding a 1 with scores and outcomes both turned round.
        with_zero = 1 - _added_one(counts[::-1].tolist(), (counts - positives)[::-1].tolist(), one)[::-1]
        # Between two calibration scores an added 1 is pooled with the next score, an added 0 with the last.
        return cls(
            p0=Steps(distinct, clip(np.r_[0.0, with_zero]), "left").compact(),
            p1=Steps(distinct, clip(np.r_[with_one, 1.0]), "right").compact(),
        )

    def predict(self, s: Floats) -> tuple[Floats, Floats]:
        """Return ``(p0, p1)`` for each score, clipped to [CLIP, 1 - CLIP]."""
        return self.p0(s), self.p1(s)


def _added_one(counts: list[int], positives: list[int], one: int = 1) -> Floats:
    """Return, for each distinct score, isotonic regression's value there with one true case added to it.

    ``one`` is what a case counts: more than 1 where others count parts of it.

    Isotonic values are slopes of the greatest convex minorant of the points (cases so far, true cases so
    far). With a case added at score i, points before it move by (-one, -one) against those after, and the
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
    for point in [*reversed(points[1:]), (-one, -one)]:
        while len(hull) > 1 and turns_right(point, hull[-1], hull[-2]):
            hull.pop()
        hull.append(point)
    out = np.empty(len(counts))
    for i, (x, y) in enumerate(points[1:]):
        (x0, y0), (x1, y1) = hull[-1], hull[-2]
        out[i] = (y1 - y0) / (x1 - x0)
        shifted = (x - one, y - one)
        if (shifted[1] - y0) * (x1 - x0) < (y1 - y0) * (shifted[0] - x0):
            hull.pop()
            while len(hull) > 1 and turns_right(shifted, hull[-1], hull[-2]):
                hull.pop()
            hull.append(shifted)
    return out
