"""What a portrait says in words: titles, levels, and the differences that tell most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tagcast.features.catalog.feature_set import PROFILE_VIEW
from tagcast.features.core.messages import Language, Message, listed, msg
from tagcast.serving.audiences.portraits.portrait import PortraitRow
from tagcast.serving.audiences.portraits.telling import most_telling
from tagcast.serving.audiences.wording.field_words import field_words
from tagcast.serving.console.i18n.figures import figure
from tagcast.serving.console.ui.formatting import number, percent
from tagcast.serving.console.ui.tag_badges import value_of
from tagcast.serving.filters.row_rights import reader_for

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tagcast.registry.access.roles import Person
    from tagcast.serving.audiences.portraits.portrait import Portrait
    from tagcast.serving.audiences.portraits.quantiles import PortraitNumber
    from tagcast.serving.audiences.wording.field_words import FieldWords
    from tagcast.serving.console.ui.page_context import PageContext
    from tagcast.serving.context import ServiceContext


@dataclass(frozen=True)
class Words:
    """What fields and levels are called in the language of a visit.

    Parameters
    ----------
    named : FieldWords
    language : {"en", "zh"}
    families : mapping of str to tuple of str
        Where each family of tags hangs in the tree.
    """

    named: FieldWords
    language: Language
    families: Mapping[str, tuple[str, ...]]

    def title(self, field: str) -> str:
        """Return what a field is called."""
        return self.named.title(field, self.language)


def words_of(context: ServiceContext, person: Person, language: Language) -> Words:
    """Return what the fields of the active run are called."""
    with reader_for(context, person) as reader:
        tags = reader.manifest.run.tags
    families = {tag.tag.partition(".")[0]: tag.path for tag in tags if "." in tag.tag}
    return Words(field_words(context, person), language, families)


def level_word(page: PageContext, row: PortraitRow, words: Words) -> str:
    """Return what a level is called."""
    if row.level is not None:
        return value_of(page, words.named, row.field, row.level)
    if row.kind == "tag":
        return page.say(msg("not covered"))
    if row.kind == "attribute":
        return page.say(msg("not filled in"))
    fact = words.named.facts.get(row.field)
    return page.say(msg("never") if fact is not None and fact.since else msg("unknown"))


def amount(page: PageContext, value: float | None, unit: str) -> str:
    """Return a number of a field with its unit."""
    return figure(page.say, value, unit, page.context.settings.currency)


def in_short(page: PageContext, drawn: Portrait, words: Words, others: str) -> str:
    """Return the differences from ``others`` that tell most, as one sentence; empty where none is clear."""
    said = [
        _of_level(page, one, words, others)
        if isinstance(one, PortraitRow)
        else _of_number(page, one, words, others)
        for one in most_telling(drawn)
    ]
    if not said:
        return ""
    return page.say(msg("What stands out: {differences}.", differences=listed(said, "sentences")))


def _of_level(page: PageContext, row: PortraitRow, words: Words, others: str) -> Message:
    parameters = {
        "field": words.title(row.field),
        "level": level_word(page, row, words),
        "mine": percent(row.share, 0),
        "others": others,
        "theirs": percent(row.against_share, 0),
    }
    more = row.share > row.against_share
    if row.kind == "tag" and row.level == "yes":
        if more:
            return msg("more often “{field}” ({mine}; {others}: {theirs})", **parameters)
        return msg("less often “{field}” ({mine}; {others}: {theirs})", **parameters)
    if more:
        return msg("{field} more often “{level}” ({mine}; {others}: {theirs})", **parameters)
    return msg("{field} less often “{level}” ({mine}; {others}: {theirs})", **parameters)


def _of_number(page: PageContext, found: PortraitNumber, words: Words, others: str) -> Message:
    fact, ratio = words.named.facts.get(found.field), found.ratio
    parameters = {
        "mine": amount(page, found.audience.median, found.unit),
        "others": others,
        "theirs": amount(page, found.against.median, found.unit),
    }
    role = found.role if fact is not None and fact.view == PROFILE_VIEW else ""
    if role == "recency":
        return msg("last bought {mine} ago ({others}: {theirs})", **parameters)
    if role and ratio is not None:
        times, less = number(round(ratio, 1)), percent(1 - ratio, 0)
        if role == "value" and ratio > 1:
            return msg("spend {times} times as much ({mine}; {others}: {theirs})", times=times, **parameters)
        if role == "value":
            return msg("spend {less} less ({mine}; {others}: {theirs})", less=less, **parameters)
        if ratio > 1:
            return msg(
                "bought on {times} times as many days ({mine}; {others}: {theirs})", times=times, **parameters
            )
        return msg("bought on {less} fewer days ({mine}; {others}: {theirs})", less=less, **parameters)
    return msg("{field}: {mine} ({others}: {theirs})", field=words.title(found.field), **parameters)
