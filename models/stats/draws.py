"""Training on part of the rows: which are drawn, and figures over rows that stand for several.

Where there are more rows than learning gains from, each snapshot's are drawn without looking at anything but the outcome:
those whose place, a hash that looks random, is lowest. A drawn row's *weight* is how many rows of its snapshot and outcome it
stands for, so that sums of weights are the population's own counts. Everywhere ``weight`` is None where all rows are there:
each counts once.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tagcast.models.stats.numerics import Floats, looked_at, wilson

Weight = Floats | None
Rows = npt.NDArray[np.bool_]
Places = npt.NDArray[np.intp]
Labels = npt.NDArray[np.int8]

MOST_ROWS = 300_000
"""A training of no more rows learns from all of them."""
MODEL_ROWS = 240_000
"""Rows that are drawn from more. The features of two tags are then fetched together, and two processes hold them at once; with
150,000 the log loss of a common outcome was .0004 above that of all rows (``benchmarks/training_size.py``)."""
TRIAL_ROWS = 60_000
"""Of drawn rows, those that a trial learns from: its parameters are compared, not kept."""
PLACE_BITS = 52
"""A row's *place* is as many bits of ``md5('<as_of> <profile_id>')``, the first, which any database computes alike. The day is part of
it, so that snapshots draw different profiles: rows of the same profile tell less than rows of two."""


class Drawn(NamedTuple):
    """The rows of a draw, rising, and what each weighs."""

    rows: Places
    weight: Floats


class Quota(NamedTuple):
    """How many rows of a snapshot, and of one outcome where outcomes are drawn apart, a training learns from.

    Parameters
    ----------
    rows : int
        There are so many.
    taken : int
        At least one, at most all.
    """

    rows: int
    taken: int

    @property
    def weight(self) -> float:
        """How many rows each that is taken stands for."""
        return self.rows / self.taken

    def below(self, times: int = 1) -> int | None:
        """Return below what the places of enough rows lie, all but surely; None: all may be needed.

        Parameters
        ----------
        times : int
            How much further than at first to look, where there were too few.
        """
        enough = (self.taken + 10 * math.sqrt(self.taken) + 20) * times
        return None if enough >= self.rows else int(enough / self.rows * 2**PLACE_BITS)


Group = tuple[date, int | None]
"""Rows of a snapshot that are drawn together: of one outcome, or (None) of both."""


def quotas(
    counts: Mapping[tuple[date, int], int], *, by_outcome: bool, most_per_snapshot: int | None = None
) -> dict[Group, Quota] | None:
    """Return how many rows of each snapshot and outcome a training learns from; None where all rows.

    Parameters
    ----------
    counts : mapping of (date, int) to int
        Rows of each snapshot and outcome, 0 or 1.
    by_outcome : bool
        Whether the rarer outcome may be drawn more heavily: up to half of what is drawn is of it. Else all rows of a snapshot
        weigh the same.
    most_per_snapshot : int, optional
        Rows of each snapshot at most, each drawn by itself. Default: from more than ``MOST_ROWS`` rows ``MODEL_ROWS`` are drawn, the
        same share of each snapshot.
    """
    found: dict[date, dict[int | None, int]] = {}
    for (day, outcome), rows in sorted(counts.items()):
        if rows:
            of_day, key = found.setdefault(day, {}), outcome if by_outcome else None
            of_day[key] = of_day.get(key, 0) + rows
    sizes = {day: sum(of_day.values()) for day, of_day in found.items()}
    if most_per_snapshot is None:
        return _quotas(found, MODEL_ROWS) if sum(sizes.values()) > MOST_ROWS else None
    if all(rows <= most_per_snapshot for rows in sizes.values()):
        return None
    return {
        group: quota
        for day, of_day in found.items()
        for group, quota in _quotas({day: of_day}, most_per_snapshot).items()
    }


def _quotas(found: Mapping[date, Mapping[int | None, int]], left: int) -> dict[Group, Quota]:
    """Return the quotas of snapshots that are drawn together, ``left`` rows in all."""
    totals: dict[int | None, int] = {}
    for outcome in (1, 0, None):
        if rows := sum(of_day.get(outcome, 0) for of_day in found.values()):
            totals[outcome] = rows
    wanted: dict[Group, Quota] = {}
    for place, (outcome, count) in enumerate(sorted(totals.items(), key=lambda one: one[1])):
        share = min(1.0, left // (len(totals) - place) / count)
        left -= round(share * count)
        for day, of_day in found.items():
            if rows := of_day.get(outcome, 0):
                wanted[day, outcome] = Quota(rows, max(1, round(share * rows)))
    return wanted


def draw(
    place: npt.NDArray[np.int64], as_of: npt.NDArray[Any], y: Labels, wanted: Mapping[Group, Quota]
) -> Drawn:
    """Return which rows a training learns from: of each group those with the lowest places, of equals the first.

    Parameters
    ----------
    place : ndarray of shape (n,)
        The first :data:`PLACE_BITS` bits of each row's hash.
    as_of : ndarray of shape (n,)
        The snapshot of each row, as dates.
    y : ndarray of shape (n,)
        Outcomes, 0 or 1.
    wanted : mapping of Group to Quota
        Rows that are not there may only be some whose places are higher.
    """
    rows, weights = [], []
    for (day, outcome), quota in wanted.items():
        own = np.flatnonzero((as_of == day) & ((y == outcome) if outcome is not None else True))
        order = np.argsort(place[own], kind="stable")
        rows.append(own[order[: quota.taken]])
        weights.append(np.full(quota.taken, quota.weight))
    every, weight = np.concatenate(rows), np.concatenate(weights)
    rising = np.argsort(every)
    return Drawn(every[rising], weight[rising])


def thinned(rows: Rows, most: int) -> Rows:
    """Return at most ``most`` of the rows that are true, evenly spaced."""
    found = np.flatnonzero(rows)
    out = np.zeros_like(rows)
    out[found[:: -(-len(found) // most) or 1]] = True
    return out


def part(weight: Weight, rows: Any) -> Weight:
    """Return the weight of some rows."""
    return None if weight is None else weight[rows]


def counted(rows: Rows | Labels, weight: Weight) -> int:
    """Return how many rows of the population those that are true (or 1) stand for."""
    return int(rows.sum()) if weight is None else round(float(weight[rows.astype(bool)].sum()))


def total(values: npt.NDArray[Any], weight: Weight) -> float:
    """Return how many rows of the population ``values``, shape (n, ...), stand for."""
    return float(len(values)) if weight is None else float(weight.sum())


def weighted_mean(values: npt.NDArray[Any], weight: Weight) -> float:
    """Return the mean over the population; NaN of nothing."""
    if not len(values):
        return float("nan")
    return float(values.mean()) if weight is None else float((values * weight).sum() / weight.sum())


def scaled(weight: Weight) -> Weight:
    """Return weights whose mean is 1: what a learner is given, whose penalties count rows that are there."""
    return None if weight is None else weight / weight.mean()


def cases_of(right: npt.NDArray[Any], weight: Weight) -> tuple[float, float]:
    """Return right ones (0 or 1 a row) and cases that tell their share as exactly as these rows, n > 0, do."""
    if weight is None:
        return float(right.sum()), float(len(right))
    own, squares = right.astype(float), weight**2
    sums = [np.array([s]) for s in (weight.sum(), squares.sum(), (squares * own).sum())]
    hits, cases = looked_at(np.array([weighted_mean(own, weight)]), *sums)
    return float(hits[0]), float(cases[0])


def share_of(right: npt.NDArray[Any], weight: Weight) -> tuple[float, float, float]:
    """Return low, share and high of ``right``, 0 or 1 a row, of n > 0 rows: Wilson's 95 % interval."""
    hits, cases = cases_of(right, weight)
    low, share, high = (float(bound[0]) for bound in wilson([hits], [cases]))
    return low, share, high


