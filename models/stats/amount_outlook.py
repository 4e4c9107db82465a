"""What amounts are to be expected of many profiles: by the predicted amount alone, so that a run can carry it.

A tier's chance and the spread of one amount depend on the prediction only. A few knots of both let the amounts of any
audience be summed without the model at hand.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Row = tuple[float, ...]


@dataclass(frozen=True)
class AmountOutlook:
    """What a run knows of its amounts.

    Parameters
    ----------
    scores : tuple of float
        Knots of the predicted amount, rising.
    chances, most : tuple of tuple of float
        Of each tier at each knot: its probability, and the highest one over how far all amounts may move together.
    variance : tuple of float
        Of one amount, at each knot.
    spread : float
        Standard deviation of the logarithm of what all amounts have in common: how far they may move together.
    """

    scores: Row
    chances: tuple[Row, ...]
    most: tuple[Row, ...]
    variance: Row
    spread: float

    def chance(self, score: Floats, tier: int) -> Floats:
        """Return the probability of the tier at place ``tier``, shape (n,), for predictions of shape (n,)."""
        return np.interp(score, self.scores, self.chances[tier])

    def most_chance(self, score: Floats, tier: int) -> Floats:
        """Return the highest probability of the tier over how far all amounts may move together, shape (n,)."""
        return np.interp(score, self.scores, self.most[tier])

    def variance_of(self, score: Floats) -> Floats:
        """Return the variance of one amount around each prediction, shape (n,)."""
        return np.interp(score, self.scores, self.variance)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Read what ``dataclasses.asdict`` and JSON made of it."""
        chances, most = (tuple(tuple(row) for row in data[name]) for name in ("chances", "most"))
        return cls(tuple(data["scores"]), chances, most, tuple(data["variance"]), float(data["spread"]))
