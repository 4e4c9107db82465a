"""Around everything: headers on every answer, the size of a request, and an answer where the program fails.

What a page may load is written in its content security policy:

- `default-src 'none'`, and every other source `'self'`: no request leaves for another server, whatever a tag, an attribute or a
  filter holds.
- `script-src` has `'nonce-…'` (new with every page) for NiceGUI's inline scripts rather than `'unsafe-inline'`: a script that
  somebody smuggles into a page does not run. It needs `'unsafe-eval'`: Vue compiles its templates in the browser, and
  NiceGUI evaluates the handlers that the server sends.
- `style-src` has `'unsafe-inline'`: Quasar and NiceGUI set styles on elements.
- `img-src` and `font-src` have `data:`: icons and plots are written into the page.
- A card (`/api/v1/tags/…/card`) may stand in a frame of ours and runs no script at all (`sandbox`).
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException

from tagcast.features.core.messages import msg
from tagcast.serving.web.error_handlers import log_mistake, mistake, problem, route_of

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_PAGE = (
    "default-src 'none'; script-src 'self' 'nonce-{nonce}' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; frame-src 'self'; worker-src 'self' blob:; "
    "manifest-src 'self'; form-action 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'"
)
_DATA = "default-src 'none'; frame-ancestors 'none'"
CARD_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox; frame-ancestors 'self'"
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
_SCRIPT = b"<script"


class SecurityHeaders:
    """ASGI middleware, outermost.

    Parameters
    ----------
    app : ASGI application
    body_bytes : int
        The longest body of a request.
    """

    def __init__(self, app: ASGIApp, body_bytes: int) -> None:
        self._app, self._body_bytes = app, body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = _Answer(scope, send)
        left = self._body_bytes

        async def too_large() -> None:
            text = msg("a request holds at most {bytes:,} bytes", bytes=self._body_bytes)
            refusal = problem(Headers(scope=scope), 413, "too_large", text, msg("send less at once"))
            await refusal(scope, receive, answer.send)

        async def limited() -> Message:
            nonlocal left
            message = await receive()
            left -= len(message.get("body", b""))
            if left < 0:
                # Answered here: some who read the body make an error of their own of it.
                if not answer.begun:
                    await too_large()
                raise HTTPException(413)
            return message

        declared = Headers(scope=scope).get("content-length", "0")
        if not declared.isdigit() or int(declared) > self._body_bytes:
            await too_large()
            return
        try:
            await self._app(scope, limited, answer.send)
        except Exception as error:
            # The last to know. Applications within have answered and pass the error on all the same.
            if answer.ended:
                return
            number = log_mistake(error, scope["method"], route_of(scope))
            if answer.begun:
                raise  # Half an answer cannot be taken back: the connection has to break.
            await mistake(Headers(scope=scope), number)(scope, receive, answer.send)


class _Answer:
    """One answer on its way out."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self._scope, self._send = scope, send
        self._nonce = secrets.token_urlsafe(16)
        self._start: Message | None = None
        self._page = b""
        self.begun = self.ended = False

    async def send(self, message: Message) -> None:
        """Pass a message of the application on, with our headers; pages get their nonce."""
        if self.ended:
            return
        if message["type"] == "http.response.start":
            self._add_headers(message)
            if self._is_console_page(message):
                self._start = message  # Its length is known once the nonces are in.
                return
            self.begun = True
        elif message["type"] == "http.response.body" and self._start is not None:
            self._page += message.get("body", b"")
            if message.get("more_body"):
                return
            body = self._page.replace(_SCRIPT, f'<script nonce="{self._nonce}"'.encode())
            MutableHeaders(raw=self._start["headers"])["content-length"] = str(len(body))
            self.begun = True
            await self._send(self._start)
            self._start = None
            message = {**message, "body": body}
        await self._send(message)
        self.ended = message["type"] == "http.response.body" and not message.get("more_body")

    def _add_headers(self, message: Message) -> None:
        headers = MutableHeaders(scope=message)
        is_page = headers.get("content-type", "").startswith("text/html")
        policy = _PAGE.format(nonce=self._nonce) if is_page else _DATA
        headers.setdefault("Content-Security-Policy", policy)
        own_frame = "frame-ancestors 'self'" in headers["Content-Security-Policy"]
        headers["X-Frame-Options"] = "SAMEORIGIN" if own_frame else "DENY"
        for name, value in _HEADERS.items():
            headers[name] = value
        if self._scope["path"].startswith("/api/") or is_page:
            headers.setdefault("Cache-Control", "no-store")
        peer = self._scope.get("state", {}).get("peer")
        if peer is not None and peer.secure:
            headers["Strict-Transport-Security"] = "max-age=31536000"
        if "server" in headers:
            del headers["server"]

    def _is_console_page(self, message: Message) -> bool:
        headers = MutableHeaders(scope=message)
        return (
            headers.get("content-type", "").startswith("text/html")
            and "content-encoding" not in headers
            and f"'nonce-{self._nonce}'" in headers["Content-Security-Policy"]
        )
