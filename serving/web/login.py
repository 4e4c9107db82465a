"""Log in and out: by name and password, or once by the link that `tagcast serve` prints."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from tagcast.features.core.errors import NotAllowedError
from tagcast.features.core.messages import LANGUAGES
from tagcast.registry.access import accounts
from tagcast.registry.access.audit_log import record
from tagcast.serving.web.authentication import COOKIE
from tagcast.serving.web.plain_pages import LANGUAGE_COOKIE, login_page, safe_path

if TYPE_CHECKING:
    from tagcast.registry.access.roles import Person
    from tagcast.serving.context import ServiceContext
    from tagcast.serving.web.authentication import Access
    from tagcast.serving.web.console_pages import ConsolePages
    from tagcast.serving.web.proxies import Peer

_SESSION_SECONDS = 12 * 3600
_YEAR_SECONDS = 365 * 24 * 3600


@dataclass
class OnceLink:
    """A token that logs ``person`` in once: whoever reads the terminal of `tagcast serve` owns the machine's files."""

    person: Person
    token: str

    def __post_init__(self) -> None:
        self._lock = Lock()

    def take(self, token: str) -> Person | None:
        """Return the person where the token is right and was not used before."""
        with self._lock:
            right = bool(self.token) and hmac.compare_digest(token.encode(), self.token.encode())
            if right:
                self.token = ""
        return self.person if right else None


def login_routes(
    context: ServiceContext, access: Access, link: OnceLink | None, pages: ConsolePages | None
) -> APIRouter:
    """Return the routes that open and close sessions."""
    routes = APIRouter(include_in_schema=False)

    def welcome(request: Request, person: Person, there: str) -> Response:
        answer = RedirectResponse(safe_path(there), status_code=303)
        answer.set_cookie(
            COOKIE,
            access.open(person, address=_address(request), agent=request.headers.get("user-agent", "")),
            max_age=_SESSION_SECONDS,
            httponly=True,
            samesite="lax",
            secure=request.url.scheme == "https",
        )
        answer.headers["Cache-Control"] = "no-store"
        return answer

    @routes.get("/login")
    def show_login(
        request: Request, token: str | None = None, language: str | None = None, out: bool = False
    ) -> Response:
        if token is not None:
            person = link.take(token) if link else None
            if person is not None:
                detail = {"by": "link", "address": _address(request)}
                record(context.state, now=context.now, who=person.name, action="login", detail=detail)
                return welcome(request, person, "/")
            return login_page(request.headers, said="link", status=403)
        answer = login_page(request.headers, language=language, said="out" if out else "")
        if language in LANGUAGES:
            answer.set_cookie(LANGUAGE_COOKIE, str(language), max_age=_YEAR_SECONDS, samesite="lax")
        return answer

    @routes.post("/login")
    async def log_in(request: Request) -> Response:
        # Read as it is sent by the page: no need for a parser of uploads.
        sent = parse_qs((await request.body()).decode("utf-8", "replace"), keep_blank_values=True)
        name, password, there, language = (
            sent.get(key, [""])[0] for key in ("name", "password", "next", "language")
        )
        try:
            person = await run_in_threadpool(
                accounts.login, context.state, name, password, context.now, address=_address(request)
            )
        except NotAllowedError:
            return login_page(request.headers, there=there, said="no", status=403, language=language)
        return await run_in_threadpool(welcome, request, person, there)

    @routes.post("/logout")
    async def log_out(request: Request) -> Response:
        token = request.cookies.get(COOKIE)
        if token:
            await run_in_threadpool(access.close, token, address=_address(request))
            if pages is not None:
                await pages.end_orphans()
        answer = RedirectResponse("/login?out=true", status_code=303)
        answer.delete_cookie(COOKIE)
        answer.headers["Clear-Site-Data"] = '"cache"'
        return answer

    return routes


def _address(request: Request) -> str:
    peer: Peer = request.state.peer
    return peer.address
