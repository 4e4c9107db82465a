"""What customers are looked at for: asked on the page where `[access] ask_purpose` says so, before they are shown."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from markupsafe import Markup

from tagcast.features.core.errors import PurposeNeededError, TagcastError
from tagcast.features.core.messages import Message, msg
from tagcast.registry.access.origin import cleaned_purpose
from tagcast.serving.console.ui.html import h
from tagcast.serving.console.ui.notices import show_error
from tagcast.serving.console.ui.widgets import button, html, text_field

if TYPE_CHECKING:
    from nicegui.elements.input import Input

    from tagcast.serving.console.ui.page_context import PageContext

Show = Callable[["PageContext"], Awaitable[None]]


def purpose_field(page: PageContext) -> Input | None:
    """Show the field for a purpose where one is asked for, and return it; else None."""
    if not page.context.settings.access.ask_purpose:
        return None
    say = page.say
    hint = say(msg("Kept in the access log with your name."))
    return text_field(say(msg("What for")), hint=hint)


def asked_first(title: Message, show: Show) -> Show:
    """Return a page that shows what ``show`` draws; where that needs a purpose, under ``title`` once the visitor has said it."""

    async def shown(page: PageContext) -> None:
        from nicegui import ui

        body = ui.context.slot.parent
        try:
            await show(page)
        except PurposeNeededError:
            body.clear()
            with body:
                await with_purpose(page, show, title)

    return shown


async def with_purpose(page: PageContext, show: Show, title: Message | None = None) -> None:
    """Show what ``show`` draws; where a purpose is asked for, once the visitor has said it.

    Parameters
    ----------
    page : PageContext
    show : callable
        Takes the visit, with its purpose.
    title : Message, optional
        Heading of a whole page until then.
    """
    from nicegui import ui

    if page.purpose or not page.context.settings.access.ask_purpose:
        await show(page)
        return
    say = page.say
    place = ui.element("div").classes("stack")

    async def go() -> None:
        purpose = cleaned_purpose(field.value) if field is not None else ""
        if not purpose:
            trouble.content = h(
                "div", say(msg("Say what you look at customers for.")), class_="note bad", role="alert"
            )
            return
        place.clear()
        with place:
            try:
                await show(page.with_purpose(purpose))
            except TagcastError as error:
                show_error(page, error)

    with place:
        if title is not None:
            html(h("div", h("h1", say(title))), classes="head")
    with place, ui.element("section").classes("card"):
        html(h("h2", say(msg("What do you look at customers for?"))))
        with ui.element("div").classes("filters"):
            field = purpose_field(page)
            if field is not None:
                field.classes("f-search").props("autofocus").on("keydown.enter", go)
            button(say(msg("Show")), go, "primary")
        trouble = html(Markup(""))
