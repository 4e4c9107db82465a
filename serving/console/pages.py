"""The console's pages and where they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from serving.console.access_page import access_page
from serving.console.audit_page import audit_page
from serving.console.builder_page import audience_page
from serving.console.catalogue_page import catalogue_page
from serving.console.compare_page import compare_page
from serving.console.frame import add_page, add_shared
from serving.console.portrait_page import portrait_page
from serving.console.profile_view import profile_lookup, profile_view
from serving.console.reviews_page import reviews_page
from serving.console.rule_page import rule_page
from serving.console.runs_page import runs_page
from serving.console.saved_page import saved_page
from serving.console.tag_view import tag_view

if TYPE_CHECKING:
    from fastapi import FastAPI

    from serving.desk import Desk


def add_pages(_app: FastAPI, desk: Desk) -> None:
    """Add every page of the console.

    Parameters
    ----------
    _app : FastAPI
        The application that NiceGUI will be mounted in; NiceGUI keeps its pages in an application of its own.
    desk : Desk
    """
    add_shared()
    add_page(desk, "/", "tags.title", "/", catalogue_page)
    add_page(desk, "/tags/{name:path}", "tags.title", "/", tag_view)
    add_page(desk, "/rules/new", "rule.title", "/", rule_page, "draft")
    add_page(desk, "/reviews", "review.title", "/reviews", reviews_page, "review")
    add_page(desk, "/audience", "build.title", "/audience", audience_page, "filter")
    add_page(desk, "/portrait", "portrait.title", "/audience", portrait_page, "filter")
    add_page(desk, "/compare", "compare.title", "/compare", compare_page, "filter")
    add_page(desk, "/audiences", "saved.title", "/audiences", saved_page, "filter")
    add_page(desk, "/profile", "profile.title", "/profile", profile_lookup, "profiles")
    add_page(desk, "/profile/{profile_id:path}", "profile.title", "/profile", profile_view, "profiles")
    add_page(desk, "/runs", "runs.title", "/runs", runs_page)
    add_page(desk, "/audit", "audit.title", "/audit", audit_page)
    add_page(desk, "/access", "access.title", "/access", access_page, "access")
