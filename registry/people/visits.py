"""When each person was at the console last, so that they are shown what is new to them."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Column, String, Table, select

from tagcast.registry.state.database import State
from tagcast.registry.state.tables import METADATA, NAME_LENGTH, UtcDateTime

VISIT_ENDS_AFTER = timedelta(minutes=30)
"""Without a look at the home page: a later one begins another visit."""
_WRITTEN_EVERY = timedelta(minutes=1)

VISITS = Table(
    "visits",
    METADATA,
    Column("who", String(NAME_LENGTH), primary_key=True),
    Column("seen_at", UtcDateTime, nullable=False),
    Column("before_at", UtcDateTime, comment="end of the visit before"),
)


def last_visit(state: State, who: str, now: datetime) -> datetime | None:
    """Record that ``who`` is here, and return when their visit before this one ended; None where this is the first.

    Looks within :data:`VISIT_ENDS_AFTER` of one another are one visit: reloading a page does not make everything old.
    """
    query = select(VISITS.c.seen_at, VISITS.c.before_at).where(VISITS.c.who == who)
    with state.reading() as connection:
        found = connection.execute(query).one_or_none()
    if found is not None and now - found.seen_at < _WRITTEN_EVERY:
        before: datetime | None = found.before_at
        return before
    with state.writing() as connection:
        if found is None:
            connection.execute(VISITS.insert().values(who=who, seen_at=now, before_at=None))
            return None
        before = found.seen_at if now - found.seen_at >= VISIT_ENDS_AFTER else found.before_at
        connection.execute(VISITS.update().where(VISITS.c.who == who).values(seen_at=now, before_at=before))
        return before
