"""For whoever watches the server: whether it runs and can answer, said without a login, and its metrics, for a key."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from sqlalchemy import select
from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse, Response

from tagcast.features.core.errors import StateError, StoreError, TagcastError
from tagcast.features.core.messages import Message, msg
from tagcast.registry.access.roles import require
from tagcast.registry.state.tables import USERS
from tagcast.serving.monitoring.metrics import CONTENT_TYPE, metrics_text
from tagcast.serving.web.authentication import person_of
from tagcast.serving.web.error_handlers import problem

if TYPE_CHECKING:
    from tagcast.serving.context import ServiceContext

log = logging.getLogger("tagcast")

_PARTS: dict[type[TagcastError], Message] = {
    StateError: msg("the application state does not answer"),
    StoreError: msg("the profile store does not answer"),
}


def health_routes(context: ServiceContext) -> APIRouter:
    """Return the routes of health, readiness and metrics."""
    routes = APIRouter(include_in_schema=False)

    def check() -> None:
        with context.state.reading() as connection:
            connection.execute(select(USERS.c.name).limit(1)).first()
        context.store.current()

    @routes.get("/healthz")
    async def health() -> Response:
        return PlainTextResponse("ok")  # without a thread: it answers where all of them work

    @routes.get("/readyz")
    async def ready(request: Request) -> Response:
        try:
            await run_in_threadpool(check)
        except TagcastError as error:
            # The error itself names places, which is nothing for strangers.
            log.warning(msg("not ready: {problem}", problem=error.message))
            text = next((t for kind, t in _PARTS.items() if isinstance(error, kind)), msg("not ready"))
            return problem(request.headers, 503, "not_ready", text, msg("see the log of tagcast serve"))
        return PlainTextResponse("ready")

    @routes.get("/metrics")
    def metrics(request: Request) -> Response:
        person = person_of(request)
        require(person, "see")
        return Response(metrics_text(context, person), media_type=CONTENT_TYPE)

    return routes
