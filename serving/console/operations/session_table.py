"""Sessions of the console in a table, each with a button that ends it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from tagcast.features.core.errors import TagcastError
from tagcast.features.core.messages import msg
from tagcast.serving.console.i18n.vocabulary import ROLE_TITLES
from tagcast.serving.console.ui.formatting import minute
from tagcast.serving.console.ui.html import h
from tagcast.serving.console.ui.notices import done, failed
from tagcast.serving.console.ui.widgets import button, html

if TYPE_CHECKING:
    from tagcast.registry.access.sessions import Session
    from tagcast.serving.console.ui.page_context import PageContext

_BROWSERS = ("Edg", "OPR", "Firefox", "Chrome", "Safari")  # the first that a browser names: all name several
_NAMES = {"Edg": "Edge", "OPR": "Opera"}
_SYSTEMS = ("Windows", "Android", "iPhone", "iPad", "Mac OS X", "Linux")


def session_table(
    page: PageContext,
    sessions: Sequence[Session],
    end: Callable[[str], Awaitable[None]],
    *,
    current: str | None = None,
    named: bool = True,
) -> None:
    """Show sessions.

    Parameters
    ----------
    page : PageContext
    sessions : sequence of Session
    end : callable
        Ends the one of an id.
    current : str, optional
        Id of the one that is looking.
    named : bool
        Whether the table names whose they are.
    """
    from nicegui import ui

    say = page.say

    async def go(number: str) -> None:
        try:
            await end(number)
        except TagcastError as error:
            failed(page, error)
            return
        done(say(msg("Done")))
        ui.navigate.reload()

    if not sessions:
        html(h("p", say(msg("No sessions.")), class_="faint"))
        return
    with ui.element("table").classes("t cards"), ui.element("tbody"):
        for one in sessions:
            with ui.element("tr"):
                if named:
                    html(h("span", h("b", one.name), " ", say(ROLE_TITLES[one.role])), "td")
                where = h("span", browser_of(one.agent) or say(msg("unknown browser")))
                here = h("span", say(msg("this one")), class_="pill good") if one.id == current else None
                html(h("span", where, " · ", h("span", one.address, class_="mono"), " ", here), "td")
                since = say(
                    msg(
                        "since {opened}, last used {used}",
                        opened=minute(one.opened_at),
                        used=minute(one.used_at),
                    )
                )
                html(h("span", since, class_="muted num"), "td")
                with ui.element("td").classes("r"):
                    if one.id != current:
                        button(say(msg("End session")), partial(go, one.id), "small quiet danger")


def browser_of(agent: str) -> str:
    """Return the browser and the system that a browser names, for people."""
    found = [next((name for name in names if name in agent), "") for names in (_BROWSERS, _SYSTEMS)]
    return ", ".join(_NAMES.get(name, name) for name in found if name)
