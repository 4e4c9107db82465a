"""One profile."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request

from serving import profile_page as pages
from serving.api.access import person_of
from serving.desk import Desk
from serving.profile_page import ProfilePage


def profile_routes(desk: Desk) -> APIRouter:
    """Return the routes."""
    routes = APIRouter(tags=["profiles"])

    @routes.get("/profiles/{profile_id:path}/page")
    def page(
        request: Request, profile_id: str, events: Annotated[int, Query(ge=0, le=1_000)] = 50
    ) -> ProfilePage:
        """All that is known of a profile: also key features, the history of its tags, its last events."""
        return pages.profile_page(desk, person_of(request), profile_id, events=events)

    # Last: an id may hold slashes, and would swallow what follows it.
    @routes.get("/profiles/{profile_id:path}")
    def look_up(request: Request, profile_id: str) -> ProfilePage:
        """Attributes and tags with reasons, within milliseconds; history and events stay empty."""
        return pages.look_up(desk, person_of(request), profile_id)

    return routes
