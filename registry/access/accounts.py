"""Who may come in: users with passwords, keys of programs, sessions of the console.

Passwords are stored as argon2 hashes, keys and session tokens as SHA-256 of what only their holder has: who reads the
database can come in with none of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select

from tagcast.features.core.errors import ConflictError, NotAllowedError, NotFoundError, TagcastError
from tagcast.features.core.messages import msg
from tagcast.registry.access import login_attempts, passwords
from tagcast.registry.access.api_keys import Key, add_key, keys, person_of_key, revoke_key, revoke_keys_of
from tagcast.registry.access.audit_log import record
from tagcast.registry.access.roles import Person, Roles, roles_of
from tagcast.registry.access.sessions import (
    close_session,
    close_sessions_of,
    note_ending,
    open_session,
    person_of_session,
)
from tagcast.registry.people.forgetting import forget_person
from tagcast.registry.state.database import State
from tagcast.registry.state.tables import USERS
from tagcast.registry.state.text_validation import person_name

__all__ = [
    "Key", "User", "add_key", "add_user", "any_user", "change_password", "close_session", "keys", "login",
    "open_session", "person_named", "person_of_key", "person_of_session", "remove_user", "revoke_key",
    "set_password", "unlock", "users",
]  # fmt: skip


@dataclass(frozen=True)
class User:
    """An account."""

    name: str
    role: str
    sensitive: bool
    rows: tuple[str, ...]
    added_by: str
    added_at: datetime

    def person(self, roles: Roles) -> Person:
        """Return who comes in."""
        return Person(self.name, self.role, self.sensitive, self.rows, roles)


def add_user(
    state: State,
    name: str,
    role: str,
    password: str,
    *,
    sensitive: bool = False,
    rows: Iterable[str] = (),
    by: str,
    now: datetime,
) -> User:
    """Add an account.

    Parameters
    ----------
    state : State
    name : str
        Capitals do not count.
    role : str
    password : str
        At least 10 characters.
    sensitive : bool
        Whether they may see what is marked sensitive although their role may not.
    rows : iterable of str
        Conditions of ``[access.rows]``, of which a profile has to meet one for them to see it; none: not limited.
    by : str
        Who adds it.
    now : datetime

    Raises
    ------
    ConflictError
        When the name is taken.
    TagcastError
        For a name, role, password or condition that is none.
    """
    roles = roles_of(state.access)
    user = User(person_name(name), roles.named(role).name, sensitive, roles.checked_rows(rows), by, now)
    row = {**vars(user), "password": passwords.hashed(password, user.name)}
    with state.writing() as connection:
        if connection.execute(select(USERS.c.name).where(USERS.c.name == user.name)).first():
            raise ConflictError(
                msg("there is a user {user} already", user=user.name),
                hint=msg("choose another name, or remove that user first"),
            )
        connection.execute(USERS.insert().values(row))
        detail = {"role": user.role, "sensitive": sensitive}
        detail |= {"row_rights": user.rows} if user.rows else {}
        login_attempts.forgive(state, user.name)
        record(state, now=now, who=by, action="user.add", subject=user.name, detail=detail)
    return user


def set_password(state: State, name: str, password: str, *, by: str, now: datetime) -> None:
    """Give an account another password; it has to log in anew wherever it is logged in, and may at once.

    Raises
    ------
    NotFoundError
        When there is no such account.
    """
    hashed = passwords.hashed(password, name.casefold())
    with state.writing() as connection:
        name = _known(state, name)
        connection.execute(USERS.update().where(USERS.c.name == name).values(password=hashed))
        close_sessions_of(state, name)
        login_attempts.forgive(state, name)
        record(state, now=now, who=by, action="user.password", subject=name)
    note_ending(state)


def change_password(
    state: State, name: str, old: str, new: str, *, now: datetime, address: str, session: str | None = None
) -> None:
    """Give one's own account another password; all its sessions end but the one of the token ``session``.

    Wrong old passwords are counted with those of logins, by name and address.

    Raises
    ------
    NotFoundError
        When there is no such account: whoever logs in elsewhere has no password here.
    NotAllowedError
        When the old password is wrong, or was tried too often.
    TagcastError
        For a new one that is none.
    """
    name = _known(state, name)
    hashed = passwords.hashed(new, name)
    if old == new:
        raise TagcastError(msg("the new password is the old one"), hint=msg("take another one"))
    person = _check_password(state, name, old, now, address=address)
    with state.writing() as connection:
        login_attempts.forgive(state, name, address)
        connection.execute(USERS.update().where(USERS.c.name == name).values(password=hashed))
        close_sessions_of(state, name, but=session)
        detail = {"address": address}
        record(state, now=now, who=person.name, action="user.password", subject=name, detail=detail)
    note_ending(state)


def remove_user(state: State, name: str, *, by: str, now: datetime) -> None:
    """Remove an account, its sessions, the keys of its name and what it has pinned. What it did stays in the audit log.

    Raises
    ------
    NotFoundError
        When there is no such account.
    ConflictError
        When nobody would be left to let others in.
    """
    with state.writing() as connection:
        name = _known(state, name)
        roles = roles_of(state.access)
        people = {user.name: user.person(roles) for user in users(state)}
        person = people.pop(name)
        if person.may("access") and people and not any(one.may("access") for one in people.values()):
            raise ConflictError(
                msg("{user} is the last admin, and there are other users", user=name),
                hint=msg("add another admin first"),
            )
        connection.execute(delete(USERS).where(USERS.c.name == name))
        close_sessions_of(state, name)
        revoke_keys_of(state, name, now)
        forget_person(state, name)
        record(state, now=now, who=by, action="user.remove", subject=name)
    note_ending(state)


def users(state: State) -> list[User]:
    """Return the accounts by name."""
    columns = [c for c in USERS.c if c.name != "password"]
    with state.reading() as connection:
        found = connection.execute(select(*columns).order_by(USERS.c.name)).mappings()
        return [User(**{**row, "rows": tuple(row["rows"])}) for row in found]


def any_user(state: State) -> bool:
    """Return whether there is an account."""
    with state.reading() as connection:
        return connection.execute(select(USERS.c.name).limit(1)).first() is not None


def person_named(state: State, name: str) -> Person | None:
    """Return the account of ``name`` without asking for its password: for those a reverse proxy has checked."""
    try:
        name = person_name(name)
    except TagcastError:
        return None
    with state.reading() as connection:
        row = connection.execute(select(USERS).where(USERS.c.name == name)).one_or_none()
    return Person(row.name, row.role, row.sensitive, tuple(row.rows), roles_of(state.access)) if row else None


def login(state: State, name: str, password: str, now: datetime, *, address: str) -> Person:
    """Return the person of that name and password.

    A name that is tried in vain 10 times within 15 minutes from one address has to wait there; from elsewhere its owner
    may log in. Known and unknown names take the same time.

    Parameters
    ----------
    state : State
    name, password : str
        As given.
    now : datetime
    address : str
        Where they are given from.

    Raises
    ------
    NotAllowedError
        With one message, whatever was wrong.
    """
    person = _check_password(state, name, password, now, address=address)
    with state.reading() as connection:
        kept = str(connection.scalar(select(USERS.c.password).where(USERS.c.name == person.name)))
    renewed = passwords.hashed(password, person.name) if passwords.outdated(kept) else kept
    with state.writing() as connection:
        login_attempts.forgive(state, person.name, address)
        if renewed != kept:
            connection.execute(USERS.update().where(USERS.c.name == person.name).values(password=renewed))
        detail = {"address": address}
        record(state, now=now, who=person.name, action="login", subject=person.name, detail=detail)
    return person


def _check_password(state: State, name: str, password: str, now: datetime, *, address: str) -> Person:
    """Return the person of that name and password; each try is counted."""
    person = person_named(state, name)
    with state.reading() as connection:
        query = select(USERS.c.password).where(USERS.c.name == (person.name if person else ""))
        kept: str | None = connection.scalar(query)
    spelled = person.name if person else name.casefold()
    attempt = login_attempts.note_attempt(state, spelled, address, now)
    right = passwords.matches(kept, password)
    if person is None or kept is None or not (right and attempt.allowed):
        if person is not None and attempt.allowed:
            _record_failure(state, person, address, now, locked=attempt.last)
        raise NotAllowedError(
            msg("name or password is wrong, or too many attempts were made"),
            hint=msg(
                "try again; after 10 attempts in 15 minutes, wait 15 minutes or ask an administrator to unlock the account"
            ),
        )
    return person


def unlock(state: State, name: str, *, by: str, now: datetime) -> None:
    """Let an account log in again wherever its password was tried too often.

    Raises
    ------
    NotFoundError
        When there is no such account.
    """
    with state.writing():
        name = _known(state, name)
        login_attempts.forgive(state, name)
        record(state, now=now, who=by, action="user.unlock", subject=name)


def _record_failure(state: State, person: Person, address: str, now: datetime, *, locked: bool) -> None:
    detail = {"address": address}
    with state.writing():
        for action in ("login.failed", "login.locked") if locked else ("login.failed",):
            record(state, now=now, who=person.name, action=action, subject=person.name, detail=detail)


def _known(state: State, name: str) -> str:
    person = person_named(state, name)
    if person is None:
        raise NotFoundError(
            msg("there is no such user"), hint=msg("{command} shows them", command="tagcast user list")
        )
    return person.name
