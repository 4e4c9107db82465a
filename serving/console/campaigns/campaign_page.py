"""One campaign: the sentence, the lift on a line, outcomes and money, and what speaks against believing it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from markupsafe import Markup

from tagcast.features.core.messages import Message, msg
from tagcast.features.core.signed_numbers import points, signed
from tagcast.serving.campaigns.service import find_campaign
from tagcast.serving.campaigns.words import (
    doubts,
    floor_verdict,
    goal_words,
    headline,
    interval_note,
    points_range,
    signed_range,
    wanted_words,
)
from tagcast.serving.console.campaigns.interval_plot import interval_plot
from tagcast.serving.console.frame.page_actions import print_button
from tagcast.serving.console.ui.formatting import day, number, percent
from tagcast.serving.console.ui.html import h
from tagcast.serving.console.ui.page_context import PageContext
from tagcast.serving.console.ui.widgets import html

if TYPE_CHECKING:
    from tagcast.serving.campaigns.figures import Figures
    from tagcast.serving.campaigns.service import MeasuredCampaign


async def campaign_view(page: PageContext) -> None:
    """Show the campaign that the address names."""
    from nicegui import ui

    say = page.say
    found = await page.run(find_campaign, page.parameter("campaign"))
    campaign, figures = found.campaign, found.figures
    with ui.element("div").classes("head"):
        about = h("p", goal_words(campaign, page.language), " · ", say(wanted_words(campaign)))
        html(h("div", h("h1", campaign.name), about), classes="grow")
        with ui.element("div").classes("actions"):
            print_button(page)
    html(h("section", _answer(page, found), class_="card"))
    if figures is not None and figures.lift is not None:
        html(h("section", h("h2", say(msg("What it did"))), _figures(page, figures), class_="card"))
        if noted := doubts(figures):
            lines = [h("li", say(one)) for one in noted]
            html(
                h(
                    "section",
                    h("h2", say(msg("Before you rely on it"))),
                    h("ul", lines, class_="line"),
                    class_="card",
                )
            )
    html(h("section", h("h2", say(msg("The campaign"))), _about(page, found), class_="card"))


def _answer(page: PageContext, found: MeasuredCampaign) -> Markup:
    """Return the sentence that a boss would understand, and the lift on a line."""
    say, campaign, figures = page.say, found.campaign, found.figures
    decided = figures is not None and figures.decided
    good = figures.works(campaign) if figures is not None and decided else None
    kind = "" if good is None else "good" if good else "bad"
    sentence = h("p", h("b", say(headline(campaign, figures, page.language))), class_=f"note {kind}")
    if figures is None or figures.lift is None:
        return sentence
    label = say(
        msg(
            "Lift {lift} points, range {range}",
            lift=points(figures.lift.lift),
            range=points_range(figures.lift),
        )
    )
    plot = interval_plot(figures.lift, good=good, none=say(msg("no effect")), label=label)
    return h("div", sentence, plot, h("p", say(interval_note(figures)), class_="faint"))


def _figures(page: PageContext, figures: Figures) -> Markup:
    say, lift, currency = page.say, figures.lift, page.context.settings.currency
    assert lift is not None  # noqa: S101 - asked where there is one
    facts = [
        (msg("Share with the goal, given"), percent(lift.mean_given), number(figures.given)),
        (msg("Share with the goal, held out"), percent(lift.mean_held_out), number(figures.held_out)),
        (msg("Difference, points"), points(lift.lift), points_range(lift)),
    ]
    if figures.extra is not None:
        facts.append((msg("Outcomes more"), signed(figures.extra.value), signed_range(figures.extra)))
    if figures.extra_money is not None:
        whole = f"{signed(figures.extra_money.value)} {currency}".strip()
        facts.append((msg("Money more"), whole, signed_range(figures.extra_money)))
    if figures.expected is not None:
        facts.append((msg("Promised at export, without a campaign"), percent(figures.expected), ""))
    if figures.delivered is not None:
        facts.append((msg("Reached, of those given"), percent(figures.delivered.given), ""))
        if (effect := figures.delivered.effect) is not None:
            facts.append((msg("Among those reached, points"), points(effect.value), points_range(effect)))
    for one in figures.floors:
        about = msg("Difference among those whom {tag} covers, points", tag=one.tag)
        promised = msg("floor {floor}: {verdict}", floor=points(one.promised), verdict=floor_verdict(one))
        facts.append((about, points(one.lift.lift), say(promised)))
    rows = [
        h(
            "tr",
            h("th", say(name), scope="row"),
            h("td", h("b", value), h("div", more, class_="faint") if more else None, class_="num"),
        )
        for name, value, more in facts
    ]
    return h("div", h("table", h("tbody", rows), class_="t"), class_="table-wrap")


def _about(page: PageContext, found: MeasuredCampaign) -> Markup:
    say, campaign = page.say, found.campaign
    facts: list[tuple[Message, Markup | str]] = [
        (msg("Audience"), h("code", campaign.filter)),
        (msg("Days"), f"{day(campaign.starts)} – {day(campaign.ends - timedelta(days=1))}"),
        (msg("Given"), number(campaign.given)),
        (msg("Held out"), number(campaign.held_out)),
        (msg("Standing control group"), number(campaign.standing)),
        (msg("Channel"), campaign.channel or "–"),
        (msg("Made by"), campaign.made_by),
        (msg("Export"), h("code", campaign.id)),
    ]
    return h("dl", [[h("dt", say(name)), h("dd", value)] for name, value in facts], class_="facts")
