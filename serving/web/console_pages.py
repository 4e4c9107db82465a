"""Pages of the console: each acts with the rights of whom it was built for, and ends when those end.

NiceGUI lets any socket name any page in its messages, and regards the page's id as the secret. Here a page serves the
person it was built for alone, and only while the session, key or header that it was built with still stands for them
with the same role. Both are checked in every message that names a page, whatever it came by.
"""

from __future__ import annotations

from asyncio import Lock
from collections.abc import Callable
from functools import wraps
from inspect import isawaitable, unwrap
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs
from weakref import WeakKeyDictionary

from starlette.requests import HTTPConnection

from tagcast.features.core.errors import TagcastError

if TYPE_CHECKING:
    from nicegui import Client

    from tagcast.registry.access.roles import Person
    from tagcast.serving.web.authentication import Access

_NAMESPACE = "/"
_NAMES_NO_PAGE = "disconnect"
Handler = Callable[..., Any]


class ConsolePages:
    """The pages that NiceGUI holds in this process, and who owns them.

    Parameters
    ----------
    access : Access
    """

    def __init__(self, access: Access) -> None:
        self._access = access
        self._turns: WeakKeyDictionary[Client, Lock] = WeakKeyDictionary()

    def owner(self, page_id: str) -> Person | None:
        """Return for whom the page of ``page_id`` was built; None where there is no such page."""
        page = _page(page_id)
        return None if page is None else _person(page.request.scope)

    def owner_of_socket(self, socket_id: str) -> Person | None:
        """Return who opened the connection of ``socket_id`` (a poll names it); None where there is none."""
        from nicegui import core

        environ = core.sio.environ.get(socket_id)
        return None if environ is None else _person(environ.get("asgi.scope", {}))

    async def end_orphans(self) -> None:
        """End every page whose owner is no longer known, or has another role than when it was built."""
        from nicegui import Client

        for page in list(Client.instances.values()):
            await self._is_live(page)

    def guard_messages(self) -> None:
        """Stand before NiceGUI's handlers of messages; an earlier application's guard is replaced."""
        from nicegui import core

        handlers: dict[str, Handler] = core.sio.handlers[_NAMESPACE]
        for event, handler in handlers.items():
            if event != _NAMES_NO_PAGE:
                handlers[event] = _guarded(self, event, unwrap(handler))

    async def admits(self, event: str, socket_id: str, message: Any) -> bool:
        """Return whether a message may be handled: each page it names is its sender's, and still alive."""
        from nicegui import core

        environ = message if event == "connect" else core.sio.get_environ(socket_id)
        sender = _person((environ or {}).get("asgi.scope", {}))
        if event == "connect":
            named = parse_qs(environ.get("QUERY_STRING", "")).get("client_id", [])
        else:
            named = [message.get("client_id")] if isinstance(message, dict) else [None]
        pages = [_page(one) for one in named]
        for page in pages:
            if page is None:
                continue  # NiceGUI knows of none either
            if sender is None or _person(page.request.scope) not in {None, sender}:
                return False
            async with self._turns.setdefault(page, Lock()):  # messages keep their order
                # An event is what somebody did on the page; the rest the browser says by itself.
                if not await self._is_live(page, active=event == "event"):
                    return False
        # What names something that is no id is no message of a page.
        return all(isinstance(one, str) for one in named)

    async def _is_live(self, page: Client, *, active: bool = False) -> bool:
        """Return whether a page's owner is still who they were when it was built; else end it."""
        from nicegui import Client

        scope = page.request.scope
        owner, peer = _person(scope), scope.get("state", {}).get("peer")
        if owner is None or peer is None:
            return True  # an error page of NiceGUI's own: it belongs to nobody
        try:
            asker = await self._access.of(HTTPConnection(scope), peer, active=active)
        except TagcastError:
            return False  # nobody can tell now: the page waits
        if asker is not None and asker.person == owner:
            return True
        if page.id in Client.instances:
            # NiceGUI deletes a page some time after its socket went, and stumbles over one that is gone already.
            for task in page._delete_tasks.values():  # noqa: SLF001
                task.cancel()
            page.delete()
        return False


def _guarded(pages: ConsolePages, event: str, handler: Handler) -> Handler:
    """Return a handler of NiceGUI behind the check."""

    @wraps(handler)
    async def guarded(socket_id: str, message: Any = None, *more: Any) -> Any:
        if not await pages.admits(event, socket_id, message):
            return False  # of a connection: refused; of a handshake: the browser loads the page anew
        answer = handler(socket_id, message, *more)
        return await answer if isawaitable(answer) else answer

    return guarded


def _page(page_id: Any) -> Client | None:
    from nicegui import Client

    return Client.instances.get(page_id) if isinstance(page_id, str) else None


def _person(scope: Any) -> Person | None:
    person: Person | None = scope.get("state", {}).get("person")
    return person
