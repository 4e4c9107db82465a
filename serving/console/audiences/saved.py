"""Saved audiences with the history of their size."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from markupsafe import Markup

from tagcast.features.core.errors import TagcastError
from tagcast.features.core.messages import msg
from tagcast.serving.console.frame.page_actions import pin_icon
from tagcast.serving.console.i18n.vocabulary import MEMBERSHIP_TITLES
from tagcast.serving.console.ui.charts import spark
from tagcast.serving.console.ui.formatting import day, number
from tagcast.serving.console.ui.html import h
from tagcast.serving.console.ui.notices import done, empty, failed
from tagcast.serving.console.ui.page_context import PageContext, link
from tagcast.serving.console.ui.widgets import button, dialog, head_row, html, icon_button, link_button
from tagcast.serving.home.pinned import pin_audience, pins_of

if TYPE_CHECKING:
    from tagcast.registry.access.roles import Person
    from tagcast.registry.governance.saved_audiences import SavedAudience
    from tagcast.serving.context import ServiceContext


@dataclass(frozen=True)
class Kept:
    """A saved audience with its sizes, oldest first."""

    audience: SavedAudience
    sizes: tuple[int, ...]


def kept(context: ServiceContext, person: Person) -> list[Kept]:
    """Return the saved audiences with the history of their size."""
    from tagcast.serving.audiences.saved_audience_actions import listed, sizes

    return [
        Kept(one, tuple(size.members for size in sizes(context, person, one.name)))
        for one in listed(context, person)
    ]


async def saved_page(page: PageContext) -> None:
    """Show the saved audiences."""
    from nicegui import ui

    say = page.say
    audiences = await page.run(kept)
    pins = await page.run(pins_of, "audience")
    with ui.element("div").classes("head"):
        html(
            h(
                "div",
                h("h1", say(msg("Saved audiences"))),
                h("p", say(msg("Each with its owner and how its size has changed."))),
            ),
            classes="grow",
        )
        html(
            h("div", link_button(say(msg("New audience")), "/audience", "primary", "plus"), class_="actions")
        )
    if not audiences:
        html(
            empty(
                say(msg("No saved audiences yet")),
                say(msg("Build one from tags and save it; it will appear here.")),
            )
        )
        return
    heads = (
        msg("Audience"),
        msg("Members"),
        msg("Size over time"),
        msg("Owner"),
        msg("Changed"),
        msg("Actions"),
    )
    with ui.element("div").classes("card table-wrap"), ui.element("table").classes("t cards saved"):
        html(head_row(say, heads), "thead")
        with ui.element("tbody"):
            for one in audiences:
                with ui.element("tr"):
                    for content, classes in _cells(page, one):
                        html(content, "td", classes)
                    with ui.element("td").classes("full"), ui.element("div").classes("actions tight-actions"):
                        name = one.audience.name
                        html(
                            link_button(
                                say(msg("Portrait")), link("/portrait", name=name), "small quiet", "portrait"
                            )
                        )
                        pin_icon(page, partial(pin_audience, name=name), name, pinned=name in pins)
                        if page.person.may("save"):
                            icon_button("close", say(msg("Delete")), partial(_delete, page, name))


def _cells(page: PageContext, one: Kept) -> list[tuple[Markup, str]]:
    say, audience = page.say, one.audience
    now = audience.members
    name = h(
        "div",
        h("a", audience.name, href=link("/audience", saved=audience.name), class_="cover"),
        " ",
        h("span", say(MEMBERSHIP_TITLES[audience.kind]), class_="pill"),
        h("div", audience.description, class_="faint") if audience.description else None,
        h("code", audience.filter, class_="faint clip"),
    )
    return [
        (name, "full wrap"),
        (h("span", number(now), class_="num strong"), "num"),
        (spark([float(s) for s in one.sizes], say(msg("Size over time"))), ""),
        (h("span", audience.owner), "hide"),
        (h("span", day(audience.changed_at), class_="nowrap"), "hide"),
    ]


def _delete(page: PageContext, name: str) -> None:
    """Ask once more, then delete."""
    from nicegui import ui

    from tagcast.serving.audiences.saved_audience_actions import delete

    say = page.say
    with dialog(say(msg("Delete"))) as box:
        html(h("p", say(msg("Delete {name}? The history of its size is deleted too.", name=name))))

        async def go() -> None:
            try:
                await page.run(delete, name)
            except TagcastError as error:
                failed(page, error)
                return
            box.close()
            done(say(msg("{name} deleted", name=name)))
            ui.navigate.reload()

        with ui.element("div").classes("actions"):
            button(say(msg("Cancel")), box.close, "quiet").props("autofocus")
            button(say(msg("Delete")), go, "danger")
