"""How many can get a yes at all, as far as it is known before anything is trained.

Calibrated scores add up to the true outcomes there are. Who gets a yes has a score that reaches both the rule's threshold
and ``min_confidence``, so there are at most as many as the outcomes divided by the higher of the two.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tagcast.features.core.messages import Text, msg
from tagcast.models.definitions.model_tag import PrecisionRule, ProfitRule, ThresholdRule, TopShareRule

if TYPE_CHECKING:
    from tagcast.models.definitions.model_tag import TagDefinition


@dataclass(frozen=True)
class YesOutlook:
    """Who can get a yes.

    Parameters
    ----------
    most : int
        Profiles, at most.
    chosen : int
        Profiles that the rule could choose if nothing were unknown, at most.
    message, hint : Message or str
        Where ``min_confidence`` leaves fewer than the rule chooses; empty where it does not.
    """

    most: int
    chosen: int
    message: Text
    hint: Text


def yes_outlook(definition: TagDefinition, population: int, positives: int) -> YesOutlook | None:
    """Return how many can get a yes at a snapshot; None of an amount, of an effect, or where the snapshot holds nobody.

    Parameters
    ----------
    definition : TagDefinition
    population, positives : int
        Cases of the snapshot, and those with a true outcome.
    """
    rule, least = definition.decision, definition.min_confidence
    if not population or definition.treatment is not None:
        return None
    if isinstance(rule, TopShareRule):
        chosen = max(1, round(rule.share * population))
    elif isinstance(rule, ThresholdRule):
        chosen = _reaching(rule.threshold, population, positives)
    elif isinstance(rule, PrecisionRule):
        chosen = _reaching(rule.precision, population, positives)
    elif isinstance(rule, ProfitRule):
        chosen = min(rule.capacity or population, _reaching(rule.cost / rule.benefit, population, positives))
    else:
        return None
    most = min(chosen, _reaching(least, population, positives))
    if most == chosen:
        return YesOutlook(most, chosen, "", "")
    message = msg(
        "the rule may choose {chosen:,} of {population:,}, but at most {most:,} can reach the min_confidence of "
        "{least:g}: the others stay unknown",
        chosen=chosen,
        population=population,
        most=most,
        least=least,
    )
    return YesOutlook(most, chosen, message, msg("set min_confidence: 0, unless that is what you want"))


def _reaching(score: float, population: int, positives: int) -> int:
    """Return how many can have a calibrated score of ``score`` or more, where the scores add up to ``positives``."""
    if score <= 0:
        return population
    return min(population, math.floor(positives / score + 1e-9))
