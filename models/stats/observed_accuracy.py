"""Promised against actual: how confident the predictions were, how many came true, and how good the scores were.

What is measured of a run is a mean over its cases, or follows from means: its interval comes from what each case moves it by, which costs
no resamples, and the cases of one person count as one. Of an AUC that is the interval of DeLong, DeLong and Clarke-Pearson (1988).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tagcast.models.filters.fields import YES_NO
from tagcast.models.stats.amount_metrics import mae, rmse
from tagcast.models.stats.draws import Weight, cases_of, counted, part, weighted_mean
from tagcast.models.stats.metrics import Estimate, auc, log_loss
from tagcast.models.stats.numerics import DEVIATIONS_95, clip, wilson

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int8]

CONFIDENCE_BANDS = (0.0, 0.6, 0.8, 0.9)
"""Levels of confidence at which promises are compared with what came; 0 for all predictions."""


@dataclass(frozen=True)
class PromiseBand:
    """The predictions with at least a confidence, and how many turned out right.

    Parameters
    ----------
    confidence : float
        Lower end of the band; bands nest (>= .6 holds >= .8).
    predicted : int
        Profiles whose value was not unknown.
    mean_confidence, share_right : float
        NaN where nothing was predicted. The promise is kept where share_right >= mean_confidence.
    cases : float, optional
        As many cases as tell ``share_right`` that exactly, where rows stand for several; else as many as ``predicted``.
    """

    confidence: float
    predicted: int
    mean_confidence: float
    share_right: float
    cases: float | None = None

    @property
    def error(self) -> float:
        """Standard error that a share of ``mean_confidence`` has among so many cases."""
        promised = self.mean_confidence
        return math.sqrt(promised * (1 - promised) / (self.cases or self.predicted))


def promise_and_reality(
    came: Labels | npt.NDArray[np.object_],
    value: npt.NDArray[np.object_],
    confidence: Floats,
    levels: Sequence[float] = (0.6, 0.8, 0.9),
    weight: Weight = None,
) -> list[PromiseBand]:
    """Return, for each confidence level, what was promised and what came.

    Parameters
    ----------
    came : ndarray of shape (n,)
        What happened: 0 or 1, or as words the value that would have been right.
    value : ndarray of shape (n,)
        ``yes``, ``no``, a tier, or ``unknown``; unknown predicts nothing.
    confidence : ndarray of shape (n,)
    weight : ndarray of shape (n,), optional
        How many rows each stands for.
    """
    predicted, right = value != "unknown", value == as_words(came)
    bands = []
    for level in levels:
        rows = predicted & (confidence >= level)
        if not rows.any():
            bands.append(PromiseBand(level, 0, float("nan"), float("nan")))
            continue
        own = part(weight, rows)
        order = np.argsort(
            confidence[rows], kind="stable"
        )  # one order of addition, whatever that of the rows
        bands.append(
            PromiseBand(
                level,
                counted(rows, weight),
                weighted_mean(confidence[rows][order], part(own, order)),
                weighted_mean(right[rows], own),
                None if own is None else cases_of(right[rows], own)[1],
            )
        )
    return bands


def as_words(came: Labels | npt.NDArray[np.object_]) -> npt.NDArray[np.object_]:
    """Return what happened as values: yes and no for 1 and 0, words as they are."""
    if came.dtype == object:
        return came.astype(object, copy=False)
    return np.where(came == 1, *YES_NO).astype(object)


@dataclass(frozen=True)
class Figure:
    """A figure of some cases, and what each of them moves it by.

    Parameters
    ----------
    value : float
    moved_by : ndarray of shape (n,)
        Mean 0: the figure of other cases of the same kind differs by the mean of theirs.
    """

    value: float
    moved_by: Floats

    def __sub__(self, other: Figure) -> Figure:
        """Return the paired difference of two figures of the same cases."""
        return Figure(self.value - other.value, self.moved_by - other.moved_by)

    def estimate(self, whose: npt.NDArray[np.intp]) -> Estimate:
        """Return the figure with its 95 % interval.

        Parameters
        ----------
        whose : ndarray of shape (n,)
            The number of each case's person, from 0: cases of one person are alike.
        """
        together = np.bincount(whose, self.moved_by)
        half = DEVIATIONS_95 * math.sqrt(float((together**2).sum())) / len(self.moved_by)
        return Estimate(self.value, self.value - half, self.value + half)


def score_figures(y: Labels, score: Floats) -> dict[str, Figure]:
    """Return AUC and log loss of scores; nothing where all outcomes are alike, which nobody can rank.

    Parameters
    ----------
    y, score : ndarray of shape (n,)
        Outcomes, 0 or 1, and chances.
    """
    true = int(y.sum())
    if not 0 < true < len(y):
        return {}
    p = clip(score)
    loss = -np.where(y == 1, np.log(p), np.log1p(-p))
    mean = log_loss(y, p)
    return {"auc": _auc(y, score), "log_loss": Figure(mean, loss - loss.mean())}


def amount_figures(amount: Floats, score: Floats) -> dict[str, Figure]:
    """Return the mean absolute error and the root of the mean squared one; nothing without cases."""
    if not len(amount):
        return {}
    error, square = np.abs(score - amount), np.square(score - amount)
    root = rmse(amount, score)
    moved = (square - square.mean()) / (2 * root) if root else np.zeros(len(amount))
    return {"mae": Figure(mae(amount, score), error - error.mean()), "rmse": Figure(root, moved)}


def value_figures(y: Labels, yes: npt.NDArray[np.bool_]) -> dict[str, Estimate]:
    """Return the rate, and precision and recall of a yes, each with Wilson's interval; those that the outcomes can tell."""
    right = int(y[yes].sum())
    counts = {"rate": (int(y.sum()), len(y)), "precision": (right, int(yes.sum()))}
    if yes.any():
        counts["recall"] = (right, int(y.sum()))
    return {name: _share(*count) for name, count in counts.items() if count[1]}


def _share(right: int, cases: int) -> Estimate:
    low, share, high = (float(x[0]) for x in wilson([right], [cases]))
    return Estimate(share, low, high)


def _auc(y: Labels, score: Floats) -> Figure:
    _, group = np.unique(score, return_inverse=True)
    true = np.bincount(group, y)
    false = np.bincount(group) - true
    below = (np.cumsum(false) - false / 2) / false.sum()
    above = 1 - (np.cumsum(true) - true / 2) / true.sum()
    value, rate = auc(y, score), float(y.mean())
    moved = np.where(y == 1, (below[group] - value) / rate, (above[group] - value) / (1 - rate))
    return Figure(value, moved)
