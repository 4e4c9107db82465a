"""Keys of programs: shown once, stored as SHA-256 of what only their holder has."""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import select

from tagcast.features.core.errors import NotFoundError, StateError, TagcastError
from tagcast.features.core.messages import msg
from tagcast.registry.access.audit_log import record
from tagcast.registry.access.rights import limited_to
from tagcast.registry.access.roles import RIGHTS, Person, Right, roles_of
from tagcast.registry.state.database import State
from tagcast.registry.state.tables import KEY_DETAILS, KEYS
from tagcast.registry.state.text_validation import person_name

REMEMBERED = timedelta(seconds=5)  # a key that another process revokes works no longer than that
USE_NOTED = timedelta(minutes=1)
WARNED = timedelta(days=14)
"""So long before its end a key is warned about."""
_KEY = re.compile(r"tc_(?P<id>[0-9a-f]{12})_(?P<secret>[A-Za-z0-9_-]{43})")


@dataclass(frozen=True)
class Key:
    """A key, without its secret.

    Parameters
    ----------
    only : tuple of str, optional
        Rights that it is limited to; None: all of its role.
    used_at : datetime, optional
        When it was used last, to the minute.
    """

    id: str
    name: str
    role: str
    sensitive: bool
    rows: tuple[str, ...]
    added_by: str
    added_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    only: tuple[Right, ...] | None = None
    used_at: datetime | None = None

    def ends_soon(self, now: datetime) -> bool:
        """Return whether it works now and will not in :data:`WARNED` any more."""
        return (
            self.revoked_at is None and self.expires_at is not None and now < self.expires_at <= now + WARNED
        )


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
    days: int | None = None,
    only: Collection[str] | None = None,
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
    days : int, optional
        Its life where no end is given (``[access] key_days``); without both it does not end.
    only : collection of str, optional
        Rights that it is limited to; default: all of its role.

    Raises
    ------
    TagcastError
        For a name, role, condition, right or expiry that is none.
    """
    if expires_at is None and days is not None:
        expires_at = now + timedelta(days=days)
    if expires_at is not None and expires_at <= now:
        raise TagcastError(
            msg("the key would have expired at {moment}", moment=f"{expires_at:%Y-%m-%d %H:%M}"),
            hint=msg("give a later day"),
        )
    number, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    whole = roles_of(state.access).person(person_name(name), role, rows=rows, sensitive=sensitive)
    rights = None
    if only is not None:
        has = [right for right in RIGHTS if whole.may(right)]
        rights = sorted(limited_to(only, has, whole.role), key=RIGHTS.index)
    about = {"name": whole.name, "role": whole.role, "sensitive": sensitive, "expires_at": expires_at}
    row = {
        **about,
        "id": number,
        "secret": _digest(secret),
        "rows": whole.rows,
        "added_by": by,
        "added_at": now,
    }
    detail: dict[str, Any] = {
        **about,
        **({"row_rights": whole.rows} if whole.rows else {}),
        **({} if rights is None else {"only": rights}),
    }
    with state.writing() as connection:
        connection.execute(KEYS.insert().values(row))
        connection.execute(KEY_DETAILS.insert().values(id=number, only=rights))
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
    query = select(*columns, KEY_DETAILS.c.only, KEY_DETAILS.c.used_at).order_by(
        KEYS.c.added_at.desc(), KEYS.c.id
    )
    query = query.select_from(KEYS.outerjoin(KEY_DETAILS, KEY_DETAILS.c.id == KEYS.c.id))
    with state.reading() as connection:
        found = connection.execute(query).mappings().all()
    return [
        Key(
            **{**row, "rows": tuple(row["rows"]), "only": None if row["only"] is None else tuple(row["only"])}
        )
        for row in found
    ]


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
    query = select(KEYS, KEY_DETAILS.c.only, KEY_DETAILS.c.used_at).where(KEYS.c.id == match["id"])
    query = query.select_from(KEYS.outerjoin(KEY_DETAILS, KEY_DETAILS.c.id == KEYS.c.id))
    with state.reading() as connection:
        row = connection.execute(query).one_or_none()
    if row is None or not hmac.compare_digest(row.secret, _digest(match["secret"])):
        return None
    if row.revoked_at is not None or (row.expires_at is not None and now >= row.expires_at):
        return None
    _note_use(state, row.id, row.used_at, now)
    only = None if row.only is None else frozenset(row.only)
    person = Person(row.name, row.role, row.sensitive, tuple(row.rows), roles_of(state.access), only)
    with _lock:
        _remembered.setdefault(state, {})[digest] = (person, now, row.expires_at)
    return person


def _note_use(state: State, number: str, before: datetime | None, now: datetime) -> None:
    """Note that a key was used, once a minute; where that cannot be written it works all the same."""
    if before is not None and before > now - USE_NOTED:
        return
    with suppress(StateError), state.writing() as connection:
        update = KEY_DETAILS.update().where(KEY_DETAILS.c.id == number).values(used_at=now)
        if not connection.execute(update).rowcount:
            connection.execute(KEY_DETAILS.insert().values(id=number, used_at=now))


def _forget_keys(state: State) -> None:
    with _lock:
        _remembered.pop(state, None)


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()
