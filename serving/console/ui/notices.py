"""What a page says where something is wrong, empty, or done."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from markupsafe import Markup

from tagcast.features.core.errors import FilterError, PurposeNeededError, TagcastError
from tagcast.features.core.messages import Joined, Message, Text, msg
from tagcast.registry.access.roles import Right
from tagcast.serving.console.i18n.vocabulary import role_title
from tagcast.serving.console.ui.html import h

if TYPE_CHECKING:
    from tagcast.serving.console.ui.page_context import PageContext


_PAGES: dict[str, Message] = {
    "tagcast tag list": msg("the page Tags lists all of them"),
    "tagcast audience show": msg("the page Customer lookup shows some"),
    "tagcast audience list": msg("the page Saved audiences lists all of them"),
    "tagcast user list": msg("the page Users and keys lists all of them"),
    "tagcast key list": msg("the page Users and keys lists all of them"),
    "tagcast run list": msg("the page Runs lists all of them"),
}
"""Where the console shows what a command would."""


def hint_of(page: PageContext, error: TagcastError) -> str:
    """Return what helps, for somebody in a browser: pages instead of commands, and who runs what has no page."""
    if isinstance(error, PurposeNeededError):
        return page.say(
            msg("say what for: on the page of a customer, or where a sample or an export is asked for")
        )
    return page.say(_without_commands(page, error.hint))


def _without_commands(page: PageContext, hint: Text | Joined) -> Text | Joined:
    if isinstance(hint, Joined):
        items = [_without_commands(page, item) for item in hint.items]
        return Joined(tuple(item for item in items if not isinstance(item, Joined)), hint.kind)
    command = hint if isinstance(hint, str) else str(hint.params.get("command", ""))
    if command.startswith("tagcast "):
        for prefix, where in _PAGES.items():
            if command.startswith(prefix):
                return where
        return hint if page.person.may("operate") else msg("ask a data scientist to do it")
    if isinstance(hint, str):
        return hint
    params = {
        name: _without_commands(page, value) if isinstance(value, Message | Joined) else value
        for name, value in hint.params.items()
    }
    return replace(hint, params=params)


def nothing_scored(page: PageContext) -> str:
    """Return how the first results come about, for who can bring them about and for who has to ask."""
    if page.person.may("operate"):
        return page.say(msg("Run tagcast train --all and tagcast score --all; the results appear here."))
    return page.say(msg("The results appear here once a data scientist has trained and scored."))


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
    message, hint = page.say(error.message), hint_of(page, error)
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
    roles = page.person.roles
    first = role_title(say, roles, roles.holding(right)[0])
    hint = say(msg("It needs the role {role}; an administrator can grant it.", role=first))
    ui.html(empty(say(msg("Your role cannot open this page")), hint, whole=True), sanitize=False)


def show_nothing_yet(page: PageContext) -> None:
    """Show that nothing was scored yet, and how it comes about."""
    from nicegui import ui

    ui.html(
        empty(
            page.say(msg("Nothing has been scored yet")),
            nothing_scored(page),
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

    message, hint = "", ""
    if isinstance(error, TagcastError):
        message, hint = page.say(error.message), hint_of(page, error)
    text = " ".join(
        part
        for part in (message or page.say(msg("Something went wrong on our side. It has been logged.")), hint)
        if part
    )
    ui.notify(text, position="bottom", timeout=8000, close_button=page.say(msg("Close")), multi_line=True)
