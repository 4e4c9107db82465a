"""The access log: who looked at which customers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tagcast.features.core.messages import Message, msg
from tagcast.serving.console.ui.formatting import minute, number
from tagcast.serving.console.ui.html import h
from tagcast.serving.console.ui.notices import empty
from tagcast.serving.console.ui.page_context import PageContext, link
from tagcast.serving.console.ui.widgets import head_row, html, link_button, search_field
from tagcast.serving.profiles.looked_at import looked_at

if TYPE_CHECKING:
    from markupsafe import Markup

    from tagcast.registry.access.access_log import Access, Kind

_PAGE = 100
KINDS: dict[Kind, Message] = {
    "profile": msg("one customer"),
    "members": msg("members of an audience"),
    "sample": msg("sample of an audience"),
    "examples": msg("example IDs"),
    "portrait": msg("portrait of a few"),
    "export": msg("export"),
    "predictions": msg("all predictions"),
    "features": msg("all features"),
    "training": msg("rows of training"),
}
"""What was shown, as people call it."""
_DOORS: dict[str, Message] = {
    "console": msg("console"),
    "api": msg("API"),
    "cli": msg("command line"),
    "python": msg("Python"),
}


async def accesses_page(page: PageContext) -> None:
    """Show the log, from the entry that the address names downwards; of one customer or person where it names them."""
    from nicegui import ui

    say = page.say
    may = page.person.may("audit")
    profile, who, before = page.parameter("profile"), page.parameter("who"), page.parameter("before")
    log = await page.run(
        looked_at,
        profile=profile or None,
        who=(who or None) if may else None,
        limit=_PAGE,
        before=int(before) if before.isdigit() else None,
    )
    lead = say(
        msg("Who looked at which customers, and when. Entries can only be added.")
        if may
        else msg("Which customers you looked at, and when. Entries can only be added.")
    )
    crumb = h("div", h("a", say(msg("Audit log")), href="/audit"), class_="crumbs")
    html(h("div", crumb, h("h1", say(msg("Access log"))), h("p", lead)), classes="head")
    with ui.element("div").classes("filters").props("role=search"):
        customer = search_field(say(msg("Customer ID")), lambda _: None, profile, pause=0)
        person = search_field(say(msg("Person or key")), lambda _: None, who, pause=0) if may else None

        def go() -> None:
            asked = (person.value or "").strip() if person is not None else ""
            ui.navigate.to(link("/audit/access", profile=(customer.value or "").strip(), who=asked))

        for field in (customer, person):
            if field is not None:
                field.on("keydown.enter", go)
    if not log:
        html(
            empty(say(msg("No entries of this kind")), say(msg("Nobody looked, or nobody you may know of.")))
        )
        return
    heads = head_row(
        say, (msg("When"), msg("Who"), msg("What"), msg("Customers"), msg("From"), msg("What for"))
    )
    more = (
        link_button(
            say(msg("Show more")), link("/audit/access", profile=profile, who=who, before=str(log[-1].id))
        )
        if len(log) == _PAGE
        else None
    )
    table = h(
        "table", h("thead", heads), h("tbody", [_line(page, one) for one in log]), class_="t cards audit"
    )
    html(h("section", table, more, class_="card table-wrap"))


def _line(page: PageContext, one: Access) -> Markup:
    say = page.say
    shown = say(msg("all")) if one.everyone else number(one.profiles)
    tag = one.detail.get("tag") or one.detail.get("filter") or ""
    return h(
        "tr",
        h("td", minute(one.at), class_="nowrap muted"),
        h("td", one.who),
        h("td", say.word(KINDS, one.kind), " ", h("span", tag, class_="faint"), class_="wrap"),
        h("td", shown, class_="num"),
        h("td", say.word(_DOORS, one.via), " ", h("span", one.address, class_="mono faint"), class_="nowrap"),
        h("td", one.purpose, class_="wrap"),
    )
