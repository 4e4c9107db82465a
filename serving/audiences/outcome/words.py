"""What an outcome is called where people are counted by it: ``will stop buying within 30 days``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tagcast.features.catalog.feature_set import PURCHASE
from tagcast.features.core.messages import Message, msg, nmsg, render
from tagcast.features.entities.pair import CATEGORY
from tagcast.models.definitions.window_outcomes import Aggregate, Label
from tagcast.serving.catalog.definition_text import percent, words_of_outcome

if TYPE_CHECKING:
    from tagcast.features.core.messages import Language
    from tagcast.models.definitions.model_tag import TagDefinition

ByLanguage = Mapping[str, str]


def will(definition: TagDefinition | None, *, in_currency: bool = False) -> ByLanguage:
    """Return the verb of an outcome's sentence by language; of an amount, how it is spent: ``on coffee within 30 days``.

    Parameters
    ----------
    definition : TagDefinition or None
        Of a tag without one nothing is known but that it comes true.
    in_currency : bool
        Whether the tag predicts an amount.
    """
    languages: tuple[Language, ...] = ("en", "zh")
    return {language: render(_will(definition, language, in_currency), language) for language in languages}


def _will(definition: TagDefinition | None, language: Language, in_currency: bool) -> Message:
    if definition is None:
        return msg("in the time ahead") if in_currency else msg("will see it come true")
    outcome: Any = definition.outcome
    if isinstance(outcome, Label | Aggregate):
        return msg("will see it come true: {outcome}", outcome=words_of_outcome(outcome, language))
    within = nmsg("within {n} day", "within {n} days", outcome.horizon_days)
    pair = outcome.pair
    about = "" if pair is None else pair.value if pair.entity == CATEGORY else f"{pair.entity} {pair.value}"
    spends = _spends(outcome, about, within)
    if spends is not None:
        return spends
    if outcome.event == PURCHASE:
        return _buys(outcome, about, within)
    event = f"{outcome.event} ({about})" if about else outcome.event
    match outcome.kind:
        case "no_event":
            return msg("will have no “{event}” {within}", event=event, within=within)
        case "any_event":
            return msg("will have at least one “{event}” {within}", event=event, within=within)
        case _:
            return msg(
                "will have “{event}” on {days} or more days {within}",
                event=event, days=outcome.at_least, within=within,
            )  # fmt: skip


def _spends(outcome: Any, about: str, within: Message) -> Message | None:
    """Return the verb of an outcome that is about spend; None of one that is not."""
    match outcome.kind:
        case "amount":
            return msg("on {about} {within}", about=about, within=within) if about else within
        case "sum_at_least":
            amount = f"{outcome.at_least:,g}"
            if about:
                return msg("will spend {amount} or more on {about} {within}", amount=amount, about=about, within=within)  # fmt: skip
            return msg("will spend {amount} or more {within}", amount=amount, within=within)
        case "top_share":
            share = percent(outcome.share)
            if about:
                return msg("will be among the top {share} of spenders on {about} {within}", share=share, about=about, within=within)  # fmt: skip
            return msg("will be among the top {share} of spenders {within}", share=share, within=within)
        case _:
            return None


def _buys(outcome: Any, about: str, within: Message) -> Message:
    """Return the verb of an outcome that is about purchases."""
    match outcome.kind:
        case "no_event":
            if about:
                return msg("will stop buying {about} {within}", about=about, within=within)
            return msg("will stop buying {within}", within=within)
        case "any_event":
            if about:
                return msg("will buy {about} {within}", about=about, within=within)
            return msg("will buy something {within}", within=within)
        case _:
            days = outcome.at_least
            if about:
                return msg("will buy {about} on {days} or more days {within}", about=about, days=days, within=within)  # fmt: skip
            return msg("will buy on {days} or more days {within}", days=days, within=within)
