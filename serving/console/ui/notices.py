"""What a page says where something is wrong, empty, or done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from tagcast.features.core.errors import FilterError, TagcastError
from tagcast.features.core.messages import Text, msg
from tagcast.registry.access.roles import ROLES, Person, Right
from tagcast.serving.console.i18n.vocabulary import ROLE_TITLES
from tagcast.serving.console.ui.html import h

if TYPE_CHECKING:
    from tagcast.serving.console.ui.page_context import PageContext


def error_markup(page: PageContext, error: BaseException | None) -> Markup:
    """Return an error as a note: what is wrong, where, and what helps."""
    say = page.say
    if not isinstance(error, TagcastError):
        return h(
            "div",
            say(msg("Something went wrong on our side. It has been logged.")),
            class_="note bad",
            role="alert",
        )
    message, hint = error.rendered(page.language)
    where: Text = ""
    if isinstance(error, FilterError) and "at character" not in str(error.message):
        where = msg(" (at character {position})", position=error.position + 1)
    helps = h("div", h("b", say(msg("How to fix:")), " "), hint) if hint else None
    return h("div", h("div", message, say(where)), helps, class_="note bad", role="alert")


def filter_place(text: str, error: FilterError) -> Markup:
    """Return the filter around the character where the trouble starts, that character marked."""
    at = min(error.position, len(text))
    start, end = max(0, at - 40), at + 40
    marked = text[at : at + 1] or " "
    return h(
        "pre",
        "…" if start else "",
        text[start:at],
        h("mark", marked),
        text[at + 1 : end],
        "…" if end < len(text) else "",
        class_="place",
    )


def show_error(page: PageContext, error: BaseException | None = None) -> None:
    """Show an error in place of a page's content."""
    from nicegui import ui

    body = error_markup(page, error)
    ui.html(h("div", h("h1", page.say(msg("That did not work"))), body, class_="stack"), sanitize=False)


def show_not_allowed(page: PageContext, right: Right) -> None:
    """Show that a page is not for the visitor, and for whom it is."""
    from nicegui import ui

    say = page.say
    first = next(role for role in ROLES if Person("", role).may(right))
    hint = say(msg("It needs the role {role}; an administrator can grant it.", role=say(ROLE_TITLES[first])))
    ui.html(empty(say(msg("Your role cannot open this page")), hint, whole=True), sanitize=False)


def show_nothing_yet(page: PageContext) -> None:
    """Show that nothing was scored yet, and how it comes about."""
    from nicegui import ui

    ui.html(
        empty(
            page.say(msg("Nothing has been scored yet")),
            page.say(msg("Run tagcast train --all and tagcast score --all; the results appear here.")),
            whole=True,
        ),
        sanitize=False,
    )


def empty(title: str, hint: str, action: Markup | None = None, *, whole: bool = False) -> Markup:
    """Return what stands where there is nothing yet; ``whole``: in place of a page, its heading among it."""
    return h("div", h("h1" if whole else "b", title), h("span", hint), action, class_="empty")


def done(text: str) -> None:
    """Say in passing that something is done."""
    from nicegui import ui

    ui.notify(text, position="bottom", timeout=4000)


def failed(page: PageContext, error: BaseException) -> None:
    """Say in passing that something did not work."""
    from nicegui import ui

    message, hint = error.rendered(page.language) if isinstance(error, TagcastError) else ("", "")
    text = " ".join(
        part
        for part in (message or page.say(msg("Something went wrong on our side. It has been logged.")), hint)
        if part
    )
    ui.notify(text, position="bottom", timeout=8000, close_button=page.say(msg("Close")), multi_line=True)
