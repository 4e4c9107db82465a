"""Who asks: a person known by key, by session or by the header of a trusted reverse proxy."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING, Literal

from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection

from tagcast.features.core.errors import TagcastError
from tagcast.registry.access import accounts, sessions
from tagcast.registry.access.api_keys import person_of_key
from tagcast.registry.access.audit_log import record
from tagcast.registry.access.roles import Person, roles_of
from tagcast.registry.state.text_validation import person_name

if TYPE_CHECKING:
    from fastapi import Request

    from tagcast.serving.context import ServiceContext
    from tagcast.serving.web.proxies import Peer

COOKIE = "tagcast_session"
_REMEMBERED_FOR = timedelta(seconds=5)
_REMEMBERED = 10_000


@dataclass(frozen=True)
class Asker:
    """A person and how they are known; only a key is sent on purpose, the rest a browser adds by itself."""

    person: Person
    known_by: Literal["key", "session", "header"]


class Access:
    """Finds out who asks.

    Parameters
    ----------
    context : ServiceContext
    """

    def __init__(self, context: ServiceContext) -> None:
        self._context = context
        self._settings = context.settings.access
        # A page asks for dozens of files at once: a session is looked up once in five seconds.
        self._seen: OrderedDict[tuple[str, bool], tuple[datetime, int, Person | None]] = OrderedDict()
        self.idle = timedelta(minutes=self._settings.idle_minutes)
        self._lock = Lock()

    async def of(self, connection: HTTPConnection, peer: Peer, *, active: bool = False) -> Asker | None:
        """Return who asks, None where nobody is known; the event loop stays free.

        ``active`` where somebody does something, which keeps their session open.
        """
        key = key_of(connection)
        if key:
            person = await run_in_threadpool(person_of_key, self._context.state, key, self._context.now)
            return Asker(person, "key") if person else None
        if peer.proxied and self._settings.header and connection.headers.get(self._settings.header):
            person = await run_in_threadpool(self._person_of_header, connection)
            return Asker(person, "header") if person else None
        token = connection.cookies.get(COOKIE)
        if not token:
            return None
        known, person = self._remembered(token, active=active)
        if not known:
            person = await run_in_threadpool(self._look_up, token, active)
        return Asker(person, "session") if person else None

    def open(
        self, person: Person, *, address: str, agent: str, life: timedelta = sessions.SESSION_LIFE
    ) -> str:
        """Open a session that lives so long, and return its token."""
        return sessions.open_session(
            self._context.state, person, self._context.now, address=address, agent=agent, life=life
        )

    def close(self, token: str, *, address: str) -> None:
        """Close a session, on record with the address it was closed from; it ends at once."""
        state, now = self._context.state, self._context.now
        person = sessions.person_of_session(state, token, now)
        with state.writing():
            if person is not None:
                record(state, now=now, who=person.name, action="logout", detail={"address": address})
            sessions.close_session(state, token)
        sessions.note_ending(state)  # again: only now is it so for who looks
        with self._lock:
            for active in (False, True):
                self._seen.pop((token, active), None)

    def _remembered(self, token: str, *, active: bool) -> tuple[bool, Person | None]:
        # Who does something is not remembered for who merely has a page open: their doing has to be noted.
        with self._lock:
            seen = self._seen.get((token, active))
        if seen is None or abs(self._context.now - seen[0]) > _REMEMBERED_FOR:
            return False, None
        # An ending in this process counts at once, one in another process within those seconds.
        return seen[1] == sessions.endings(self._context.state), seen[2]

    def _look_up(self, token: str, active: bool) -> Person | None:
        now, endings = self._context.now, sessions.endings(self._context.state)
        person = sessions.person_of_session(self._context.state, token, now, idle=self.idle, active=active)
        with self._lock:
            self._seen[token, active] = (now, endings, person)
            self._seen.move_to_end((token, active))
            while len(self._seen) > _REMEMBERED:
                self._seen.popitem(last=False)
        return person

    def _person_of_header(self, connection: HTTPConnection) -> Person | None:
        name = connection.headers[self._settings.header or ""]
        account = accounts.person_named(self._context.state, name)
        if self._settings.header_role is None:
            return account
        role = connection.headers.get(self._settings.header_role, "viewer")
        try:
            # One spelling a person: in other capitals nobody is a second person who approves their own work.
            person = roles_of(self._settings).person(person_name(name), role)
        except TagcastError:
            return None
        # The proxy knows the role; whom an account of that name is limited to counts all the same.
        return person if account is None else replace(person, rows=account.rows)


def key_of(connection: HTTPConnection) -> str | None:
    """Return the API key that a request carries, None where it carries none."""
    scheme, _, value = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and value.strip():
        return value.strip()
    return connection.headers.get("x-api-key") or None


def person_of(request: Request) -> Person:
    """Return who asks; the guard in front of everything has found out."""
    person: Person = request.state.person
    return person
