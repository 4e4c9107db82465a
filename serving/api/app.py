"""The API under `/api/v1`: what console and command line know, for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from starlette.responses import Response

from tagcast.features.core.schema.entities import PROFILE
from tagcast.serving.web.error_handlers import add_handlers

if TYPE_CHECKING:
    from tagcast.serving.context import ServiceContext

PREFIX = "/api/v1"
SILENT: Any = {"tracing": False, "metrics": False, "logs": False}
"""FastAPI would tell addresses, and with them profiles, to whatever collects traces of this process."""
_ABOUT = (
    "Tags, audiences, profiles and runs of one project; of another entity than the profile under `/api/v1/entities/NAME`. Every request carries an API key (`Authorization: Bearer tc_…`); "
    "`tagcast key add` makes one. Errors are JSON: `code`, `error`, `hint`, `params`, and of a filter `position`; "
    "`Accept-Language` (en, zh) chooses the language of their sentences."
)


def create_api(context: ServiceContext, entity: str = PROFILE) -> FastAPI:
    """Return the API of a project; :func:`tagcast.serving.web_app.create_app` mounts it behind the guard.

    Parameters
    ----------
    context : ServiceContext
    entity : str
        What ``context`` is of: accounts are the project's, and only under profiles.
    """
    from tagcast.serving.api.docs_page import docs_page
    from tagcast.serving.api.routers import routers

    prefix = PREFIX if entity == PROFILE else f"{PREFIX}/entities/{entity}"
    # Swagger's page would fetch its code from another server; ours needs none.
    api = FastAPI(
        title="tagcast",
        version="1",
        description=_ABOUT,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        telemetry=SILENT,
    )
    add_handlers(api)
    for router in routers(context, accounts=entity == PROFILE):
        api.include_router(router)

    @api.get("/docs", include_in_schema=False)
    def docs() -> Response:
        return docs_page(api.openapi(), prefix)

    return api
