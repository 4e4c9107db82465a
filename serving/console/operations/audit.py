"""The audit log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from markupsafe import Markup

from tagcast.serving.console.ui.formatting import minute, number
from tagcast.serving.console.ui.html import h
from tagcast.serving.console.ui.notices import empty
from tagcast.serving.console.ui.page_context import PageContext, link
from tagcast.serving.console.ui.widgets import html, link_button, select

if TYPE_CHECKING:
    from tagcast.registry.access.audit_log import AuditEntry
    from tagcast.registry.access.roles import Person
    from tagcast.serving.context import ServiceContext

_PAGE, _LONG = 100, 160
_ACTIONS = (
    "export",
    "audience.save",
    "audience.delete",
    "tag.step",
    "champion.approve",
    "rule.draft",
    "login",
    "user.add",
    "key.add",
    "key.revoke",
)


def told(context: ServiceContext, person: Person, action: str, before: int | None) -> list[AuditEntry]:
    """Return a page of the log, newest first."""
    from tagcast.registry.access.audit_log import entries, whose

    return entries(context.state, action=action or None, who=whose(person), limit=_PAGE, before=before)


async def audit_page(page: PageContext) -> None:
    """Show the log, from the entry that the address names downwards."""
    from nicegui import ui

    say, action = page.say, page.asked("action")
    before = page.asked("before")
    found = await page.ask(told, action, int(before) if before.isdigit() else None)
    lead = say("audit.lead") if page.person.may("audit") else say("audit.own")
    html(h("div", h("h1", say("audit.title")), h("p", lead)), classes="head")
    with ui.element("div").classes("filters"):
        choices = {"": say("audit.any"), **{one: say(f"action.{one}") for one in _ACTIONS}}
        select(
            choices,
            action if action in choices else "",
            say("audit.action"),
            lambda v: ui.navigate.to(link("/audit", action=v)),
        )
    if not found:
        html(empty(say("audit.none"), say("audit.none_hint")))
        return
    heads = [
        h("th", say(f"audit.{key}"), scope="col") for key in ("at", "who", "action", "subject", "detail")
    ]
    lines = [
        h(
            "tr",
            h("td", minute(entry.at), class_="nowrap muted"),
            h("td", entry.who),
            h("td", say.known("action", entry.action), class_="nowrap"),
            h("td", entry.subject, class_="wrap"),
            h("td", _detail(page, entry.detail), class_="wrap faint full"),
        )
        for entry in found
    ]
    table = h("table", h("thead", h("tr", heads)), h("tbody", lines), class_="t cards audit")
    more = (
        link_button(say("do.more"), link("/audit", action=action, before=str(found[-1].id)))
        if len(found) == _PAGE
        else None
    )
    html(h("section", table, more, class_="card table-wrap"))


def _detail(page: PageContext, detail: Mapping[str, object]) -> Markup:
    shown = [
        h("span", f"{page.say.known('detail', key)}: ", h("span", _short(page, value), class_="muted"))
        for key, value in detail.items()
        if value
    ]
    return h("div", shown, class_="details")


def _short(page: PageContext, value: object) -> str:
    """Return a detail as text of one line."""
    if isinstance(value, bool):
        return page.say("value.true")
    if isinstance(value, int | float):
        return number(value)
    text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return text if len(text) <= _LONG else f"{text[:_LONG]}…"
