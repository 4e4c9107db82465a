"""How good predicted amounts are: errors, ranking, intervals and tiers, each with its bootstrap interval.

As in :mod:`tagcast.models.stats.metrics` every figure is a function of rows and the times each counts, so that a resample is a
vector of weights.
"""

from __future__ import annotations

import numpy as np

from tagcast.models.stats.metrics import CalibrationBin, Estimate, Floats, Ids, Places, bootstrap, in_order
from tagcast.models.stats.numerics import DEVIATIONS_95

COVERAGE = 0.8
"""Share of amounts that an interval is to hold."""
MAX_COVERAGE_ERROR = 0.05
BINS = 10


def mae(amount: Floats, score: Floats, weight: Floats | None = None) -> float:
    """Return the mean absolute error, in the currency of the data."""
    return float(np.average(np.abs(score - amount), weights=weight))


def rmse(amount: Floats, score: Floats, weight: Floats | None = None) -> float:
    """Return the root of the mean squared error, in the currency of the data."""
    return float(np.sqrt(np.average(np.square(score - amount), weights=weight)))


def spearman(amount: Floats, score: Floats, weight: Floats | None = None) -> float:
    """Return the rank correlation, ties at their middle ranks; NaN where either is constant."""
    w = np.ones(len(amount)) if weight is None else weight
    a, s = _ranks(amount, w), _ranks(score, w)
    a, s = a - np.average(a, weights=w), s - np.average(s, weights=w)
    spread = float((w * a * a).sum() * (w * s * s).sum())
    return float((w * a * s).sum() / np.sqrt(spread)) if spread > 0 else float("nan")


def _ranks(values: Floats, weight: Floats) -> Floats:
    """Return the middle rank of each row among rows that count ``weight`` times."""
    _, group = np.unique(values, return_inverse=True)
    size = np.bincount(group, weight)
    return np.asarray((np.cumsum(size) - size / 2)[group], np.float64)


POINT_METRICS = {"mae": mae, "rmse": rmse, "spearman": spearman}


def evaluate_points(
    amount: Floats, score: Floats, rng: np.random.Generator, profile_id: Ids | None = None
) -> dict[str, Estimate]:
    """Return MAE, RMSE and Spearman of ``score`` with 95 % bootstrap intervals, whatever the order of rows.

    Where a profile has several rows (pooled snapshots), ``profile_id`` says whose each is: profiles are resampled then.
    """
    order, whose = in_order((amount, score), profile_id)
    y, s = amount[order], score[order]
    return bootstrap(lambda w: _points(y, s, w), len(y), rng, whose)


def paired_points(amount: Floats, a: Floats, b: Floats, rng: np.random.Generator) -> dict[str, Estimate]:
    """Return each point metric of ``a`` minus that of ``b``, over the same resamples."""
    order, _ = in_order((amount, b, a))
    y, a, b = amount[order], a[order], b[order]

    def figures(weight: Floats | None) -> dict[str, float]:
        mine, other = _points(y, a, weight), _points(y, b, weight)
        return {name: mine[name] - other[name] for name in mine}

    return bootstrap(figures, len(y), rng)


def _points(amount: Floats, score: Floats, weight: Floats | None) -> dict[str, float]:
    return {name: metric(amount, score, weight) for name, metric in POINT_METRICS.items()}


def evaluate_tiers(
    amount: Floats,
    lower: Floats,
    upper: Floats,
    tier: Places,
    true_tier: Places,
    confidence: Floats,
    rng: np.random.Generator,
    profile_id: Ids | None = None,
) -> dict[str, Estimate]:
    """Return how intervals and tiers turned out, with 95 % bootstrap intervals.

    Parameters
    ----------
    amount, lower, upper, confidence : ndarray of shape (n,)
    tier, true_tier : ndarray of shape (n,)
        Said and true place of the tier.
    rng : Generator
    profile_id : ndarray of shape (n,), optional
        As :func:`evaluate_points` takes it.

    Returns
    -------
    dict
        ``coverage`` (share of amounts inside their interval), ``width`` (mean, in the currency of the data),
        ``tier_accuracy`` (share of tiers that were right), ``mean_confidence`` and ``promise_margin`` (share right
        minus mean confidence: below 0 more was promised than came).
    """
    order, whose = in_order((confidence, tier, upper, lower, amount), profile_id)
    inside = ((amount >= lower) & (amount <= upper))[order].astype(float)
    width, right = (upper - lower)[order], (tier == true_tier)[order].astype(float)
    sure = confidence[order]
    cases = {
        "coverage": inside,
        "width": width,
        "tier_accuracy": right,
        "mean_confidence": sure,
        "promise_margin": right - sure,
    }

    def figures(weight: Floats | None) -> dict[str, float]:
        return {name: float(np.average(values, weights=weight)) for name, values in cases.items()}

    return bootstrap(figures, len(amount), rng, whose)


def confusion(tier: Places, true_tier: Places, tiers: int, weight: Floats | None = None) -> list[list[int]]:
    """Return how often each predicted tier (row) turned out to be each true one (column), each case ``weight`` times."""
    counts = np.bincount(tier * tiers + true_tier, weight, tiers * tiers)
    return [list(map(round, row)) for row in counts.reshape(tiers, tiers).tolist()]


def coverage_bounds(none: float) -> tuple[float, float]:
    """Return the least and the highest share of amounts that honest intervals hold, where ``none`` spend nothing.

    An interval that starts at zero holds everybody who spends nothing, be they more than asked.
    """
    return COVERAGE - MAX_COVERAGE_ERROR, max(COVERAGE + MAX_COVERAGE_ERROR, none + (1 - none) * COVERAGE)


def amount_bins(amount: Floats, score: Floats) -> list[CalibrationBin]:
    """Return mean prediction and mean amount of ten bins of equal count, with the 95 % interval of the mean."""
    found = []
    for b in bin_rows(amount, score):
        mean, half = float(amount[b].mean()), DEVIATIONS_95 * float(amount[b].std()) / np.sqrt(len(b))
        found.append(CalibrationBin(len(b), float(score[b].mean()), mean, mean - half, mean + half))
    return found


def bin_rows(amount: Floats, score: Floats) -> list[Places]:
    """Return the rows of each of the bins, predictions rising."""
    return [rows for rows in np.array_split(np.lexsort((amount, score)), BINS) if len(rows)]
