"""What a filter may name: tags, attributes, facts and audiences, and why what is there cannot be used now."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from tagcast.features.core.messages import Message, msg
from tagcast.models.filters.conditions import FieldRef
from tagcast.models.filters.fields import NUMBER_PARTS, UNKNOWN, YES_NO


@dataclass(frozen=True)
class Unavailable:
    """Why a field that exists cannot be used now, and what would change that."""

    problem: Message
    hint: Message


def _nothing_more(_name: str) -> None:
    """Know of no other fields."""


@dataclass(frozen=True)
class Names:
    """What a filter may use.

    Parameters
    ----------
    tags : mapping of str to tuple of str
        Tag to its bands.
    attributes : mapping of str to str
        Attribute to ``text``, ``number``, ``boolean`` or ``date``: a text such as 2026-01-31, which sorts by time.
    values : mapping of str to tuple of str
        The values of a tag beside unknown, where they are not yes and no.
    audiences : collection of str
        Saved audiences that may be conditions.
    unavailable : callable
        Takes a name that is none of these; returns why it cannot be used now where it is known after all, else None. Asked
        only where a filter is wrong, as finding out takes long.
    digests : collection of str
        Attributes that hold keyed digests of what the source says.
    facts, same : mapping of str to str
        Fact to ``text``, ``number`` or ``boolean``; other names of facts, which the tree does not keep.
    products : mapping of str to (str, str)
        Numbers that are the product of the scores of two tags.
    """

    tags: Mapping[str, tuple[str, ...]]
    attributes: Mapping[str, str]
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    audiences: Collection[str] = ()
    unavailable: Callable[[str], Unavailable | None] = field(default=_nothing_more, compare=False)
    digests: Collection[str] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    same: Mapping[str, str] = field(default_factory=dict)
    products: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def plain(self) -> dict[str, str]:
        """Attributes and facts, each with its kind: fields without parts."""
        return {**self.attributes, **self.facts}

    def is_plain(self, name: str) -> bool:
        """Return whether it names an attribute or a fact; ``attributes`` may be a mapping that knows every name."""
        return name in self.attributes or name in self.facts or name in self.same

    def kind(self, field: FieldRef) -> str:
        """Return ``text``, ``number``, ``boolean`` or ``date``."""
        if field.part is None:
            if field.name in self.products:
                return "number"
            return self.facts.get(field.name) or self.attributes[field.name]
        return "number" if field.part in NUMBER_PARTS else "text"

    def allowed(self, field: FieldRef) -> tuple[str, ...] | None:
        """Return the only values that the field has, None where any may be."""
        if field.part == "value":
            return (*self.values.get(field.name, YES_NO), UNKNOWN)
        return self.tags[field.name] if field.part == "band" else None

    def unfit(self, field: FieldRef, text: str) -> Unavailable | None:
        """Return why a text cannot be a value of the field, None where it can.

        A plain value beside digests would find nobody, and stay in saved audiences, rules and logs for all to read.
        """
        if field.part is not None or field.name not in self.digests or re.fullmatch(r"[0-9a-f]{64}", text):
            return None
        return Unavailable(
            msg("{field} holds keyed digests, and this is none", field=field.text()),
            msg(
                "compute the digest with the key of [profiles] hash_key: {command}",
                command="printf %s 'VALUE' | openssl dgst -sha256 -hmac \"$KEY\"",
            ),
        )
