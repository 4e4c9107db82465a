"""A tag definition in plain words: what it predicts, for whom, when it says yes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import BaseModel

    from models.tag import TagDefinition


def population_words(definition: TagDefinition) -> str:
    """Return who is eligible."""
    population, category = definition.population, definition.outcome.category
    said = "every profile with an event before the snapshot"
    if population.active_within_days:
        said = f"profiles with a purchase in the {population.active_within_days} days before the snapshot"
    if population.not_bought_within_days:
        said += f", but none of {category} in the {population.not_bought_within_days} days before it"
    return said


def outcome_words(definition: TagDefinition) -> str:
    """Return what the tag predicts."""
    outcome: Any = definition.outcome
    event = outcome.event + (f" of {outcome.category}" if outcome.category else "")
    of = f" on {outcome.category}" if outcome.category else ""
    within = f"in the {outcome.horizon_days} days from the snapshot"
    match outcome.kind:
        case "no_event":
            return f"no {event} {within}"
        case "any_event":
            return f"at least one {event} {within}"
        case "count_at_least":
            return f"{event} on {outcome.at_least} days or more {within}"
        case "sum_at_least":
            return f"net spend{of} of {outcome.at_least:,g} or more {within}"
        case "amount":
            return f"net spend{of} {within}, returns subtracted"
        case "top_share":
            return f"among the {percent(outcome.share)} of the population with the highest net spend{of} {within}"
        case _:
            return f"{settings(outcome)} {within}"


def decision_words(definition: TagDefinition) -> str:
    """Return when the tag says yes."""
    rule: Any = definition.decision
    match rule.rule:
        case "threshold":
            return f"yes from a score of {rule.threshold:g}"
        case "top_share":
            return f"yes for the {percent(rule.share)} of the population with the highest scores of a run"
        case "precision":
            return f"yes for the widest audience of which {percent(rule.precision)} came true out of time"
        case "tier":
            return "the tier in which the amount most probably lies"
        case "profit":
            most = "" if rule.capacity is None else f", for at most {rule.capacity:,} profiles"
            return f"yes where score × {rule.benefit:,g} (benefit) exceeds {rule.cost:,g} (cost){most}"
        case _:
            return settings(rule)


def settings(part: BaseModel) -> str:
    """Return the settings of a part of a definition, name by name."""
    given = part.model_dump(mode="json", exclude_none=True)
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in given.items())


def percent(share: float) -> str:
    """Return ``12.5 %`` for .125.

    Examples
    --------
    >>> percent(0.2), percent(0.125)
    ('20 %', '12.5 %')
    """
    return f"{100 * share:.4g} %"
