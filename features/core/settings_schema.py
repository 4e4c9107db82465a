"""The tables of `tagcast.toml`: sources, profiles, identity, publishing, state."""

from __future__ import annotations

import re
from difflib import get_close_matches
from ipaddress import ip_network
from typing import Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator, model_validator

from tagcast.features.core.strict import Strict

EVENT_COLUMNS = (
    "profile_id",
    "event_time",
    "amount",
    "quantity",
    "discount",
    "category",
    "item_id",
    "order_id",
    "channel",
)
REQUIRED_COLUMNS = ("profile_id", "event_time")
PASSWORD = re.compile(r"://[^/@\s:]+:(?!\$\{)[^/@\s]+@")


class Place(Strict):
    """Where a table is: a file, a glob, or a table or query of a database."""

    path: str | None = Field(None, description="file or glob; package:NAME/… inside an installed package")
    url: str | None = Field(None, description="SQLAlchemy URL; secrets as ${VARIABLE}")
    table: str | None = None
    query: str | None = None
    format: Literal["parquet", "csv"] | None = Field(None, description="by suffix where not given")

    @model_validator(mode="after")
    def _check_place(self) -> Self:
        if (self.path is None) == (self.url is None):
            raise ValueError("give either path (a file or glob) or url (a database)")
        if self.url is not None and (self.table is None) == (self.query is None):
            raise ValueError("a url needs either table or query")
        if self.url is not None and PASSWORD.search(self.url):
            raise ValueError(
                "a password is written in url: name it as ${VARIABLE} and set it in the environment"
            )
        return self


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


class Source(Place):
    """One table of events and how it maps onto the event log."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    timezone: str = Field("UTC", description="how times without a zone are read")
    event: str = Field(
        "purchase", pattern=r"^[a-z][a-z0-9_]*$", description="name of every event of this source"
    )
    event_column: str | None = Field(None, description="or the column that holds the name")
    time_format: str | None = Field(None, description="strptime format where the time is text or a number")
    where: str | None = Field(None, description="SQL condition; other rows are left out")
    returns: str | None = Field(None, description="SQL condition; these rows give money back")
    deduplicate: bool = Field(False, description="exact duplicate lines count once")
    columns: dict[str, str] = Field(description="event-log column = source column")
    derive: dict[str, str] = Field(default_factory=dict, description="event-log column = SQL expression")
    joins: tuple[Join, ...] = ()

    @model_validator(mode="after")
    def _check_columns(self) -> Self:
        for column in (*self.columns, *self.derive):
            if column not in EVENT_COLUMNS:
                raise ValueError(f"{column!r} is no column of the event log{near(column, EVENT_COLUMNS)}")
        in_both = set(self.columns) & set(self.derive)
        if in_both:
            raise ValueError(f"{', '.join(sorted(in_both))}: both in columns and in derive")
        for column in REQUIRED_COLUMNS:
            if column not in self.columns and column not in self.derive:
                raise ValueError(f"columns has to say where {column} comes from")
        return self

    @field_validator("timezone")
    @classmethod
    def _check_zone(cls, value: str) -> str:
        return zone(value)


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
                raise ValueError(f"sensitive: {column!r} is not in columns{near(column, self.columns)}")
        return self


class Identity(Place):
    """Which ids of which source belong to which profile."""

    source: str = Field("source", description="column that holds the source's name")
    source_id: str = Field("source_id", description="column that holds the source's id")
    profile_id: str = Field("profile_id", description="column that holds the profile")


class Publish(Strict):
    """How many runs the store keeps, and how far a run may differ from the last one before it is refused."""

    keep: int = Field(5, ge=1, description="published runs kept, the active one among them")
    base_change: float = Field(0.4, gt=0, description="of the number of profiles")
    population_change: float = Field(0.5, gt=0, description="of the population of a tag")
    share_change: float = Field(0.25, gt=0, le=1, description="of the share of any value of a tag")
    psi: float = Field(0.5, gt=0, description="population stability index of the scores of a tag")


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
            raise ValueError("expected postgresql://…, or no url for registry.db in the home")
        if value is not None and PASSWORD.search(value):
            raise ValueError(
                "a password is written in url: name it as ${VARIABLE} and set it in the environment"
            )
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
    requests_per_minute: int = Field(3000, ge=1, description="of one person or key")
    logins_per_minute: int = Field(10, ge=1, description="from one address")
    body_bytes: int = Field(1_000_000, ge=1_000, description="of one request")

    @field_validator("trusted_proxies")
    @classmethod
    def _check_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for network in value:
            try:
                ip_network(network, strict=False)
            except ValueError:
                raise ValueError(
                    f"expected an address or a network such as 10.0.0.0/8, found {network!r}"
                ) from None
        return value

    @field_validator("origins")
    @classmethod
    def _check_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for origin in value:
            if not re.fullmatch(r"https?://[^/\s]+", origin):
                raise ValueError(f"expected an origin such as https://tags.example.org, found {origin!r}")
        return value

    @model_validator(mode="after")
    def _check_header(self) -> Self:
        if (self.header or self.header_role) and not self.trusted_proxies:
            raise ValueError("header needs trusted_proxies: anybody else could write it")
        if self.header_role and not self.header:
            raise ValueError("header_role needs header")
        return self


def zone(value: str) -> str:
    """Return ``value`` where it names a time zone."""
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"expected a time zone such as Europe/Oslo, found {value!r}") from None
    return value


def near(word: str, known: Any) -> str:
    """Say which of ``known`` may be meant by ``word``."""
    found = get_close_matches(word, list(known), n=1)
    return f"; did you mean {found[0]!r}?" if found else f"; known: {', '.join(known)}"