def information(p: Floats | float, y: Labels, weight: Floats) -> float:
    """Return what weights are multiplied with so that they add up to the cases that the rows are worth.

    Sums of weights speak of the population; how sure a likelihood makes of anything depends on the rows that were looked at. The
    factor makes its curvature that of the sandwich estimator: ``sum(w p (1 - p)) / sum(w² (y - p)²)``.

    Parameters
    ----------
    p : ndarray of shape (n,) or float
        Probability of each outcome.
    y, weight : ndarray of shape (n,)
    """
    noise = float((weight**2 * (y - p) ** 2).sum())
    return float((weight * p * (1 - p)).sum()) / noise if noise > 0 else 1.0 / float(weight.mean())


def spread_evenly(weight: Weight, rows: int, most: int) -> Places:
    """Return places of about ``most`` of ``rows`` rows that look like the population: evenly spaced along its rows."""
    if weight is None:
        return np.arange(rows)[:: max(1, rows // most)]
    ends = np.cumsum(weight)
    steps = (np.arange(most) + 0.5) / most * ends[-1]
    return np.unique(np.minimum(np.searchsorted(ends, steps), rows - 1))


def population_quantiles(values: Floats, at: Sequence[float], weight: Weight) -> Floats:
    """Return quantiles over the population, shape (k,), of values without NaN."""
    if weight is None:
        return np.quantile(values, at)
    return np.asarray(np.quantile(values, at, weights=weight, method="inverted_cdf"), np.float64)


def shares_below(values: Floats, weight: Floats) -> Floats:
    """Return the share of the population below each value, half of its equals counted, shape (n,)."""
    _, group = np.unique(values, return_inverse=True)
    size = np.bincount(group, weight)
    return np.asarray(((np.cumsum(size) - size / 2) / size.sum())[group], np.float64)
