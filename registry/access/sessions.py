"""Sessions of the console: a token stands for a person until they log out, their account changes, or 12 hours are over."""

from __future__ import annotations

import re
import secrets
from datetime import datetime, timedelta
from hashlib import sha256
from threading import Lock
from weakref import WeakKeyDictionary

from sqlalchemy import delete, select

from tagcast.registry.access.roles import Person, roles_of
from tagcast.registry.state.database import State
from tagcast.registry.state.tables import SESSIONS

SESSION_LIFE = timedelta(hours=12)
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
_endings: WeakKeyDictionary[State, int] = WeakKeyDictionary()
_lock = Lock()


def open_session(state: State, person: Person, now: datetime, *, life: timedelta = SESSION_LIFE) -> str:
    """Return a token that stands for ``person`` for the time ``life``."""
    token = secrets.token_urlsafe(32)
    about = {name: getattr(person, name) for name in ("name", "role", "sensitive", "rows")}
    row = {"token": _digest(token), **about, "expires_at": now + life}
    with state.writing() as connection:
        connection.execute(delete(SESSIONS).where(SESSIONS.c.expires_at <= now))
        connection.execute(SESSIONS.insert().values(row))
    return token


def person_of_session(state: State, token: str, now: datetime) -> Person | None:
    """Return whose session ``token`` opens; None for one that is unknown, closed or over."""
    if not _TOKEN.fullmatch(token):
        return None
    query = select(SESSIONS).where(SESSIONS.c.token == _digest(token), SESSIONS.c.expires_at > now)
    with state.reading() as connection:
        row = connection.execute(query).one_or_none()
    return Person(row.name, row.role, row.sensitive, tuple(row.rows), roles_of(state.access)) if row else None


def close_session(state: State, token: str) -> None:
    """End a session; an unknown one is none already."""
    if _TOKEN.fullmatch(token):
        with state.writing() as connection:
            connection.execute(delete(SESSIONS).where(SESSIONS.c.token == _digest(token)))
        note_ending(state)


def close_sessions_of(state: State, name: str) -> None:
    """End all sessions of an account; :func:`note_ending` follows once that is committed."""
    with state.writing() as connection:
        connection.execute(delete(SESSIONS).where(SESSIONS.c.name == name))


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
