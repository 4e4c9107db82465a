"""Around everything: each request has an id, a span, and where lines are JSON a line of the log; none of them names a profile."""

from __future__ import annotations

import logging
import re
import time
from typing import TYPE_CHECKING

from starlette.datastructures import Headers, MutableHeaders

from tagcast.features.core.telemetry.ids import new_id, within_request
from tagcast.features.core.telemetry.json_log import FIELDS
from tagcast.features.core.telemetry.traces import span
from tagcast.serving.web.error_handlers import route_of

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from tagcast.serving.web.proxies import TrustedProxies

REQUEST_ID = "X-Request-Id"
ACCESS = logging.getLogger("tagcast.access")
"""A line a request; silent where lines are for people."""
_CONVERTER = re.compile(r":\w+\}")
_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


class RequestLog:
    """ASGI middleware, outermost.

    It leaves in the state of a request who is at the other end, and the id. That is its own header ``X-Request-Id`` where a trusted proxy hands it on, so that the proxy's log and ours tell of one
    request alike; anybody else could give the id of another's.

    Parameters
    ----------
    app : ASGI application
    peers : TrustedProxies
    """

    def __init__(self, app: ASGIApp, peers: TrustedProxies) -> None:
        self._app, self._peers = app, peers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        peer = self._peers.of(scope)
        believed = peer.proxied
        given = headers.get(REQUEST_ID, "") if believed else ""
        name = given if _ID.fullmatch(given) else new_id()
        scope.setdefault("state", {}).update(request_id=name, peer=peer)
        with within_request(name):
            if scope["type"] == "http":
                await self._answer(scope, receive, send, headers if believed else Headers(), name)
            else:
                await self._app(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, headers: Headers, name: str) -> None:
        status, start = 500, time.monotonic()

        async def with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[REQUEST_ID] = name
            await send(message)

        method = scope["method"]
        try:
            with span(
                method, headers=headers, server=True, attributes={"http.request.method": method}
            ) as traced:
                try:
                    await self._app(scope, receive, with_id)
                finally:
                    route = _route(scope)
                    traced.name(f"{method} {route}")
                    traced.set({"http.route": route, "http.response.status_code": status})
                    if status >= 500:
                        traced.failed(str(status))
        finally:
            fields = {
                "method": method,
                "route": _route(scope),
                "status": status,
                "milliseconds": round((time.monotonic() - start) * 1000, 1),
            }
            ACCESS.info("request", extra={FIELDS: fields})


def _route(scope: Scope) -> str:
    """Return the whole path of a route, with the names of what it is about for their values."""
    return str(scope.get("root_path", "")) + _CONVERTER.sub("}", route_of(scope))
