"""The console's pages and where they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tagcast.features.core.messages import LANGUAGES, msg, pmsg
from tagcast.serving.console.audiences.builder.page import audience_page
from tagcast.serving.console.audiences.compare import compare_page
from tagcast.serving.console.audiences.over_time.audience_page import saved_audience_page
from tagcast.serving.console.audiences.over_time.exports_page import exports_page
from tagcast.serving.console.audiences.portrait import portrait_page
from tagcast.serving.console.audiences.saved import saved_page
from tagcast.serving.console.campaigns.campaign_page import campaign_view
from tagcast.serving.console.campaigns.list_page import campaigns_page
from tagcast.serving.console.definitions.challengers_page import challengers_page
from tagcast.serving.console.definitions.plan_page import plan_page
from tagcast.serving.console.home.page import home_page
from tagcast.serving.console.operations.access import access_page
from tagcast.serving.console.operations.accesses import accesses_page
from tagcast.serving.console.operations.account import account_page
from tagcast.serving.console.operations.audit import audit_page
from tagcast.serving.console.operations.reviews import reviews_page
from tagcast.serving.console.operations.runs import runs_page
from tagcast.serving.console.profiles.lookup import profile_lookup
from tagcast.serving.console.profiles.page import profile_view
from tagcast.serving.console.purpose import asked_first
from tagcast.serving.console.tags.catalog import catalogue_page
from tagcast.serving.console.tags.rule_draft import rule_page
from tagcast.serving.console.tags.tag import tag_view
from tagcast.serving.console.ui.layout import STATIC, STATIC_PATH, add_page
from tagcast.serving.console.ui.page_context import THEMES

if TYPE_CHECKING:
    from fastapi import FastAPI

    from tagcast.serving.context import ServiceContext


def add_pages(_app: FastAPI, context: ServiceContext) -> None:
    """Add every page of the console.

    Parameters
    ----------
    _app : FastAPI
        The application that NiceGUI will be mounted in; NiceGUI keeps its pages in an application of its own.
    context : ServiceContext
    """
    _add_shared(tuple(context.entities))
    add_page(context, "/", msg("Home"), "/", home_page)
    add_page(context, "/tags", msg("Tags"), "/tags", catalogue_page)
    add_page(context, "/tags/{name:path}", msg("Tags"), "/tags", tag_view)
    add_page(context, "/rules/new", msg("Draft a rule tag"), "/tags", rule_page, "draft")
    add_page(context, "/definitions", msg("Changed definitions"), "/definitions", plan_page, "review")
    add_page(context, "/challengers", msg("Challengers"), "/challengers", challengers_page, "review")
    add_page(context, "/reviews", msg("Reviews"), "/reviews", reviews_page, "review")
    add_page(context, "/audience", msg("New audience"), "/audience", audience_page, "filter")
    add_page(
        context,
        "/portrait",
        msg("Portrait"),
        "/audience",
        asked_first(msg("Portrait"), portrait_page),
        "filter",
    )
    add_page(context, "/compare", msg("Compare two audiences"), "/compare", compare_page, "filter")
    add_page(context, "/audiences", msg("Saved audiences"), "/audiences", saved_page, "filter")
    add_page(
        context,
        "/audiences/{name:path}",
        msg("Saved audiences"),
        "/audiences",
        saved_audience_page,
        "filter",
    )
    add_page(context, "/exports", pmsg("page", "Exports"), "/exports", exports_page, "export")
    add_page(context, "/campaigns", msg("Campaigns"), "/campaigns", campaigns_page, "export")
    add_page(context, "/campaigns/{campaign}", msg("Campaigns"), "/campaigns", campaign_view, "export")
    add_page(context, "/profile", msg("Customer lookup"), "/profile", profile_lookup, "profiles")
    add_page(
        context,
        "/profile/{profile_id:path}",
        msg("Customer lookup"),
        "/profile",
        asked_first(msg("Customer lookup"), profile_view),
        "profiles",
    )
    add_page(context, "/runs", msg("Runs"), "/runs", runs_page)
    add_page(context, "/audit", msg("Audit log"), "/audit", audit_page)
    add_page(context, "/audit/access", msg("Access log"), "/audit", accesses_page)
    add_page(context, "/access", msg("Users and keys"), "/access", access_page, "access")
    add_page(context, "/account", msg("My account"), "/account", account_page)


def _add_shared(entities: Sequence[str]) -> None:
    """Add the style sheets, and the address that keeps entity, language and colours."""
    from fastapi import Request
    from fastapi.responses import RedirectResponse, Response
    from nicegui import app

    from tagcast.serving.web.plain_pages import ENTITY_COOKIE, LANGUAGE_COOKIE, THEME_COOKIE

    app.remove_route("/preferences")

    def prefer(request: Request) -> Response:
        query = request.query_params
        back = query.get("back", "/")
        # Only within the console: "//host" and "/\host" would lead elsewhere.
        safe = back if back.startswith("/") and not back.startswith(("//", "/\\")) else "/"
        answer = RedirectResponse(safe, status_code=303)
        year = 365 * 24 * 3600
        for name, key, known in (
            (LANGUAGE_COOKIE, "language", LANGUAGES),
            (THEME_COOKIE, "theme", THEMES),
            (ENTITY_COOKIE, "entity", entities),
        ):
            if query.get(key) in known:
                answer.set_cookie(
                    name,
                    query[key],
                    max_age=year,
                    samesite="lax",
                    httponly=True,
                    secure=request.url.scheme == "https",
                )
        return answer

    prefer.__annotations__ = {"request": Request, "return": Response}
    app.get("/preferences", include_in_schema=False)(prefer)
    app.add_static_files(STATIC_PATH, STATIC, max_cache_age=86_400)
