"""Which lift a campaign would see before it is made: by its size, the share held out, and how much the score explains."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

from tagcast.models.stats.lift.estimates import LEVEL

POWER = 0.8
"""Chance that a lift of the size named is seen."""


def planned_variance(chances: npt.ArrayLike) -> float:
    """Return the variance of a yes or no that calibrated chances leave unexplained: the mean of ``p (1 - p)``."""
    p = np.asarray(chances, np.float64)
    return float((p * (1 - p)).mean())


def smallest_lift(members: int, share: float, variance: float) -> float | None:
    """Return the lift from which on a campaign sees it in four cases of five, in the unit of the outcome.

    Parameters
    ----------
    members : int
        Given and held out together.
    share : float
        Of them that is held out.
    variance : float
        Of a member's outcome, beyond what is known before; .25 is the most that a yes or no can have.

    Returns
    -------
    float or None
        None where an arm would have fewer than two members.
    """
    held_out = round(members * share)
    given = members - held_out
    if min(given, held_out) < 2:
        return None
    z = norm.isf((1 - LEVEL) / 2) + norm.ppf(POWER)
    return float(z * np.sqrt(variance * (1 / given + 1 / held_out)))
