"""How well expected differences tell people apart: effects of one experiment, in figures that need no single person's effect.

Nobody's own effect can be seen. A doubly robust pseudo-outcome stands for it: its mean over any group is the group's
effect (Robins, Rotnitzky 1995; Kennedy 2023), whatever the outcome models, where the propensity is right.
As in :mod:`tagcast.models.stats.metrics` every figure is a function of rows and the times each counts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tagcast.models.stats.metrics import Estimate, Floats, Ids, bootstrap, in_order
from tagcast.models.stats.numerics import DEVIATIONS_95

Days = npt.NDArray[np.datetime64]
BINS = 10
A_THOUSAND = 1_000.0
LOSS_SCALE = 10_000.0
"""Differences of squared effects are small: they are given ten thousand times."""


def pseudo_outcomes(
    y: Floats, treated: Floats, propensity: Floats, approached: Floats, control: Floats
) -> Floats:
    """Return the doubly robust pseudo-outcome of each row, shape (n,).

    Parameters
    ----------
    y, treated : ndarray of shape (n,)
        0 or 1.
    propensity : ndarray of shape (n,)
        Probability of being approached, in (0, 1).
    approached, control : ndarray of shape (n,)
        Probability of the outcome with and without an approach, by models that did not see the row.
    """
    seen = np.where(treated == 1, (y - approached) / propensity, -(y - control) / (1 - propensity))
    found: Floats = approached - control + seen
    return found


@dataclass(frozen=True)
class LinearEffect:
    """The best linear predictor of the effect by a score: ``mean + slope * (score - centre)``.

    A slope of 1 is calibrated, 0 finds no difference between people (Chernozhukov and others 2018).

    Parameters
    ----------
    mean, slope, centre : float
    mean_error, slope_error : float
        Standard errors; rows of one profile are not taken for independent.
    covariance : float
        Of mean and slope.
    """

    mean: float
    slope: float
    centre: float
    mean_error: float
    slope_error: float
    covariance: float

    @classmethod
    def fit(cls, score: Floats, effect: Floats, as_of: Days, profile_id: Ids) -> LinearEffect:
        """Fit it within each day; ``effect`` are pseudo-outcomes of rows that the score's model had not seen, all of shape (n,)."""
        centred = score - _day_means(score, as_of)
        centre, mean = float(score.mean()), float(effect.mean())
        residual = effect - _day_means(effect, as_of)
        spread = float((centred**2).sum())
        slope = float((centred * residual).sum()) / spread if spread > 0 else 0.0
        whose = np.unique(profile_id.astype(str), return_inverse=True)[1]
        of_mean = np.bincount(whose, effect - mean) / len(effect)
        if spread > 0:
            of_slope = np.bincount(whose, centred * (residual - slope * centred)) / spread
        else:
            of_slope = np.zeros(len(of_mean))
        return cls(
            mean,
            slope,
            centre,
            math.sqrt(float((of_mean**2).sum())),
            math.sqrt(float((of_slope**2).sum())),
            float((of_mean * of_slope).sum()),
        )


def between(effect: Floats, group: npt.NDArray[Any]) -> float:
    """Return the variance of the true mean effect from group to group (DerSimonian and Laird 1986); 0 of a single group.

    Parameters
    ----------
    effect : ndarray of shape (n,)
        Pseudo-outcomes.
    group : ndarray of shape (n,)
        The day, or whatever divides the rows.
    """
    parts = [effect[group == one] for one in np.unique(group)]
    if len(parts) < 2:
        return 0.0
    means = np.array([part.mean() for part in parts])
    weight = np.array([len(part) / max(float(part.var()), 1e-12) for part in parts])
    middle = float((weight * means).sum() / weight.sum())
    excess = float((weight * (means - middle) ** 2).sum()) - (len(parts) - 1)
    scale = float(weight.sum() - (weight**2).sum() / weight.sum())
    return max(0.0, excess / scale) if scale > 0 else 0.0


def _day_means(values: Floats, as_of: Days) -> Floats:
    """Return the mean of each row's day, shape (n,)."""
    _, day = np.unique(as_of, return_inverse=True)
    means: Floats = (np.bincount(day, values) / np.bincount(day))[day]
    return means


def qini(score: Floats, effect: Floats, weight: Floats | None = None) -> tuple[Floats, Floats]:
    """Return the share approached, highest scores first, and the outcomes gained by it for each person of all.

    Both start at 0; people of equal score are approached together.
    """
    w = np.ones(len(score)) if weight is None else weight
    order = np.argsort(-score, kind="stable")
    ranked = score[order]
    last = np.flatnonzero(np.r_[ranked[1:] != ranked[:-1], True])
    share, gained = np.cumsum(w[order])[last], np.cumsum((w * effect)[order])[last]
    return np.r_[0.0, share] / w.sum(), np.r_[0.0, gained] / w.sum()


def area(score: Floats, effect: Floats, weight: Floats | None = None) -> float:
    """Return the area between the Qini curve and chance, in outcomes for each person: 0 where the score ranks nobody."""
    share, gained = qini(score, effect, weight)
    return float(np.trapezoid(gained - share * gained[-1], share))


