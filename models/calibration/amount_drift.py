"""How the sum of amounts drifts away from the sum predicted, snapshot by snapshot, and what to expect of the next.

The one-number form of :mod:`tagcast.models.calibration.binary_drift`: the logarithm of what was spent over what was predicted follows an
autoregression around zero and is tracked by a Kalman filter. It corrects the mean, so that a month in which everybody
spends more does not bias the next one's predictions for ever, and says how unsure that correction is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from tagcast.models.calibration.binary_drift import Floats, faded

SPREAD = 0.1
"""Standard deviation of what the logarithm gains in one step."""
SEASON_SPREAD = 0.3
"""What is added where the whole window lies in a season that no snapshot has shown: a shop that sells a third more
before Christmas is one standard deviation away."""


@dataclass(frozen=True)
class AmountDrift:
    """What is known about the logarithm of amount over prediction.

    Parameters
    ----------
    day : date
        The snapshot whose outcomes were the last to tell.
    mean, variance : float
    """

    day: date
    mean: float
    variance: float

    def __post_init__(self) -> None:
        if not (np.isfinite(self.mean) and np.isfinite(self.variance) and self.variance > 0):
            raise ValueError("mean has to be finite and variance positive")

    @classmethod
    def before(cls, day: date) -> Self:
        """Return what is known before the first snapshot: a model is right as it is, give or take."""
        return cls(day, 0.0, SPREAD**2)

    def ahead(self, as_of: date, unseen: float = 0.0) -> AmountDrift:
        """Return what is known at ``as_of``; ``unseen`` is the window's share of a season that no snapshot showed."""
        left, gained = faded(self.day, as_of)
        variance = self.variance * left**2 + SPREAD**2 * gained + SEASON_SPREAD**2 * unseen
        return AmountDrift(self.day, self.mean * left, variance)

    def seen(self, predicted: Floats, amount: Floats, day: date) -> AmountDrift:
        """Return what is known once the amounts of a snapshot are: sums of shape (n,) arrays, and their error."""
        order = np.lexsort((amount, predicted))  # one order of addition, whatever the order of the rows
        mu, y = predicted[order], amount[order]
        if not y.sum() > 0:
            return AmountDrift(day, self.mean, self.variance)
        factor = float(y.sum() / mu.sum())
        noise = float(np.square(y - factor * mu).sum()) / float(y.sum()) ** 2
        gain = self.variance / (self.variance + max(noise, 1e-12))
        return AmountDrift(
            day, self.mean + gain * (float(np.log(factor)) - self.mean), self.variance * (1 - gain) + 1e-12
        )

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {"day": str(self.day), "mean": self.mean, "variance": self.variance}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Read what :meth:`to_json` wrote; KeyError, TypeError or ValueError where it is malformed."""
        return cls(date.fromisoformat(data["day"]), float(data["mean"]), float(data["variance"]))


def expected_and_seen(
    predicted: Floats, amount: Floats, snapshot: npt.NDArray[np.datetime64]
) -> Sequence[tuple[AmountDrift, AmountDrift, npt.NDArray[np.bool_]]]:
    """Return for each snapshot, in time, what was expected of it, what is known after it, and its rows.

    Parameters
    ----------
    predicted, amount : ndarray of shape (n,)
        By models that had not seen the amount; what came.
    snapshot : ndarray of shape (n,)
        Day of each case.
    """
    found: list[tuple[AmountDrift, AmountDrift, npt.NDArray[np.bool_]]] = []
    for day in np.unique(snapshot):
        rows = snapshot == day
        when = day.astype("datetime64[D]").item()
        expected = found[-1][1].ahead(when) if found else AmountDrift.before(when)
        found.append((expected, expected.seen(predicted[rows], amount[rows], when), rows))
    return found
