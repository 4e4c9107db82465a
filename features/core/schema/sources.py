"""The tables of `tagcast.toml` on where data lie: sources, profiles, identity."""

from __future__ import annotations

import codecs
import re
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from tagcast.features.core.messages import listed, msg
from tagcast.features.core.urls import holds_password, password_in_url
from tagcast.features.core.validation import InvalidValueError, Strict, with_near, zone

NAME = r"^[a-z][a-z0-9_]*$"
EVENT_COLUMNS = (
    "profile_id", "event_time", "amount", "quantity", "discount", "category", "item_id", "order_id", "channel",
)  # fmt: skip
NAMING_COLUMNS = ("category", "item_id", "order_id", "channel")
"""Those that name something, which may be an entity."""
REQUIRED_COLUMNS = ("profile_id", "event_time")
COMPUTED_COLUMNS = ("event_day", "event_hour", "event", "is_return", "source", "day")
"""Names of the event log that no column of a source can have."""
TIME_FORMATS = ("dmy", "mdy", "ymd", "excel", "excel_1904", "epoch_s", "epoch_ms", "epoch_us", "epoch_ns")
"""Words that ``time_format`` knows beside strptime's formats: an order of day, month and year, or what a number counts."""


class Place(Strict):
    """Where a table is: files, a table of a lake, a table or query of a database, or a table of Spark's catalogue."""

    path: str | None = Field(
        None,
        description="file, folder or glob; package:NAME/… inside an installed package; an address that begins with s3://, "
        "gs://, abfs:// or https://; the folder of a Delta or Iceberg table",
    )
    url: str | None = Field(
        None, description="of a database or warehouse, as SQLAlchemy writes it; secrets as ${VARIABLE}"
    )
    catalog: str | None = Field(
        None,
        description="Iceberg catalogue, as pyiceberg's own configuration names it; table says which of its tables",
    )
    table: str | None = Field(
        None,
        min_length=1,
        description='of the database or the catalogue; alone, with engine = "spark": of the catalogue of its session, sales.lines',
    )
    query: str | None = None
    format: Literal["parquet", "csv", "json", "arrow", "orc", "delta", "iceberg"] | None = Field(
        None, description="else by name and content"
    )
    encoding: str | None = Field(
        None,
        description="of CSV and JSON files: latin-1, cp1252 …; default: UTF-8, or UTF-16 where its mark shows it",
    )
    unnest: str | None = Field(
        None,
        min_length=1,
        description="column or path that holds a list: each of its elements becomes a line, an empty list none",
    )

    @model_validator(mode="after")
    def _check_place(self) -> Self:
        given = sum(one is not None for one in (self.path, self.url, self.catalog))
        if given > 1 or (not given and (self.table is None or self.query is not None)):
            raise InvalidValueError(
                msg(
                    "give one of path (files), url (a database), catalog (of Iceberg tables), and table alone (of Spark's catalogue)"
                )
            )
        if self.url is not None and (self.table is None) == (self.query is None):
            raise InvalidValueError(msg("a url needs either table or query"))
        if self.catalog is not None and self.table is None:
            raise InvalidValueError(
                msg("a catalog needs table, as in {example}", example='table = "shop.orders"')
            )
        if self.url is not None and holds_password(self.url):
            raise InvalidValueError(password_in_url())
        if self.path is not None and "://" in self.path and holds_password(self.path):
            raise InvalidValueError(
                msg("a password is written in path: name it as ${{VARIABLE}} and set it in the environment")
            )
        if self.url is not None and self.unnest is not None:
            raise InvalidValueError(
                msg("unnest is not for a database: give a query that makes a line of each element")
            )
        return self

    @property
    def in_session(self) -> bool:
        """Whether it is a table of the catalogue of Spark's session."""
        return self.path is None and self.url is None and self.catalog is None

    @field_validator("encoding")
    @classmethod
    def _check_encoding(cls, value: str | None) -> str | None:
        try:
            text = value is None or codecs.lookup(value)._is_text_encoding  # noqa: SLF001 - nothing public says so
        except LookupError:
            text = False
        if not text:
            raise InvalidValueError(msg("expected an encoding such as latin-1, found {found!r}", found=value))
        return value


class Join(Place):
    """A dimension table: its ``columns`` become columns of the source."""

    on: str | dict[str, str] = Field(
        description="the column both share, or {source column = dimension column}"
    )
    columns: tuple[str, ...] = Field(min_length=1)

    @property
    def keys(self) -> dict[str, str]:
        """Source column to dimension column."""
        return {self.on: self.on} if isinstance(self.on, str) else dict(self.on)


class TimedPlace(Place):
    """A table with a column of times."""

    timezone: str = Field("UTC", description="how times without a zone are read")
    time_format: str | None = Field(
        None,
        description="strptime format where the time is text or a number, as in %d.%m.%Y %H:%M; or dmy, mdy, ymd, excel, "
        "excel_1904, epoch_s, epoch_ms, epoch_us, epoch_ns",
    )

    @field_validator("timezone")
    @classmethod
    def _check_zone(cls, value: str) -> str:
        return zone(value)

    @field_validator("time_format")
    @classmethod
    def _check_time_format(cls, value: str | None) -> str | None:
        if value is not None and "%" not in value and value not in TIME_FORMATS:
            raise InvalidValueError(
                msg(
                    "expected a format such as {example}, or one of {words}; found {found!r}",
                    example='"%d.%m.%Y %H:%M"',
                    words=listed(TIME_FORMATS),
                    found=value,
                )
            )
        return value


