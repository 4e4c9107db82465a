"""How good predicted amounts are within parts of a population: twin of :mod:`tagcast.models.stats.segments`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tagcast.models.stats.amount_metrics import COVERAGE, evaluate_points
from tagcast.models.stats.draws import Weight, counted, part
from tagcast.models.stats.metrics import Estimate, Floats, Ids
from tagcast.models.stats.numerics import wilson
from tagcast.models.stats.segments import Masks, Segment, each_segment


@dataclass(frozen=True)
class AmountSegment(Segment):
    """One segment's figures of an amount; its metrics are those of points, and the share of amounts inside their interval.

    ``error`` is the standard error of ``mean_amount`` around the predictions.
    """

    mean_amount: float
    error: float


def amount_segments(
    amount: Floats,
    score: Floats,
    lower: Floats,
    upper: Floats,
    masks: Masks,
    rng: np.random.Generator,
    profile_id: Ids | None = None,
    weight: Weight = None,
) -> list[AmountSegment]:
    """Return the figures of every segment, in the order of ``masks``; those without members are left out.

    Parameters
    ----------
    amount, score, lower, upper : ndarray of shape (n,)
        What came, the prediction and its interval.
    masks : dict of (segment, value) to ndarray of shape (n,)
        As :func:`tagcast.models.stats.segments.segments_of` returns them.
    rng : Generator
        A segment's intervals do not depend on which other segments there are.
    profile_id : ndarray of shape (n,), optional
        Whose row each is, where a profile has several: profiles are resampled then.
    weight : ndarray of shape (n,), optional
        How many rows each stands for, the same for all of a snapshot.
    """
    rows = []
    for names, members, own, whose in each_segment(masks, rng, profile_id):
        y, s = amount[members], score[members]
        n = len(y)
        inside = int(((y >= lower[members]) & (y <= upper[members])).sum())
        low, share, high = (float(bound[0]) for bound in wilson([inside], [n]))
        metrics = evaluate_points(y, s, own, whose) | {"coverage": Estimate(share, low, high)}
        means = float(np.sort(s).mean()), float(np.sort(y).mean())
        error = float(np.sort(y - s).std()) / n**0.5
        weighs = part(weight, members)
        whole, spent = counted(np.ones(n, bool), weighs), counted(y > 0, weighs)
        rows.append(AmountSegment(*names, whole, spent, metrics, *means, error))
    return rows


def holds_too_few(coverage: Estimate) -> bool:
    """Return whether intervals hold clearly fewer amounts than asked; that they hold more is what zeros do."""
    return coverage.high < COVERAGE
