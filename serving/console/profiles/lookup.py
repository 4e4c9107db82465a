"""The look-up: an id, whom the visitor looked up lately, and some examples."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tagcast.features.core.messages import msg
from tagcast.registry.access.access_log import record_access
from tagcast.serving.console.ui.html import h
from tagcast.serving.console.ui.page_context import PageContext, link
from tagcast.serving.console.ui.widgets import button, html, search_field
from tagcast.serving.filters.row_rights import reader_for
from tagcast.serving.profiles.recent_lookups import recent_lookups

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tagcast.features.core.messages import Message
    from tagcast.registry.access.roles import Person
    from tagcast.serving.context import ServiceContext

_SOME = 8


def some_ids(context: ServiceContext, person: Person) -> list[str]:
    """Return ids of a few profiles to look at."""
    from sqlglot import exp

    with reader_for(context, person) as reader:
        few = exp.select("profile_id").from_("profiles").order_by("profile_id").limit(_SOME)
        ids = [str(i) for i in reader.query(few).read_all().column(0).to_pylist()]
    record_access(context.state, now=context.now, who=person.name, kind="examples", ids=ids)
    return ids


async def profile_lookup(page: PageContext) -> None:
    """Show the field for an id, whom the visitor looked up last, and some profiles to look at."""
    say = page.say
    html(
        h(
            "div",
            h("h1", say(msg("Customer lookup"))),
            h(
                "p",
                say(msg("Who a customer is: what they bought, what is predicted and why, and what changed.")),
            ),
        ),
        classes="head",
    )
    id_field(page, "")
    if page.context.settings.access.ask_purpose:
        return  # nobody is shown before the visitor has said what for
    recent = await page.run(recent_lookups)
    if recent:
        _links(page, msg("Looked up lately"), recent)
    _links(page, msg("Examples"), await page.run(some_ids))


def _links(page: PageContext, title: Message, ids: Sequence[str]) -> None:
    links = [h("a", one, href=link("/profile", one), class_="btn small mono") for one in ids]
    html(h("section", h("h2", page.say(title)), h("div", links, class_="row some"), class_="stack"))


def id_field(page: PageContext, value: str) -> None:
    """Show the field for an id, which leads to its page."""
    from nicegui import ui

    say = page.say
    with ui.element("div").classes("filters").props("role=search"):
        field = search_field(say(msg("Customer ID")), lambda _: None, value, pause=0)

        def go() -> None:
            if (field.value or "").strip():
                ui.navigate.to(link("/profile", field.value.strip()))

        field.on("keydown.enter", go)
        button(say(msg("Open")), go, "primary")
