"""In front of everything: nobody gets anywhere unknown, and no other site acts in a person's name.

NiceGUI guards its own pages at most; its files, its websocket and the routes of the application around it stay open. So this
stands before the application itself, as ASGI middleware, and lets through by exact path what is open to everybody.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, MutableMapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.responses import Response

from tagcast.features.core.errors import TagcastError
from tagcast.features.core.messages import Message, msg, nmsg
from tagcast.registry.access.login_attempts import network_of
from tagcast.registry.access.origin import asked_from
from tagcast.serving.web.error_handlers import answer_of, problem
from tagcast.serving.web.plain_pages import BEGIN, CALLBACK, login_page
from tagcast.serving.web.proxies import Peer, is_known_host, is_same_origin, origin_of

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from tagcast.features.core.schema.identity_provider import Oidc
    from tagcast.serving.context import ServiceContext
    from tagcast.serving.web.authentication import Access, Asker
    from tagcast.serving.web.console_pages import ConsolePages
    from tagcast.serving.web.rate_limits import RateLimit

HEALTH = frozenset({"/healthz", "/readyz"})
OPEN = HEALTH | {"/login"}
"""Paths that everybody may ask, exactly as they stand here."""
SIGN_IN = frozenset({BEGIN, CALLBACK})
"""Those beside them where people sign in at an identity provider."""
GUESSES_PASSWORDS = frozenset({"/api/v1/me/password"})
"""Paths beside the login that check a password: limited as it is."""
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_SOCKETS = "/_nicegui_ws/"
_FILES = "/_nicegui/"
_NO_QUESTIONS = (_SOCKETS, _FILES)
"""Polls that wait, and the files of the console's own code: they cost nothing and come by the dozen."""
_TURN_SECONDS = 5
_ASKED_AGAIN = timedelta(seconds=5)
_POLICY_VIOLATION = 1008


