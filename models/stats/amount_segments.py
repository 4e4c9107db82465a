"""How good predicted amounts are within parts of a population: twin of :mod:`tagcast.models.stats.segments`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tagcast.models.stats.amount_metrics import COVERAGE, Floats, Ids, evaluate_points
from tagcast.models.stats.metrics import Estimate, wilson

Rows = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class AmountSegment:
    """One segment's figures.

    Parameters
    ----------
    segment, value : str
        What divides the rows, and which part this is.
    n, yes : int
        Rows, and how many of them spent anything.
    metrics : dict of str to Estimate
        MAE, RMSE and rank correlation with their intervals, and the share of amounts inside their interval.
    mean_score, mean_amount : float
        Whether the segment is predicted too high or too low as a whole.
    error : float
        Standard error of the mean amount around the predictions.
    """

    segment: str
    value: str
    n: int
    yes: int
    metrics: Mapping[str, Estimate]
    mean_score: float
    mean_amount: float
    error: float


def amount_segments(
    amount: Floats,
    score: Floats,
    lower: Floats,
    upper: Floats,
    masks: Mapping[tuple[str, str], Rows],
    rng: np.random.Generator,
    profile_id: Ids | None = None,
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
    """
    seed = int(rng.integers(2**63))
    rows = []
    for (segment, value), members in masks.items():
        n = int(members.sum())
        if not n:
            continue
        y, s = amount[members], score[members]
        whose = None if profile_id is None else profile_id[members]
        inside = int(((y >= lower[members]) & (y <= upper[members])).sum())
        low, share, high = (float(bound[0]) for bound in wilson([inside], [n]))
        metrics = evaluate_points(y, s, np.random.default_rng(seed), whose)
        metrics["coverage"] = Estimate(share, low, high)
        rows.append(
            AmountSegment(
                segment,
                value,
                n,
                int((y > 0).sum()),
                metrics,
                float(np.sort(s).mean()),
                float(np.sort(y).mean()),
                float(np.sort(y - s).std()) / n**0.5,
            )
        )
    return rows


def holds_too_few(coverage: Estimate) -> bool:
    """Return whether intervals hold clearly fewer amounts than asked; that they hold more is what zeros do."""
    return coverage.high < COVERAGE
