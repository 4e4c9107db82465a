"""The tables of `tagcast.toml`: sources, profiles, identity, publishing, state."""

from __future__ import annotations

import codecs
import re
from ipaddress import ip_network
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from tagcast.features.core.messages import listed, msg
from tagcast.features.core.strict import Strict
from tagcast.features.core.urls import holds_password, password_in_url
from tagcast.features.core.validation import InvalidValueError, with_near, zone

EVENT_COLUMNS = (
    "profile_id", "event_time", "amount", "quantity", "discount", "category", "item_id", "order_id", "channel",
)  # fmt: skip
REQUIRED_COLUMNS = ("profile_id", "event_time")
TIME_FORMATS = ("dmy", "mdy", "ymd", "excel", "excel_1904", "epoch_s", "epoch_ms", "epoch_us", "epoch_ns")
"""Words that ``time_format`` knows beside strptime's formats: an order of day, month and year, or what a number counts."""


class Place(Strict):
    """Where a table is: a file, a glob, or a table or query of a database."""

    path: str | None = Field(
        None, description="file, folder or glob; package:NAME/… inside an installed package"
    )
    url: str | None = Field(None, description="SQLAlchemy URL; secrets as ${VARIABLE}")
    table: str | None = None
    query: str | None = None
    format: Literal["parquet", "csv", "json"] | None = Field(None, description="else by name and content")
    encoding: str | None = Field(
        None,
        description="of CSV and JSON files: latin-1, cp1252 …; default: UTF-8, or UTF-16 where its mark shows it",
    )

    @model_validator(mode="after")
    def _check_place(self) -> Self:
        if (self.path is None) == (self.url is None):
            raise InvalidValueError(msg("give either path (a file or glob) or url (a database)"))
        if self.url is not None and (self.table is None) == (self.query is None):
            raise InvalidValueError(msg("a url needs either table or query"))
        if self.url is not None and holds_password(self.url):
            raise InvalidValueError(password_in_url())
        return self

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

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    event: str = Field(
        "purchase", pattern=r"^[a-z][a-z0-9_]*$", description="name of every event of this source"
    )
    event_column: str | None = Field(None, description="or the column that holds the name")
    where: str | None = Field(None, description="SQL condition; other rows are left out")
    returns: str | None = Field(None, description="SQL condition; these rows give money back")
    deduplicate: bool = Field(False, description="exact duplicate lines count once")
    ended: bool = Field(False, description="no more events are to come: its silence is not waited for")
    columns: dict[str, str] = Field(description="event-log column = source column, or a path in one")
    derive: dict[str, str] = Field(default_factory=dict, description="event-log column = SQL expression")
    joins: tuple[Join, ...] = ()

    @model_validator(mode="after")
    def _check_columns(self) -> Self:
        for column in (*self.columns, *self.derive):
            if column not in EVENT_COLUMNS:
                raise InvalidValueError(
                    with_near(
                        msg("{column!r} is no column of the event log", column=column), column, EVENT_COLUMNS
                    )
                )
        in_both = set(self.columns) & set(self.derive)
        if in_both:
            raise InvalidValueError(
                msg("{columns}: both in columns and in derive", columns=listed(sorted(in_both)))
            )
        for column in REQUIRED_COLUMNS:
            if column not in self.columns and column not in self.derive:
                raise InvalidValueError(msg("columns has to say where {column} comes from", column=column))
        return self


class Profiles(Place):
    """Attributes of profiles, to filter on."""

    key: str
    columns: tuple[str, ...] = Field(min_length=1)
    sensitive: tuple[str, ...] = Field(
        (), description="columns that only people with the right to sensitive ones see, filter by and export"
    )

    @model_validator(mode="after")
    def _check_sensitive(self) -> Self:
        for column in self.sensitive:
            if column not in self.columns:
                raise InvalidValueError(
                    with_near(
                        msg("sensitive: {column!r} is not in columns", column=column), column, self.columns
                    )
                )
        return self


class Identity(Place):
    """Which ids of which source belong to which profile."""

    source: str = Field("source", description="column that holds the source's name")
    source_id: str = Field("source_id", description="column that holds the source's id")
    profile_id: str = Field("profile_id", description="column that holds the profile")


