"""Cases out of time on which decision rules are tried."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


Rows = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Cases:
    """Cases out of time: each scored by a model that had not seen its outcome; arrays of shape (n,).

    Parameters
    ----------
    profile_id : ndarray of str
    as_of : ndarray of datetime64[D]
    y : ndarray of int8
        Outcomes.
    score, lower, upper : ndarray of float
        Calibrated by the tables that the active model uses.
    """

    profile_id: npt.NDArray[np.str_]
    as_of: npt.NDArray[np.datetime64]
    y: npt.NDArray[np.int8]
    score: Floats
    lower: Floats
    upper: Floats

    @property
    def snapshots(self) -> list[tuple[str, Rows]]:
        """Day and rows of each snapshot, in order of time."""
        return [(str(day), self.as_of == day) for day in np.unique(self.as_of)]
