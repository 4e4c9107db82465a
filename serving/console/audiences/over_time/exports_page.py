"""Exports: who exported what, when, how many and for which channel; one's own, and a team's for who leads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from tagcast.features.core.messages import msg, pmsg
from tagcast.serving.audiences.filter_resolution import visible_audiences
from tagcast.serving.console.ui.formatting import NONE, minute, number
from tagcast.serving.console.ui.html import h
from tagcast.serving.console.ui.notices import empty
from tagcast.serving.console.ui.page_context import link
from tagcast.serving.console.ui.widgets import head_row, html, link_button, select
from tagcast.serving.delivery.exports_on_record import exports_on_record, sees_team

if TYPE_CHECKING:
    from tagcast.registry.access.roles import Person
    from tagcast.serving.console.ui.page_context import PageContext
    from tagcast.serving.context import ServiceContext
    from tagcast.serving.delivery.exports_on_record import ExportOnRecord

_PAGE = 100


def _known(context: ServiceContext, person: Person) -> set[str]:
    return {one.name for one in visible_audiences(context, person)}


async def exports_page(page: PageContext) -> None:
    """Show the exports."""
    from nicegui import ui

    say, team = page.say, sees_team(page.person)
    mine = team and page.parameter("whose") == "mine"
    before = page.parameter("before")
    found, more = await page.run(
        exports_on_record, mine=mine, limit=_PAGE, before=int(before) if before.isdigit() else None
    )
    known = await page.run(_known)
    about = msg("Everybody’s exports.") if team else msg("Your exports. Who leads a team sees everybody’s.")
    with ui.element("div").classes("head"):
        html(h("div", h("h1", say(pmsg("page", "Exports"))), h("p", say(about))), classes="grow")
    if team:
        with ui.element("div").classes("filters"):
            whose = {"": say(msg("everybody’s")), "mine": say(msg("mine"))}
            select(
                whose,
                "mine" if mine else "",
                say(msg("Whose")),
                lambda value: ui.navigate.to(link("/exports", whose=value)),
            )
    if not found:
        html(
            empty(
                say(msg("No exports yet")),
                say(msg("Export an audience; it will appear here.")),
                link_button(say(msg("New audience")), "/audience", "primary", "plus"),
            )
        )
        return
    heads = (msg("Audience"), msg("Members"), msg("Left out"), msg("Channel"), msg("Who"), msg("When"))
    lines = [
        h("tr", [h("td", content, class_=kind) for content, kind in _cells(page, one, known)])
        for one in found
    ]
    table = h("table", h("thead", head_row(say, heads)), h("tbody", lines), class_="t cards")
    html(table, classes="card table-wrap")
    if more is not None:
        older = link("/exports", whose="mine" if mine else None, before=str(more))
        html(h("div", link_button(say(msg("Older exports")), older, "quiet"), class_="actions"))


def _cells(page: PageContext, one: ExportOnRecord, known: set[str]) -> list[tuple[Markup | str, str]]:
    say = page.say
    name: Markup | str = one.name or say(msg("not a saved audience"))
    if one.name in known:
        name = h("a", one.name, href=link("/audiences", one.name), class_="cover")
    elif not one.name:
        name = h("span", name, class_="faint")
    campaign = None
    if one.campaign:
        campaign = h(
            "div", h("a", say(msg("campaign")), href=link("/campaigns", one.campaign)), class_="faint"
        )
    left_out = [
        (one.held_out, msg("control group: {n}", n=number(one.held_out))),
        (one.without_consent, msg("no consent: {n}", n=number(one.without_consent))),
        (one.standing, msg("standing control group: {n}", n=number(one.standing))),
        (one.rested, msg("contacted often: {n}", n=number(one.rested))),
    ]
    lines = [h("div", say(text)) for n, text in left_out if n]
    channel = one.channel or (say(msg("no contact")) if one.no_contact else NONE)
    return [
        (h("div", name, campaign), "full wrap"),
        (h("span", number(one.rows), class_="num strong"), "num"),
        (h("div", lines, class_="faint num") if lines else NONE, "full"),
        (channel, ""),
        (one.who, ""),
        (h("span", minute(one.at), class_="nowrap"), "hide"),
    ]
