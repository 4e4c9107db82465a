"""The lift of a campaign whose window is still open, with an interval that may be looked at on any day."""

from __future__ import annotations

import math

import numpy.typing as npt

from tagcast.models.stats.lift.estimates import (
    LEVEL,
    Lift,
    adjusted_difference,
    checked_arms,
    few_outcomes,
    lift_of,
    newcombe,
)

_TARGET = -2 * math.log(1 - LEVEL) + math.log(-2 * math.log(1 - LEVEL)) + 1
"""Share of the mixture's scale at which its interval is narrowest (Waudby-Smith and others, 2024, appendix B.2)."""


def lift_so_far(
    y: npt.ArrayLike,
    given: npt.ArrayLike,
    planned_variance: float,
    days: int,
    known_before: npt.ArrayLike | None = None,
) -> Lift:
    """Return the lift so far with an asymptotic confidence sequence: 19 times of 20 it holds on every day of the window.

    A campaign without any effect is taken for one that has some on no day, 19 times of 20, however often it is looked at. The
    price is an interval half as wide again as that of one look.

    Parameters
    ----------
    y, given, known_before
        As of :func:`tagcast.models.stats.lift.estimates.lift_at_end`; outcomes until now.
    planned_variance : float
        Of a member's outcome at the end of the window, beyond what was known before explains; from what was known before the
        campaign, since a plan that follows the outcomes would break the level. A wrong one costs width alone.
    days : int
        Looks at most: while outcomes are few the interval is Newcombe's, its error shared out among so many.

    Notes
    -----
    Members all start at once, outcomes come in over the window: under no effect the weighted sum of outcomes is a process with
    independent increments whose clock is its variance. The boundary is Robbins' normal mixture on that clock (Waudby-Smith,
    Arbour, Sinha, Kennedy and Ramdas, 2024: *Time-uniform central limit theory and asymptotic confidence sequences*).
    """
    outcome, arm = checked_arms(y, given)
    if few_outcomes(outcome, arm):
        from scipy.stats import norm

        return newcombe(outcome, arm, float(norm.isf((1 - LEVEL) / 2 / days)))
    found = adjusted_difference(outcome, arm, known_before)
    sizes = int(arm.sum()), int((~arm).sum())
    planned = planned_variance * (1 / sizes[0] + 1 / sizes[1])
    half = math.inf
    if found.variance > 0 and planned > 0:
        clock = _TARGET * found.variance / planned
        wide = (1 + 1 / clock) * (-2 * math.log(1 - LEVEL) + math.log1p(clock))
        half = math.sqrt(found.variance * wide)
    return lift_of(outcome, arm, found.value, half, "sequence")
