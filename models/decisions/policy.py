"""When a tag says yes, and how sure it is: from score and bounds to value, confidence and band."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from tagcast.models.decisions.sorted_scores import SortedScores
from tagcast.models.definitions.model_tag import (
    Decision,
    PrecisionRule,
    ProfitRule,
    TagDefinition,
    ThresholdRule,
    TopShareRule,
)
from tagcast.models.filters.fields import UNKNOWN, YES_NO
from tagcast.models.stats.draws import Weight
from tagcast.models.stats.observed_accuracy import as_words

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]
Words = npt.NDArray[np.object_]
Codes = npt.NDArray[np.int8]

WORDS = np.array([*YES_NO, UNKNOWN], dtype=object)
YES, NO, SILENT = 0, 1, 2
"""Places of the values: what is decided for millions is a number until it is written."""

NEVER = 1.0
"""A threshold that no score reaches: scores stay below 1."""
_ROUNDING = 1e-6
"""Sums of weights may miss a whole number by it."""
MIN_AUDIENCE = 20
"""Smallest audience whose precision is believed when a threshold is learnt."""


def needs_population(decision: Decision) -> bool:
    """Return whether the threshold depends on all scores of a run, so that they have to be seen first."""
    return isinstance(decision, TopShareRule) or (
        isinstance(decision, ProfitRule) and decision.capacity is not None
    )


def learned_threshold(
    decision: Decision, y: npt.NDArray[np.int8], score: Floats, weight: Weight = None
) -> float | None:
    """Return the score from which the tag says yes, as far as training can know it.

    Parameters
    ----------
    decision : Decision
    y, score : ndarray of shape (n,)
        Outcomes and calibrated scores out of time.
    weight : ndarray of shape (n,), optional
        How many rows each stands for.

    Returns
    -------
    float or None
        None where each run's scores decide (:func:`threshold_from_scores`); ``NEVER`` where no audience of
        ``MIN_AUDIENCE`` or more met the asked precision.
    """
    if needs_population(decision):
        return None
    if isinstance(decision, ThresholdRule):
        return decision.threshold
    if isinstance(decision, ProfitRule):
        return _break_even(decision)
    if not isinstance(decision, PrecisionRule):
        raise TypeError(f"no cut can be learnt for {type(decision).__name__}")
    order = np.argsort(-score, kind="stable")
    ranked = score[order]
    last_of_its_score = np.r_[ranked[1:] != ranked[:-1], True]
    size = np.arange(1, len(order) + 1)
    if weight is None:
        meets = np.cumsum(y[order]) >= decision.precision * size
    else:
        stands_for = weight[order]
        meets = np.cumsum(stands_for * y[order]) >= decision.precision * np.cumsum(stands_for)
    widest = np.flatnonzero(meets & last_of_its_score & (size >= MIN_AUDIENCE))
    return float(ranked[widest[-1]]) if len(widest) else NEVER


def threshold_from_scores(decision: Decision, score: Floats, weight: Weight = None) -> float:
    """Return the threshold that all scores of one run give to a top share, or to a profit with a capacity.

    Equal scores are treated alike: at the boundary a top share takes the whole group, a capacity none of it. ``weight``
    says how many profiles each score stands for where not all are there.
    """
    if weight is not None and len(score):
        return _threshold_of_some(decision, score, weight)
    return threshold_from_sorted(decision, SortedScores([np.sort(score)]))


def threshold_from_sorted(decision: Decision, scores: SortedScores, stands_for: int = 1) -> float:
    """Do as :func:`threshold_from_scores` does for scores in sorted runs, each of which stands for so many profiles."""
    count = len(scores)
    if isinstance(decision, TopShareRule):
        if not count:
            return NEVER
        # Of some profiles as many as reach the share; of all of them what is nearest to it.
        wanted = (
            round(decision.share * count)
            if stands_for == 1
            else -int(-(decision.share * (count * stands_for) - _ROUNDING) // stands_for)
        )
        return scores.largest(min(max(1, wanted), count) - 1)
    if isinstance(decision, ProfitRule) and decision.capacity is not None:
        threshold = _break_even(decision)
        worth = count - scores.up_to(threshold, "left")
        most = int((decision.capacity + _ROUNDING) // stands_for)
        return threshold if worth <= most else math.nextafter(scores.largest(most), math.inf)
    raise TypeError(f"the cut of a {decision.rule} rule does not depend on the run's scores")


def _threshold_of_some(decision: Decision, score: Floats, weight: Floats) -> float:
    order = np.argsort(-score, kind="stable")
    ranked, above = score[order], np.cumsum(weight[order])
    if isinstance(decision, TopShareRule):
        place = int(np.searchsorted(above, decision.share * above[-1] - _ROUNDING))
        return float(ranked[min(place, len(ranked) - 1)])
    if isinstance(decision, ProfitRule) and decision.capacity is not None:
        threshold = _break_even(decision)
        place = int(np.searchsorted(above, decision.capacity + _ROUNDING, side="right"))
        if place == len(ranked) or ranked[place] < threshold:
            return threshold
        return math.nextafter(float(ranked[place]), math.inf)
    raise TypeError(f"the cut of a {decision.rule} rule does not depend on the run's scores")


def _break_even(decision: ProfitRule) -> float:
    """Return the least score whose expected benefit exceeds the cost."""
    return min(math.nextafter(decision.cost / decision.benefit, math.inf), NEVER)


def decide(
    score: Floats,
    lower: Floats,
    upper: Floats,
    *,
    threshold: float,
    min_confidence: float,
    hysteresis: float = 0.0,
    past: Words | None = None,
) -> tuple[Words, Floats]:
    """Return value (``yes``, ``no``, ``unknown``) and confidence of each profile.

    Parameters
    ----------
    score, lower, upper : ndarray of shape (n,)
        Calibrated probability and its bounds.
    threshold : float
        Yes from this score on.
    min_confidence : float
        Below it the value is ``unknown``; the confidence stays that of what would have been said.
    hysteresis : float
        A past ``yes`` stays until the score is under ``threshold - hysteresis``, a past ``no`` until it reaches
        ``threshold + hysteresis``. Held only while its own confidence reaches ``min_confidence``: a margin turns no
        yes and no ``unknown``. A past ``unknown`` stays until the confidence reaches
        ``min_confidence + hysteresis``: where the threshold is near the confidence asked for, that is the border
        that profiles cross to and fro.
    past : ndarray of shape (n,), optional
        The last published values; None is no past: the score alone decides.

    Returns
    -------
    value, confidence : ndarray of shape (n,)
        Confidence is the conservative probability that the value is right: lower for a yes, 1 - upper
        for a no. A value held by the margin has its own: a yes under the threshold that of a yes.
    """
    held = None if past is None else codes_of(past)
    code, confidence = decide_codes(
        score,
        lower,
        upper,
        threshold=threshold,
        min_confidence=min_confidence,
        hysteresis=hysteresis,
        past=held,
    )
    return WORDS[code], confidence


def codes_of(values: Words) -> Codes:
    """Return the place in ``(*YES_NO, UNKNOWN)`` of each value, -1 for anything else."""
    code = np.full(len(values), -1, np.int8)
    for place, word in enumerate(WORDS):
        code[values == word] = place
    return code


def decide_codes(
    score: Floats,
    lower: Floats,
    upper: Floats,
    *,
    threshold: float,
    min_confidence: float,
    hysteresis: float = 0.0,
    past: Codes | None = None,
) -> tuple[Codes, Floats]:
    """Do as :func:`decide` does with values as codes: places in ``(*YES_NO, UNKNOWN)``, -1 for no past."""
    yes = score >= threshold
    if past is not None and hysteresis > 0 and threshold < NEVER:
        stays_yes = (past == YES) & (score >= threshold - hysteresis) & (lower >= min_confidence)
        stays_no = (past == NO) & (score < threshold + hysteresis) & (1 - upper >= min_confidence)
        yes = (yes | stays_yes) & ~stays_no
    confidence = np.where(yes, lower, 1 - upper)
    code = np.where(yes, np.int8(YES), np.int8(NO))
    code[confidence < min_confidence] = SILENT
    if past is not None and hysteresis > 0:
        code[(past == SILENT) & (confidence < min_confidence + hysteresis)] = SILENT
    return code, confidence


def band(score: Floats, bands: Mapping[str, float]) -> Words:
    """Return the name of the band (name to the score it starts at, rising from 0) of each score."""
    return np.array(list(bands), dtype=object)[band_codes(score, bands)]


def band_codes(score: Floats, bands: Mapping[str, float]) -> Codes:
    """Return the place of the band of each score."""
    found = np.searchsorted(np.array(list(bands.values())), score, side="right") - 1
    return found.astype(np.int8)


def came_true(definition: TagDefinition, outcomes: pd.DataFrame) -> Words:
    """Return the value that would have been right, shape (n,).

    Parameters
    ----------
    definition : TagDefinition
    outcomes : DataFrame of shape (n, ...)
        ``y``, 0 or 1; ``amount`` where values are levels of it.
    """
    if definition.outcome.levels:
        return band(outcomes["amount"].to_numpy(np.float64), definition.outcome.levels)
    return as_words(outcomes["y"].to_numpy(np.int8))
