"""What a company may declare as a view of its own: files of YAML, validated.

A view becomes a Feast FeatureView; what kind it is follows from the keys that it gives.
"""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from tagcast.features.catalog.builtin import CATEGORY_HISTORY, PROFILE_HISTORY
from tagcast.features.catalog.titles import Text
from tagcast.features.core.messages import listed, msg
from tagcast.features.core.settings_schema import TimedPlace
from tagcast.features.core.validation import InvalidValueError, Strict

NAME = r"^[a-z][a-z0-9_]*$"
ColumnKind = Literal["number", "flag", "date", "word"]
SHIPPED = ("profile_activity", "profile_category")
_TAKEN = frozenset(
    {
        "profile_id",
        "category",
        "as_of",
        "event_timestamp",
        "created_timestamp",
        *(f[0] for f in PROFILE_HISTORY),
        *(f[0] for f in CATEGORY_HISTORY),
    }
)


class AttributeTable(TimedPlace):
    """The table of a view of attributes, and when its rows became true and known."""

    key: str = Field(description="column of the profile's id")
    valid_from: str | None = Field(
        None,
        description="column of the moment from which on a row is true; the newest before a snapshot counts",
    )
    seen_at: str | None = Field(
        None, description="column of the moment at which a row was written: before it nobody could know it"
    )
    constant: bool = Field(False, description="true: attributes that never change, such as a year of birth")

    @model_validator(mode="after")
    def _check_history(self) -> Self:
        if (self.valid_from is None) != self.constant:
            raise InvalidValueError(
                msg(
                    "give either valid_from (the column that says from when on a row is true) or constant: true "
                    "(it never changes): a model must not learn today's value for yesterday"
                )
            )
        if self.constant and self.seen_at is not None:
            raise InvalidValueError(msg("seen_at needs valid_from: what is constant was always known"))
        return self


class AttributeColumn(Strict):
    """One column of attributes."""

    kind: ColumnKind
    column: str | None = Field(None, description="its name in the table, where it is another")
    title: Text | None = None


class AttributesDeclaration(Strict):
    """A view of attributes with history, joined as of each snapshot."""

    view: str = Field(pattern=NAME)
    source: AttributeTable = Field(alias="from")
    columns: dict[str, AttributeColumn] = Field(
        min_length=1, description="feature = number, flag, date or word"
    )
    title: Text | None = None
    description: str = ""
    owner: str = ""

    @field_validator("view")
    @classmethod
    def _check_view(cls, value: str) -> str:
        if value in SHIPPED:
            raise InvalidValueError(msg("{view} is a view of tagcast's own: take another name", view=value))
        return value

    @field_validator("columns", mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {name: {"kind": given} if isinstance(given, str) else given for name, given in value.items()}

    @field_validator("columns")
    @classmethod
    def _check_columns(cls, value: dict[str, AttributeColumn]) -> dict[str, AttributeColumn]:
        import re

        wrong = [name for name in value if not re.match(NAME, name)]
        if wrong:
            raise InvalidValueError(
                msg(
                    "a feature's name is lower-case letters, digits and _; found {found}: write it so, and column: "
                    "with the name in the table",
                    found=listed(map(repr, wrong)),
                )
            )
        taken = sorted(_TAKEN & set(value))
        if taken:
            raise InvalidValueError(
                msg("{names}: tagcast has features of these names: take others", names=listed(taken))
            )
        return value

    @property
    def needed(self) -> tuple[str, ...]:
        """The columns of the table that are read."""
        source = self.source
        times = [name for name in (source.valid_from, source.seen_at) if name]
        return (source.key, *times, *(given.column or name for name, given in self.columns.items()))


ViewDeclaration = AttributesDeclaration
"""Every kind of view that can be declared."""
