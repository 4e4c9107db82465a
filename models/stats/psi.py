"""How far a distribution has moved: the population stability index."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from tagcast.models.stats.draws import Weight, population_quantiles

Floats = npt.NDArray[np.float64]

KNOTS = np.arange(-5.0, 6.0)
"""Log-odds at whole numbers: probabilities .007, .018, .047, .12, .27, .5 and so on up to .993."""
KNOT_UNITS = 2**30
"""Units that a score is shared out in between two knots: whole numbers add up to the same in any order."""
LEAST_SHARE = 1e-4
_EXACT_ROWS = 2**22
DECILES = tuple(np.arange(1, 10) / 10)


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
    """Return the PSI of the log-odds of ``scores`` against those of ``reference``.

    Parameters
    ----------
    reference, scores : ndarray of shape (n,), (m,)
        Probabilities, in any order.

    Returns
    -------
    float
        NaN where either is empty.

    Notes
    -----
    Calibrated scores crowd around the levels of their table, and every training moves the levels a little.
    Hard bins, deciles above all, count a crowd that steps over an edge as wholly moved: .3 to 2 for honest
    trainings a month apart. So each score is shared between the two nearest of ``KNOTS`` in proportion to
    its distance: a small step moves a small share. Odds doubled for everyone give about .2 to .6.
    """
    return mass_psi(knot_mass(reference), knot_mass(scores))


def amount_odds(amounts: Floats, middle: float) -> Floats:
    """Return amounts as probabilities whose log-odds are the logarithm of amount over ``middle``.

    So :func:`score_psi` compares amounts on a logarithmic scale around a usual one: its knots stand at multiples of
    2.7 of it. Nothing at all counts as the lowest knot.

    Examples
    --------
    >>> amount_odds(np.array([0.0, 50.0, 150.0]), 50.0)
    array([0.  , 0.5 , 0.75])
    """
    return amounts / (amounts + max(middle, 1e-9))


def effect_odds(effects: Floats, middle: float, spread: float) -> Floats:
    """Return effects as probabilities whose log-odds are their distance from ``middle`` in units of ``spread``.

    Examples
    --------
    >>> effect_odds(np.array([0.04]), 0.04, 0.02)
    array([0.5])
    """
    found: Floats = 1 / (1 + np.exp(-np.clip((effects - middle) / spread, -20.0, 20.0)))
    return found


def knot_mass(scores: Floats) -> Floats:
    """Return how many of ``scores`` lie near each of ``KNOTS``, shape (knots,): each is shared between two."""
    return knot_units(scores) / KNOT_UNITS


def knot_units(scores: Floats) -> npt.NDArray[np.int64]:
    """Return :func:`knot_mass` in whole units, ``KNOT_UNITS`` a score: those of parts add up to that of the whole, to the bit."""
    with np.errstate(divide="ignore"):
        odds = np.log(scores) - np.log1p(-scores)
    odds = np.clip(odds, KNOTS[0], KNOTS[-1])
    left = np.minimum(np.floor(odds), KNOTS[-2])
    place = (left - KNOTS[0]).astype(np.int64)
    right = np.rint((odds - left) * KNOT_UNITS)
    count, found = len(KNOTS), np.zeros(len(KNOTS), np.int64)
    # Sums of whole numbers are exact in float64 below 2**53: of so many scores at a time.
    for first in range(0, len(scores), _EXACT_ROWS):
        some = slice(first, first + _EXACT_ROWS)
        mass = np.bincount(place[some], KNOT_UNITS - right[some], count)
        mass += np.bincount(place[some] + 1, right[some], count)
        found += mass.astype(np.int64)
    return found


def mass_psi(reference: Floats, found: Floats) -> float:
    """Return the PSI of two masses of :func:`knot_mass`; NaN where either is empty.

    Examples
    --------
    >>> round(mass_psi(np.array([50.0, 50.0]), np.array([120.0, 80.0])), 4)
    0.0405
    """
    sizes = reference.sum(), found.sum()
    if not min(sizes):
        return float("nan")
    # Less than half a row is no knowledge of a share: without this few rows look like change.
    least = 0.5 / min(sizes)
    return psi(*(np.maximum(m / n, least) for m, n in zip((reference, found), sizes, strict=True)))


@dataclass(frozen=True)
class FeatureBins:
    """How a feature lay when a model was trained: what later rows are held against.

    Parameters
    ----------
    edges : tuple of float
        Rising; a bin holds what is above the edge before it and at most its own, one more bin what is above all edges.
    mass : tuple of float
        Rows in each bin, and of those without a value last: ``len(edges) + 2`` numbers.
    """

    edges: tuple[float, ...]
    mass: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.mass) != len(self.edges) + 2 or (np.diff(self.edges) <= 0).any():
            raise ValueError(
                f"{len(self.edges)} rising edges part {len(self.edges) + 2} masses, found {self}"
            )

    @classmethod
    def of(cls, values: Floats, weight: Weight = None) -> Self:
        """Return bins that hold about a tenth of the known values each; fewer where many values are equal.

        Parameters
        ----------
        values : ndarray of shape (n,)
            NaN where unknown.
        weight : ndarray of shape (n,), optional
            How many rows each stands for.
        """
        there = ~np.isnan(values)
        known = None if weight is None else weight[there]
        edges = np.unique(population_quantiles(values[there], DECILES, known)) if there.any() else np.empty(0)
        place = np.searchsorted(edges, values)
        place[~there] = len(edges) + 1
        return cls(
            tuple(edges.tolist()), tuple(np.bincount(place, weight, len(edges) + 2).astype(float).tolist())
        )

    def to_json(self) -> list[list[float]]:
        """Return edges and masses."""
        return [list(self.edges), list(self.mass)]

    @classmethod
    def from_json(cls, data: Sequence[Any]) -> Self:
        """Read what :meth:`to_json` wrote; TypeError or ValueError where it is malformed."""
        edges, mass = data
        return cls(tuple(map(float, edges)), tuple(map(float, mass)))


def feature_bins(names: Sequence[str], X: Floats, weight: Weight = None) -> dict[str, FeatureBins]:
    """Return how each feature of training lies; ``names`` are those of the first columns of X."""
    return {name: FeatureBins.of(np.ascontiguousarray(X[:, k]), weight) for k, name in enumerate(names)}
