"""How far a distribution has moved: the population stability index."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

BINS = 10
ROWS_A_BIN = 100
"""Chance alone gives about 2 (bins - 1) / rows: .18 for ten bins of ten rows, .018 for ten of a hundred."""
LEAST_SHARE = 1e-4


def psi(expected: Floats, found: Floats) -> float:
    """Return the population stability index of two distributions over the same bins.

    Parameters
    ----------
    expected, found : ndarray of shape (bins,)
        Shares that sum to 1. An empty bin counts as ``LEAST_SHARE``: its logarithm has no value.

    Notes
    -----
    Sum of (found - expected) · ln(found / expected): the two Kullback-Leibler divergences together
    (Siddiqi, Credit Risk Scorecards, 2006). 0 for equal distributions.

    Examples
    --------
    >>> round(psi(np.array([0.5, 0.5]), np.array([0.6, 0.4])), 4)
    0.0405
    """
    e, f = np.maximum(expected, LEAST_SHARE), np.maximum(found, LEAST_SHARE)
    return float(((f - e) * np.log(f / e)).sum())


def score_psi(reference: Floats, scores: Floats) -> float:
    """Return the PSI of ``scores`` against ``reference`` over bins of equal count of ``reference``.

    Parameters
    ----------
    reference, scores : ndarray of shape (n,), (m,)
        Probabilities, in any order. Few rows make fewer bins, so that chance does not look like change; equal scores
        share a bin.

    Returns
    -------
    float
        NaN where either is empty.
    """
    if not len(reference) or not len(scores):
        return float("nan")
    bins = int(np.clip(min(len(reference), len(scores)) // ROWS_A_BIN, 2, BINS))
    # Calibrated scores stand in lumps. An edge halfway to the next lump leaves a lump that moves a little
    # in its bin; an edge on it would count all of it as moved. The ends are those of a probability.
    values = np.unique(reference)
    places = np.searchsorted(values, np.quantile(reference, np.arange(1, bins) / bins, method="lower"))
    if len(values) == 1:
        places = np.array([-1, 0])
    bounded = np.concatenate([[0.0], values, [1.0]])
    edges = np.unique((bounded[places + 1] + bounded[places + 2]) / 2)
    shares = [
        np.bincount(np.searchsorted(edges, part, side="left"), minlength=len(edges) + 1) / len(part)
        for part in (reference, scores)
    ]
    return psi(*shares)
