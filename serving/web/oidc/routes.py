"""The routes of a sign-in at an identity provider: there, with three secrets in a cookie, and back."""

from __future__ import annotations

import hmac
import logging
import secrets
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from tagcast.features.core.errors import ConfigError
from tagcast.features.core.messages import msg
from tagcast.features.core.urls import expand
from tagcast.registry.access.accounts import person_named
from tagcast.registry.access.audit_log import record
from tagcast.registry.access.roles import Person, roles_of
from tagcast.serving.web.login import address_of, welcome
from tagcast.serving.web.oidc.people import person_of_claims, roles_of_groups
from tagcast.serving.web.oidc.provider import Provider
from tagcast.serving.web.oidc.refusals import SignInRefusedError
from tagcast.serving.web.plain_pages import BEGIN, CALLBACK, login_page, safe_path

if TYPE_CHECKING:
    from collections.abc import Collection

    from tagcast.features.core.settings import Settings
    from tagcast.registry.access.roles import Person
    from tagcast.serving.context import ServiceContext
    from tagcast.serving.web.authentication import Access

log = logging.getLogger("tagcast")

COOKIE = "tagcast_sign_in"
_MINUTES = 10
"""For signing in at the provider."""
_LONGEST_PATH = 1_500
_BAD_GATEWAY, _FORBIDDEN = 502, 403


@dataclass(frozen=True)
class _SignIn:
    """A sign-in on its way: what the browser has to bring back, the token, and the exchange; and where to go then."""

    state: str
    nonce: str
    verifier: str
    there: str

    @classmethod
    def new(cls, there: str) -> _SignIn:
        path = safe_path(there)
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        return cls(state, nonce, verifier, path if len(path) <= _LONGEST_PATH else "/")

    @classmethod
    def of(cls, request: Request) -> _SignIn:
        """Return the sign-in that the browser began."""
        parts = request.cookies.get(COOKIE, "").split(".", 3)
        given = request.query_params.get("state", "")
        if len(parts) != 4 or not hmac.compare_digest(parts[0].encode(), given.encode()):
            raise SignInRefusedError("begun_elsewhere")
        state, nonce, verifier, there = parts
        return cls(state, nonce, verifier, unquote(there))

    @property
    def cookie(self) -> str:
        return ".".join((self.state, self.nonce, self.verifier, quote(self.there, safe="/")))


def make_provider(settings: Settings, context: ServiceContext, hosts: Collection[str]) -> Provider:
    """Return the identity provider of the configuration.

    Parameters
    ----------
    settings : Settings
    context : ServiceContext
    hosts : collection of str
        Names under which the console is reached where ``[access] hosts`` has none.

    Raises
    ------
    ConfigError
        For a secret that is not set, or a console whose name nobody knows: the way back starts with it.
    """
    oidc = settings.access.oidc
    assert oidc is not None  # noqa: S101 - whoever calls this has looked
    file = settings.path.name
    if not (settings.access.hosts or hosts):
        raise ConfigError(
            msg(
                "{file}: access.oidc needs access.hosts: the provider sends people back to a name that is listed there",
                file=file,
            ),
            hint=msg(
                'hosts = ["tags.example.org"], and {address} at the provider',
                address=f"https://tags.example.org{CALLBACK}",
            ),
        )
    secret = (
        None
        if oidc.client_secret is None
        else expand(oidc.client_secret, f"{file}: access.oidc.client_secret")
    )
    return Provider(oidc, secret, context.clock)


def oidc_routes(context: ServiceContext, access: Access, provider: Provider) -> APIRouter:
    """Return the routes that send somebody to the provider, and take them back."""
    routes = APIRouter(include_in_schema=False)
    settings = provider.settings
    roles = roles_of(context.settings.access)
    groups = roles_of_groups(settings, roles, context.settings.path.name)
    life = timedelta(hours=settings.session_hours)

    def refused(request: Request, error: SignInRefusedError, there: str = "/") -> Response:
        log.warning(msg("a sign-in at the identity provider was refused: {reason}", reason=error.reason))
        if error.name:
            detail = {"by": "oidc", "reason": error.reason, "address": address_of(request)}
            record(
                context.state,
                now=context.now,
                who=error.name,
                action="login.failed",
                subject=error.name,
                detail=detail,
            )
        status = _BAD_GATEWAY if error.reason == "unreachable" else _FORBIDDEN
        return login_page(
            request.headers, there=there, problem=error.message, status=status, provider=settings
        )

    def let_in(request: Request, person: Person, there: str) -> Response:
        # The provider knows the role; whom an account of that name is limited to counts all the same.
        account = person_named(context.state, person.name)
        person = person if account is None else replace(person, rows=account.rows)
        detail = {"by": "oidc", "role": person.role, "address": address_of(request)}
        record(
            context.state,
            now=context.now,
            who=person.name,
            action="login",
            subject=person.name,
            detail=detail,
        )
        return welcome(request, access, person, there, life=life, signed_in_elsewhere=True)

    @routes.get(BEGIN)
    async def begin(request: Request) -> Response:
        going = _SignIn.new(request.query_params.get("next", "/"))
        try:
            url = await provider.sign_in_url(
                _back(request), state=going.state, nonce=going.nonce, verifier=going.verifier
            )
        except SignInRefusedError as error:
            return refused(request, error, going.there)
        answer = RedirectResponse(url, status_code=303, headers={"Cache-Control": "no-store"})
        answer.set_cookie(
            COOKIE,
            going.cookie,
            max_age=_MINUTES * 60,
            path=BEGIN,
            httponly=True,
            samesite="lax",  # the provider's page sends the browser back here
            secure=request.url.scheme == "https",
        )
        return answer

    @routes.get(CALLBACK)
    async def come_back(request: Request) -> Response:
        there = "/"
        try:
            going = _SignIn.of(request)
            there = going.there
            person = await _person(request, going)
        except SignInRefusedError as error:
            answer = await run_in_threadpool(refused, request, error, there)
        else:
            answer = await run_in_threadpool(let_in, request, person, there)
        answer.delete_cookie(COOKIE, path=BEGIN)
        return answer

    async def _person(request: Request, going: _SignIn) -> Person:
        given = request.query_params
        # RFC 9207: of several providers an attacker's could answer in another's place.
        if given.get("iss", settings.issuer) != settings.issuer:
            raise SignInRefusedError("issuer")
        if "error" in given or not given.get("code"):
            raise SignInRefusedError("denied" if given.get("error") == "access_denied" else "rejected")
        claims = await provider.claims(
            given["code"], _back(request), nonce=going.nonce, verifier=going.verifier
        )
        return person_of_claims(claims, settings, groups, roles)

    return routes


def _back(request: Request) -> str:
    """Return the address that the provider sends people back to; the host was checked in front of everything."""
    return f"{request.url.scheme}://{request.headers['host']}{CALLBACK}"
