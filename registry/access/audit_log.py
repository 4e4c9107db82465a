"""The audit log: who did what to which thing, and when. Lines are only ever added, each chained to the one before.

How often a tag is requested through the API is counted by day instead: one line a call would bury the rest.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from threading import Lock
from typing import Any, Literal
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, func, select

from tagcast.features.core.errors import StateError
from tagcast.features.core.messages import msg
from tagcast.registry.access.chain.entries import append
from tagcast.registry.access.roles import Person, require
from tagcast.registry.state.database import State
from tagcast.registry.state.tables import AUDIT, MENTIONS, NAME_LENGTH, SUBJECT_LENGTH, USES

log = logging.getLogger("tagcast")

UseKind = Literal["api", "export"]
_Use = tuple[str, UseKind, date]
FLUSH_AFTER = timedelta(seconds=5)  # counts lie in memory that long: a killed process loses no more
MOST_ENTRIES = 1_000


@dataclass(frozen=True)
class AuditEntry:
    """One line.

    Parameters
    ----------
    id : int
        Rises in the order of writing.
    at : datetime
        UTC.
    who : str
        Name of a person or a key.
    action : str
        ``export``, ``audience.save``, ``tag.step``, …
    subject : str
        What it was done to; empty where there is no one thing.
    detail : dict
        What else is worth knowing; never rows or ids of profiles.
    """

    id: int
    at: datetime
    who: str
    action: str
    subject: str
    detail: dict[str, Any]


@dataclass(frozen=True)
class Uses:
    """Where a tag is used.

    Parameters
    ----------
    audiences : tuple of str
        Saved audiences whose filter names it, or names an audience that does.
    exports, api_calls : int
        How often it was part of one, ever.
    last_used : datetime or None
        The last of these.
    """

    audiences: tuple[str, ...]
    exports: int
    api_calls: int
    last_used: datetime | None


def record(
    state: State,
    *,
    now: datetime,
    who: str,
    action: str,
    subject: str = "",
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Add a line; within ``state.writing()`` it is written only with the rest of the block.

    Raises
    ------
    StateError
        When it cannot be written: what is not on record must not happen.
    """
    row = {
        "at": now,
        "who": who[:NAME_LENGTH],
        "action": action,
        "subject": subject[:SUBJECT_LENGTH],
        "detail": dict(detail or {}),
    }
    append(state, "audit", [row], now)


def entries(
    state: State,
    *,
    action: str | None = None,
    subject: str | None = None,
    who: str | None = None,
    limit: int = 200,
    before: int | None = None,
) -> list[AuditEntry]:
    """Return lines, newest first.

    Parameters
    ----------
    state : State
    action, subject, who : str, optional
        Only lines of these. An action that ends with a dot takes all that begin so: ``audience.``
    limit : int
        At most 1,000.
    before : int, optional
        Only lines older than the one of this id: the next page.
    """
    query = select(AUDIT).order_by(AUDIT.c.id.desc()).limit(min(max(limit, 1), MOST_ENTRIES))
    if action is not None:
        begins = AUDIT.c.action.startswith(action, autoescape=True)
        query = query.where(begins if action.endswith(".") else AUDIT.c.action == action)
    if subject is not None:
        query = query.where(AUDIT.c.subject == subject)
    if who is not None:
        query = query.where(AUDIT.c.who == who)
    if before is not None:
        query = query.where(AUDIT.c.id < before)
    with state.reading() as connection:
        return [AuditEntry(**row) for row in connection.execute(query).mappings()]


def whose(person: Person, who: str | None = None) -> str | None:
    """Return by whom ``person`` may read lines: anybody's or those of ``who`` with the right "audit", else their own.

    Raises
    ------
    NotAllowedError
        Where they request somebody else's without the right.
    """
    if person.may("audit"):
        return who
    if who not in {None, person.name}:
        require(person, "audit")
    return person.name


@dataclass
class _Pending:
    """Counts of one process that are not written yet."""

    since: datetime
    uses: dict[_Use, tuple[int, datetime]] = field(default_factory=dict)

    def add(self, use: _Use, times: int, now: datetime) -> None:
        before, last = self.uses.get(use, (0, now))
        self.uses[use] = (before + times, max(last, now))


