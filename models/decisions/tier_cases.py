"""Cases out of time of an amount, on which its tiers are tried."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tagcast.models.decisions.cases import Cases, Floats, Rows

Places = npt.NDArray[np.intp]


@dataclass(frozen=True)
class TierCases:
    """Cases out of time, each predicted by a model that had not seen its amount; arrays of shape (n,).

    Parameters
    ----------
    profile_id : ndarray of str
    as_of : ndarray of datetime64[D]
    amount : ndarray of float
        What came.
    score, lower, upper : ndarray of float
        Calibrated by the tables that the active model uses.
    tier, true_tier : ndarray of int
        Place of the likeliest tier, and of the one that came.
    confidence : ndarray of float
    """

    profile_id: npt.NDArray[np.str_]
    as_of: npt.NDArray[np.datetime64]
    amount: Floats
    score: Floats
    lower: Floats
    upper: Floats
    tier: Places
    true_tier: Places
    confidence: Floats

    @property
    def snapshots(self) -> list[tuple[str, Rows]]:
        """Each snapshot with its rows, in order of time."""
        return self.from_tier(0).snapshots

    def from_tier(self, place: int) -> Cases:
        """Return the cases of the question whether the amount reaches the tier at ``place``."""
        reached = (self.true_tier >= place).astype(np.int8)
        return Cases(self.profile_id, self.as_of, reached, self.score, self.lower, self.upper)