class AuthMiddleware:
    """ASGI middleware.

    Parameters
    ----------
    app : ASGI application
    context : ServiceContext
    access : Access
    limit : callable
        Makes a limit from its name and its requests a minute.
    pages : ConsolePages or None
        The pages of the console; None where none is served.
    hosts : collection of str
        Under which it is reached where the configuration names none; none are any.
    """

    def __init__(
        self,
        app: ASGIApp,
        context: ServiceContext,
        access: Access,
        limit: Callable[[str, int], RateLimit],
        pages: ConsolePages | None,
        hosts: Collection[str] = (),
    ) -> None:
        settings = context.settings.access
        self._app, self._context, self._access = app, context, access
        self._pages = pages
        self._oidc = settings.oidc
        self._open = OPEN | SIGN_IN if settings.oidc else OPEN
        self._origins = frozenset(settings.origins)
        self._hosts = frozenset(settings.hosts or hosts)
        self._people = limit("people", settings.requests_per_minute)
        self._strangers = limit("strangers", settings.requests_per_minute)
        self._logins = limit("logins", settings.logins_per_minute)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        state: dict[str, Any] = scope["state"]
        peer: Peer = state["peer"]  # of RequestLog, around everything
        scope["scheme"] = {("http", True): "https", ("websocket", True): "wss"}.get(
            (scope["type"], peer.secure), scope["scheme"]
        )
        state["origin"] = origin_of(scope, peer)
        if scope["type"] == "websocket":
            await self._socket(scope, receive, send, peer)
            return
        if scope["path"] not in HEALTH and not is_known_host(scope, self._hosts):
            await _unknown_host(scope)(scope, receive, send)
            return
        try:
            answer = await self._refusal(scope, peer)
        except TagcastError as error:  # who asks cannot be found out: the state does not answer
            answer = answer_of(Headers(scope=scope), error)
        if answer is not None:
            await answer(scope, receive, send)
        elif "person" not in state or scope["path"].startswith(_NO_QUESTIONS):
            await self._app(scope, receive, send)
        else:
            async with self._context.turns.of(state["person"].name) as turn:
                app = self._app if turn else _too_many(scope, _TURN_SECONDS)
                with asked_from(state["origin"]):
                    await app(scope, receive, send)

    async def _refusal(self, scope: Scope, peer: Peer) -> Response | None:
        """Return why an HTTP request is refused, and leave in its state who asks where it is not."""
        if scope["path"] in self._open:
            return await self._refusal_of_open(scope, peer)
        # A browser fetches files and polls by itself, also where nobody has touched the page for hours.
        active = not scope["path"].startswith(_NO_QUESTIONS)
        asker = await self._access.of(HTTPConnection(scope), peer, active=active)
        if asker is None:
            wait = await self._strangers.wait_for(network_of(peer.address))
            return _too_many(scope, wait) if wait else _unknown(scope, self._oidc)
        if asker.known_by != "key" and not self._comes_from_us(scope):
            return _forbidden(
                scope,
                msg("the request does not come from a page of this console"),
                msg(
                    "programs send an API key: Authorization: Bearer tc_…; behind a proxy, see [access] origins"
                ),
            )
        if not self._owns_page(scope, asker):
            return _forbidden(scope, msg("this page was opened by somebody else"), msg("reload the page"))
        if not scope["path"].startswith(_FILES):
            wait = await self._people.wait_for(f"{asker.known_by} {asker.person.name}")
            if wait:
                return _too_many(scope, wait)
        if scope["path"] in GUESSES_PASSWORDS and scope["method"] not in SAFE:
            wait = await self._logins.wait_for(network_of(peer.address))
            if wait:
                return _too_many(scope, wait)
        scope["state"]["person"] = asker.person
        return None

    async def _refusal_of_open(self, scope: Scope, peer: Peer) -> Response | None:
        if scope["path"] in SIGN_IN:  # each may make a request to the provider
            wait = await self._strangers.wait_for(network_of(peer.address))
            return _too_many(scope, wait) if wait else None
        if scope["path"] != "/login" or (scope["method"] in SAFE and not scope.get("query_string")):
            return None
        if scope["method"] not in SAFE and not is_same_origin(scope, self._origins):
            return _forbidden(
                scope, msg("the request does not come from the login page"), msg("open /login in a browser")
            )
        wait = await self._logins.wait_for(network_of(peer.address)) if scope["method"] not in SAFE else 0
        return _too_many(scope, wait) if wait else None

    def _comes_from_us(self, scope: Scope) -> bool:
        quiet = scope["type"] == "http" and scope["method"] in SAFE
        if quiet and not scope["path"].startswith(_SOCKETS):
            return True
        # Polling for socket.io's messages is a GET that browsers send without an origin.
        if quiet and Headers(scope=scope).get("sec-fetch-site") == "same-origin":
            return True
        return is_same_origin(scope, self._origins)

    def _owns_page(self, scope: Scope, asker: Asker) -> bool:
        """Return whether a socket speaks for the person who opens it, as far as its address tells.

        A page acts with the rights of whom it was built for: one that outlives a logout must not serve the next. What
        a message names is checked where it is read, by :class:`ConsolePages`.
        """
        if not scope["path"].startswith(_SOCKETS) or self._pages is None:
            return True
        query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
        owners = [self._pages.owner(page) for page in query.get("client_id", [])]
        owners += [self._pages.owner_of_socket(socket) for socket in query.get("sid", [])]
        return all(owner in {None, asker.person} for owner in owners)

    async def _socket(self, scope: Scope, receive: Receive, send: Send, peer: Peer) -> None:
        try:
            asker = await self._access.of(HTTPConnection(scope), peer)
        except TagcastError:
            asker = None
        known = is_known_host(scope, self._hosts)
        if asker is None or not known or not self._comes_from_us(scope) or not self._owns_page(scope, asker):
            await receive()
            await send({"type": "websocket.close", "code": _POLICY_VIOLATION})
            return
        scope["state"]["person"] = asker.person
        checked = self._context.now

        async def still_known() -> MutableMapping[str, Any]:
            """Pass a message on while who sent it is known: a socket does not outlive its session."""
            nonlocal checked
            message = await receive()
            if message["type"] == "websocket.receive" and abs(self._context.now - checked) > _ASKED_AGAIN:
                try:
                    again = await self._access.of(HTTPConnection(scope), peer)
                except TagcastError:
                    again = None
                if again is None or again.person != asker.person:
                    if self._pages is not None:
                        await self._pages.end_orphans()
                    return {"type": "websocket.disconnect", "code": _POLICY_VIOLATION}
                checked = self._context.now
            return message

        await self._app(scope, still_known, send)


def _unknown(scope: Scope, provider: Oidc | None) -> Response:
    headers = Headers(scope=scope)
    wants_page = "text/html" in headers.get("accept", "") and not scope["path"].startswith("/api/")
    if wants_page and scope["method"] in SAFE:
        query = scope.get("query_string", b"").decode("latin-1")
        there = scope["path"] + (f"?{query}" if query else "")
        return login_page(headers, there=there, status=401, provider=provider)
    answer = problem(
        headers,
        401,
        "not_logged_in",
        msg("nobody is logged in and no API key is given"),
        msg("send Authorization: Bearer tc_…; tagcast key add creates a key"),
    )
    answer.headers["WWW-Authenticate"] = 'Bearer realm="tagcast"'
    return answer


def _unknown_host(scope: Scope) -> Response:
    return problem(
        Headers(scope=scope),
        400,
        "unknown_host",
        msg("the console is not reached under this name"),
        msg("names are listed under [access] hosts"),
    )


def _forbidden(scope: Scope, text: Message, hint: Message) -> Response:
    return problem(Headers(scope=scope), 403, "not_allowed", text, hint)


def _too_many(scope: Scope, seconds: int) -> Response:
    hint = nmsg("try again in {n} second", "try again in {n} seconds", seconds)
    answer = problem(Headers(scope=scope), 429, "too_many_requests", msg("too many requests"), hint)
    answer.headers["Retry-After"] = str(seconds)
    return answer
