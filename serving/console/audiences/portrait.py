"""The portrait of an audience: who they are beside everyone, or beside another audience."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from markupsafe import Markup

from tagcast.features.core.errors import PurposeNeededError, TagcastError
from tagcast.features.core.messages import msg
from tagcast.models.filters.conditions import Filter, InAudience
from tagcast.serving.audiences import service as questions
from tagcast.serving.audiences.portrait import Portrait, PortraitRow, portrait
from tagcast.serving.audiences.wording.field_words import FieldWords, field_words
from tagcast.serving.console.ui.formatting import number, percent
from tagcast.serving.console.ui.html import h
from tagcast.serving.console.ui.notices import empty, error_markup
from tagcast.serving.console.ui.page_context import PageContext, link
from tagcast.serving.console.ui.tag_badges import value_of
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


def saved_names(context: ServiceContext, person: Person) -> list[str]:
    """Return the names of the saved audiences."""
    from tagcast.serving.audiences.filter_resolution import visible_audiences

    return [audience.name for audience in visible_audiences(context, person)]


async def portrait_page(page: PageContext) -> None:
    """Show the portrait of the filter, or of the saved audience, that the address names."""
    from nicegui import ui

    from tagcast.serving.console.audiences.builder.results import counted

    say, name, against = page.say, page.parameter("name"), page.parameter("against")
    text = page.parameter("filter") or (Filter(root=InAudience(name=name)).text() if name else "")
    sort = "share" if page.parameter("sort") == "share" else "index"
    saved = await page.run(saved_names)
    others = against or say(msg("everyone"))

    def here(**changed: str) -> str:
        return link(
            "/portrait",
            **{"filter": page.parameter("filter"), "name": name, "against": against, "sort": sort, **changed},
        )

    try:
        tree = await page.run(questions.parse_for, text)
        picture, _ = await page.run(drawn, text, against)
        count = await page.run(counted, tree, page.language)
        known = await page.run(field_words)
    except PurposeNeededError:
        raise  # asked for in place of the page
    except TagcastError as error:
        html(h("div", h("h1", say(msg("Portrait"))), error_markup(page, error), class_="stack"))
        return
    title = say(msg("Portrait: {name}", name=name)) if name else say(msg("Portrait"))
    back = link("/audience", filter=text if not name else "", saved=name)
    with ui.element("div").classes("head"):
        html(h("div", h("h1", title), h("p", count.sentence)), classes="grow")
        html(h("div", link_button(say(msg("Back to the filter")), back, "", "build"), class_="actions"))
    if not picture.members:
        html(empty(say(msg("This audience is empty")), say(msg("Relax the filter first."))))
        return
    with ui.element("div").classes("portrait-bar"):
        html(
            h(
                "div",
                h(
                    "span",
                    h("i", style="background:var(--accent)"),
                    say(msg("Audience")),
                    " ",
                    number(picture.members),
                    class_="key",
                ),
                h(
                    "span",
                    h("i", style="background:var(--line-strong)"),
                    others,
                    " ",
                    number(picture.against),
                    class_="key",
                ),
                class_="legend",
            )
        )
        select(
            {"": say(msg("everyone")), **{n: n for n in saved if n != name}},
            against,
            say(msg("Compared with")),
            lambda chosen: ui.navigate.to(here(against=chosen or "")),
        ).classes("against")
    with ui.element("div").classes("portrait-cols"):
        by_index = sort == "index"
        ranks = h(
            "div",
            [
                h(
                    "a",
                    say(title),
                    href=here(sort=one),
                    aria_current="true" if one == sort else None,
                )
                for one, title in (("index", msg("index")), ("share", msg("share")))
            ],
            class_="seg",
            role="group",
            aria_label=say(msg("Ranked by")),
        )
        ranked = (
            picture.by_index(least=min(_LEAST, max(picture.members // 20, 1)))
            if by_index
            else [r for r in picture.by_share() if r.level is not None]
        )
        html(
            h(
                "section",
                h("div", h("h2", say(msg("What sets them apart"))), ranks, class_="between"),
                h(
                    "p",
                    say(msg("Index 100: as common as in the comparison group; 200: twice as common.")),
                    class_="faint",
                ),
                _ranking(page, ranked[:_FIRST], known),
                class_="card",
            )
        )
        html(
            h(
                "section",
                h("h2", say(msg("All distributions")), class_="sr"),
                _spreads(page, picture, known),
                class_="spreads",
            )
        )


def _level(page: PageContext, row: PortraitRow, known: FieldWords) -> str:
    if row.level is None:
        return page.say(msg("not covered")) if row.kind == "tag" else page.say(msg("missing"))
    return value_of(page, known, row.field, row.level)


def _ranking(page: PageContext, rows: Sequence[PortraitRow], known: FieldWords) -> Markup:
    say = page.say
    heads = h(
        "tr",
        h("th", say(msg("Value"))),
        h("th", say(msg("Share")), class_="r"),
        h("th", say(msg("Comparison")), class_="r"),
        h("th", say(msg("Index")), class_="r"),
    )
    lines = [
        h(
            "tr",
            h(
                "td",
                h("div", _level(page, row, known), class_="level"),
                h("div", known.title(row.field, page.language), class_="faint"),
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


def _spreads(page: PageContext, picture: Portrait, known: FieldWords) -> list[Markup]:
    cards = []
    for field, rows in groupby(picture.rows, key=lambda r: r.field):
        levels = list(rows)
        most = max((max(r.share, r.against_share) for r in levels), default=1.0) or 1.0
        lines = [
            h(
                "li",
                h("span", _level(page, row, known), class_="level", title=_level(page, row, known)),
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
            h(
                "section",
                h("h3", known.title(field, page.language)),
                h("ul", lines, class_="spread"),
                class_="card",
            )
        )
    return cards
