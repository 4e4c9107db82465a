"""The floor promised to audiences: is the mean lower bound of an effect below what is measured on them?

As :mod:`tagcast.models.evaluation.random_audiences`, for what an approach changes: each audience that a random filter cuts is an
experiment of its own, and its measured effect has a standard error.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from tagcast.models.definitions.decision_rules import EFFECTS
from tagcast.models.evaluation.random_audiences import (
    LEAST_MEMBERS,
    STANDARD_ERRORS,
    AudiencePromise,
    different_audiences,
)
from tagcast.models.evaluation.random_filters import RandomFilters

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int8]
Rows = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class FloorAudience:
    """One random audience: its filter, members, mean lower bound, measured effect and its standard error."""

    filter: str
    n: int
    floor: float
    effect: float
    error: float

    @property
    def mean_confidence(self) -> float:
        """What was promised: the floor."""
        return self.floor

    @property
    def share_right(self) -> float:
        """What came: the measured effect."""
        return self.effect

    @property
    def excess(self) -> float:
        """Measured effect minus floor: below zero less was kept than promised."""
        return self.effect - self.floor

    @property
    def deviation(self) -> float:
        """The excess in standard errors of the measured effect."""
        return self.excess / self.error if self.error else math.copysign(math.inf, self.excess)

    @property
    def broken(self) -> bool:
        """Whether the measured effect is below its floor by more than two standard errors."""
        return self.deviation < -STANDARD_ERRORS


def audience_floors(
    X: pd.DataFrame,
    attributes: pd.DataFrame | None,
    value: npt.NDArray[np.object_],
    confidence: Floats,
    percentile: Floats,
    lower: Floats,
    y: Labels,
    treated: Labels,
    *,
    audiences: int = 1000,
    least: int = LEAST_MEMBERS,
    seed: int = 0,
) -> tuple[FloorAudience, ...]:
    """Draw random filters over cases of an experiment at random, and hold the floor of each audience against its two arms.

    Parameters
    ----------
    X : DataFrame of shape (n, p)
    attributes : DataFrame of shape (n, a), optional
    value, confidence, percentile, lower : ndarray of shape (n,)
        As scored by a model that has not seen the cases.
    y, treated : ndarray of shape (n,)
        0 or 1; chance alone decided who was approached.
    audiences, least : int
        How many to judge, and members that each needs. One with an empty arm is left out.
    seed : int

    Returns
    -------
    tuple of FloorAudience
        In the order drawn.
    """

    def measured(members: Rows) -> tuple[float, float] | None:
        arms = [y[members & (treated == arm)].astype(float) for arm in (1, 0)]
        if min(map(len, arms)) < 2:
            return None
        effect = float(arms[0].mean() - arms[1].mean())
        return effect, float(sum(arm.var(ddof=1) / len(arm) for arm in arms)) ** 0.5

    return _drawn(X, attributes, value, confidence, percentile, lower, measured, audiences, least, seed)


def floor_promise(
    X: pd.DataFrame,
    attributes: pd.DataFrame | None,
    value: npt.NDArray[np.object_],
    confidence: Floats,
    percentile: Floats,
    lower: Floats,
    effect: Floats,
    *,
    audiences: int,
    seed: int,
    least: int = LEAST_MEMBERS,
) -> AudiencePromise:
    """Draw random filters over cases of an experiment, and hold the floor of each audience against its mean pseudo-outcome.

    Parameters
    ----------
    X, attributes, value, confidence, percentile, lower
        As of :func:`audience_floors`.
    effect : ndarray of shape (n,)
        Pseudo-outcomes, which need no approach at random.
    audiences, seed, least : int

    Returns
    -------
    AudiencePromise
        Its rows are :class:`FloorAudience`; what chance alone would break is not known.
    """

    def measured(members: Rows) -> tuple[float, float]:
        of = effect[members]
        return float(of.mean()), float(of.std(ddof=1)) / math.sqrt(len(of))

    rows = _drawn(X, attributes, value, confidence, percentile, lower, measured, audiences, least, seed)
    broken = float(np.mean([one.broken for one in rows])) if rows else math.nan
    excess = float(np.mean([one.excess for one in rows])) if rows else math.nan
    return AudiencePromise(len(rows), audiences, least, broken, excess, math.nan, rows)


def _drawn(
    X: pd.DataFrame, attributes: pd.DataFrame | None, value: npt.NDArray[np.object_], confidence: Floats,
    percentile: Floats, lower: Floats, measured: Callable[[Rows], tuple[float, float] | None], audiences: int,
    least: int, seed: int,
) -> tuple[FloorAudience, ...]:  # fmt: skip
    """Return random audiences with their floor, and the effect and its error that ``measured`` returns of their members."""
    n = len(lower)
    filters = RandomFilters(X, attributes, value, confidence, percentile, np.ones(n, bool), EFFECTS)
    found = []
    for text, members in different_audiences(filters, np.random.default_rng(seed), n, audiences, least):
        if (came := measured(members)) is not None:
            found.append(FloorAudience(text, int(members.sum()), float(lower[members].mean()), *came))
    return tuple(found)
