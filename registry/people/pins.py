"""Pins: tags and saved audiences that a person wants to find first."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Literal

from sqlalchemy import Column, String, Table, delete, select

from tagcast.registry.state.database import State
from tagcast.registry.state.tables import METADATA, NAME_LENGTH, UtcDateTime

PinKind = Literal["tag", "audience"]
PINNED_LENGTH = 250

PINS = Table(
    "pins",
    METADATA,
    Column("who", String(NAME_LENGTH), primary_key=True),
    Column("kind", String(10), primary_key=True, comment="tag or audience"),
    Column("name", String(PINNED_LENGTH), primary_key=True),
    Column("at", UtcDateTime, nullable=False),
)


def pinned(state: State, who: str, kind: PinKind) -> list[str]:
    """Return the names that ``who`` has pinned, in the order of pinning; some may be gone since."""
    query = select(PINS.c.name).where(PINS.c.who == who, PINS.c.kind == kind).order_by(PINS.c.at, PINS.c.name)
    with state.reading() as connection:
        return list(connection.scalars(query))


def set_pins(
    state: State, who: str, kind: PinKind, names: Collection[str], now: datetime, *, on: bool
) -> None:
    """Pin ``names`` for ``who``, or take their pins away; what is so already stays as it is."""
    with state.writing() as connection:
        for name in names:
            same = (PINS.c.who == who) & (PINS.c.kind == kind) & (PINS.c.name == name)
            there = connection.execute(select(PINS.c.name).where(same)).first() is not None
            if on and not there:
                connection.execute(PINS.insert().values(who=who, kind=kind, name=name, at=now))
            elif there and not on:
                connection.execute(delete(PINS).where(same))
