"""Challengers in the shadow: each beside its champion over the runs, and the decision on what is proposed."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from markupsafe import Markup

from tagcast.features.core.messages import Message, Text, msg, nmsg
from tagcast.features.core.signed_numbers import signed
from tagcast.serving.console.operations.champion_decision import decide
from tagcast.serving.console.ui.formatting import day, number, percent
from tagcast.serving.console.ui.html import h, join
from tagcast.serving.console.ui.notices import empty
from tagcast.serving.console.ui.page_context import PageContext, link
from tagcast.serving.console.ui.tag_badges import value_word
from tagcast.serving.console.ui.widgets import button, head_row, html
from tagcast.serving.definitions.challengers import Challenger, challengers

if TYPE_CHECKING:
    from tagcast.serving.definitions.challengers import Agreement, DriftAt, MetricBeside

_METRICS: dict[str, Message] = {
    "auc": msg("AUC (higher is better)"),
    "log_loss": msg("Log loss (lower is better)"),
    "mae": msg("Mean absolute error (lower is better)"),
    "rmse": msg("RMSE (lower is better)"),
}
MOST_MOVES = 6


async def challengers_page(page: PageContext) -> None:
    """Show every challenger, what waits for a person first."""
    say = page.say
    about = msg(
        "A version that lost to the active model on one test snapshot, or waits, is scored in each run where nobody sees it. "
        "Once a window has closed, both are measured on the same customers."
    )
    html(h("div", h("h1", say(msg("Challengers"))), h("p", say(about))), classes="head")
    found = await page.run(challengers)
    if not found:
        hint = msg("A version that does not become active at once is compared here from the next run on.")
        html(empty(say(msg("No challenger is being scored")), say(hint)))
    for one in found:
        _challenger(page, one)


def _challenger(page: PageContext, one: Challenger) -> None:
    from nicegui import ui

    say = page.say
    mark, tone = _verdict(one)
    with ui.element("article").classes("card champion"):
        with ui.element("div").classes("head"):
            versions = msg(
                "Version {version} against version {champion}", version=one.version, champion=one.champion
            )
            name = h("a", say.of(one.title), href=link("/tags", one.tag), class_="cover")
            since = msg("In the shadow since the run of {day}", day=day(one.since))
            html(
                h(
                    "div",
                    h(
                        "div",
                        h("h2", name),
                        h("span", say(versions), class_="pill accent"),
                        h("span", say(mark), class_=f"pill {tone}"),
                        class_="row",
                    ),
                    h("p", say(since), " · ", say(_progress(one))),
                ),
                classes="grow",
            )
            if one.proposal is not None:
                with ui.element("div").classes("actions"):
                    button(say(msg("Reject")), partial(decide, page, one.proposal, approve=False), "danger")
                    button(say(msg("Approve")), partial(decide, page, one.proposal, approve=True), "primary")
        both = h("div", _agreement(page, one.agreement), _drift(page, one.drift), class_="cols2")
        html(h("div", _overall(page, one), _runs(page, one), both, class_="stack"), classes="beside")


def _verdict(one: Challenger) -> tuple[Text, str]:
    if one.proposal is not None:
        return msg("waits for your decision"), "warn"
    if one.is_better:
        return msg("better beyond chance"), "good"
    if not one.judged:
        return msg("not measured yet"), ""
    if one.low is not None and one.low > 0:
        return msg("worse beyond chance"), "bad"
    return msg("no difference beyond chance yet"), ""


def _progress(one: Challenger) -> Message:
    return nmsg(
        "{n} run measured; it is proposed once it is better over at least {needed}",
        "{n} runs measured; it is proposed once it is better over at least {needed}",
        one.judged,
        needed=one.needed,
    )


def _overall(page: PageContext, one: Challenger) -> Markup | None:
    if one.difference is None or one.low is None or one.high is None:
        return None
    text = msg(
        "Over all runs its loss differs from the active model’s by {difference} (95% range: {low} to {high}); below 0 is better.",
        difference=_signed(one.difference),
        low=_signed(one.low),
        high=_signed(one.high),
    )
    return h("p", h("b", page.say(text)))


def _runs(page: PageContext, one: Challenger) -> Markup:
    say = page.say
    if not one.runs:
        waiting = msg("No window has closed yet: nobody knows what comes of those whom both predicted.")
        return h("p", say(waiting), class_="faint")
    lines = [
        h(
            "tr",
            h("td", day(run.as_of)),
            h("td", number(run.people), class_="r"),
            h("td", say.word(_METRICS, beside.metric)),
            h("td", f"{beside.champion:.3f}", class_="r"),
            h("td", f"{beside.challenger:.3f}", class_="r"),
            h("td", _range(page, beside), class_="r nowrap"),
        )
        for run in one.runs
        for beside in run.metrics
    ]
    heads = (
        msg("Run of"),
        msg("Customers"),
        msg("Metric"),
        msg("Active model"),
        msg("Challenger"),
        msg("Difference, 95% range"),
    )
    table = h("table", h("thead", head_row(say, heads)), h("tbody", lines), class_="t tight")
    return h(
        "div", table, class_="table-wrap", tabindex="0", role="region", aria_label=say(msg("Run by run"))
    )


def _range(page: PageContext, beside: MetricBeside) -> str:
    low, high = _signed(beside.low), _signed(beside.high)
    return page.say(msg("{value} ({low} to {high})", value=_signed(beside.difference), low=low, high=high))


def _signed(value: float) -> str:
    return signed(value, 3) if round(value, 3) else "0.000"


def _agreement(page: PageContext, found: Agreement | None) -> Markup:
    say, title = page.say, h("h3", page.say(msg("Agreement today")))
    if found is None or not found.profiles:
        return h("div", title, h("p", say(msg("The active run holds no predictions of it.")), class_="faint"))
    text = msg(
        "Both give the same value to {share} of {profiles} customers.",
        share=percent(found.same / found.profiles),
        profiles=number(found.profiles),
    )
    moves = [
        h(
            "li",
            say(
                msg(
                    "{count}: active model {champion}, challenger {challenger}",
                    count=number(move.profiles),
                    champion=value_word(say, move.champion),
                    challenger=value_word(say, move.challenger),
                )
            ),
        )
        for move in found.moves[:MOST_MOVES]
    ]
    return h("div", title, h("p", say(text)), h("ul", moves, class_="bullets") if moves else None)


def _drift(page: PageContext, points: tuple[DriftAt, ...]) -> Markup:
    say, title = page.say, h("h3", page.say(msg("Drift since training of the active model")))
    if not points:
        return h("div", title, h("p", say(msg("No run has recorded it.")), class_="faint"))
    lines = [
        h(
            "tr",
            h("td", day(one.as_of)),
            h("td", f"{one.weighted:.3f}"),
            h("td", say(one.words)),
        )
        for one in points[-MOST_MOVES:]
    ]
    heads = (msg("Run of"), msg("Weighted PSI"), msg("In words"))
    return join(
        [h("div", title, h("table", h("thead", head_row(say, heads)), h("tbody", lines), class_="t tight"))]
    )
