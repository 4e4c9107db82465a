"""How good scores are: metrics and their bootstrap intervals.

Every metric is a pure function of ``(y, score, weight)`` with ``weight`` the times a row counts (1 by
default): a bootstrap resample is a vector of whole-number weights, so nothing is copied. All are
independent of the order of rows, ties in score included.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import update_wrapper
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tagcast.models.stats.numerics import looked_at, wilson

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int8]
Ids = npt.NDArray[np.str_] | npt.NDArray[np.object_]
Places = npt.NDArray[np.intp]
Figures = Callable[[Floats | None], Mapping[str, float]]
"""Of how often each row counts (None: once): every figure by its name."""

RESAMPLES = 200
BINS = 10
LIFT_SHARE = 0.1


@dataclass(frozen=True)
class Estimate:
    """A figure and its 95 % interval."""

    value: float
    low: float
    high: float


class Ties(NamedTuple):
    """Rows grouped by equal score, scores rising: score, weight, and weight of true outcomes of each."""

    score: Floats
    weight: Floats
    positive: Floats


class Ranked:
    """Outcomes in the order of their scores, and where each group of equal scores starts."""

    def __init__(self, y: Labels, score: Floats) -> None:
        """``y`` and ``score`` have shape (n,)."""
        self._order = np.argsort(score, kind="stable")
        ranked = score[self._order]
        self._start = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])
        self._y, self._score = y[self._order], ranked[self._start]

    def ties(self, weight: Floats | None = None) -> Ties:
        """Return the groups where each row counts ``weight`` times; once by default."""
        w = np.ones(len(self._y)) if weight is None else weight[self._order]
        return Ties(self._score, np.add.reduceat(w, self._start), np.add.reduceat(w * self._y, self._start))


class Metric:
    """A function of ``(y, score, weight)`` that looks at groups of equal scores only.

    Called with y of shape (n,), 0 or 1, score of shape (n,) and, where rows count several times, weight of
    shape (n,). A bootstrap sorts once and calls ``of_ties`` for each resample.
    """

    def __init__(self, of_ties: Callable[[Ties], float]) -> None:
        self.of_ties = of_ties
        update_wrapper(self, of_ties)

    def __call__(self, y: Labels, score: Floats, weight: Floats | None = None) -> float:
        """Return the figure; NaN where it is not defined."""
        return self.of_ties(Ranked(y, score).ties(weight))


@Metric
def auc(t: Ties) -> float:
    """Return the area under the ROC curve: the chance that a true case outranks a false one (ties half)."""
    negative = t.weight - t.positive
    below = np.cumsum(negative) - negative
    pairs = t.positive.sum() * negative.sum()
    return float((t.positive * (below + negative / 2)).sum() / pairs) if pairs else float("nan")


def implied_auc(score: Floats, weight: Floats | None = None) -> float:
    """Return the AUC that these scores would have on average if each were exactly right.

    Rows of like scores cannot be ranked well by anyone: this, not the AUC elsewhere, is what a part of a
    population is held against.
    """
    if weight is None:
        predicted, count = np.unique(score, return_counts=True)
    else:
        predicted, group = np.unique(score, return_inverse=True)
        count = np.bincount(group, weight)
    positive, negative = predicted * count, (1 - predicted) * count
    below = np.cumsum(negative) - negative
    pairs = positive.sum() * negative.sum()
    return float((positive * (below + negative / 2)).sum() / pairs) if pairs else float("nan")


@Metric
def average_precision(t: Ties) -> float:
    """Return precision averaged over the true cases, from the highest score down."""
    found, selected = np.cumsum(t.positive[::-1]), np.cumsum(t.weight[::-1])
    if not found[-1]:
        return float("nan")
    precision = np.divide(found, selected, out=np.zeros_like(found), where=selected > 0)
    return float((t.positive[::-1] * precision).sum() / found[-1])


@Metric
def log_loss(t: Ties) -> float:
    """Return the mean of -log(probability given to what happened)."""
    loss = -(t.positive * np.log(t.score) + (t.weight - t.positive) * np.log1p(-t.score))
    return float(loss.sum() / t.weight.sum())


@Metric
def brier(t: Ties) -> float:
    """Return the mean squared distance of probability and outcome."""
    loss = t.positive * (1 - t.score) ** 2 + (t.weight - t.positive) * t.score**2
    return float(loss.sum() / t.weight.sum())


@Metric
def calibration_error(t: Ties) -> float:
    """Return mean |mean score - observed rate| over ten bins of equal count, weighted by their cases.

    Rows of equal score share a bin: that of the group's middle rank. Sampling alone keeps it above 0.
    """
    total = t.weight.sum()
    middle = (np.cumsum(t.weight) - t.weight / 2) / total
    place = np.minimum((middle * BINS).astype(int), BINS - 1)
    predicted = np.bincount(place, t.weight * t.score, BINS)
    happened = np.bincount(place, t.positive, BINS)
    return float(np.abs(predicted - happened).sum() / total)


@Metric
def lift_at_10(t: Ties) -> float:
    """Return the rate of true outcomes among the top tenth by score over the rate among all.

    Of a group of equal scores at the boundary the needed part counts, at the group's rate.
    """
    size = LIFT_SHARE * t.weight.sum()
    if not t.positive.any():
        return float("nan")
    w, p = t.weight[::-1], t.positive[::-1]
    taken = np.clip(size - (np.cumsum(w) - w), 0, w)
    rate = np.divide(p, w, out=np.zeros_like(p), where=w > 0)
    return float((taken * rate).sum() / size / (p.sum() / w.sum()))


METRICS: dict[str, Metric] = {
    "auc": auc,
    "average_precision": average_precision,
    "log_loss": log_loss,
    "brier": brier,
    "calibration_error": calibration_error,
    "lift_at_10": lift_at_10,
}


def evaluate(
    y: Labels,
    score: Floats,
    rng: np.random.Generator,
    metrics: Sequence[str] = tuple(METRICS),
    profile_id: Ids | None = None,
    weight: Floats | None = None,
) -> dict[str, Estimate]:
    """Return every metric with its bootstrap interval (95 %, percentile, ``RESAMPLES`` resamples).

    Parameters
    ----------
    y : ndarray of shape (n,)
        Outcomes, 0 or 1.
    score : ndarray of shape (n,)
        Probabilities in (0, 1); any ranking where only rank metrics are requested.
    rng : Generator
        The same seed gives the same intervals, whatever the order of rows.
    metrics : sequence of str
        Names in ``METRICS``.
    profile_id : ndarray of shape (n,), optional
        Where a profile has several rows (pooled snapshots): profiles are resampled, not rows, since rows of
        one profile are alike and would make the intervals too narrow.
    weight : ndarray of shape (n,), optional
        How many rows each stands for (:mod:`tagcast.models.stats.draws`); rows, not those they stand for, are resampled.
    """
    order, whose = in_order((y, score), profile_id)
    ranked = Ranked(y[order], score[order])

    def figures(weight: Floats | None) -> dict[str, float]:
        ties = ranked.ties(weight)
        return {name: METRICS[name].of_ties(ties) for name in metrics}

    return bootstrap(figures, len(y), rng, whose, None if weight is None else weight[order])


def paired_difference(
    y: Labels, a: Floats, b: Floats, metric: str, rng: np.random.Generator, weight: Floats | None = None
) -> Estimate:
    """Return ``metric`` of ``a`` minus that of ``b`` on the same cases, over the same resamples."""
    order, _ = in_order((y, b, a))
    function = METRICS[metric].of_ties
    one, other = Ranked(y[order], a[order]), Ranked(y[order], b[order])

    def figures(weight: Floats | None) -> dict[str, float]:
        return {metric: function(one.ties(weight)) - function(other.ties(weight))}

    return bootstrap(figures, len(y), rng, weight=None if weight is None else weight[order])[metric]


def in_order(keys: Sequence[npt.NDArray[Any]], profile_id: Ids | None = None) -> tuple[Places, Places | None]:
    """Return the order of rows by ``keys``, the last one first, and in it the number of each row's profile.

    Resamples are drawn by place: in one order they do not depend on that in which the rows came.
    """
    if profile_id is None:
        return np.lexsort(keys), None
    whose = np.unique(profile_id.astype(str), return_inverse=True)[1]
    order = np.lexsort((whose, *keys))
    return order, whose[order]


def bootstrap(
    figures: Figures,
    n: int,
    rng: np.random.Generator,
    whose: Places | None = None,
    weight: Floats | None = None,
) -> dict[str, Estimate]:
    """Return each figure with its interval: all of them on the same resamples, of ``n`` rows or of the profiles ``whose``."""
    drawn = [figures(c if weight is None else c * weight) for c in _resamples(n, rng, whose)]
    return {name: _estimate(value, [d[name] for d in drawn]) for name, value in figures(weight).items()}


def _resamples(n: int, rng: np.random.Generator, whose: Places | None) -> Iterator[Floats]:
    """Yield how often each row counts; ``whose`` numbers the profile of each row."""
    drawn = n if whose is None else int(whose.max()) + 1
    for _ in range(RESAMPLES):
        weight = np.bincount(rng.integers(0, drawn, drawn), minlength=drawn).astype(float)
        yield weight if whose is None else weight[whose]


def _estimate(value: float, drawn: list[float]) -> Estimate:
    """Return a figure with the middle 95 % of what its resamples gave."""
    known = np.array(drawn)[~np.isnan(drawn)]  # a resample without any true case has no AUC
    if not len(known):
        return Estimate(value, float("nan"), float("nan"))
    low, high = np.quantile(known, [0.025, 0.975])
    return Estimate(value, float(low), float(high))


@dataclass(frozen=True)
class CalibrationBin:
    """Some rows of neighbouring score: what was predicted, and what happened with its 95 % interval (Wilson)."""

    n: int
    mean_score: float
    observed: float
    low: float
    high: float


def calibration_bins(y: Labels, score: Floats, weight: Floats | None = None) -> list[CalibrationBin]:
    """Return ten bins of equal count, scores rising; rows of equal score share a bin, so there may be fewer.

    Where rows stand for several (``weight``) the intervals are as wide as those that were looked at make them.
    """
    ranked = Ranked(y, score)
    t = ranked.ties(weight)
    middle = (np.cumsum(t.weight) - t.weight / 2) / t.weight.sum()
    place = np.minimum((middle * BINS).astype(int), BINS - 1)
    n = np.bincount(place, t.weight, BINS)
    filled = np.flatnonzero(n)
    predicted = np.bincount(place, t.weight * t.score, BINS)[filled] / n[filled]
    right, cases = (
        np.asarray(np.bincount(place, w, BINS)[filled], np.float64) for w in (t.positive, t.weight)
    )
    if weight is not None:
        squares = (
            np.asarray(np.bincount(place, s, BINS)[filled], np.float64) for s in ranked.ties(weight**2)[1:]
        )
        right, cases = looked_at(right / cases, cases, *squares)
    low, rate, high = wilson(right, cases)
    return [
        CalibrationBin(round(n[b]), *map(float, (predicted[k], rate[k], low[k], high[k])))
        for k, b in enumerate(filled)
    ]
