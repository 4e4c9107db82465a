"""Every campaign with its lift, newest first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from tagcast.features.core.messages import msg
from tagcast.features.core.signed_numbers import points
from tagcast.serving.campaigns.service import list_campaigns
from tagcast.serving.campaigns.words import points_range, stage_words
from tagcast.serving.console.ui.formatting import NONE, day, number
from tagcast.serving.console.ui.html import h
from tagcast.serving.console.ui.notices import empty
from tagcast.serving.console.ui.page_context import PageContext, link
from tagcast.serving.console.ui.widgets import head_row, html, link_button

if TYPE_CHECKING:
    from tagcast.serving.campaigns.service import MeasuredCampaign


async def campaigns_page(page: PageContext) -> None:
    """Show the campaigns."""
    from nicegui import ui

    say = page.say
    found = await page.run(list_campaigns)
    with ui.element("div").classes("head"):
        html(
            h(
                "div",
                h("h1", say(msg("Campaigns"))),
                h("p", say(msg("What each did, beside a group that was left alone."))),
            ),
            classes="grow",
        )
    if not found:
        html(
            empty(
                say(msg("No campaigns yet")),
                say(
                    msg("Export an audience and hold out a control group; what came of it will appear here.")
                ),
                link_button(say(msg("New audience")), "/audience", "primary", "plus"),
            )
        )
        return
    heads = (
        msg("Campaign"),
        msg("Members"),
        msg("Lift, points"),
        msg("So far"),
        msg("Starts"),
    )
    with ui.element("div").classes("card table-wrap"), ui.element("table").classes("t cards"):
        html(head_row(say, heads), "thead")
        with ui.element("tbody"):
            for one in found:
                with ui.element("tr"):
                    for content, classes in _cells(page, one):
                        html(content, "td", classes)


def _cells(page: PageContext, one: MeasuredCampaign) -> list[tuple[Markup, str]]:
    say, campaign = page.say, one.campaign
    lift = one.figures.lift if one.figures is not None else None
    name = h(
        "div",
        h("a", campaign.name, href=link("/campaigns", campaign.id), class_="cover"),
        h("code", campaign.filter, class_="faint clip"),
    )
    arms = msg(
        "{given} given, {held_out} held out",
        given=number(campaign.given),
        held_out=number(campaign.held_out),
    )
    shown = h("span", NONE, class_="faint")
    if lift is not None:
        shown = h(
            "span",
            h("b", points(lift.lift)),
            " ",
            h("span", f"({points_range(lift)})", class_="faint"),
            class_="num nowrap",
        )
    decided = one.figures is not None and one.figures.decided
    good = decided and one.figures is not None and one.figures.works(campaign)
    pill = h("span", say(stage_words(one)), class_=f"pill {('good' if good else 'bad') if decided else ''}")
    return [
        (name, "full wrap"),
        (h("span", say(arms), class_="num"), "full"),
        (shown, ""),
        (pill, ""),
        (h("span", day(campaign.starts), class_="nowrap"), "hide"),
    ]
