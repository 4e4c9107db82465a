"""Whom somebody looked up lately, for their own look-up page alone.

The access log knows of them by keyed digests, from which no id can be read; so the few last ids are kept in memory, for a working
day at most, and are gone with the process. Of these only who is still there, and still to be seen, is shown.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from sqlglot import exp

from tagcast.registry.access.access_log import record_access
from tagcast.serving.filters.row_rights import reader_for

if TYPE_CHECKING:
    from tagcast.registry.access.roles import Person
    from tagcast.serving.context import ServiceContext

MOST = 8
SECONDS = 8 * 3_600.0


def remember_lookup(context: ServiceContext, person: Person, profile_id: str) -> None:
    """Keep in mind that ``person`` has looked a profile up."""
    recent = _recent(context, person)
    if profile_id in recent:
        recent.remove(profile_id)
    recent.appendleft(profile_id)


def recent_lookups(context: ServiceContext, person: Person) -> list[str]:
    """Return the ids that ``person`` looked up last, newest first, of profiles that they may still see; on record like examples."""
    ids = list(_recent(context, person))
    if not ids:
        return []
    among = exp.column("profile_id").isin(*ids)
    with reader_for(context, person) as reader:
        found = reader.query(exp.select("profile_id").from_("profiles").where(among)).read_all()
    there = set(found.column(0).to_pylist())
    shown = [one for one in ids if one in there]
    if shown:
        record_access(context.state, now=context.now, who=person.name, kind="examples", ids=shown)
    return shown


def _recent(context: ServiceContext, person: Person) -> deque[str]:
    key = ("recent look-ups", person.name)
    return context.remembered.get(key, lambda: deque(maxlen=MOST), seconds=SECONDS)