_pending: WeakKeyDictionary[State, _Pending] = WeakKeyDictionary()
_lock = Lock()


def count_use(state: State, tag: str, kind: UseKind, now: datetime) -> None:
    """Count one use of ``tag``: cheap, written with others a few seconds later.

    Parameters
    ----------
    state : State
    tag : str
    kind : 'api' or 'export'
    now : datetime
        Of the use.
    """
    with _lock:
        pending = _pending.setdefault(state, _Pending(now))
        pending.add((tag, kind, now.astimezone(UTC).date()), 1, now)
        due = now - pending.since >= FLUSH_AFTER
    if due:
        try:
            flush_uses(state)
        except StateError as error:
            log.warning(
                msg("uses of tags are counted, and cannot be written yet: {problem}", problem=error.message)
            )


def flush_uses(state: State) -> None:
    """Write the counts that lie in memory; a server does so when it ends."""
    with _lock:
        pending = _pending.pop(state, None)
    if pending is None:
        return
    try:
        with state.writing() as connection:
            for use, (times, last) in sorted(pending.uses.items()):
                _add(connection, use, times, last)
    except StateError:
        with _lock:  # another try takes them along
            newer = _pending.setdefault(state, _Pending(pending.since))
            for use, (times, last) in pending.uses.items():
                newer.add(use, times, last)
        raise


def _add(connection: Connection, use: _Use, times: int, last: datetime) -> None:
    tag, kind, day = use
    which = (USES.c.tag == tag) & (USES.c.kind == kind) & (USES.c.day == day)
    found = connection.execute(select(USES.c.times, USES.c.last_at).where(which)).one_or_none()
    if found is None:
        row = {"tag": tag, "kind": kind, "day": day, "times": times, "last_at": last}
        connection.execute(USES.insert().values(row))
    else:
        row = {"times": found.times + times, "last_at": max(found.last_at, last)}
        connection.execute(USES.update().where(which).values(row))


def uses_of(state: State, tag: str) -> Uses:
    """Return where ``tag`` is used."""
    return all_uses(state).get(tag, Uses((), 0, 0, None))


def all_uses(state: State) -> dict[str, Uses]:
    """Return where each tag is used that is used anywhere."""
    flush_uses(state)
    counted = select(USES.c.tag, USES.c.kind, func.sum(USES.c.times), func.max(USES.c.last_at))
    with state.reading() as connection:
        mentions = [(m.name, m.kind, m.mentioned) for m in connection.execute(select(MENTIONS))]
        rows = connection.execute(counted.group_by(USES.c.tag, USES.c.kind)).all()
    times: dict[str, dict[str, int]] = {}
    last: dict[str, datetime] = {}
    for tag, kind, total, at in rows:
        times.setdefault(tag, {})[kind] = int(total)
        last[tag] = max(at, last.get(tag, at))
    named = {mentioned for _, kind, mentioned in mentions if kind == "field"}
    return {
        tag: Uses(_naming(tag, mentions), counts.get("export", 0), counts.get("api", 0), last.get(tag))
        for tag in named | set(times)
        for counts in [times.get(tag, {})]
    }


def times_used(state: State) -> dict[str, int]:
    """Return how often each tag was used: by saved audiences that name it, in exports and through the API."""
    flush_uses(state)
    counted = select(USES.c.tag, func.sum(USES.c.times)).group_by(USES.c.tag)
    named = select(MENTIONS.c.mentioned, func.count()).where(MENTIONS.c.kind == "field")
    found: dict[str, int] = {}
    with state.reading() as connection:
        for query in (counted, named.group_by(MENTIONS.c.mentioned)):
            for name, times in connection.execute(query):
                found[name] = found.get(name, 0) + int(times)
    return found


def _naming(tag: str, mentions: Sequence[tuple[str, str, str]]) -> tuple[str, ...]:
    """Return the audiences that name ``tag``, themselves or through audiences that they name."""
    found = {name for name, kind, mentioned in mentions if kind == "field" and mentioned == tag}
    grown = True
    while grown:
        more = {
            name for name, kind, mentioned in mentions if kind == "audience" and mentioned in found
        } - found
        found |= more
        grown = bool(more)
    return tuple(sorted(found))
