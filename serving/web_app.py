"""Console and API as one web application, behind one guard."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response

from tagcast.features.core.errors import ConfigError, StateError
from tagcast.features.core.messages import msg
from tagcast.registry.access.audit_log import flush_uses
from tagcast.serving.api.app import PREFIX, SILENT, create_api
from tagcast.serving.monitoring.health import health_routes
from tagcast.serving.web.auth_middleware import AuthMiddleware
from tagcast.serving.web.authentication import Access
from tagcast.serving.web.console_pages import ConsolePages
from tagcast.serving.web.error_handlers import Brief, add_handlers, log_mistake, route_of
from tagcast.serving.web.hardening_middleware import SecurityHeaders
from tagcast.serving.web.login import login_routes
from tagcast.serving.web.plain_pages import failure_page, missing_page
from tagcast.serving.web.proxies import TrustedProxies
from tagcast.serving.web.rate_limits import rate_limits
from tagcast.serving.web.request_log import RequestLog

if TYPE_CHECKING:
    from tagcast.serving.context import ServiceContext
    from tagcast.serving.web.login import OnceLink
    from tagcast.serving.web.oidc.provider import Provider

log = logging.getLogger("tagcast")

_RECONNECT_SECONDS = 30.0
"""A browser that is slow or asleep for so long finds its page as it left it."""


def create_app(
    context: ServiceContext,
    *,
    link: OnceLink | None = None,
    console: bool = True,
    hosts: Collection[str] = (),
) -> FastAPI:
    """Return console and API of a project.

    A process serves one console: NiceGUI keeps its pages in one place, the last application has them.

    Parameters
    ----------
    context : ServiceContext
    link : OnceLink, optional
        Logs somebody in once, without an account.
    console : bool
        Whether the console is served beside the API.
    hosts : collection of str
        Names under which it is reached where ``[access] hosts`` has none; none are any.
    """

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        for entity in context.entities.values():
            try:
                await run_in_threadpool(flush_uses, entity.state)
            except StateError as error:  # the counts of some seconds are lost; nothing else is
                log.warning(
                    msg("uses of tags could not be written at the end: {problem}", problem=error.message)
                )
            await run_in_threadpool(entity.store.close)

    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, lifespan=lifespan, telemetry=SILENT)
    add_handlers(app)
    access = Access(context)
    pages = ConsolePages(access) if console else None
    app.include_router(health_routes(context))
    provider = _provider(context, hosts)
    app.include_router(login_routes(context, access, link, pages, provider))
    if provider is not None:
        from tagcast.serving.web.oidc.routes import oidc_routes

        app.include_router(oidc_routes(context, access, provider))
    for name in context.settings.entities:
        app.mount(f"{PREFIX}/entities/{name}", create_api(context.entities[name], name))
    app.mount(PREFIX, create_api(context))
    if pages is not None:
        _add_console(app, context)
        pages.guard_messages()
    # The last that is added stands in front: size and headers, then the caller's identity, then everything else.
    app.add_middleware(
        AuthMiddleware,
        context=context,
        access=access,
        # Made here, not with the first request: what is missing for it is said at start.
        limit=rate_limits(context.settings, context.clock),
        pages=pages,
        hosts=hosts,
    )
    app.add_middleware(SecurityHeaders, body_bytes=context.settings.access.body_bytes)
    app.add_middleware(GZipMiddleware, minimum_size=1_000)
    app.add_middleware(RequestLog, peers=TrustedProxies(context.settings.access.trusted_proxies))
    return app


def _provider(context: ServiceContext, hosts: Collection[str]) -> Provider | None:
    if context.settings.access.oidc is None:
        return None
    try:
        from tagcast.serving.web.oidc.routes import make_provider
    except ModuleNotFoundError as error:
        raise ConfigError(
            msg("access.oidc is set, and the package {package} is not installed", package=error.name),
            hint="pip install 'tagcast[oidc]'",
        ) from None
    return make_provider(context.settings, context, hosts)


def _add_console(app: FastAPI, context: ServiceContext) -> None:
    from nicegui import core, ui

    from tagcast.serving.console.routes import add_pages

    logging.getLogger("nicegui").addFilter(Brief())
    core.app.middleware_stack = None  # An earlier application of this process has used it; it is built anew.
    core.app.user_middleware.clear()
    # NiceGUI's own pages quote the error, in English.
    core.app.add_exception_handler(Exception, _failed)
    core.app.add_exception_handler(404, _missing)
    add_pages(app, context)
    ui.run_with(
        app,
        title="tagcast",
        dark=None,
        language="en-US",
        tailwind=False,  # Compiles styles in the browser, after the page is shown: the layout would jump.
        reconnect_timeout=_RECONNECT_SECONDS,
        gzip_middleware_factory=None,  # Pages get their nonces first.
        show_welcome_message=False,
    )


async def _failed(request: Request, error: Exception) -> Response:
    return failure_page(request.headers, log_mistake(error, request.method, route_of(request.scope)))


async def _missing(request: Request, _error: Exception) -> Response:
    return missing_page(request.headers)
