"""What conditions may speak of, as choices: tags by their titles, their parts, attributes, saved audiences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tagcast.features.core.messages import msg
from tagcast.models.filters.conditions import FieldRef, Names
from tagcast.models.filters.fields import PARTS
from tagcast.serving.console.audiences.builder.draft import Row
from tagcast.serving.console.i18n.vocabulary import PART_TITLES
from tagcast.serving.console.ui.tag_badges import value_word

if TYPE_CHECKING:
    from tagcast.serving.console.ui.page_context import PageContext

_TAG, _ATTRIBUTE, _AUDIENCE = "tag:", "attribute:", "audience:"


@dataclass(frozen=True)
class Fields:
    """The fields of one visit.

    Parameters
    ----------
    page : PageContext
    names : Names
    titles : dict of str to str
        Tag to its title in the language of the visit.
    losses : frozenset of str
        Tags whose outcome is a loss.
    """

    page: PageContext
    names: Names
    titles: dict[str, str]
    losses: frozenset[str] = frozenset()

    def choices(self) -> dict[str, str]:
        """Return every field by its key, tags first."""
        say = self.page.say
        choices = {_TAG + tag: self.titles.get(tag, tag) for tag in self.names.tags}
        choices |= {_ATTRIBUTE + name: say(msg("Value at risk")) for name in self.names.products}
        choices |= {_ATTRIBUTE + name: name for name in self.names.attributes}
        return choices | {
            _AUDIENCE + name: say(msg("Audience: {name}", name=name)) for name in self.names.audiences
        }

    def key(self, row: Row) -> str | None:
        """Return the key of the field of a row, None where it has none yet."""
        if not row.name:
            return None
        if row.test in {"member", "not_member"}:
            return _AUDIENCE + row.name
        return (_ATTRIBUTE if row.part is None else _TAG) + row.name

    def put(self, row: Row, key: str | None) -> None:
        """Give a row another field; test and values start anew."""
        row.values = []
        if key is None:
            row.name, row.part, row.test = "", None, "in"
            return
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

    def parts(self) -> dict[str, str]:
        """Return the parts of a tag that people filter by."""
        return {part: self.page.say(PART_TITLES[part]) for part in PARTS}

    def kind(self, row: Row) -> str:
        """Return ``text``, ``number`` or ``boolean``."""
        return self.names.kind(FieldRef(name=row.name, part=row.part))

    def levels(self, row: Row) -> dict[object, str] | None:
        """Return all values that the field has, None where they have to be looked up."""
        if self.kind(row) == "boolean":
            return {value: value_word(self.page.say, value) for value in (True, False)}
        allowed = self.names.allowed(FieldRef(name=row.name, part=row.part))
        return None if allowed is None else {value: value_word(self.page.say, value) for value in allowed}
