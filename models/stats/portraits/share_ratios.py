"""How many times as common something is in a group as among others: the target group index with its interval.

Each share has a Wilson interval, and the interval of their ratio is put together from both (MOVER-R: Donner and Zou, Closed-form
confidence intervals for functions of the normal mean and standard deviation, Statistical Methods in Medical Research 21, 2012;
compared with others by Fagerland, Lydersen and Laake, Recommended confidence intervals for two independent binomial
proportions, the same journal 24, 2015). It is closed, needs no iteration over thousands of rows, and holds its level where
counts are small, which that of the logarithm (Katz) does not.

Most groups are compared with everybody, themselves among them: the two shares are not independent then. But of a group with
the share ``w`` of everybody, whose ratio to the *rest* is r, the ratio to everybody is r / (w r + 1 - w), which rises with r:
the ends of the interval of r, put in, are the ends of its interval.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

Floats = npt.NDArray[np.float64]

LEVEL = 0.95
LEAST_EXPECTED = 5.0
"""Where fewer than this are expected in either group, nothing is said to be clear: no interval holds its level there."""
LEAST_DIFFERENCE = 0.05
"""A ratio closer to 1 than this is no difference that anybody acts on, however many profiles show it."""


@dataclass(frozen=True)
class ShareRatios:
    """Of k rows.

    Parameters
    ----------
    ratio : ndarray of float, shape (k,)
        Share of the group by share of the others; infinite where the others have nobody, NaN where neither has.
    low, high : ndarray of float, shape (k,)
        95 % interval of each for itself.
    clear : ndarray of bool, shape (k,)
        Whether the ratio differs from 1, by at least :data:`LEAST_DIFFERENCE`: of all the rows together that are said to,
        one is wrong by chance in one of twenty such tables at most (Bonferroni).
    """

    ratio: Floats
    low: Floats
    high: Floats
    clear: npt.NDArray[np.bool_]


def share_ratios(
    found: npt.ArrayLike,
    size: npt.ArrayLike,
    others: npt.ArrayLike,
    others_size: npt.ArrayLike,
    *,
    within: npt.ArrayLike = False,
    looks: int | None = None,
) -> ShareRatios:
    """Return how many times as common each of k levels is in a group as among others.

    Parameters
    ----------
    found, size : array_like of float, shape (k,) or scalar
        Rows of the group that have the level, and rows of the group: as many as were read, where it is a sample.
    others, others_size : array_like of float, shape (k,) or scalar
        Those of what it is compared with.
    within : array_like of bool, shape (k,) or scalar
        Whether the group's rows are among those of the others; else both are taken as independent, which makes the interval
        too wide where they share some.
    looks : int, optional
        How many rows are looked at together; default: k.

    Examples
    --------
    >>> shares = share_ratios([30, 10], 100, [200, 205], 2000, within=True)
    >>> [f"{v:.2f}" for v in (shares.ratio[0], shares.low[0], shares.high[0])]
    ['3.00', '2.22', '3.89']
    >>> shares.clear.tolist()
    [True, False]
    """
    a, n, b, m, inside = np.broadcast_arrays(
        *(np.asarray(v, np.float64) for v in (found, size, others, others_size)), np.asarray(within, bool)
    )
    # What is rounded down may leave less than nothing for the rest.
    rest_size = np.where(inside, np.maximum(m - n, 0.0), m)
    rest = np.clip(np.where(inside, b - a, b), 0.0, rest_size)
    weight = np.where(inside & (m > 0), np.minimum(n / np.maximum(m, 1.0), 1.0), 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = (a / n) / (b / m)
        low, high = (_of_whole(end, weight) for end in _interval(a, n, rest, rest_size, LEVEL))
        alone = 1 - (1 - LEVEL) / max(len(np.atleast_1d(a)) if looks is None else looks, 1)
        lowest, highest = _interval(a, n, rest, rest_size, alone)
        common = (a + rest) / (n + rest_size)
        enough = np.minimum(n, rest_size) * np.minimum(common, 1 - common) >= LEAST_EXPECTED
        apart = ((lowest > 1) | (highest < 1)) & (np.abs(ratio - 1) >= LEAST_DIFFERENCE)
    return ShareRatios(ratio, low, high, apart & enough)


def _of_whole(ratio: Floats, weight: Floats) -> Floats:
    """Return the ratio to everybody of a group whose ratio to the rest is ``ratio``."""
    everybody: Floats = np.where(np.isinf(ratio), 1 / weight, ratio / (weight * ratio + 1 - weight))
    return everybody


def _wilson(found: Floats, size: Floats, z: float) -> tuple[Floats, Floats]:
    share = found / size
    middle = share + z * z / (2 * size)
    half = z * np.sqrt(share * (1 - share) / size + z * z / (4 * size * size))
    by = 1 + z * z / size
    return np.where(found <= 0, 0.0, (middle - half) / by), np.where(found >= size, 1.0, (middle + half) / by)


def _interval(a: Floats, n: Floats, b: Floats, m: Floats, level: float) -> tuple[Floats, Floats]:
    """Return the interval of the ratio of two independent shares, 0 and infinity where nothing bounds it."""
    z = float(norm.ppf((1 + level) / 2))
    p, q = a / n, b / m
    (p_low, p_high), (q_low, q_high) = _wilson(a, n, z), _wilson(b, m, z)
    product = p * q
    # The lower end in the form that stays finite where the upper end of q is twice q.
    below = np.sqrt(np.maximum(product**2 - p_low * q_high * (2 * p - p_low) * (2 * q - q_high), 0.0))
    above = np.sqrt(np.maximum(product**2 - p_high * q_low * (2 * p - p_high) * (2 * q - q_low), 0.0))
    low = np.where(a <= 0, 0.0, p_low * (2 * p - p_low) / (product + below))
    high = np.where(b <= 0, np.inf, (product + above) / (q_low * (2 * q - q_low)))
    return low, high
