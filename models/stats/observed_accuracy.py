"""Promised against actual: how confident the predictions were, and how many came true."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tagcast.models.filters.fields import YES_NO
from tagcast.models.stats.draws import Weight, cases_of, counted, part, weighted_mean

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
