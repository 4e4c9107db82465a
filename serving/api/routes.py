"""All routes of the API."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastapi import APIRouter

    from serving.desk import Desk


def routers(desk: Desk) -> list[APIRouter]:
    """Return the routers, in the order in which they are documented."""
    from serving.api.about_routes import about_routes

    return [about_routes(desk)]
