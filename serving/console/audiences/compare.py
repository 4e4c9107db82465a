"""Two saved audiences side by side: how far they overlap, and what to build of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from tagcast.features.core.messages import msg
from tagcast.models.filters.conditions import And, Condition, Filter, InAudience, Not, Or
from tagcast.serving.audiences.portraits.overlap import Overlap, compare
from tagcast.serving.console.audiences.portrait import saved_names
from tagcast.serving.console.ui.charts import overlap
from tagcast.serving.console.ui.formatting import number, percent
from tagcast.serving.console.ui.html import h
from tagcast.serving.console.ui.notices import empty
from tagcast.serving.console.ui.page_context import PageContext, keep_in_address, link
from tagcast.serving.console.ui.widgets import html, link_button, select

if TYPE_CHECKING:
    from tagcast.registry.access.roles import Person
    from tagcast.serving.context import ServiceContext


def compared(context: ServiceContext, person: Person, a: str, b: str) -> Overlap:
    """Return how two saved audiences overlap."""
    return compare(context, person, Filter(root=InAudience(name=a)), Filter(root=InAudience(name=b)))


async def compare_page(page: PageContext) -> None:
    """Show the overlap of the two audiences that the address names, or of the first two."""
    from nicegui import ui

    say = page.say
    saved = await page.run(saved_names)
    html(
        h(
            "div",
            h("h1", say(msg("Compare two audiences"))),
            h("p", say(msg("How much they overlap, and who is only in one of them."))),
        ),
        classes="head",
    )
    if len(saved) < 2:
        html(
            empty(
                say(msg("Fewer than two saved audiences")),
                say(msg("Save two audiences to compare them here.")),
                link_button(say(msg("New audience")), "/audience", "primary"),
            )
        )
        return
    a, b = page.parameter("a", saved[0]), page.parameter("b", saved[1])
    keep_in_address(ui.context.client, link("/compare", a=a, b=b))
    with ui.element("div").classes("filters compare-fields"):
        select(saved, a, say(msg("First audience")), lambda v: ui.navigate.to(link("/compare", a=v, b=b)))
        select(saved, b, say(msg("Second audience")), lambda v: ui.navigate.to(link("/compare", a=a, b=v)))
    shares = await page.run(compared, a, b)
    with ui.element("div").classes("cols2 compare"):
        picture = overlap(
            shares.a, shares.b, shares.both, say(msg("In both: {count}", count=number(shares.both)))
        )
        names = h(
            "div",
            h("span", h("i", style="background:var(--accent)"), f"{a} {number(shares.a)}", class_="key"),
            h("span", h("i", style="background:var(--second)"), f"{b} {number(shares.b)}", class_="key"),
            class_="legend",
        )
        against = link_button(
            say(msg("Compare portraits")), link("/portrait", name=a, against=b), "small", "portrait"
        )
        html(h("section", picture, h("div", names, against, class_="between wrapping"), class_="card"))
        html(h("section", _parts(page, shares, a, b), class_="card"))


def _parts(page: PageContext, shares: Overlap, a: str, b: str) -> Markup:
    say = page.say
    in_a, in_b = InAudience(name=a), InAudience(name=b)
    rows: tuple[tuple[str, int, Condition], ...] = (
        (say(msg("In both")), shares.both, And(items=(in_a, in_b))),
        (say(msg("Only in {name}", name=a)), shares.only_a, And(items=(in_a, Not(item=in_b)))),
        (say(msg("Only in {name}", name=b)), shares.only_b, And(items=(in_b, Not(item=in_a)))),
        (say(msg("In one or both")), shares.either, Or(items=(in_a, in_b))),
    )
    lines = [
        h(
            "tr",
            h("td", name),
            h("td", number(members), class_="r num"),
            h("td", percent(members / shares.either if shares.either else 0.0), class_="r muted num"),
            h(
                "td",
                link_button(
                    say(msg("Build audience")),
                    link("/audience", filter=Filter(root=root).text()),
                    "small quiet",
                ),
                class_="r",
            ),
        )
        for name, members, root in rows
    ]
    words = {
        "both": number(shares.both),
        "a": percent(shares.both / shares.a if shares.a else None, 0),
        "first": a,
        "b": percent(shares.both / shares.b if shares.b else None, 0),
        "second": b,
    }
    share = h("p", say(msg("{both} in both: {a} of {first}, {b} of {second}.", **words)), class_="best")
    return h("div", share, h("table", h("tbody", lines), class_="t"))
