"""Two saved audiences side by side: how far they overlap, and what to build of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from tagcast.models.filters.conditions import And, Condition, Filter, InAudience, Not, Or
from tagcast.serving.audiences.portrait import Overlap, compare
from tagcast.serving.console.audiences.portrait import saved_names
from tagcast.serving.console.ui.charts import overlap
from tagcast.serving.console.ui.formatting import number, percent
from tagcast.serving.console.ui.html import h
from tagcast.serving.console.ui.notices import empty
from tagcast.serving.console.ui.page_context import PageContext, link
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
    saved = await page.ask(saved_names)
    html(h("div", h("h1", say("compare.title")), h("p", say("compare.lead"))), classes="head")
    if len(saved) < 2:
        html(
            empty(
                say("compare.none"),
                say("compare.none_hint"),
                link_button(say("nav.build"), "/audience", "primary"),
            )
        )
        return
    a, b = page.asked("a", saved[0]), page.asked("b", saved[1])
    with ui.element("div").classes("filters compare-fields"):
        select(saved, a, say("compare.a"), lambda v: ui.navigate.to(link("/compare", a=v, b=b)))
        select(saved, b, say("compare.b"), lambda v: ui.navigate.to(link("/compare", a=a, b=v)))
    found = await page.ask(compared, a, b)
    with ui.element("div").classes("cols2 compare"):
        picture = overlap(found.a, found.b, found.both, f"{say('compare.both')} {number(found.both)}")
        names = h(
            "div",
            h("span", h("i", style="background:var(--accent)"), f"{a} {number(found.a)}", class_="key"),
            h("span", h("i", style="background:var(--second)"), f"{b} {number(found.b)}", class_="key"),
            class_="legend",
        )
        against = link_button(
            say("compare.portrait"), link("/portrait", name=a, against=b), "small", "portrait"
        )
        html(h("section", picture, h("div", names, against, class_="between wrapping"), class_="card"))
        html(h("section", _parts(page, found, a, b), class_="card"))


def _parts(page: PageContext, found: Overlap, a: str, b: str) -> Markup:
    say = page.say
    in_a, in_b = InAudience(name=a), InAudience(name=b)
    rows: tuple[tuple[str, int, Condition], ...] = (
        (say("compare.both"), found.both, And(items=(in_a, in_b))),
        (say("compare.only", name=a), found.only_a, And(items=(in_a, Not(item=in_b)))),
        (say("compare.only", name=b), found.only_b, And(items=(in_b, Not(item=in_a)))),
        (say("compare.either"), found.either, Or(items=(in_a, in_b))),
    )
    lines = [
        h(
            "tr",
            h("td", name),
            h("td", number(members), class_="r num"),
            h("td", percent(members / found.either if found.either else 0.0), class_="r muted num"),
            h(
                "td",
                link_button(
                    say("compare.build"), link("/audience", filter=Filter(root=root).text()), "small quiet"
                ),
                class_="r",
            ),
        )
        for name, members, root in rows
    ]
    share = h("p", f"{say('compare.jaccard')}: ", h("b", percent(found.jaccard), class_="num"), class_="best")
    return h("div", share, h("table", h("tbody", lines), class_="t"))
