"""Who gets which value at the test snapshot, and who would if nothing were unknown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tagcast.models.definitions.model_tag import TagDefinition
from tagcast.models.evaluation.measures import MEASURES
from tagcast.models.filters.fields import UNKNOWN
from tagcast.models.stats.draws import counted


@dataclass(frozen=True)
class ValueCount:
    """One value.

    Parameters
    ----------
    predicted : int
        Profiles that get it.
    chosen : int
        Profiles that would get it with a ``min_confidence`` of 0.
    surest : float or None
        The highest confidence among the chosen; None where there are none.
    """

    predicted: int
    chosen: int
    surest: float | None


@dataclass(frozen=True)
class DecidedValues:
    """All values of a tag, hysteresis apart: nobody has a past at the test snapshot.

    Parameters
    ----------
    values : mapping of str to ValueCount
        In the order of the definition.
    unknown : int
        Profiles whose confidence is below ``min_confidence``.
    highest : float
        Highest score.
    definition : TagDefinition
        By which they were decided.
    """

    values: Mapping[str, ValueCount]
    unknown: int
    highest: float
    definition: TagDefinition

    @property
    def counts(self) -> dict[str, int]:
        """Profiles by value, unknown the last; none left out."""
        return {**{value: one.predicted for value, one in self.values.items()}, UNKNOWN: self.unknown}


def decided_values(definition: TagDefinition, scores: Any) -> DecidedValues:
    """Count the values of test scores.

    Parameters
    ----------
    definition : TagDefinition
    scores : TestScores or AmountTest
        Of its kind.
    """
    measures = MEASURES[definition.kind]
    value, _ = measures.decided(definition, scores)
    chosen, confidence = measures.decided(definition.model_copy(update={"min_confidence": 0.0}), scores)
    values = {}
    for word in definition.values:
        would = chosen == word
        surest = float(confidence[would].max()) if would.any() else None
        values[word] = ValueCount(
            counted(value == word, scores.weight), counted(would, scores.weight), surest
        )
    unknown = counted(value == UNKNOWN, scores.weight)
    return DecidedValues(values, unknown, float(np.max(scores.score)), definition)
