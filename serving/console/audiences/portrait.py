"""The portrait of an audience: who they are beside everyone, or beside another audience."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from tagcast.features.core.errors import PurposeNeededError, TagcastError
from tagcast.features.core.messages import msg
from tagcast.models.filters.conditions import Filter, InAudience
from tagcast.serving.audiences import service as questions
from tagcast.serving.audiences.portraits.portrait import Portrait, portrait
from tagcast.serving.audiences.portraits.telling import weight
from tagcast.serving.console.audiences.portrait_parts import (
    families,
    left_out,
    legend,
    numbers,
    ranking,
    spreads,
    unclear,
)
from tagcast.serving.console.audiences.portrait_words import Words, in_short, words_of
from tagcast.serving.console.ui.html import h
from tagcast.serving.console.ui.notices import empty, error_markup
from tagcast.serving.console.ui.page_context import PageContext, link
from tagcast.serving.console.ui.widgets import html, link_button, select

if TYPE_CHECKING:
    from collections.abc import Callable

    from tagcast.registry.access.roles import Person
    from tagcast.serving.context import ServiceContext

_MOST_MORE, _MOST_LESS, _MOST_SHARES = 12, 8, 16


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

    from tagcast.serving.console.audiences.answers.results import counted

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
        words = await page.run(words_of, page.language)
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
        html(legend(page, picture, others))
        select(
            {"": say(msg("everyone")), **{n: n for n in saved if n != name}},
            against,
            say(msg("Compared with")),
            lambda chosen: ui.navigate.to(here(against=chosen or "")),
        ).classes("against")
    short = in_short(page, picture, words, others) or say(
        msg("Nothing clearly sets them apart from {others}.", others=others)
    )
    aside = [left_out(page, picture, words)]
    if picture.estimated:
        aside.append(say(msg("Shares are estimated from a sample; intervals allow for it.")))
    html(
        h(
            "section",
            h("p", short, class_="in-short"),
            h("p", " ".join(filter(None, aside)), class_="faint") if any(aside) else None,
            class_="card",
        )
    )
    numeric = [one for one in picture.numbers if not one.own and one.audience.values]
    with ui.element("div").classes("portrait-cols"):
        html(
            h(
                "section",
                h(
                    "div",
                    h("h2", say(msg("What sets them apart"))),
                    _ranks(page, sort, here),
                    class_="between",
                ),
                h(
                    "p",
                    say(
                        msg(
                            "Index 100: as common as in the comparison group; 200: twice as common. Below it: its 95% interval."
                        )
                    ),
                    class_="faint",
                ),
                *_ranked(page, picture, words, by_index=sort == "index"),
                class_="card",
            )
        )
        behaviour = (
            h(
                "section",
                h("h2", say(msg("Behaviour and numbers"))),
                h(
                    "p",
                    say(msg("Dot: median; thick: the middle half; thin: all but a tenth at each end.")),
                    class_="faint",
                ),
                numbers(page, numeric, words, others),
                class_="card",
            )
            if numeric
            else None
        )
        tops = families(page, picture, words)
        html(
            h(
                "div",
                behaviour,
                h("section", h("h2", say(msg("Top categories"))), h("div", tops, class_="spreads"))
                if tops
                else None,
                h(
                    "details",
                    h("summary", h("h2", say(msg("All distributions")))),
                    h("div", spreads(page, picture, words), class_="spreads"),
                    class_="fold",
                    open=not (numeric or tops),
                ),
                class_="stack",
            )
        )


def _ranks(page: PageContext, sort: str, here: Callable[..., str]) -> Markup:
    choices = (("index", msg("index")), ("share", msg("share")))
    links = [
        h("a", page.say(title), href=here(sort=one), aria_current="true" if one == sort else None)
        for one, title in choices
    ]
    return h("div", links, class_="seg", role="group", aria_label=page.say(msg("Ranked by")))


def _ranked(page: PageContext, picture: Portrait, words: Words, *, by_index: bool) -> list[Markup | None]:
    if not by_index:
        ranked = sorted(picture.ranked(), key=lambda row: -row.share)
        return [ranking(page, ranked[:_MOST_SHARES], words)]
    clear = picture.by_index()
    more = [row for row in clear if row.index is None or row.index > 100][:_MOST_MORE]
    less = sorted(
        (row for row in clear if row.index is not None and row.index < 100), key=weight, reverse=True
    )[:_MOST_LESS]
    parts: list[Markup | None] = []
    for title, rows in ((msg("More often"), more), (msg("Less often"), less)):
        if rows:
            parts += [h("h3", page.say(title), class_="ranked-part"), ranking(page, rows, words)]
    if not parts:
        parts.append(h("p", page.say(msg("No value is clearly more or less common."))))
    return [*parts, unclear(page, picture.unclear(), words)]
