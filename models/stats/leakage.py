"""Features that know too much: those that nearly tell the outcome alone, and those that live on their last day.

An honest feature of a customer's past carries some signal about the future and changes little when one day of it
is taken away. A feature made from the outcome (an account closed because the customer left, a status
written when the file was loaded) does one of two things: it separates the outcomes almost perfectly, or
nearly all its signal was written just before the time of prediction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tagcast.models.stats.metrics import Ranked, Ties, auc

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int8]

MAX_ROWS = 200_000
"""Rows that a power is measured on at most, evenly spaced: enough for three decimals."""


@dataclass(frozen=True)
class FeaturePower:
    """How well one feature alone ranks the outcomes: AUC, .5 (not at all) to 1, whichever way it points."""

    feature: str
    auc: float


@dataclass(frozen=True)
class LastDayLoss:
    """How well one feature alone predicts the outcome, and what is left of that without its last day.

    Parameters
    ----------
    feature : str
    auc : float
        With every event before the snapshot.
    auc_without : float
        With the events of the last day before the snapshot removed; same rows, same direction and the
        same place for the unknown.
    """

    feature: str
    auc: float
    auc_without: float

    @property
    def lost(self) -> float:
        """Share of the power above chance that the last day held: 0 nothing, 1 all of it, never below 0."""
        power = self.auc - 0.5
        left = max(self.auc_without - 0.5, 0.0)
        return max(0.0, 1 - left / power) if power > 0 else 0.0


def powers(y: Labels, X: Floats, features: Sequence[str]) -> tuple[FeaturePower, ...]:
    """Return the power of each feature, the strongest first (ties by name).

    Parameters
    ----------
    y : ndarray of shape (n,)
        Outcomes, 0 or 1.
    X : ndarray of shape (n, p)
        NaN is a value of its own: below or above all others, wherever it predicts more.
    features : sequence of str
        Names of the p columns.

    Notes
    -----
    With only one kind of outcome nothing can be ranked, and every power is NaN.
    """
    step = -(-len(y) // MAX_ROWS) or 1
    found = [FeaturePower(name, _best(y[::step], X[::step, j])[0]) for j, name in enumerate(features)]
    return tuple(sorted(found, key=lambda f: (-f.auc if f.auc == f.auc else 0.0, f.feature)))


def last_day_losses(
    y: Labels, X: Floats, X_without: Floats, features: Sequence[str]
) -> tuple[LastDayLoss, ...]:
    """Return what each feature loses without its last day, in the order of ``features``.

    Parameters
    ----------
    y : ndarray of shape (n,)
        Outcomes of one snapshot, 0 or 1.
    X, X_without : ndarray of shape (n, p)
        The same rows with and without the events of the last day before the snapshot.
    features : sequence of str
        Names of the p columns.
    """
    losses = []
    for j, name in enumerate(features):
        whole, (sign, unknown) = _best(y, X[:, j])
        without = _ranked(y, X_without[:, j], sign, unknown)
        losses.append(LastDayLoss(name, whole, without))
    return tuple(losses)


def _best(y: Labels, x: Floats) -> tuple[float, tuple[int, float]]:
    """Return the best AUC over direction and place of NaN, and the two that give it."""
    ways = [
        (auc.of_ties(Ties(*(part[::sign] for part in ties))), (sign, unknown))
        for sign in (1, -1)
        for unknown, ties in _by_place(y, x).items()
    ]
    return max(ways, key=lambda way: way[0])


def _by_place(y: Labels, x: Floats) -> dict[float, Ties]:
    """Return the groups of equal values with NaN below and above all others; sorted once, which is what takes time."""
    gone = np.isnan(x)
    if not gone.any():
        return {-np.inf: Ranked(y, x).ties()}
    unknown = Ranked(y[gone], np.zeros(int(gone.sum()))).ties()
    if gone.all():
        return {-np.inf: unknown}
    known = Ranked(y[~gone], x[~gone]).ties()
    joined = np.concatenate
    return {
        -np.inf: Ties(*map(joined, zip(unknown, known, strict=True))),
        np.inf: Ties(*map(joined, zip(known, unknown, strict=True))),
    }


def _ranked(y: Labels, x: Floats, sign: int, unknown: float) -> float:
    return auc(y, sign * np.where(np.isnan(x), unknown, x))
