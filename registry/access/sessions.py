"""Sessions of the console: a token stands for a person until they log out, their account changes, or it is over.

It is over 12 hours after the login, and earlier where nobody did anything for so long (``[access] idle_minutes``). What a
browser asks by itself, while a page is open, is nothing that somebody did.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import ColumnElement, Select, delete, select

from tagcast.features.core.errors import NotFoundError
from tagcast.features.core.messages import msg
from tagcast.registry.access.audit_log import record
from tagcast.registry.access.roles import Person, roles_of
from tagcast.registry.state.database import State
from tagcast.registry.state.tables import SESSION_DETAILS, SESSIONS

SESSION_LIFE = timedelta(hours=12)
USE_NOTED = timedelta(minutes=1)
"""A use is written once in so long: a session may end that much early."""
ID_LENGTH = 12
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
_endings: WeakKeyDictionary[State, int] = WeakKeyDictionary()
_lock = Lock()


@dataclass(frozen=True)
class Session:
    """Somebody who is logged in somewhere.

    Parameters
    ----------
    id : str
        Names it to people; it opens nothing.
    name, role : str
        Of the person.
    opened_at, used_at, expires_at : datetime
        When they logged in, when they did something last (to the minute), when it is over at the latest.
    address : str
        From where they logged in.
    agent : str
        The browser, as it calls itself.
    """

    id: str
    name: str
    role: str
    opened_at: datetime
    used_at: datetime
    expires_at: datetime
    address: str
    agent: str


def open_session(
    state: State,
    person: Person,
    now: datetime,
    *,
    address: str = "",
    agent: str = "",
    life: timedelta = SESSION_LIFE,
) -> str:
    """Return a token that stands for ``person``, for the time ``life`` at most."""
    token = secrets.token_urlsafe(32)
    about = {name: getattr(person, name) for name in ("name", "role", "sensitive", "rows")}
    row = {"token": _digest(token), **about, "expires_at": now + life}
    detail = {
        "token": _digest(token),
        "opened_at": now,
        "used_at": now,
        "address": address[:64],
        "agent": "".join(letter for letter in agent if letter.isprintable())[:200],
        "only": None if person.only is None else sorted(person.only),
    }
    with state.writing() as connection:
        _delete(connection, SESSIONS.c.expires_at <= now)
        connection.execute(SESSIONS.insert().values(row))
        connection.execute(SESSION_DETAILS.insert().values(detail))
    return token


def person_of_session(
    state: State, token: str, now: datetime, *, idle: timedelta | None = None, active: bool = False
) -> Person | None:
    """Return whose session ``token`` opens; None for one that is unknown, closed or over.

    Parameters
    ----------
    state : State
    token : str
    now : datetime
    idle : timedelta, optional
        For how long nobody may have done anything.
    active : bool
        Whether somebody does something now, which keeps it open.
    """
    if not _TOKEN.fullmatch(token):
        return None
    with state.reading() as connection:
        row = connection.execute(_live(now, idle).where(SESSIONS.c.token == _digest(token))).one_or_none()
    if row is None:
        return None
    if active and (row.used_at is None or row.used_at <= now - USE_NOTED):
        with state.writing() as connection:
            used = SESSION_DETAILS.update().where(SESSION_DETAILS.c.token == row.token)
            connection.execute(used.values(used_at=now))
    only = None if row.only is None else frozenset(row.only)
    return Person(row.name, row.role, row.sensitive, tuple(row.rows), roles_of(state.access), only)


def _live(now: datetime, idle: timedelta | None) -> Select[Any]:
    """Return the query for the sessions that are not over."""
    both = SESSIONS.outerjoin(SESSION_DETAILS, SESSION_DETAILS.c.token == SESSIONS.c.token)
    details = [column for column in SESSION_DETAILS.c if column.name != "token"]
    query = select(SESSIONS, *details).select_from(both).where(SESSIONS.c.expires_at > now)
    return query if idle is None else query.where(SESSION_DETAILS.c.used_at > now - idle)


def sessions(
    state: State, now: datetime, *, name: str | None = None, idle: timedelta | None = None
) -> list[Session]:
    """Return who is logged in, or where ``name`` is; the last used first."""
    query = (
        _live(now, idle)
        .where(SESSION_DETAILS.c.token.is_not(None))
        .order_by(SESSION_DETAILS.c.used_at.desc())
    )
    if name is not None:
        query = query.where(SESSIONS.c.name == name)
    with state.reading() as connection:
        rows = connection.execute(query).all()
    return [
        Session(
            row.token[:ID_LENGTH],
            row.name,
            row.role,
            row.opened_at,
            row.used_at,
            row.expires_at,
            row.address,
            row.agent,
        )
        for row in rows
    ]


def session_id(token: str) -> str:
    """Return what names the session of ``token`` to people."""
    return _digest(token)[:ID_LENGTH]


def end_session(state: State, number: str, *, by: str, now: datetime, name: str | None = None) -> None:
    """End the session of that id, of ``name`` or of anybody.

    Raises
    ------
    NotFoundError
        When there is none, or it is somebody else's.
    """
    with state.writing() as connection:
        which = SESSIONS.c.token.startswith(number, autoescape=True)
        if name is not None:
            which &= SESSIONS.c.name == name
        whose = connection.scalars(select(SESSIONS.c.name).where(which)).all()
        if len(number) != ID_LENGTH or len(whose) != 1:
            raise NotFoundError(
                msg("there is no such session"),
                hint=msg("{command} shows them", command="tagcast user sessions"),
            )
        _delete(connection, which)
        record(state, now=now, who=by, action="session.end", subject=whose[0], detail={"id": number})
    note_ending(state)


def end_sessions(state: State, name: str, *, by: str, now: datetime, but: str | None = None) -> int:
    """End all sessions of ``name``, but the one of the token ``but``; return how many there were."""
    with state.writing() as connection:
        which = (SESSIONS.c.name == name) & (SESSIONS.c.expires_at > now)
        if but is not None:
            which &= SESSIONS.c.token != _digest(but)
        count = len(connection.scalars(select(SESSIONS.c.token).where(which)).all())
        _delete(connection, which)
        record(state, now=now, who=by, action="session.end", subject=name, detail={"sessions": count})
    note_ending(state)
    return count


def close_session(state: State, token: str) -> None:
    """End a session; an unknown one is none already."""
    if _TOKEN.fullmatch(token):
        with state.writing() as connection:
            _delete(connection, SESSIONS.c.token == _digest(token))
        note_ending(state)


def close_sessions_of(state: State, name: str, *, but: str | None = None) -> None:
    """End all sessions of an account but that of the token ``but``; :func:`note_ending` follows once that is committed."""
    with state.writing() as connection:
        which = SESSIONS.c.name == name
        _delete(connection, which if but is None else which & (SESSIONS.c.token != _digest(but)))


def _delete(connection: Any, which: ColumnElement[bool]) -> None:
    tokens = select(SESSIONS.c.token).where(which)
    connection.execute(delete(SESSION_DETAILS).where(SESSION_DETAILS.c.token.in_(tokens)))
    connection.execute(delete(SESSIONS).where(which))


def endings(state: State) -> int:
    """Return how often this process has ended sessions: whoever remembers sessions looks again when it has risen."""
    with _lock:
        return _endings.get(state, 0)


def note_ending(state: State) -> None:
    """Let whoever remembers sessions of ``state`` look again."""
    with _lock:
        _endings[state] = _endings.get(state, 0) + 1


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()
