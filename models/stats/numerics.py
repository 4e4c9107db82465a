"""Probabilities and log-odds that stay finite, and how exactly a share is known."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


DEVIATIONS_95 = 1.96
"""Standard errors on either side of a mean that hold 95 %."""
CLIP = 1e-4
"""No finite sample shows an outcome to be impossible: probabilities keep this distance from 0 and 1."""


def clip(p: Floats) -> Floats:
    """Return probabilities that keep ``CLIP`` from 0 and 1."""
    return np.clip(p, CLIP, 1 - CLIP)


def logit(p: Floats) -> Floats:
    """Return log-odds of probabilities."""
    return np.log(p) - np.log1p(-p)


def sigmoid(log_odds: Floats) -> Floats:
    """Return chances of log-odds, as far from 0 and 1 as floating point tells them apart."""
    found: Floats = 1 / (1 + np.exp(-np.clip(log_odds, -40.0, 40.0)))
    return found


def probability(log_odds: Floats) -> Floats:
    """Return probabilities of log-odds, clipped."""
    return clip(sigmoid(log_odds))


def wilson(right: npt.ArrayLike, cases: npt.ArrayLike, z: float = 1.959964) -> tuple[Floats, Floats, Floats]:
    """Return low, share and high of ``right`` among ``cases`` (arrays): Wilson's interval (1927) of ``z`` standard errors, by default 95 %."""
    n = np.asarray(cases, float)
    p, z2 = np.asarray(right, float) / n, z**2
    middle = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = np.sqrt(z2 * (p * (1 - p) / n + z2 / (4 * n**2))) / (1 + z2 / n)
    # At a share of 0 or 1 the bound equals it but for rounding.
    return np.minimum(middle - half, p), p, np.maximum(middle + half, p)


def looked_at(share: Floats, whole: Floats, squares: Floats, right: Floats) -> tuple[Floats, Floats]:
    """Return right ones and cases that tell a share as exactly as rows of unequal weight do, each of shape (k,).

    Parameters
    ----------
    share : ndarray of shape (k,)
        Of the weight of right rows in the weight of all.
    whole, squares, right : ndarray of shape (k,)
        Sums of the weights, of their squares, and of the squares of right rows.

    Notes
    -----
    The variance of a weighted share is ``sum(w² (right - share)²) / sum(w)²`` (Horvitz and Thompson, 1952). Where all rows
    are alike their number is Kish's, ``sum(w)² / sum(w²)``.
    """
    noise = right * (1 - share) ** 2 + (squares - right) * share**2
    alike = (share <= 0) | (share >= 1)
    cases = whole**2 * np.where(alike, 1.0, share * (1 - share)) / np.where(alike, squares, noise)
    return share * cases, cases
