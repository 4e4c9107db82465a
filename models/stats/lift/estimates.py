"""The lift of a campaign with the interval of one look: Newcombe's while outcomes are few, else adjusted by what was known before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from tagcast.models.stats.numerics import wilson

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Method = Literal["newcombe", "adjusted", "sequence"]

FEW_OUTCOMES = 10
"""Below so many outcomes, or members without one, in an arm an interval by a variance does not keep its level."""
LEVEL = 0.95
_LEAST_OWN = 1e-6
"""Determinant of the correlations of columns below which one of them is as good as made of the others."""


@dataclass(frozen=True)
class Lift:
    """The mean outcome of those given less that of those held out, by intention to treat.

    Parameters
    ----------
    given, held_out : int
        Members in each arm.
    mean_given, mean_held_out : float
        Their mean outcomes as they were seen: shares, or amounts.
    lift, low, high : float
        Difference and its 95 % interval, in the unit of the outcome. Adjusted, the difference is what it would be had both
        arms the same scores, not just that of the two means.
    method : {"newcombe", "adjusted", "sequence"}
        What the interval is; that of ``sequence`` holds on all days together.
    """

    given: int
    held_out: int
    mean_given: float
    mean_held_out: float
    lift: float
    low: float
    high: float
    method: Method

    @property
    def decided(self) -> bool:
        """Whether the interval leaves zero out."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True)
class Difference:
    """A difference of two means and how exactly it is known.

    Parameters
    ----------
    value, variance : float
    freedom : float
        Degrees of freedom of the variance, after Welch and Satterthwaite.
    """

    value: float
    variance: float
    freedom: float


def lift_at_end(y: npt.ArrayLike, given: npt.ArrayLike, known_before: npt.ArrayLike | None = None) -> Lift:
    """Return the lift with an interval that holds for one look, once the window has closed.

    Parameters
    ----------
    y : array of shape (n,)
        Outcome of each member: 0 or 1, or an amount.
    given : array of bool of shape (n,)
        Whether the member was given; the others were held out.
    known_before : array of shape (n,) or (n, k), optional
        What was known of each before the campaign and tells the outcome, such as the score; finite.

    Raises
    ------
    ValueError
        Where an arm has fewer than two members, or shapes differ.
    """
    y, given = checked_arms(y, given)
    if few_outcomes(y, given):
        return newcombe(y, given)
    from scipy.stats import t

    found = adjusted_difference(y, given, known_before)
    half = float(t.ppf(0.5 + LEVEL / 2, found.freedom)) * found.variance**0.5
    return lift_of(y, given, found.value, half, "adjusted")


def few_outcomes(y: Floats, given: Flags) -> bool:
    """Return whether an outcome of yes and no has too few of either in an arm for an interval by a variance."""
    if not ((y == 0) | (y == 1)).all():
        return False
    counts = [count for arm in (y[given], y[~given]) for count in (arm.sum(), (1 - arm).sum())]
    return bool(min(counts) < FEW_OUTCOMES)


def newcombe(y: Floats, given: Flags, z: float = 1.959964) -> Lift:
    """Return the lift of two shares with Newcombe's hybrid interval of Wilson's scores (1998, method 10) of ``z`` standard errors."""
    sizes = int(given.sum()), int((~given).sum())
    low, share, high = wilson([y[given].sum(), y[~given].sum()], sizes, z)
    lift = float(share[0] - share[1])
    below = float(np.hypot(share[0] - low[0], high[1] - share[1]))
    above = float(np.hypot(high[0] - share[0], share[1] - low[1]))
    return Lift(*sizes, float(share[0]), float(share[1]), lift, lift - below, lift + above, "newcombe")


