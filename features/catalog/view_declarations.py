"""A view of attributes as a company declares it in YAML, validated, and what every kind of declared view has."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, PrivateAttr, field_validator, model_validator

from tagcast.features.core.messages import listed, msg
from tagcast.features.core.schema.entities import PROFILE
from tagcast.features.core.schema.sources import TimedPlace
from tagcast.features.core.titles import Text
from tagcast.features.core.validation import InvalidValueError, Strict

NAME = r"^[a-z][a-z0-9_]*$"
Window = int | Literal["all"]
LONGEST_WINDOW = 3_650
"""Days."""
ColumnKind = Literal["number", "flag", "date", "word"]
SHIPPED = ("profile_activity", "profile_category")
_TAKEN = frozenset({"profile_id", "category", "as_of", "event_timestamp", "created_timestamp"})
"""Columns of a snapshot that are no features."""


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


class DeclaredView(Strict):
    """What every declared view has, whatever it is made of; it becomes a Feast FeatureView."""

    kind: ClassVar[str]
    view: str = Field(pattern=NAME)
    title: Text | None = None
    description: str = ""
    owner: str = ""
    entity: tuple[str, ...] = Field(
        (PROFILE,),
        description="whose features these are: [profile], or an entity of the configuration; of two, as in [profile, fund] or "
        "[profile, category]: of each with each",
    )
    push: bool = Field(
        False,
        description="true: newer rows may be pushed to Feast's online store, by the push source VIEW_push",
    )
    _file: str = PrivateAttr("")

    def read_from(self, file: Path) -> None:
        """Remember the file, for errors that are found later."""
        self._file = str(file)

    @property
    def file(self) -> str:
        """Its file."""
        return self._file

    @property
    def place(self) -> str:
        """What errors call it: its file and its name."""
        return f"{self._file}: {self.view}"

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of its entity on the event log that the entity sees."""
        return ("profile_id", *self.entity[1:])

    @field_validator("entity", mode="before")
    @classmethod
    def _check_entity(cls, value: Any) -> Any:
        several = [value] if isinstance(value, str) else value
        names = isinstance(several, list | tuple) and all(isinstance(name, str) for name in several)
        if not names or len(several) not in (1, 2):
            raise InvalidValueError(
                msg(
                    "expected one entity, as in [profile], or two, as in [profile, fund] or [profile, category]"
                )
            )
        if len(set(several)) < len(several):
            raise InvalidValueError(msg("{entity} cannot be paired with itself", entity=several[0]))
        return tuple(several)

    @field_validator("view")
    @classmethod
    def _check_view(cls, value: str) -> str:
        if value in SHIPPED:
            raise InvalidValueError(msg("{view} is a view of tagcast's own: take another name", view=value))
        return value


def check_feature_names(names: Iterable[str]) -> None:
    """Refuse names of features that are written otherwise than in lower case, or that tagcast has taken.

    Raises
    ------
    InvalidValueError
        Naming all that are wrong.
    """
    names = list(names)
    if wrong := [name for name in names if not re.match(NAME, name)]:
        raise InvalidValueError(
            msg(
                "a feature's name is lower-case letters, digits and _; found {found}",
                found=listed(map(repr, wrong)),
            )
        )
    if taken := sorted(_TAKEN & set(names)):
        raise InvalidValueError(
            msg("{names}: a snapshot has columns of these names: take others", names=listed(taken))
        )


def checked_windows(given: Any) -> tuple[Window, ...]:
    """Return windows in order: days rising, then all.

    Raises
    ------
    InvalidValueError
        Where there is none, one stands twice, or one has no length.
    """
    several = list(given) if isinstance(given, list | tuple) else [None]
    days = sorted(n for n in several if type(n) is int and 0 < n <= LONGEST_WINDOW)
    whole = ["all"] if "all" in several else []
    if not several or sorted(map(str, several)) != sorted(map(str, {*days, *whole})):
        raise InvalidValueError(
            msg(
                "expected a list of days from 1 to {longest:,}, each once, and all for everything",
                longest=LONGEST_WINDOW,
            )
        )
    return (*days, *whole)  # type: ignore[arg-type]


class ColumnsDeclaration(DeclaredView):
    """A view whose columns are named one by one: those of a table, or of another Feast repo."""

    columns: dict[str, AttributeColumn]

    @field_validator("columns", mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {name: {"kind": given} if isinstance(given, str) else given for name, given in value.items()}

    @field_validator("columns")
    @classmethod
    def _check_columns(cls, value: dict[str, AttributeColumn]) -> dict[str, AttributeColumn]:
        check_feature_names(value)
        return value

    @property
    def names(self) -> tuple[str, ...]:
        """The features that it declares, as a tag may name them."""
        return tuple(self.columns)

    @property
    def column_names(self) -> tuple[str, ...]:
        """The columns that it gives, but for the levels of words."""
        return self.names


class AttributesDeclaration(ColumnsDeclaration):
    """A view of attributes with history, joined as of each snapshot."""

    kind: ClassVar[str] = "attributes"
    source: AttributeTable = Field(alias="from")
    columns: dict[str, AttributeColumn] = Field(
        min_length=1,
        description="feature = number, flag, date or word; column: where the table calls it otherwise",
    )

    @field_validator("entity")
    @classmethod
    def _check_one(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(value) > 1:
            raise InvalidValueError(msg("attributes are of one entity, as in [profile]"))
        return value

    @property
    def needed(self) -> tuple[str, ...]:
        """The columns of the table that are read."""
        source = self.source
        times = [name for name in (source.valid_from, source.seen_at) if name]
        return (source.key, *times, *(given.column or name for name, given in self.columns.items()))
