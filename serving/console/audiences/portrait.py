"""The portrait of an audience: who they are beside everyone, or beside another audience."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from markupsafe import Markup

from tagcast.features.core.errors import TagcastError
from tagcast.models.filters.conditions import Filter, InAudience
from tagcast.serving.audiences import service as questions
from tagcast.serving.audiences.portrait import Portrait, PortraitRow, portrait
from tagcast.serving.console.ui.formatting import number, percent
from tagcast.serving.console.ui.html import h
from tagcast.serving.console.ui.notices import empty, error_markup
from tagcast.serving.console.ui.page_context import PageContext, link
from tagcast.serving.console.ui.tag_badges import value_word
from tagcast.serving.console.ui.tag_titles import titles
from tagcast.serving.console.ui.widgets import html, link_button, select

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tagcast.registry.access.roles import Person
    from tagcast.serving.context import ServiceContext

_FIRST, _LEAST = 12, 30


def drawn(context: ServiceContext, person: Person, text: str, against: str) -> tuple[Portrait, str]:
    """Return the portrait of a filter beside everyone or a saved audience, and what the filter means."""
    tree = questions.parse_for(context, person, text)
    others = Filter(root=InAudience(name=against)) if against else None
    return portrait(context, person, tree, others), text


def saved_names(context: ServiceContext, _person: Person) -> list[str]:
    """Return the names of the saved audiences."""
    from tagcast.registry.governance.saved_audiences import all_saved

    return [audience.name for audience in all_saved(context.state)]


async def portrait_page(page: PageContext) -> None:
    """Show the portrait of the filter, or of the saved audience, that the address names."""
    from nicegui import ui

    from tagcast.serving.console.audiences.builder_results import counted

    say, name, against = page.say, page.asked("name"), page.asked("against")
    text = page.asked("filter") or (Filter(root=InAudience(name=name)).text() if name else "")
    sort = "share" if page.asked("sort") == "share" else "index"
    saved = await page.ask(saved_names)
    others = against or say("portrait.everyone")

    def here(**changed: str) -> str:
        return link(
            "/portrait",
            **{"filter": page.asked("filter"), "name": name, "against": against, "sort": sort, **changed},
        )

    try:
        tree = await page.ask(questions.parse_for, text)
        found, _ = await page.ask(drawn, text, against)
        told = await page.ask(counted, tree, page.language)
        known = await page.ask(titles, page.language)
    except TagcastError as error:
        html(h("div", h("h1", say("portrait.title")), error_markup(page, error), class_="stack"))
        return
    title = f"{say('portrait.title')}: {name}" if name else say("portrait.title")
    back = link("/audience", filter=text if not name else "", saved=name)
    with ui.element("div").classes("head"):
        html(h("div", h("h1", title), h("p", told.sentence)), classes="grow")
        html(h("div", link_button(say("portrait.back"), back, "", "build"), class_="actions"))
    if not found.members:
        html(empty(say("portrait.none"), say("portrait.none_hint")))
        return
    with ui.element("div").classes("portrait-bar"):
        html(
            h(
                "div",
                h(
                    "span",
                    h("i", style="background:var(--accent)"),
                    f"{say('portrait.audience')} {number(found.members)}",
                    class_="key",
                ),
                h(
                    "span",
                    h("i", style="background:var(--line-strong)"),
                    f"{others} {number(found.against)}",
                    class_="key",
                ),
                class_="legend",
            )
        )
        select(
            {"": say("portrait.everyone"), **{n: n for n in saved if n != name}},
            against,
            say("portrait.against"),
            lambda chosen: ui.navigate.to(here(against=chosen or "")),
        ).classes("against")
    with ui.element("div").classes("portrait-cols"):
        by_index = sort == "index"
        ranks = h(
            "div",
            [
                h(
                    "a",
                    say(f"portrait.by_{one}"),
                    href=here(sort=one),
                    aria_current="true" if one == sort else None,
                )
                for one in ("index", "share")
            ],
            class_="seg",
            role="group",
            aria_label=say("portrait.sort"),
        )
        ranked = (
            found.by_index(least=min(_LEAST, max(found.members // 20, 1)))
            if by_index
            else [r for r in found.by_share() if r.level is not None]
        )
        html(
            h(
                "section",
                h("div", h("h2", say("portrait.apart")), ranks, class_="between"),
                h("p", say("portrait.apart_lead"), class_="faint"),
                _ranking(page, ranked[:_FIRST], known),
                class_="card",
            )
        )
        html(
            h(
                "section",
                h("h2", say("portrait.spread"), class_="sr"),
                _spreads(page, found, known),
                class_="spreads",
            )
        )


def _level(page: PageContext, row: PortraitRow) -> str:
    if row.level is None:
        return page.say("portrait.beyond") if row.kind == "tag" else page.say("value.missing")
    return value_word(page.say, row.level)


def _ranking(page: PageContext, rows: Sequence[PortraitRow], known: dict[str, str]) -> Markup:
    say = page.say
    heads = h(
        "tr",
        h("th", say("portrait.level")),
        h("th", say("portrait.share"), class_="r"),
        h("th", say("portrait.others"), class_="r"),
        h("th", say("portrait.index"), class_="r"),
    )
    lines = [
        h(
            "tr",
            h(
                "td",
                h("div", _level(page, row), class_="level"),
                h("div", known.get(row.field, row.field), class_="faint"),
                class_="wrap",
            ),
            h("td", percent(row.share), class_="r nowrap"),
            h("td", percent(row.against_share), class_="r nowrap muted"),
            h("td", index_mark(row.index), class_="r"),
        )
        for row in rows
    ]
    return h("table", h("thead", heads), h("tbody", lines), class_="t tight")


def index_mark(index: float | None) -> Markup:
    """Return an index as a figure whose tone says which way it leans."""
    if index is None:
        return h("span", "–", class_="faint")
    tone = "up" if index >= 120 else "down" if index <= 80 else "even"
    return h("span", number(round(index)), class_=f"index {tone} num")


def _spreads(page: PageContext, found: Portrait, known: dict[str, str]) -> list[Markup]:
    cards = []
    for field, rows in groupby(found.rows, key=lambda r: r.field):
        levels = list(rows)
        most = max((max(r.share, r.against_share) for r in levels), default=1.0) or 1.0
        lines = [
            h(
                "li",
                h("span", _level(page, row), class_="level", title=_level(page, row)),
                h(
                    "span",
                    h("i", style=f"width:{100 * row.share / most:.2f}%", class_="mine"),
                    h("i", style=f"width:{100 * row.against_share / most:.2f}%", class_="theirs"),
                    class_="pair",
                    aria_hidden="true",
                ),
                h("span", percent(row.share), class_="num share"),
                index_mark(row.index),
            )
            for row in levels
        ]
        cards.append(
            h("section", h("h3", known.get(field, field)), h("ul", lines, class_="spread"), class_="card")
        )
    return cards
