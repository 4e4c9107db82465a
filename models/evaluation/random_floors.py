"""The floor promised to audiences: is the mean lower bound of an effect below what is measured on them?

As :mod:`tagcast.models.evaluation.random_audiences`, for what an approach changes: each audience that a random filter cuts is an
experiment of its own, and its measured effect has a standard error.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from tagcast.models.definitions.learned_from import EFFECTS
from tagcast.models.evaluation.random_audiences import LEAST_MEMBERS, STANDARD_ERRORS, different_audiences
from tagcast.models.evaluation.random_filters import RandomFilters

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int8]


@dataclass(frozen=True)
class FloorAudience:
    """One random audience: its filter, members, mean lower bound, measured effect and its standard error."""

    filter: str
    n: int
    floor: float
    effect: float
    error: float

    @property
    def broken(self) -> bool:
        """Whether the measured effect is below its floor by more than two standard errors."""
        return self.effect - self.floor < -STANDARD_ERRORS * self.error


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
    everybody = np.ones(len(y), bool)
    filters = RandomFilters(X, attributes, value, confidence, percentile, everybody, EFFECTS)
    rng = np.random.default_rng(seed)
    found = []
    for text, members in different_audiences(filters, rng, len(y), audiences, least):
        arms = [y[members & (treated == arm)].astype(float) for arm in (1, 0)]
        if min(map(len, arms)) < 2:
            continue
        effect = float(arms[0].mean() - arms[1].mean())
        error = float(sum(arm.var(ddof=1) / len(arm) for arm in arms)) ** 0.5
        found.append(FloorAudience(text, int(members.sum()), float(lower[members].mean()), effect, error))
    return tuple(found)
