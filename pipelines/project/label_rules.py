"""A definition's population and outcome in the words of features."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tagcast.features.compute.labels import Eligibility, OutcomeRule
    from tagcast.models.definitions.model_tag import TagDefinition


def eligibility(definition: TagDefinition) -> Eligibility:
    """Return the definition's population in the words of ``features``."""
    from tagcast.features.compute.labels import Eligibility

    return Eligibility(
        definition.population.active_within_days,
        definition.outcome.category,
        definition.population.not_bought_within_days,
    )


def outcome_rule(definition: TagDefinition) -> OutcomeRule:
    """Return the definition's outcome in the words of ``features``."""
    from tagcast.features.compute.labels import OutcomeRule

    outcome = definition.outcome
    return OutcomeRule(
        outcome.kind,
        outcome.horizon_days,
        outcome.event,
        outcome.category,
        getattr(outcome, "at_least", None),
        getattr(outcome, "share", None),
    )