def adjusted_difference(
    y: npt.ArrayLike, given: npt.ArrayLike, known_before: npt.ArrayLike | None = None
) -> Difference:
    """Return the difference of the arms' means at the mean of what was known before.

    Each arm has a line of its own, so that the difference is right whatever the true relation (Lin, 2013); its variance is
    HC3 (MacKinnon and White, 1985). What does not vary within an arm, and columns beyond what the smaller arm bears, are left
    out.

    Parameters
    ----------
    y, given, known_before
        As of :func:`lift_at_end`.
    """
    y, given = checked_arms(y, given)
    x = _columns(known_before, given)
    center = x.mean(axis=0)
    value, variance, unsure = 0.0, 0.0, 0.0
    for sign, arm in ((1.0, given), (-1.0, ~given)):
        mean, of_mean, freedom = _mean_at(y[arm], x[arm], center)
        value += sign * mean
        variance += of_mean
        unsure += of_mean**2 / freedom
    return Difference(value, variance, variance**2 / unsure if unsure else float(len(y) - 2))


def lift_of(y: Floats, given: Flags, value: float, half: float, method: Method) -> Lift:
    """Return a lift beside the means of its arms."""
    return Lift(
        int(given.sum()), int((~given).sum()), float(y[given].mean()), float(y[~given].mean()),
        value, value - half, value + half, method,
    )  # fmt: skip


def checked_arms(y: npt.ArrayLike, given: npt.ArrayLike) -> tuple[Floats, Flags]:
    """Return outcomes and arms as arrays; ValueError where they differ in length, or an arm has fewer than two members."""
    outcome, arm = np.asarray(y, np.float64), np.asarray(given, np.bool_)
    if outcome.ndim != 1 or outcome.shape != arm.shape:
        raise ValueError(f"expected y and given of one length, found {outcome.shape} and {arm.shape}")
    sizes = int(arm.sum()), int((~arm).sum())
    if min(sizes) < 2:
        raise ValueError(f"expected two members in each arm, found {sizes[0]} given and {sizes[1]} held out")
    return outcome, arm


def _columns(known_before: npt.ArrayLike | None, given: Flags) -> Floats:
    """Return the columns that vary within both arms and that the smaller arm bears: ten members for each."""
    if known_before is None:
        return np.empty((len(given), 0))
    x = np.asarray(known_before, np.float64)
    x = x[:, None] if x.ndim == 1 else x
    most = min(given.sum(), (~given).sum()) // 10
    kept: list[int] = []
    alike = [_correlations(x[arm]) for arm in (given, ~given)]
    for place in range(x.shape[1]):
        wider = [*kept, place]
        full = all(np.linalg.det(arm[np.ix_(wider, wider)]) > _LEAST_OWN for arm in alike)
        if len(wider) <= most and full:
            kept = wider
    return x[:, kept]


def _correlations(x: Floats) -> Floats:
    """Return the correlations of columns, zeros for those without a spread."""
    off = x - x.mean(axis=0)
    spread = np.sqrt((off**2).sum(axis=0))
    scaled = np.divide(
        off, spread, out=np.zeros_like(off), where=spread > 1e-9 * len(x) ** 0.5 * np.abs(x).max(axis=0)
    )
    found: Floats = scaled.T @ scaled
    return found


def _mean_at(y: Floats, x: Floats, center: Floats) -> tuple[float, float, float]:
    """Return the mean of an arm at ``center``, its HC3 variance and the degrees of freedom."""
    n, k = x.shape
    off = x - x.mean(axis=0)
    weights, leverage, slopes = np.full(n, 1 / n), np.full(n, 1 / n), np.zeros(k)
    if k:
        solved = np.linalg.solve(off.T @ off, np.column_stack([off.T @ y, off.T, center - x.mean(axis=0)]))
        slopes = solved[:, 0]
        leverage = leverage + np.einsum("ij,ji->i", off, solved[:, 1:-1])
        weights = weights + off @ solved[:, -1]
    mean = float(weights @ y)
    residual = (y - y.mean() - off @ slopes) / np.maximum(1 - leverage, 1e-9)
    return mean, float(((weights * residual) ** 2).sum()), float(max(n - 1 - k, 1))
