"""What a score of each kind of tag means to who shows, sums or checks it: a chance, an amount, a difference, or a rule's certainty."""

from __future__ import annotations

import sys
from dataclasses import dataclass


@dataclass(frozen=True)
class ScoreScale:
    """How scores and bounds of a kind are read.

    Parameters
    ----------
    most : float
        No score lies above it.
    in_currency : bool
        Whether scores are amounts in the currency of the data rather than probabilities.
    least : float
        No score lies below it.
    is_difference : bool
        Whether a score is what an approach changes in a probability, so that nobody's own can be seen.
    directions : tuple of str
        What a contribution above and below zero does.
    """

    most: float
    in_currency: bool
    directions: tuple[str, str]
    least: float = 0.0
    is_difference: bool = False

    @property
    def is_chance(self) -> bool:
        """Whether a score is the probability of what the tag says, so that scores add up to how many of an audience to expect."""
        return not (self.in_currency or self.is_difference)


SCALES = {
    "model": ScoreScale(1.0, False, ("towards yes", "towards no")),
    "amount": ScoreScale(sys.float_info.max, True, ("more", "less")),
    "uplift": ScoreScale(1.0, False, ("more persuaded", "less persuaded"), -1.0, is_difference=True),
    "rule": ScoreScale(1.0, False, ("holds", "does not hold")),
}
"""By kind of the definition."""
