"""Keys of programs: shown once, stored as SHA-256 of what only their holder has."""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from threading import Lock
from weakref import WeakKeyDictionary

from sqlalchemy import select

from tagcast.features.core.errors import NotFoundError, TagcastError
from tagcast.features.core.messages import msg
from tagcast.registry.access.audit_log import record
from tagcast.registry.access.roles import Person, roles_of
from tagcast.registry.state.database import State
from tagcast.registry.state.tables import KEYS
from tagcast.registry.state.text_validation import person_name

REMEMBERED = timedelta(seconds=5)  # a key that another process revokes works no longer than that
_KEY = re.compile(r"tc_(?P<id>[0-9a-f]{12})_(?P<secret>[A-Za-z0-9_-]{43})")


@dataclass(frozen=True)
class Key:
    """A key, without its secret."""

    id: str
    name: str
    role: str
    sensitive: bool
    rows: tuple[str, ...]
    added_by: str
    added_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


def add_key(
    state: State,
    name: str,
    role: str,
    *,
    sensitive: bool = False,
    rows: Iterable[str] = (),
    by: str,
    now: datetime,
    expires_at: datetime | None = None,
) -> str:
    """Add a key for a program, and return it: ``tc_<id>_<secret>``, which cannot be shown again.

    Parameters
    ----------
    state : State
    name : str
        Under which the program is in the audit log.
    role : str
    sensitive : bool
        Whether it may see what is marked sensitive although its role may not.
    rows : iterable of str
        Conditions of ``[access.rows]``, of which a profile has to meet one for it to see it; none: not limited.
    by : str
        Who adds it.
    now : datetime
    expires_at : datetime, optional
        From when on it does not work.

    Raises
    ------
    TagcastError
        For a name, role, condition or expiry that is none.
    """
    if expires_at is not None and expires_at <= now:
        raise TagcastError(
            msg("the key would have expired at {moment}", moment=f"{expires_at:%Y-%m-%d %H:%M}"),
            hint=msg("give a later day"),
        )
    number, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    roles = roles_of(state.access)
    seen = roles.checked_rows(rows)
    key = Key(number, person_name(name), roles.named(role).name, sensitive, seen, by, now, expires_at, None)
    with state.writing() as connection:
        connection.execute(KEYS.insert().values(**vars(key), secret=_digest(secret)))
        detail = {"role": key.role, "sensitive": sensitive, "name": key.name, "expires_at": expires_at}
        detail |= {"row_rights": seen} if seen else {}
        record(state, now=now, who=by, action="key.add", subject=number, detail=detail)
    return f"tc_{number}_{secret}"


def revoke_key(state: State, number: str, *, by: str, now: datetime) -> None:
    """End a key: here at once, in other processes within 5 seconds.

    Raises
    ------
    NotFoundError
        When there is no live key of that id.
    """
    with state.writing() as connection:
        live = (KEYS.c.id == number) & KEYS.c.revoked_at.is_(None)
        if not connection.execute(KEYS.update().where(live).values(revoked_at=now)).rowcount:
            raise NotFoundError(
                msg("there is no such key that still works"),
                hint=msg("{command} shows the ids", command="tagcast key list"),
            )
        record(state, now=now, who=by, action="key.revoke", subject=number)
    _forget_keys(state)


def revoke_keys_of(state: State, name: str, now: datetime) -> None:
    """End all keys of a name."""
    live = (KEYS.c.name == name) & KEYS.c.revoked_at.is_(None)
    with state.writing() as connection:
        connection.execute(KEYS.update().where(live).values(revoked_at=now))
    _forget_keys(state)


def keys(state: State) -> list[Key]:
    """Return the keys, without their secrets, newest first."""
    columns = [c for c in KEYS.c if c.name != "secret"]
    query = select(*columns).order_by(KEYS.c.added_at.desc(), KEYS.c.id)
    with state.reading() as connection:
        found = connection.execute(query).mappings()
        return [Key(**{**row, "rows": tuple(row["rows"])}) for row in found]


_remembered: WeakKeyDictionary[State, dict[str, tuple[Person, datetime, datetime | None]]] = (
    WeakKeyDictionary()
)
_lock = Lock()


def person_of_key(state: State, text: str, now: datetime) -> Person | None:
    """Return whose key ``text`` is; None for one that is unknown, revoked or expired."""
    match = _KEY.fullmatch(text)
    if match is None:
        return None
    digest = _digest(text)
    with _lock:
        known = _remembered.get(state, {}).get(digest)
    if known is not None and timedelta(0) <= now - known[1] < REMEMBERED:
        return None if known[2] is not None and now >= known[2] else known[0]
    with state.reading() as connection:
        row = connection.execute(select(KEYS).where(KEYS.c.id == match["id"])).one_or_none()
    if row is None or not hmac.compare_digest(row.secret, _digest(match["secret"])):
        return None
    if row.revoked_at is not None or (row.expires_at is not None and now >= row.expires_at):
        return None
    person = Person(row.name, row.role, row.sensitive, tuple(row.rows), roles_of(state.access))
    with _lock:
        _remembered.setdefault(state, {})[digest] = (person, now, row.expires_at)
    return person


def _forget_keys(state: State) -> None:
    with _lock:
        _remembered.pop(state, None)


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()