def relative_area(of: float, average: float) -> float:
    """Return twice the area over the average effect: 1 where nearly all of the effect is reached with nearly nobody approached."""
    return 2 * of / abs(average) if average else math.nan


def evaluate_effects(
    score: Floats,
    lower: Floats,
    effect: Floats,
    raw: Floats,
    as_of: Days,
    rng: np.random.Generator,
    profile_id: Ids,
) -> dict[str, Estimate]:
    """Return how well a score tells effects apart, with 95 % bootstrap intervals over profiles, whatever the order of rows.

    Parameters
    ----------
    score, lower : ndarray of shape (n,)
        Calibrated effect and its lower bound.
    effect : ndarray of shape (n,)
        Pseudo-outcomes.
    raw : ndarray of shape (n,)
        What the score was calibrated from, by models that had not seen the row.
    as_of : ndarray of shape (n,)
        Ranks and slopes are within a day.
    rng : Generator
    profile_id : ndarray of shape (n,)

    Returns
    -------
    dict
        ``effect`` (average), ``slope`` (of the best linear predictor by ``raw``), ``area`` (in outcomes a thousand people),
        ``relative_area``, ``effect_loss`` (mean squared distance of score and pseudo-outcome, less that of the average effect,
        ten thousand times; below 0 the score is better) and ``floor_margin`` (measured effect minus mean lower bound: below 0 the floor is broken).
    """
    order, whose = in_order((raw, lower, score, effect, as_of), profile_id)
    score, lower, effect, day = score[order], lower[order], effect[order], as_of[order]
    centred = raw[order] - _day_means(raw[order], day)

    def figures(weight: Floats | None) -> dict[str, float]:
        w = np.ones(len(effect)) if weight is None else weight
        average = float(np.average(effect, weights=w))
        middle = float(np.average(centred, weights=w))
        spread = float((w * (centred - middle) ** 2).sum())
        slope = float((w * (centred - middle) * (effect - average)).sum()) / spread if spread > 0 else 0.0
        found = area(centred, effect, weight)
        loss = float(np.average((score - effect) ** 2 - (average - effect) ** 2, weights=w))
        return {
            "effect": average,
            "slope": slope,
            "area": A_THOUSAND * found,
            "relative_area": relative_area(found, average),
            "effect_loss": LOSS_SCALE * loss,
            "floor_margin": average - float(np.average(lower, weights=w)),
        }

    return bootstrap(figures, len(effect), rng, whose)


def paired_loss(effect: Floats, champion: Floats, new: Floats, rng: np.random.Generator) -> dict[str, Any]:
    """Return the losses of two scores on the same cases and their paired difference, against the average effect."""
    order, _ = in_order((effect, champion, new))
    effect, champion, new = effect[order], champion[order], new[order]
    average = (effect.mean() - effect) ** 2

    def loss(score: Floats, weight: Floats | None) -> float:
        return LOSS_SCALE * float(np.average((score - effect) ** 2 - average, weights=weight))

    paired = bootstrap(lambda w: {"loss": loss(new, w) - loss(champion, w)}, len(effect), rng)
    return {"loss": loss(champion, None), "new_loss": loss(new, None), "new_minus_champion": paired["loss"]}


@dataclass(frozen=True)
class EffectBin:
    """Rows of neighbouring score: expected and measured effect, with its 95 % interval, and the mean lower bound."""

    n: int
    mean_score: float
    mean_lower: float
    effect: float
    low: float
    high: float


def effect_bins(score: Floats, lower: Floats, effect: Floats, bins: int = BINS) -> list[EffectBin]:
    """Return bins of equal count, scores rising."""
    found = []
    for rows in np.array_split(np.lexsort((effect, lower, score)), bins):
        if len(rows) > 1:
            mean = float(effect[rows].mean())
            half = DEVIATIONS_95 * float(effect[rows].std(ddof=1)) / math.sqrt(len(rows))
            found.append(
                EffectBin(
                    len(rows),
                    float(score[rows].mean()),
                    float(lower[rows].mean()),
                    mean,
                    mean - half,
                    mean + half,
                )
            )
    return found


@dataclass(frozen=True)
class FloorBand:
    """An audience whose mean lower bound is held against the effect that was measured on it.

    Parameters
    ----------
    confidence : float
        Lowest confidence of its members.
    predicted : int
        Members whose value is not unknown.
    mean_confidence, share_right : float
        Mean lower bound, and measured effect; NaN without members. The promise is kept where the effect is no smaller.
    error : float
        Standard error of the measured effect.
    """

    confidence: float
    predicted: int
    mean_confidence: float
    share_right: float
    error: float


def floors(
    lower: Floats, effect: Floats, said: npt.NDArray[np.bool_], confidence: Floats, levels: Sequence[float]
) -> list[FloorBand]:
    """Return floor and measured effect of those with a value and at least each confidence; all arrays of shape (n,)."""
    found = []
    for level in levels:
        rows = said & (confidence >= level)
        n = int(rows.sum())
        if n < 2:
            found.append(FloorBand(level, 0, math.nan, math.nan, math.nan))
            continue
        error = float(np.sort(effect[rows]).std(ddof=1)) / math.sqrt(n)
        means = float(np.sort(lower[rows]).mean()), float(np.sort(effect[rows]).mean())
        found.append(FloorBand(level, n, *means, error))
    return found
