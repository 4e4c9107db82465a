"""Losses of cases on validation folds, what a difference between two of them is worth, and weights by them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tagcast.models.stats.draws import Weight, scaled, weighted_mean
from tagcast.models.stats.numerics import probability

Floats = npt.NDArray[np.float64]
PULL = 0.01
"""Log loss that weights cost for each unit of squared distance from those they are pulled to."""
LEAST_WEIGHT = 0.05
"""A part that weighs less is left out: it would cost time at every scoring and change nothing."""


class FoldLosses(NamedTuple):
    """Log loss of every case of a fold, shape (n,), and how many rows each stands for."""

    loss: Floats
    weight: Weight = None


CaseLosses = list[FoldLosses]
"""A fold each, in time order."""


def case_losses(y: npt.NDArray[np.int8], raw: Floats, weight: Weight = None) -> FoldLosses:
    """Return the log loss of each case, shape (n,), for raw log-odds."""
    p = probability(raw)
    return FoldLosses(-np.where(y == 1, np.log(p), np.log1p(-p)), weight)


def mean_loss(losses: CaseLosses) -> float:
    """Return the mean over folds of their mean log loss: a large snapshot counts no more than a small one."""
    return float(np.mean([weighted_mean(fold.loss, fold.weight) for fold in losses]))


def error_of_difference(a: CaseLosses, b: CaseLosses) -> float:
    """Return the standard error of the difference of mean losses on the same cases."""
    variances = (_variance(x.loss - z.loss, x.weight) for x, z in zip(a, b, strict=True))
    return float(np.sqrt(sum(variances))) / len(a)


def _variance(difference: Floats, weight: Weight) -> float:
    """Return the variance of the mean of a fold."""
    if weight is None:
        return float(difference.var() / len(difference))
    apart = difference - weighted_mean(difference, weight)
    return float((weight**2 * apart**2).sum() / weight.sum() ** 2)


def clearly_less(a: CaseLosses, b: CaseLosses, errors: float = 1.0) -> bool:
    """Return whether ``a`` loses less than ``b`` by more than so many standard errors of the difference."""
    return mean_loss(a) < mean_loss(b) - errors * error_of_difference(a, b)


def learn_weights(
    raw: Sequence[Floats],
    y: Sequence[npt.NDArray[np.int8]],
    home: Floats,
    stands_for: Sequence[Weight] | None = None,
) -> Floats:
    """Return weights of the parts, none below zero, adding up to 1, in whole hundredths.

    They minimise the mean log loss over the folds, pulled towards ``home``; a part under ``LEAST_WEIGHT`` gets
    none.

    Parameters
    ----------
    raw : sequence of ndarray of shape (n, k)
        Log-odds of each part on each fold.
    y : sequence of ndarray of shape (n,)
    home : ndarray of shape (k,)
        Weights to take where the folds say nothing, adding up to 1.
    stands_for : sequence of ndarray of shape (n,), optional
        How many rows each case stands for.
    """
    from scipy.optimize import minimize

    k = raw[0].shape[1]
    counts = [scaled(weight) for weight in stands_for or [None] * len(y)]

    def loss(w: Floats) -> tuple[float, Floats]:
        total, slope = PULL * float(((w - home) ** 2).sum()), 2 * PULL * (w - home)
        for r, happened, count in zip(raw, y, counts, strict=True):
            z = (r * w).sum(axis=1)
            one = 1.0 if count is None else count
            total += float((one * (np.logaddexp(0, z) - happened * z)).mean()) / len(raw)
            slope = slope + ((one * (1 / (1 + np.exp(-z)) - happened))[:, None] * r).mean(axis=0) / len(raw)
        return total, slope

    best = minimize(
        loss, np.full(k, 1 / k), jac=True, method="SLSQP", bounds=[(0, 1)] * k,
        constraints=[{"type": "eq", "fun": lambda w: w.sum() - 1, "jac": np.ones_like}],
    )  # fmt: skip
    w = np.where(best.x < LEAST_WEIGHT, 0.0, best.x)
    w = np.round(w / w.sum(), 2)
    w[int(np.argmax(w))] += 1 - w.sum()
    whole: Floats = np.round(w, 2)
    return whole