class Publish(Strict):
    """How many runs the store keeps, and how far a run may differ from earlier ones before it is refused."""

    keep: int = Field(5, ge=1, description="published runs kept, the active one among them")
    base_change: float = Field(0.4, gt=0, description="of the number of profiles")
    population_change: float = Field(0.5, gt=0, description="of the population of a tag")
    share_change: float = Field(0.25, gt=0, le=1, description="of the share of any value of a tag")
    psi: float = Field(0.5, gt=0, description="population stability index of the scores of a tag")
    reference_days: int = Field(
        30, ge=1, description="also held against the oldest run of so many days before"
    )


class Review(Strict):
    """Who has to agree before something is active."""

    second_person: bool = Field(
        False, description="whether somebody else approves what is published, and each new champion"
    )


class StateDatabase(Strict):
    """Where accounts, audit log, saved audiences and the like are stored."""

    url: str | None = Field(
        None, description="postgresql://… with secrets as ${VARIABLE}; default: registry.db in the home"
    )

    @field_validator("url")
    @classmethod
    def _check_url(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(
            ("postgresql://", "postgresql+psycopg://", "postgres://")
        ):
            raise InvalidValueError(msg("expected postgresql://…, or no url for registry.db in the home"))
        if value is not None and holds_password(value):
            raise InvalidValueError(password_in_url())
        return value


class Access(Strict):
    """Who may use console and API, and how much at once."""

    header: str | None = Field(
        None, description="name of the person, set by a reverse proxy that has checked it: X-Remote-User"
    )
    header_role: str | None = Field(
        None, description="and of the role; without it the role is that of the account of that name"
    )
    trusted_proxies: tuple[str, ...] = Field(
        (), description="addresses or networks whose headers are believed"
    )
    origins: tuple[str, ...] = Field(
        (), description="further origins of the console, where a proxy does not hand on the host: https://…"
    )
    hosts: tuple[str, ...] = Field(
        (),
        description="names under which browsers and programs reach the console: tags.example.org, *.example.org; others are refused. "
        "Default: on this machine alone its own names, else any",
    )
    requests_per_minute: int = Field(3000, ge=1, description="of one person or key")
    logins_per_minute: int = Field(10, ge=1, description="from one address")
    rate_limit_storage: str = Field(
        "memory://",
        description="redis://… or rediss://… with secrets as ${VARIABLE} where several servers share the limits",
    )
    body_bytes: int = Field(1_000_000, ge=1_000, description="of one request")
    questions_at_once: int = Field(
        4, ge=1, description="of one person that are worked on together; others wait their turn"
    )
    smallest_cell: int = Field(
        10, ge=2, description="profiles at least, of which who may not see single ones learns something"
    )

    @field_validator("rate_limit_storage")
    @classmethod
    def _check_storage(cls, value: str) -> str:
        # The message must not repeat what was found: a password may be written in it.
        if value != "memory://" and not value.startswith(("redis://", "rediss://")):
            raise ValueError("expected memory://, redis://host:port/number or rediss://…")
        if holds_password(value):
            raise ValueError(
                "a password is written in rate_limit_storage: name it as ${VARIABLE} and set it in the environment"
            )
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _check_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for network in value:
            try:
                ip_network(network, strict=False)
            except ValueError:
                raise InvalidValueError(
                    msg("expected an address or a network such as 10.0.0.0/8, found {found!r}", found=network)
                ) from None
        return value

    @field_validator("origins")
    @classmethod
    def _check_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for origin in value:
            if not re.fullmatch(r"https?://[^/\s]+", origin):
                raise InvalidValueError(
                    msg("expected an origin such as https://tags.example.org, found {found!r}", found=origin)
                )
        return value

    @field_validator("hosts")
    @classmethod
    def _check_hosts(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for host in value:
            if not re.fullmatch(r"(\*\.)?[^*/:\s]+|\[[0-9a-fA-F:]+\]", host):
                raise InvalidValueError(
                    msg("expected a host without port such as tags.example.org, found {found!r}", found=host)
                )
        return tuple(host.lower() for host in value)

    @model_validator(mode="after")
    def _check_header(self) -> Self:
        if (self.header or self.header_role) and not self.trusted_proxies:
            raise InvalidValueError(msg("header needs trusted_proxies: anybody else could write it"))
        if self.header_role and not self.header:
            raise InvalidValueError(msg("header_role needs header"))
        return self