class Source(TimedPlace):
    """One table of events and how it maps onto the event log."""

    name: str = Field(pattern=NAME)
    event: str = Field("purchase", pattern=NAME, description="name of every event of this source")
    event_column: str | None = Field(None, description="or the column that holds the name")
    where: str | None = Field(None, description="SQL condition; other rows are left out")
    returns: str | None = Field(None, description="SQL condition; these rows give money back")
    deduplicate: bool = Field(False, description="exact duplicate lines count once")
    ended: bool = Field(False, description="no more events are to come: its silence is not waited for")
    loaded_at: str | None = Field(
        None,
        min_length=1,
        description="of a database, column that says when a row was loaded or changed: only days with such rows are compared, "
        "all days once a week",
    )
    columns: dict[str, str] = Field(description="event-log column = source column, or a path in one")
    derive: dict[str, str] = Field(default_factory=dict, description="event-log column = SQL expression")
    numbers: tuple[str, ...] = Field(
        (),
        description="further columns of the event log that hold numbers; read from the column of this name, "
        "or as columns or derive say",
    )
    words: tuple[str, ...] = Field((), description="further columns of the event log that hold words")
    keys: dict[str, str] = Field(
        default_factory=dict, description="entity = source column that names it; the profile is in columns"
    )
    joins: tuple[Join, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _read_by_name(cls, raw: Any) -> Any:
        """Read a further column from the one of its name where nothing else is said."""
        if not isinstance(raw, dict) or not isinstance(raw.get("columns"), dict):
            return raw
        named = [
            name for key in ("numbers", "words") if isinstance(given := raw.get(key), list) for name in given
        ]
        keys = raw["keys"] if isinstance(raw.get("keys"), dict) else {}
        said = {*raw["columns"], *keys, *(raw.get("derive") or ())}
        plain = {n: n for n in named if isinstance(n, str) and n not in said}
        if twice := sorted(n for n, c in keys.items() if raw["columns"].get(n, c) != c):
            raise InvalidValueError(msg("{columns}: both in columns and in keys", columns=listed(twice)))
        return {**raw, "columns": {**raw["columns"], **plain, **keys}}

    @property
    def named(self) -> tuple[str, ...]:
        """Its further columns of the event log that hold words; keys of entities are among them."""
        return (*self.words, *(name for name in self.keys if name not in NAMING_COLUMNS))

    @field_validator("numbers", "words")
    @classmethod
    def _check_further(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if not re.fullmatch(NAME, name):
                raise InvalidValueError(
                    msg(
                        "a column of the event log is lower-case letters, digits and _; found {found!r}: write {name} = {found!r} "
                        "under columns, and {name} here",
                        found=name,
                        name=re.sub(r"\W+", "_", name.lower()).strip("_") or "value",
                    )
                )
            if name in {*EVENT_COLUMNS, *COMPUTED_COLUMNS}:
                raise InvalidValueError(
                    msg(
                        "the event log has a column {name!r} of its own: map it in columns, or take another name",
                        name=name,
                    )
                )
        return value

    @model_validator(mode="after")
    def _check_columns(self) -> Self:
        if both := sorted({*self.numbers} & {*self.words}):
            raise InvalidValueError(msg("{columns}: both in numbers and in words", columns=listed(both)))
        taken = {*EVENT_COLUMNS, *COMPUTED_COLUMNS, *self.numbers, *self.words} - {*NAMING_COLUMNS}
        if both := sorted({*self.keys} & taken):
            raise InvalidValueError(
                msg("keys: {names}: the event log has a column of this name already", names=listed(both))
            )
        known = (*EVENT_COLUMNS, *self.numbers, *self.words, *self.keys)
        for column in (*self.columns, *self.derive):
            if column not in known:
                raise InvalidValueError(
                    with_near(
                        msg(
                            "{column!r} is no column of the event log; a further one is named in numbers or words",
                            column=column,
                        ),
                        column,
                        known,
                    )
                )
        in_both = set(self.columns) & set(self.derive)
        if in_both:
            raise InvalidValueError(
                msg("{columns}: both in columns and in derive", columns=listed(sorted(in_both)))
            )
        if self.loaded_at is not None and self.url is None:
            raise InvalidValueError(
                msg(
                    "loaded_at is for a database (url): of files, those that are new or have changed are read"
                )
            )
        for column in REQUIRED_COLUMNS:
            if column not in self.columns and column not in self.derive:
                raise InvalidValueError(msg("columns has to say where {column} comes from", column=column))
        return self


class Identity(Place):
    """Which ids of which source belong to which profile."""

    source: str = Field("source", description="column that holds the source's name")
    source_id: str = Field("source_id", description="column that holds the source's id")
    profile_id: str = Field("profile_id", description="column that holds the profile")
