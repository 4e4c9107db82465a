"""What a score of each kind of tag means to who shows, sums or checks it: a chance, an amount, or a rule's certainty."""

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
    directions : tuple of str
        What a contribution above and below zero does.
    """

    most: float
    in_currency: bool
    directions: tuple[str, str]


SCALES = {
    "model": ScoreScale(1.0, False, ("towards yes", "towards no")),
    "amount": ScoreScale(sys.float_info.max, True, ("more", "less")),
    "rule": ScoreScale(1.0, False, ("holds", "does not hold")),
}
"""By kind of the definition."""
