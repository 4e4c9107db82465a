"""The few rows on which a candidate is tried before a long training."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

ROWS = 400


def few_rows(X: Floats, target: Floats, rows: npt.NDArray[np.bool_], seed: int) -> npt.NDArray[np.intp]:
    """Return places of at most some hundred of ``rows``: of either outcome, and of each feature one known and one unknown.

    Parameters
    ----------
    X : ndarray of shape (n, p)
    target : ndarray of shape (n,)
        0 or 1, or amounts.
    rows : ndarray of bool, shape (n,)
        Those that may be learned from.
    seed : int
    """
    order = np.random.default_rng(seed).permutation(np.flatnonzero(rows))
    some = target[order] > 0
    chosen = [order[some][: ROWS // 2], order[~some][: ROWS // 2]]
    unknown = np.isnan(X[order])
    chosen += [order[here.argmax(axis=0)[here.any(axis=0)]] for here in (unknown, ~unknown)]
    return np.unique(np.concatenate(chosen))
