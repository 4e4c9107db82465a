"""The navigation: the pages of the console in groups, as far as somebody may open them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from tagcast.features.core.messages import Message, msg, pmsg
from tagcast.serving.console.ui.html import h
from tagcast.serving.console.ui.icons import icon
from tagcast.serving.console.ui.titles import CUSTOMERS, entity_title

if TYPE_CHECKING:
    from tagcast.registry.access.roles import Right
    from tagcast.serving.console.ui.page_context import PageContext

_NAV: tuple[tuple[Message | None, tuple[tuple[str, Message, str, Right], ...]], ...] = (
    (
        None,
        (
            ("/", msg("Home"), "home", "see"),
            ("/tags", msg("Tags"), "tags", "see"),
        ),
    ),
    (
        msg("Audiences"),
        (
            ("/audience", msg("New audience"), "build", "filter"),
            ("/audiences", msg("Saved audiences"), "audience", "filter"),
            ("/compare", msg("Compare"), "compare", "filter"),
        ),
    ),
    (
        CUSTOMERS,
        (
            ("/campaigns", msg("Campaigns"), "campaign", "export"),
            ("/exports", pmsg("page", "Exports"), "download", "export"),
            ("/profile", msg("Customer lookup"), "profile", "profiles"),
        ),
    ),
    (
        msg("Operations"),
        (
            ("/runs", msg("Runs"), "runs", "see"),
            ("/reviews", msg("Reviews"), "review", "review"),
            ("/definitions", msg("Changed definitions"), "pencil", "review"),
            ("/challengers", msg("Challengers"), "compare", "review"),
            ("/audit", msg("Audit log"), "audit", "see"),
            ("/access", msg("Users and keys"), "access", "access"),
        ),
    ),
)
"""Groups under their headings: address, title, icon, and the right that it takes."""


def nav_links(page: PageContext, nav: str) -> Markup:
    """Return the links of ``page``; ``nav`` is the address of the one it belongs to."""
    parts = []
    for heading, entries in _NAV:
        allowed = [entry for entry in entries if page.person.may(entry[3])]
        if allowed and heading is not None:
            parts.append(h("h3", entity_title(page) if heading == CUSTOMERS else page.say(heading)))
        for path, key, picture, _ in allowed:
            current = "page" if path == nav else None
            parts.append(h("a", icon(picture), page.say(key), href=path, aria_current=current))
    return h("nav", parts, class_="nav", aria_label=page.say(msg("Navigation")))
