"""Log in and out: by name and password, once by the link that `tagcast serve` prints, or at an identity provider."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import timedelta
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
from tagcast.registry.access.sessions import SESSION_LIFE
from tagcast.serving.web.authentication import COOKIE
from tagcast.serving.web.plain_pages import LANGUAGE_COOKIE, leaving_page, login_page, safe_path

if TYPE_CHECKING:
    from tagcast.registry.access.roles import Person
    from tagcast.serving.context import ServiceContext
    from tagcast.serving.web.authentication import Access
    from tagcast.serving.web.console_pages import ConsolePages
    from tagcast.serving.web.oidc.provider import Provider
    from tagcast.serving.web.proxies import Peer

ELSEWHERE_COOKIE = "tagcast_signed_in_elsewhere"
"""Marks a session that an identity provider began: to log out is to log out there as well."""
_OUT = "/login?out=true"
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


def welcome(
    request: Request,
    access: Access,
    person: Person,
    there: str,
    *,
    life: timedelta = SESSION_LIFE,
    signed_in_elsewhere: bool = False,
) -> Response:
    """Open a session and send who was recognised to the page ``there``.

    Parameters
    ----------
    request : Request
    access : Access
    person : Person
    there : str
    life : timedelta
        Of the session.
    signed_in_elsewhere : bool
        Whether an identity provider knows them; its own session ends with this one then.
    """
    answer = RedirectResponse(safe_path(there), status_code=303)
    seconds, secure = int(life.total_seconds()), request.url.scheme == "https"
    agent = request.headers.get("user-agent", "")
    token = access.open(person, address=address_of(request), agent=agent, life=life)
    answer.set_cookie(COOKIE, token, max_age=seconds, httponly=True, samesite="lax", secure=secure)
    if signed_in_elsewhere:
        answer.set_cookie(
            ELSEWHERE_COOKIE, "yes", max_age=seconds, httponly=True, samesite="lax", secure=secure
        )
    elif ELSEWHERE_COOKIE in request.cookies:
        answer.delete_cookie(ELSEWHERE_COOKIE)
    answer.headers["Cache-Control"] = "no-store"
    return answer


def login_routes(
    context: ServiceContext,
    access: Access,
    link: OnceLink | None,
    pages: ConsolePages | None,
    provider: Provider | None,
) -> APIRouter:
    """Return the routes that open and close sessions."""
    routes = APIRouter(include_in_schema=False)
    oidc = context.settings.access.oidc

    @routes.get("/login")
    def show_login(
        request: Request, token: str | None = None, language: str | None = None, out: bool = False
    ) -> Response:
        if token is not None:
            person = link.take(token) if link else None
            if person is not None:
                detail = {"by": "link", "address": address_of(request)}
                record(context.state, now=context.now, who=person.name, action="login", detail=detail)
                return welcome(request, access, person, "/")
            return login_page(request.headers, said="link", status=403, provider=oidc)
        answer = login_page(request.headers, language=language, said="out" if out else "", provider=oidc)
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
                accounts.login, context.state, name, password, context.now, address=address_of(request)
            )
        except NotAllowedError:
            return login_page(
                request.headers, there=there, said="no", status=403, language=language, provider=oidc
            )
        return await run_in_threadpool(welcome, request, access, person, there)

    @routes.post("/logout")
    async def log_out(request: Request) -> Response:
        token = request.cookies.get(COOKIE)
        if token:
            await run_in_threadpool(access.close, token, address=address_of(request))
            if pages is not None:
                await pages.end_orphans()
        answer: Response = RedirectResponse(_OUT, status_code=303)
        if provider is not None and ELSEWHERE_COOKIE in request.cookies:
            url = await provider.sign_out_url(f"{request.url.scheme}://{request.headers['host']}{_OUT}")
            # Not a redirect: the content security policy lets no form lead to another server.
            answer = leaving_page(request.headers, url) if url else answer
        answer.delete_cookie(COOKIE)
        answer.delete_cookie(ELSEWHERE_COOKIE)
        answer.headers["Clear-Site-Data"] = '"cache"'
        return answer

    return routes


def address_of(request: Request) -> str:
    """Return where a request comes from."""
    peer: Peer = request.state.peer
    return peer.address
