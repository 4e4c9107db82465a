"""Buttons that print a page, and that pin what it is about."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tagcast.features.core.errors import TagcastError
from tagcast.features.core.messages import msg
from tagcast.serving.console.ui.html import h
from tagcast.serving.console.ui.icons import icon
from tagcast.serving.console.ui.notices import done, failed
from tagcast.serving.console.ui.widgets import button, html, icon_button

if TYPE_CHECKING:
    from nicegui.elements.html import Html

    from tagcast.serving.console.ui.page_context import PageContext


def print_button(page: PageContext) -> None:
    """Show the button that prints the page, on one sheet where it can be read so (``static/print.js``)."""
    label = page.say(msg("Print"))
    html(h("button", icon("print"), label, type="button", class_="btn", data_print=True))


def pin_button(page: PageContext, put: Callable[..., Any], *, pinned: bool) -> None:
    """Show the button that pins what a page is about, or takes the pin away.

    Parameters
    ----------
    page : PageContext
    put : callable
        Of the service layer: takes context and person, and ``on``.
    pinned : bool
        Whether it is now.
    """
    made = button(page.say(msg("Pin")), lambda: None, "pin", "pin")
    _toggles(page, made, put, pinned=pinned)


def pin_icon(page: PageContext, put: Callable[..., Any], name: str, *, pinned: bool) -> None:
    """Show the same as a star in a list; ``name`` is what it is read with."""
    made = icon_button("pin", page.say(msg("Pin {tag}", tag=name)), lambda: None).classes("pin")
    _toggles(page, made, put, pinned=pinned)


def _toggles(page: PageContext, made: Html, put: Callable[..., Any], *, pinned: bool) -> None:
    state = {"on": pinned}

    async def toggle() -> None:
        try:
            await page.run(put, on=not state["on"])
        except TagcastError as error:
            failed(page, error)
            return
        state["on"] = not state["on"]
        made.props["aria-pressed"] = "true" if state["on"] else "false"
        made.update()
        done(page.say(msg("Pinned to your home page.") if state["on"] else msg("No longer pinned.")))

    made.on("click", toggle)
    made.props["aria-pressed"] = "true" if pinned else "false"
