"""Which definitions are active: what `tagcast tag apply` decided, and what rules were when they were first scored.

Lines are only ever added; the newest of a tag counts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import JSON, Column, Index, String, Table, Text, select

from tagcast.models.definitions.definition import Definition
from tagcast.models.definitions.loader import validated
from tagcast.registry.state.database import State
from tagcast.registry.state.tables import METADATA, NAME_LENGTH, UtcDateTime, serial

How = Literal["scored", "applied", "proposed", "removed"]

DEFINITIONS = Table(
    "applied_definitions",
    METADATA,
    serial(),
    Column("tag", String(250), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("who", String(NAME_LENGTH), nullable=False),
    Column("how", String(10), nullable=False),
    Column("reason", Text, nullable=False),
    Column("definition", JSON, nullable=False),
    Index("applied_definitions_by_tag", "tag", "id"),
    sqlite_autoincrement=True,
)


@dataclass(frozen=True)
class AppliedDefinition:
    """One line.

    Parameters
    ----------
    definition : TagDefinition or RuleDefinition
    at : datetime
        UTC.
    who : str
    how : {"scored", "applied", "proposed", "removed"}
        A rule was scored for the first time, a person activated it, it waits for a second person, it is gone.
    reason : str
    """

    definition: Definition
    at: datetime
    who: str
    how: How
    reason: str


def record_definitions(
    state: State, definitions: Iterable[Definition], *, how: How, by: str, reason: str, now: datetime
) -> None:
    """Add a line for each definition, all or none."""
    rows = [
        {
            "tag": one.name,
            "at": now,
            "who": by,
            "how": how,
            "reason": reason,
            "definition": one.model_dump(mode="json", exclude_none=True),
        }
        for one in definitions
    ]
    if rows:
        with state.writing() as connection:
            connection.execute(DEFINITIONS.insert(), rows)


def active(
    state: State, now: datetime | None = None, *, tag: str | None = None
) -> dict[str, AppliedDefinition]:
    """Return by tag what is active, or was at ``now``; what only waits is passed over. Of ``tag`` alone, where it is given."""
    found = _newest(state, now, ("scored", "applied", "removed"), tag)
    return {name: line for name, line in found.items() if line.how != "removed"}


def proposed(state: State) -> dict[str, AppliedDefinition]:
    """Return by tag what waits for a second person."""
    newest = _newest(state, None, ("scored", "applied", "proposed", "removed"))
    return {tag: line for tag, line in newest.items() if line.how == "proposed"}


def _newest(
    state: State, now: datetime | None, hows: tuple[How, ...], tag: str | None = None
) -> dict[str, AppliedDefinition]:
    query = select(DEFINITIONS).where(DEFINITIONS.c.how.in_(hows)).order_by(DEFINITIONS.c.id)
    if now is not None:
        query = query.where(DEFINITIONS.c.at <= now)
    if tag is not None:
        query = query.where(DEFINITIONS.c.tag == tag)
    with state.reading() as connection:
        newest: dict[str, Any] = {row.tag: row for row in connection.execute(query)}
    return {
        name: AppliedDefinition(
            validated(row.definition, f"{name} active"), row.at, row.who, row.how, row.reason
        )
        for name, row in newest.items()
    }
