"""A filter as a tree of conditions, and the names it may use.

The tree is plain data: it goes to JSON and back, and is checked like any input. :func:`walk` and :func:`fold` are the
only two traversals: everything that reads a filter (SQL, rules, sentences, the builder) is written with them, so a new
kind of condition is a type error in each place until it is handled.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal, TypeVar, assert_never

from pydantic import BaseModel, ConfigDict, Field

from tagcast.features.core.messages import Message, msg
from tagcast.models.filters.fields import NUMBER_PARTS, UNKNOWN, YES_NO

Operator = Literal["=", "!=", "<", "<=", ">", ">="]
Scalar = str | bool | float
Kind = Literal["text", "number", "boolean", "date"]
_BARE = re.compile(r"[^\W\d]\w*(?:\.\w+)*")  # as the parser reads a name that stands without quotes
MAX_DEPTH = 50
MAX_VALUES = 10_000
MAX_CONDITIONS = 500
T = TypeVar("T")


class _Node(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class FieldRef(_Node):
    """An attribute or a fact, a part of a tag, or the product of the scores of two tags, ``factors``."""

    name: str
    part: str | None = None
    factors: tuple[str, str] | None = Field(None, strict=False, exclude_if=lambda of: of is None)

    def text(self) -> str:
        """Return it as written in a filter."""
        bare = _BARE.fullmatch(self.name) and not _reserved(self.name)
        name = self.name if bare else _quote(self.name, '"')
        return name if self.part in {None, "value"} else f"{name}.{self.part}"


class Compare(_Node):
    """``field op value``."""

    kind: Literal["compare"] = "compare"
    field: FieldRef
    op: Operator
    value: Scalar

    def text(self) -> str:
        """Return it as written in a filter."""
        return f"{self.field.text()} {self.op} {_scalar(self.value)}"


class OneOf(_Node):
    """``field IN (values)``."""

    kind: Literal["in"] = "in"
    field: FieldRef
    values: tuple[Scalar, ...] = Field(min_length=1, max_length=MAX_VALUES, strict=False)

    def text(self) -> str:
        """Return it as written in a filter."""
        return f"{self.field.text()} IN ({', '.join(_scalar(v) for v in self.values)})"


class IsNull(_Node):
    """``field IS NULL``: the attribute or fact is unknown, or the profile is outside the tag's population."""

    kind: Literal["null"] = "null"
    field: FieldRef

    def text(self) -> str:
        """Return it as written in a filter."""
        return f"{self.field.text()} IS NULL"


class InAudience(_Node):
    """The profile is a member of the saved audience ``name``."""

    kind: Literal["audience"] = "audience"
    name: str

    def text(self) -> str:
        """Return it as written in a filter."""
        return f"IN AUDIENCE {_scalar(self.name)}"


class Not(_Node):
    """Exactly the profiles that ``item`` leaves out."""

    kind: Literal["not"] = "not"
    item: Condition

    def text(self) -> str:
        """Return it as written in a filter."""
        return f"NOT ({self.item.text()})"


class And(_Node):
    """All of the items hold."""

    kind: Literal["and"] = "and"
    items: tuple[Condition, ...] = Field(min_length=1, strict=False)

    def text(self) -> str:
        """Return it as written in a filter."""
        return " AND ".join(f"({i.text()})" if isinstance(i, Or | And) else i.text() for i in self.items)


class Or(_Node):
    """At least one of the items holds."""

    kind: Literal["or"] = "or"
    items: tuple[Condition, ...] = Field(min_length=1, strict=False)

    def text(self) -> str:
        """Return it as written in a filter."""
        return " OR ".join(f"({i.text()})" if isinstance(i, Or) else i.text() for i in self.items)


FieldCondition = Compare | OneOf | IsNull
"""A condition on one field."""
Leaf = FieldCondition | InAudience
"""A condition that holds no others."""
Condition = Annotated[Leaf | Not | And | Or, Field(discriminator="kind")]
for _model in (Not, And, Or):
    _model.model_rebuild()


class Filter(_Node):
    """A whole filter."""

    root: Condition

    def text(self) -> str:
        """Return it as text that parses to the same tree."""
        return self.root.text()


def walk(tree: Filter | Condition) -> Iterator[Leaf]:
    """Yield the conditions that ``tree`` is made of, in reading order.

    Examples
    --------
    >>> age, loyal = FieldRef(name="age"), InAudience(name="loyal")
    >>> [leaf.text() for leaf in walk(Or(items=(Not(item=IsNull(field=age)), loyal)))]
    ['age IS NULL', "IN AUDIENCE 'loyal'"]
    """
    pending = [tree.root if isinstance(tree, Filter) else tree]
    while pending:
        node = pending.pop()
        match node:
            case Not():
                pending.append(node.item)
            case And() | Or():
                pending.extend(reversed(node.items))
            case Compare() | OneOf() | IsNull() | InAudience():
                yield node
            case _:
                assert_never(node)


def fold(
    node: Condition,
    *,
    leaf: Callable[[Leaf], T],
    negated: Callable[[Not, T], T],
    joined: Callable[[And | Or, list[T]], T],
) -> T:
    """Return what ``node`` comes to, worked out from its conditions upwards.

    Parameters
    ----------
    node : Condition
    leaf : callable
        What a condition that holds no others comes to.
    negated : callable
        What a ``Not`` comes to, from itself and what its item came to.
    joined : callable
        What an ``And`` or ``Or`` comes to, from itself and what its items came to, in order.

    Examples
    --------
    >>> tree = Not(item=And(items=(IsNull(field=FieldRef(name="age")), InAudience(name="loyal"))))
    >>> fold(tree, leaf=lambda _: 1, negated=lambda _, depth: depth + 1, joined=lambda _, depths: 1 + max(depths))
    3
    """
    match node:
        case Not():
            return negated(node, fold(node.item, leaf=leaf, negated=negated, joined=joined))
        case And() | Or():
            return joined(node, [fold(i, leaf=leaf, negated=negated, joined=joined) for i in node.items])
        case Compare() | OneOf() | IsNull() | InAudience():
            return leaf(node)
        case _:
            assert_never(node)


def fields(tree: Filter | Condition) -> Iterator[FieldRef]:
    """Yield the field of every condition on one, in reading order."""
    for leaf in walk(tree):
        if not isinstance(leaf, InAudience):
            yield leaf.field


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


def _reserved(name: str) -> bool:
    return name.upper() in {"AND", "OR", "NOT", "IN", "BETWEEN", "IS", "NULL", "TRUE", "FALSE"}


def _quote(text: str, mark: str) -> str:
    return mark + text.replace(mark, mark * 2) + mark


def _scalar(value: Scalar) -> str:
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    return _quote(value, "'") if isinstance(value, str) else repr(float(value)).removesuffix(".0")
