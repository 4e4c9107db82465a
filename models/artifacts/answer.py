"""What every model answers of profiles: a score and its bounds, and what is decided by them."""

from __future__ import annotations

from datetime import date
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int8]


class ScoreAndBounds(Protocol):
    """What every model predicts of n profiles: a score and its bounds, each of shape (n,)."""

    @property
    def score(self) -> Floats:
        """Calibrated probability, or amount."""

    @property
    def lower(self) -> Floats:
        """Lower bound, at most the score."""

    @property
    def upper(self) -> Floats:
        """Upper bound, at least the score."""


class AnyCalibrator(Protocol):
    """What makes score and bounds of what a scorer predicts."""

    def predict(self, predicted: Floats, as_of: date, unseen: float = 0.0, /) -> ScoreAndBounds:
        """Return them, for ``unseen`` as the share of the window whose season training never saw."""

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""


class Decided(NamedTuple):
    """Score, bounds and what is decided by them, each of shape (n,).

    ``value`` is the place in ``(*definition.values, "unknown")``; ``confidence`` the conservative probability that it
    is right, or would be where it is unknown.
    """

    score: Floats
    lower: Floats
    upper: Floats
    value: Codes
    confidence: Floats
