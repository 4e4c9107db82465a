"""What conditions may speak of, as choices: tags by their titles, facts by view, attributes, saved audiences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from tagcast.features.core.messages import msg, pmsg
from tagcast.models.filters.conditions import FieldRef
from tagcast.models.filters.fields import PARTS
from tagcast.models.filters.names import Names
from tagcast.serving.console.audiences.builder.draft import Row
from tagcast.serving.console.i18n.vocabulary import PART_TITLES
from tagcast.serving.console.ui.tag_badges import value_of, value_word

if TYPE_CHECKING:
    from tagcast.serving.audiences.wording.field_words import FieldWords
    from tagcast.serving.console.ui.page_context import PageContext
    from tagcast.serving.store.schema import FactRun

_TAG, _FACT, _ATTRIBUTE, _AUDIENCE = "tag:", "fact:", "attribute:", "audience:"
_USUAL_DAYS = 90
"""The window that a condition begins with, or the next shorter one."""
_ROLES = ("recency", "frequency", "value")


@dataclass(frozen=True)
class FieldChoice:
    """One choice.

    Parameters
    ----------
    key : str
    title : str
        As it is read.
    group : str
        Under which heading it stands.
    also : tuple of str
        What it is found by beside its title and that of its group.
    """

    key: str
    title: str
    group: str
    also: tuple[str, ...] = ()

    @property
    def searched(self) -> str:
        """All that it is found by."""
        return " · ".join((self.title, self.group, *self.also))


@dataclass(frozen=True)
class Fields:
    """The fields of one visit.

    Parameters
    ----------
    page : PageContext
    names : Names
    words : FieldWords
        What fields and values are called.
    losses : frozenset of str
        Tags whose outcome is a loss.
    """

    page: PageContext
    names: Names
    words: FieldWords
    losses: frozenset[str] = frozenset()

    @cached_property
    def titles(self) -> dict[str, str]:
        """Every tag, fact and attribute, and its title in the language of the visit."""
        return {name: self.title(name) for name in (*self.names.tags, *self.names.plain)}

    def title(self, name: str) -> str:
        """Return what a field is called in the language of the visit."""
        return self.words.title(name, self.page.language)

    @cached_property
    def measures(self) -> Mapping[str, tuple[FactRun, ...]]:
        """Facts that differ by window alone, by the key of their choice: shorter windows first, everything last."""
        found: dict[str, list[FactRun]] = {}
        facts = [self.words.facts[name] for name in self.names.facts if name in self.words.facts]
        # What a view is about first: its recency, frequency and value.
        led = {(f.view, f.measure): _ROLES.index(f.role) for f in facts if f.role}
        for fact in sorted(facts, key=lambda one: led.get((one.view, one.measure), len(_ROLES))):
            found.setdefault(f"{_FACT}{fact.view}.{fact.measure}", []).append(fact)
        return {key: tuple(sorted(some, key=_by_window)) for key, some in found.items()}

    @cached_property
    def choices(self) -> tuple[FieldChoice, ...]:
        """Every field, in groups."""
        return tuple(self._choices())

    def _choices(self) -> Iterator[FieldChoice]:
        say = self.page.say
        for tag in self.names.tags:
            yield FieldChoice(_TAG + tag, self.title(tag), say(msg("Tags")), self._also(tag))
        for name in self.names.products:
            yield FieldChoice(_ATTRIBUTE + name, say(msg("Value at risk")), say(msg("Tags")), (name,))
        views: dict[str, list[FieldChoice]] = {}
        for key, some in self.measures.items():
            fact = some[0]
            group = say.of({"en": fact.view_en, "zh": fact.view_zh})
            also = tuple(
                dict.fromkeys(word for one in some for word in (one.title_en, one.title_zh, one.name))
            )
            views.setdefault(group, []).append(
                FieldChoice(key, self.measured(fact, several=len(some) > 1), group, also)
            )
        for of_view in views.values():
            yield from of_view
        for name in self.names.attributes:
            yield FieldChoice(
                _ATTRIBUTE + name, _begun(self.title(name)), say(msg("Attributes")), self._also(name)
            )
        for name in self.names.audiences:
            yield FieldChoice(_AUDIENCE + name, name, say(msg("My audiences")))

    def _also(self, name: str) -> tuple[str, ...]:
        return (*self.words.titles.get(name, {}).values(), name)

    def measured(self, fact: FactRun, *, several: bool) -> str:
        """Return what a fact is called, without its window where that is chosen beside it."""
        say = self.page.say
        if fact.since:
            event = fact.measure_title(self.page.language)
            message = (
                msg("First {event}", event=event)
                if fact.since == "first"
                else msg("Last {event}", event=event)
            )
            return say(message)
        title = fact.measure_title(self.page.language) if several else fact.title(self.page.language)
        return _begun(title)

    def fact(self, row: Row) -> FactRun | None:
        """Return the fact that a row speaks of; None where it speaks of something else."""
        return self.words.facts.get(row.name) if row.part is None and row.name in self.names.facts else None

    def key(self, row: Row) -> str | None:
        """Return the key of the field of a row, None where it has none yet."""
        if not row.name:
            return None
        if row.test in {"member", "not_member"}:
            return _AUDIENCE + row.name
        if (fact := self.fact(row)) is not None:
            return f"{_FACT}{fact.view}.{fact.measure}"
        return (_ATTRIBUTE if row.part is None else _TAG) + row.name

    def put(self, row: Row, key: str | None) -> None:
        """Give a row another field; test and values start anew."""
        row.values = []
        if key is None:
            row.name, row.part, row.test = "", None, "in"
            return
        if key.startswith(_FACT):
            some = self.measures[key]
            fitting = [one for one in some if one.window_days is not None and one.window_days <= _USUAL_DAYS]
            row.name, row.part, row.test = (fitting or list(some))[-1].name, None, "in"
        for start in (_TAG, _ATTRIBUTE, _AUDIENCE):
            if key.startswith(start):
                row.name = key[len(start) :]
                row.part = "value" if start == _TAG else None
                row.test = "member" if start == _AUDIENCE else "in"
        if row.part is None and row.test != "member" and self.kind(row) == "number":
            row.test = "ge"

    def put_part(self, row: Row, part: str) -> None:
        """Let a row speak of another part of its tag."""
        row.part, row.values = part, []
        row.test = "ge" if self.names.kind(FieldRef(name=row.name, part=part)) == "number" else "in"

    def put_window(self, row: Row, name: str) -> None:
        """Let a row speak of another window; what it is compared with stays."""
        row.name = name

    def parts(self) -> dict[str, str]:
        """Return the parts of a tag that people filter by."""
        return {part: self.page.say(PART_TITLES[part]) for part in PARTS}

    def windows(self, row: Row) -> dict[str, str]:
        """Return the facts that differ from that of a row by window alone, each with its window in words; none where it is the only one."""
        some = self.measures.get(self.key(row) or "", ())
        return {one.name: self._window(one) for one in some} if len(some) > 1 else {}

    def _window(self, fact: FactRun) -> str:
        say = self.page.say
        if fact.window_days is None:
            return say(msg("ever"))
        return say(msg("last {days} days", days=fact.window_days))

    def unit(self, fact: FactRun) -> str:
        """Return what stands behind a number of a fact; empty where nothing is known of it."""
        say = self.page.say
        match fact.unit:
            case "days":
                return say(msg("days ago") if fact.since else pmsg("unit", "days"))
            case "times":
                return say(pmsg("unit", "times"))
            case "currency":
                return self.words.currency
            case "share":
                return "%"
            case _:
                return ""

    def kind(self, row: Row) -> str:
        """Return ``text``, ``number``, ``boolean`` or ``date``."""
        return self.names.kind(FieldRef(name=row.name, part=row.part))

    def levels(self, row: Row) -> dict[object, str] | None:
        """Return all values that the field has, None where they have to be looked up."""
        if self.kind(row) == "boolean":
            return {value: self.value(row.name, value) for value in (True, False)}
        allowed = self.names.allowed(FieldRef(name=row.name, part=row.part))
        return None if allowed is None else {value: value_word(self.page.say, value) for value in allowed}

    def value(self, name: str, value: object) -> str:
        """Return what a value of an attribute or fact is called."""
        return value_of(self.page, self.words, name, value)


def _begun(title: str) -> str:
    """Return a title as it stands alone; in a sentence it begins small."""
    return title[:1].upper() + title[1:]


def _by_window(fact: FactRun) -> float:
    return float("inf") if fact.window_days is None else fact.window_days
