"""All routes of the API."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastapi import APIRouter

    from tagcast.serving.context import ServiceContext


def routers(context: ServiceContext, *, accounts: bool = True) -> list[APIRouter]:
    """Return the routers, in the order in which they are documented; ``accounts`` with those of users and keys."""
    from tagcast.serving.api.accounts import access_routes, own_account_routes
    from tagcast.serving.api.approvals_and_audit import review_routes
    from tagcast.serving.api.audiences.outcome import outcome_routes
    from tagcast.serving.api.audiences.over_time import over_time_routes
    from tagcast.serving.api.audiences.routes import audience_routes
    from tagcast.serving.api.audiences.saved import campaign_routes, saved_routes
    from tagcast.serving.api.definitions import definition_routes
    from tagcast.serving.api.me_and_runs import about_routes
    from tagcast.serving.api.profiles import profile_routes
    from tagcast.serving.api.rule_drafts import draft_routes
    from tagcast.serving.api.tags import tag_routes

    makers = (
        about_routes,
        tag_routes,
        draft_routes,
        definition_routes,
        audience_routes,
        outcome_routes,
        over_time_routes,  # before those of a name, which may hold a slash
        saved_routes,
        campaign_routes,
        profile_routes,
        review_routes,
        *([own_account_routes, access_routes] if accounts else []),
    )
    return [make(context) for make in makers]
