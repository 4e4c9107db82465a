"""Probabilities and log-odds that stay finite."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


CLIP = 1e-4
"""No finite sample shows an outcome to be impossible: probabilities keep this distance from 0 and 1."""


def clip(p: Floats) -> Floats:
    """Return probabilities that keep ``CLIP`` from 0 and 1."""
    return np.clip(p, CLIP, 1 - CLIP)


def logit(p: Floats) -> Floats:
    """Return log-odds of probabilities."""
    return np.log(p) - np.log1p(-p)


def probability(log_odds: Floats) -> Floats:
    """Return probabilities of log-odds, clipped."""
    return clip(1 / (1 + np.exp(-np.clip(log_odds, -40.0, 40.0))))
