"""Saved audiences with the history of their size."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from tagcast.features.core.errors import TagcastError
from tagcast.serving.console.ui.charts import spark
from tagcast.serving.console.ui.formatting import day, number
from tagcast.serving.console.ui.html import Markup, h
from tagcast.serving.console.ui.notices import done, empty, failed
from tagcast.serving.console.ui.page_context import PageContext, link
from tagcast.serving.console.ui.widgets import button, dialog, html, icon_button, link_button

if TYPE_CHECKING:
    from tagcast.registry.access.roles import Person
    from tagcast.registry.governance.saved_audiences import SavedAudience
    from tagcast.serving.context import ServiceContext


@dataclass(frozen=True)
class Kept:
    """A saved audience with its sizes, oldest first."""

    audience: SavedAudience
    sizes: tuple[int, ...]


def kept(context: ServiceContext, _person: Person) -> list[Kept]:
    """Return the saved audiences with the history of their size."""
    from tagcast.registry.governance.saved_audiences import all_saved, sizes

    return [Kept(a, tuple(s.members for s in sizes(context.state, a.name))) for a in all_saved(context.state)]


async def saved_page(page: PageContext) -> None:
    """Show the saved audiences."""
    from nicegui import ui

    say = page.say
    found = await page.ask(kept)
    with ui.element("div").classes("head"):
        html(h("div", h("h1", say("saved.title")), h("p", say("saved.lead"))), classes="grow")
        html(h("div", link_button(say("nav.build"), "/audience", "primary", "plus"), class_="actions"))
    if not found:
        html(empty(say("saved.none"), say("saved.none_hint")))
        return
    heads = ("saved.name", "saved.members", "saved.sizes", "saved.owner", "saved.changed", "saved.actions")
    with ui.element("div").classes("card table-wrap"), ui.element("table").classes("t cards saved"):
        html(h("tr", [h("th", say(key), scope="col") for key in heads]), "thead")
        with ui.element("tbody"):
            for one in found:
                with ui.element("tr"):
                    for content, classes in _cells(page, one):
                        html(content, "td", classes)
                    with ui.element("td").classes("full"), ui.element("div").classes("actions tight-actions"):
                        name = one.audience.name
                        html(
                            link_button(
                                say("build.portrait"), link("/portrait", name=name), "small quiet", "portrait"
                            )
                        )
                        if page.person.may("save"):
                            icon_button("close", say("do.delete"), partial(_delete, page, name))


def _cells(page: PageContext, one: Kept) -> list[tuple[Markup, str]]:
    say, audience = page.say, one.audience
    now = one.sizes[-1] if one.sizes else audience.members
    name = h(
        "div",
        h("a", audience.name, href=link("/audience", saved=audience.name), class_="cover"),
        " ",
        h("span", say(f"saved.kind.{audience.kind}"), class_="pill"),
        h("div", audience.description, class_="faint") if audience.description else None,
        h("code", audience.filter, class_="faint clip"),
    )
    return [
        (name, "full wrap"),
        (h("span", number(now), class_="num strong"), "num"),
        (spark([float(s) for s in one.sizes], say("saved.sizes")), ""),
        (h("span", audience.owner), "hide"),
        (h("span", day(audience.changed_at), class_="nowrap"), "hide"),
    ]


def _delete(page: PageContext, name: str) -> None:
    """Ask once more, then delete."""
    from nicegui import ui

    from tagcast.serving.audiences.saved_audience_actions import delete

    say = page.say
    with dialog(say("do.delete")) as box:
        html(h("p", say("saved.delete_sure", name=name)))

        async def go() -> None:
            try:
                await page.ask(delete, name)
            except TagcastError as error:
                failed(page, error)
                return
            box.close()
            done(say("saved.deleted", name=name))
            ui.navigate.reload()

        with ui.element("div").classes("actions"):
            button(say("do.cancel"), box.close, "quiet").props("autofocus")
            button(say("do.delete"), go, "danger")
