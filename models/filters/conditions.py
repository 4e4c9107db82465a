"""A filter as a tree of conditions, and the names it may speak of.

The tree is plain data: it goes to JSON and back, and is checked like any input.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from tagcast.models.filters.fields import NUMBER_PARTS, UNKNOWN, YES_NO

Operator = Literal["=", "!=", "<", "<=", ">", ">="]
Scalar = str | bool | float
Kind = Literal["text", "number", "boolean"]
_BARE = re.compile(r"[^\W\d]\w*(?:\.\w+)*")  # as the parser reads a name that stands without quotes
MAX_DEPTH = 50
MAX_VALUES = 10_000
MAX_CONDITIONS = 500


class _Node(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class FieldRef(_Node):
    """An attribute, or a part of a tag."""

    name: str
    part: str | None = None

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
    """``field IS NULL``: the attribute is unknown, or the profile is outside the tag's population."""

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


Condition = Annotated[Compare | OneOf | IsNull | InAudience | Not | And | Or, Field(discriminator="kind")]
for _model in (Not, And, Or):
    _model.model_rebuild()


class Filter(_Node):
    """A whole filter."""

    root: Condition

    def text(self) -> str:
        """Return it as text that parses to the same tree."""
        return self.root.text()


@dataclass(frozen=True)
class Names:
    """What a filter may speak of.

    Parameters
    ----------
    tags : mapping of str to tuple of str
        Tag to its bands.
    attributes : mapping of str to str
        Attribute to ``text``, ``number`` or ``boolean``.
    values : mapping of str to tuple of str
        What a tag can say beside unknown, where that is not yes and no.
    audiences : collection of str
        Saved audiences that may be conditions.
    """

    tags: Mapping[str, tuple[str, ...]]
    attributes: Mapping[str, str]
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    audiences: Collection[str] = ()

    def kind(self, field: FieldRef) -> str:
        """Return ``text``, ``number`` or ``boolean``."""
        if field.part is None:
            return self.attributes[field.name]
        return "number" if field.part in NUMBER_PARTS else "text"

    def allowed(self, field: FieldRef) -> tuple[str, ...] | None:
        """Return the only values that the field has, None where any may be."""
        if field.part == "value":
            return (*self.values.get(field.name, YES_NO), UNKNOWN)
        return self.tags[field.name] if field.part == "band" else None


def _reserved(name: str) -> bool:
    return name.upper() in {"AND", "OR", "NOT", "IN", "BETWEEN", "IS", "NULL", "TRUE", "FALSE"}


def _quote(text: str, mark: str) -> str:
    return mark + text.replace(mark, mark * 2) + mark


def _scalar(value: Scalar) -> str:
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    return _quote(value, "'") if isinstance(value, str) else repr(float(value)).removesuffix(".0")
