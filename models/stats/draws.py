"""Training on part of the rows: which are drawn, and figures over rows that stand for several.

Where there are more rows than learning gains from, each snapshot's are drawn without looking at anything but the outcome:
those whose hash is lowest. A drawn row's *weight* is how many rows of its snapshot and outcome it stands for, so that sums
of weights are the population's own counts. Everywhere ``weight`` is None where all rows are there: each counts once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
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
_BITS = 52
"""Of a hash: as many as a float64 holds exactly."""


class Drawn(NamedTuple):
    """The rows of a draw, rising, and what each weighs."""

    rows: Places
    weight: Floats


def places(profile_id: Sequence[str], as_of: date) -> Floats:
    """Return a number in [0, 1) of each profile, shape (n,), that looks random and is the same everywhere.

    It is made of the first 52 bits of ``md5('<as_of> <profile_id>')``, which any database computes alike. The day is part of
    it, so that snapshots draw different profiles: rows of the same profile tell less than rows of two.

    Examples
    --------
    >>> places(["c1", "c2"], date(2025, 1, 1)).round(4)
    array([0.3639, 0.5109])
    """
    salt = hashlib.md5(f"{as_of} ".encode(), usedforsecurity=False)

    def first_bytes(profile: str) -> bytes:
        own = salt.copy()
        own.update(profile.encode())
        return own.digest()[:8]

    bits = np.frombuffer(b"".join(map(first_bytes, profile_id)), ">u8").astype(np.uint64)
    return (bits >> np.uint64(64 - _BITS)).astype(np.float64) / 2.0**_BITS


def draw(
    profile_id: npt.NDArray[np.object_], as_of: npt.NDArray[Any], y: Labels, *, by_outcome: bool
) -> Drawn | None:
    """Return which rows a training learns from; None where all of them.

    Parameters
    ----------
    profile_id : ndarray of shape (n,)
    as_of : ndarray of shape (n,)
        The snapshot of each row, as dates.
    y : ndarray of shape (n,)
        Outcomes, 0 or 1.
    by_outcome : bool
        Whether the rarer outcome may be drawn more heavily: up to half of ``MODEL_ROWS`` are of it. Else all rows of a snapshot
        weigh the same.
    """
    if len(y) <= MOST_ROWS:
        return None
    days = sorted(set(as_of.tolist()))
    groups = [y == 1, y == 0] if by_outcome else [np.ones(len(y), bool)]
    groups = sorted((group for group in groups if group.any()), key=np.count_nonzero)
    rows, weights, left = [], [], MODEL_ROWS
    for place, group in enumerate(groups):
        count = int(group.sum())
        share = min(1.0, left // (len(groups) - place) / count)
        left -= round(share * count)
        for day in days:
            own = np.flatnonzero(group & (as_of == day))
            if not len(own):
                continue
            taken = max(1, round(share * len(own)))
            order = np.argsort(places(profile_id[own].tolist(), day), kind="stable")
            rows.append(own[order[:taken]])
            weights.append(np.full(taken, len(own) / taken))
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
