"""A filter as a tree of conditions, and the names it may use.

The tree is plain data: it goes to JSON and back, and is checked like any input. :func:`walk` and :func:`fold` are the
only two traversals: everything that reads a filter (SQL, rules, sentences, the builder) is written with them, so a new
kind of condition is a type error in each place until it is handled.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Annotated, Literal, TypeVar, assert_never

from pydantic import BaseModel, ConfigDict, Field

Operator = Literal["=", "!=", "<", "<=", ">", ">="]
Scalar = str | bool | float
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


def _reserved(name: str) -> bool:
    return name.upper() in {"AND", "OR", "NOT", "IN", "BETWEEN", "IS", "NULL", "TRUE", "FALSE"}


def _quote(text: str, mark: str) -> str:
    return mark + text.replace(mark, mark * 2) + mark


def _scalar(value: Scalar) -> str:
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    return _quote(value, "'") if isinstance(value, str) else repr(float(value)).removesuffix(".0")
