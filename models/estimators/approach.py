"""Whom a campaign approached, as a column that models learn from beside the features, and that is 0 wherever they predict."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

APPROACH = "approached by a campaign"
"""Name of the column, the last one: 1 where a campaign approached the profile within the row's window, else 0."""


def unapproached(
    X: npt.NDArray[np.float64], approach: int | None
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_] | slice]:
    """Return the features of those whom no campaign approached, and which rows of X they are.

    What cannot learn from the column learns from these.

    Parameters
    ----------
    X : ndarray of shape (n, p)
    approach : int or None
        Place of the column, the last one; None where there is none: then these are all.
    """
    if approach is None:
        return X, slice(None)
    rows = X[:, approach] == 0
    return np.ascontiguousarray(X[rows, :approach]), rows
