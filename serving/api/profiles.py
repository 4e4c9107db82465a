"""One profile."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import TypeAdapter
from starlette.responses import Response

from tagcast.serving.context import ServiceContext
from tagcast.serving.profiles import profile_details as pages
from tagcast.serving.profiles.profile_details import ProfileDetails
from tagcast.serving.web.authentication import person_of
from tagcast.serving.web.sentences import localized

_PAGE = TypeAdapter(ProfileDetails)


def profile_routes(context: ServiceContext) -> APIRouter:
    """Return the routes."""
    routes = APIRouter(tags=["profiles"])

    @routes.get("/profiles/{profile_id:path}/page", response_model=ProfileDetails)
    def page(request: Request, profile_id: str, events: Annotated[int, Query(ge=0, le=1_000)] = 50) -> Any:
        """All that is known of a profile: also key features, the history of its tags, its last events."""
        return localized(request, pages.profile_page(context, person_of(request), profile_id, events=events))

    # Last: an id may hold slashes, and would swallow what follows it.
    @routes.get("/profiles/{profile_id:path}", response_model=ProfileDetails)
    def look_up(request: Request, profile_id: str) -> Response:
        """Attributes and tags with reasons, within milliseconds; history and events stay empty."""
        # Written as it is: copying and checking a page of many tags takes a tenth of the whole answer.
        page = _PAGE.dump_json(pages.look_up(context, person_of(request), profile_id))
        return Response(page, media_type="application/json")

    return routes
