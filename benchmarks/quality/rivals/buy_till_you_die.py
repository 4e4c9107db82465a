"""BG/NBD (Fader, Hardie and Lee 2005), fitted by ``lifetimes``: the chance of no purchase in a horizon."""

from __future__ import annotations

import contextlib
import io

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

PENALTIES = (0.0, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2)
"""Tried in this order until the fit converges."""


def no_purchase(history: Floats, horizon_days: int) -> Floats:
    """Return P(no purchase in the horizon | history), shape (n,), by a model fitted on ``history`` itself.

    Parameters
    ----------
    history : ndarray of shape (n, 3)
        Repeat days, recency and age in days (see ``TaskData``). No outcome is learned from.
    horizon_days : int

    Notes
    -----
    People drop out only right after a purchase, so someone alive stays silent for h days with probability
    E[exp(-rate h)], where the rate given history and being alive is Gamma(r + x, alpha + T).

    Raises
    ------
    RuntimeError
        When no penalty lets the fit converge.
    """
    from lifetimes import BetaGeoFitter
    from lifetimes.utils import ConvergenceError

    x, recency, age = history.T
    for penalty in PENALTIES:
        model = BetaGeoFitter(penalizer_coef=penalty)
        try:
            with contextlib.redirect_stdout(io.StringIO()):  # it prints the optimizer's state when it fails
                model.fit(x, recency, age)
        except ConvergenceError:
            continue
        r, alpha = float(model.params_["r"]), float(model.params_["alpha"])
        alive = np.asarray(model.conditional_probability_alive(x, recency, age), float)
        silent = ((alpha + age) / (alpha + age + horizon_days)) ** (r + x)
        return np.asarray(1 - alive + alive * silent, float)
    raise RuntimeError(
        f"BG/NBD does not converge on {len(x):,} histories, at penalties up to {PENALTIES[-1]}"
    )
