"""For whoever watches the server: whether it runs and can answer, said without a login, and its metrics, for a key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, PlainTextResponse, Response

from tagcast.features.core.messages import listed, render
from tagcast.registry.access.roles import require
from tagcast.serving.monitoring.metrics import CONTENT_TYPE, metrics_text
from tagcast.serving.monitoring.readiness import not_ready, parts_of
from tagcast.serving.web.authentication import person_of
from tagcast.serving.web.error_handlers import problem
from tagcast.serving.web.plain_pages import language_of

if TYPE_CHECKING:
    from tagcast.serving.context import ServiceContext


def health_routes(context: ServiceContext) -> APIRouter:
    """Return the routes of health, readiness and metrics."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/healthz")
    async def health() -> Response:
        return PlainTextResponse("ok")  # without a thread: it answers where all of them work

    @routes.get("/readyz")
    async def ready(request: Request) -> Response:
        parts = await run_in_threadpool(parts_of, context)
        language = language_of(request.headers)
        checks = [
            {
                "part": one.part,
                "status": one.status,
                "problem": render(one.problem, language),
                "hint": render(one.hint, language),
            }
            for one in parts
        ]
        if failing := list(not_ready(parts)):
            text = listed([one.problem for one in failing], "sentences")
            return problem(request.headers, 503, "not_ready", text, failing[0].hint, checks=checks)
        return JSONResponse({"ready": True, "checks": checks}, headers={"Content-Language": language})

    @routes.get("/metrics")
    def metrics(request: Request) -> Response:
        person = person_of(request)
        require(person, "see")
        return Response(metrics_text(context, person), media_type=CONTENT_TYPE)

    return routes
