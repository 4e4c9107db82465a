"""Whether the arms of an experiment are alike but for the approach: what nobody can correct afterwards."""

from __future__ import annotations

import math

import numpy as np

from tagcast.models.definitions.learned_from import Treatment
from tagcast.models.estimators.logistic import fit_path
from tagcast.models.stats.metrics import Estimate, evaluate
from tagcast.models.training.uplift.arms import PROPENSITY_C, Arms, without_overlap


def balance(arms: Arms, treatment: Treatment, rng: np.random.Generator) -> dict[str, Estimate]:
    """Return how far the arms differ beside the approach.

    Parameters
    ----------
    arms : Arms
        All rows; of an approach that was not at random with the propensities of a model.
    treatment : Treatment
    rng : Generator

    Returns
    -------
    dict
        ``arms_auc``: how well features tell the arms apart, by lines that did not see the row's group, within days of one
        share (.5 where chance alone decided; of an approach that was not at random left out). ``sample_ratio``: the probability
        of a share at least as far from the one that was meant (exact binomial; left out where none is named; of campaigns of several shares the least, as often as they are).
        ``without_overlap``: share of rows with nobody to compare them with.
    """
    found: dict[str, Estimate] = {}
    if treatment.random:
        separated = np.empty(len(arms.y))
        for k in np.unique(arms.group):
            own = arms.group == k
            (line,) = fit_path(arms.X[~own], arms.treated[~own], (PROPENSITY_C,))
            separated[own] = line.raw(arms.X[own]) - line.raw(arms.X[own]).mean()
        # Days differ in their shares by design: each is centred, or a feature that tells days apart would tell arms apart.
        for share in np.unique(arms.propensity):
            same = arms.propensity == share
            separated[same] -= separated[same].mean()
        found["arms_auc"] = evaluate(arms.treated, separated, rng, ("auc",))["auc"]
    if treatment.campaigns:
        drawn = np.unique(arms.propensity)
        ratios = [_ratio(arms.only(arms.propensity == share), float(share)) for share in drawn]
        found["sample_ratio"] = _exactly(min(1.0, len(ratios) * min(ratios)))
    elif treatment.share is not None:
        found["sample_ratio"] = _exactly(_ratio(arms, treatment.share))
    found["without_overlap"] = _exactly(without_overlap(arms.propensity))
    return found


def _ratio(arms: Arms, share: float) -> float:
    """Return the probability of a share as far from the one that was meant, or farther."""
    from scipy.stats import binomtest

    return float(binomtest(int(arms.treated.sum()), len(arms.treated), share).pvalue)


def _exactly(value: float) -> Estimate:
    return Estimate(value, value, value) if math.isfinite(value) else Estimate(value, math.nan, math.nan)
