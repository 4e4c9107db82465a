"""All routes of the API."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastapi import APIRouter

    from serving.desk import Desk


def routers(desk: Desk) -> list[APIRouter]:
    """Return the routers, in the order in which they are documented."""
    from serving.api.about_routes import about_routes
    from serving.api.access_routes import access_routes
    from serving.api.audience_routes import audience_routes
    from serving.api.draft_routes import draft_routes
    from serving.api.profile_routes import profile_routes
    from serving.api.review_routes import review_routes
    from serving.api.saved_routes import saved_routes
    from serving.api.tag_routes import tag_routes

    makers = (
        about_routes,
        tag_routes,
        draft_routes,
        audience_routes,
        saved_routes,
        profile_routes,
        review_routes,
        access_routes,
    )
    return [make(desk) for make in makers]
