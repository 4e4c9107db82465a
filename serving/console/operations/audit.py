"""The audit log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from tagcast.features.core.messages import Message, msg, pmsg
from tagcast.serving.audiences.wording.values import VALUE_TITLES
from tagcast.serving.console.i18n.vocabulary import MEMBERSHIP_TITLES, ROLE_TITLES, STATUS_TITLES
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
_CHOICES = (
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
    "session.end",
)
"""Actions that people filter by."""
_ACTIONS: dict[str, Message] = {
    "login": msg("logged in"),
    "logout": msg("logged out"),
    "login.failed": msg("failed to log in"),
    "login.locked": msg("tried too many passwords"),
    "export": msg("exported"),
    "audience.save": msg("saved an audience"),
    "audience.delete": msg("deleted an audience"),
    "audience.label": msg("labelled an audience"),
    "audience.transfer": msg("handed on an audience"),
    "audience.freeze": msg("froze an audience"),
    "tag.step": msg("changed a tag’s status"),
    "tag.rate": msg("rated a tag"),
    "champion.approve": msg("approved a model"),
    "champion.refuse": msg("rejected a model"),
    "rule.draft": msg("drafted a rule"),
    "rule.submit": msg("submitted a rule"),
    "definition.apply": msg("applied a definition"),
    "definition.propose": msg("proposed a definition"),
    "definition.remove": msg("removed a definition"),
    "user.password": msg("changed a password"),
    "user.unlock": msg("unlocked a user"),
    "user.add": msg("added a user"),
    "user.remove": msg("removed a user"),
    "key.add": msg("added a key"),
    "key.revoke": msg("revoked a key"),
    "session.end": msg("ended sessions"),
    "profile.export": msg("exported all that is known of a customer"),
    "profile.erase": msg("erased customers"),
    "migrate": msg("brought the project forward to a new version"),
    "access.forget": msg("took customers out of the access log"),
    "audit.start": msg("sealed what was written before"),
}
_DETAILS: dict[str, Message] = {
    "rows": msg("rows"),
    "held_out": msg("held out"),
    "standing": msg("standing control group"),
    "goal": msg("goal"),
    "starts": msg("starts"),
    "without_consent": msg("without consent"),
    "contacted": msg("contacted of late"),
    "at_limit": msg("contacted as often as allowed"),
    "rested": msg("left out for it"),
    "labels": msg("labels"),
    "columns": msg("columns"),
    "filter": msg("filter"),
    "format": msg("file"),
    "holdout": msg("holdout share"),
    "seed": msg("seed"),
    "run": msg("run"),
    "channel": msg("channel"),
    "no_contact": msg("no contact"),
    "hidden": msg("hidden"),
    "sha256": msg("checksum"),
    "kind": msg("type"),
    "new": msg("new"),
    "was": msg("from"),
    "to": msg("to"),
    "reason": msg("reason"),
    "version": msg("version"),
    "proposed_by": msg("proposed by"),
    "role": msg("role"),
    "sensitive": msg("can see sensitive data"),
    "name": msg("name"),
    "stars": msg("stars"),
    "question": msg("rule"),
    "again": msg("reworded"),
    "by": pmsg("how", "by"),
    "address": msg("address"),
    "id": msg("ID"),
    "expires_at": msg("expires"),
    "only": msg("limited to"),
    "sessions": msg("sessions"),
    "lines": msg("entries"),
}
_TECHNICAL = frozenset({"seals"})
"""Details that only a verification reads."""

_VALUES_OF: dict[str, Mapping[Any, Message]] = {
    "role": ROLE_TITLES,
    "kind": MEMBERSHIP_TITLES,
    "was": STATUS_TITLES,
    "to": STATUS_TITLES,
}
"""Details whose values have titles."""


def log_page(context: ServiceContext, person: Person, action: str, before: int | None) -> list[AuditEntry]:
    """Return a page of the log, newest first."""
    from tagcast.registry.access.audit_log import entries, whose

    return entries(context.state, action=action or None, who=whose(person), limit=_PAGE, before=before)


async def audit_page(page: PageContext) -> None:
    """Show the log, from the entry that the address names downwards."""
    from nicegui import ui

    say, action = page.say, page.parameter("action")
    before = page.parameter("before")
    log = await page.run(log_page, action, int(before) if before.isdigit() else None)
    lead = (
        say(msg("Who did what, and when. Entries can only be added."))
        if page.person.may("audit")
        else say(msg("What you did, and when. Entries can only be added."))
    )
    with ui.element("div").classes("head"):
        html(h("div", h("h1", say(msg("Audit log"))), h("p", lead)), classes="grow")
        html(link_button(say(msg("Who looked at customers")), "/audit/access"))
    with ui.element("div").classes("filters"):
        choices = {"": say(msg("Any action")), **{one: say(_ACTIONS[one]) for one in _CHOICES}}
        select(
            choices,
            action if action in choices else "",
            say(msg("Action")),
            lambda v: ui.navigate.to(link("/audit", action=v)),
        )
    if not log:
        html(empty(say(msg("No entries of this kind")), say(msg("Choose another action."))))
        return
    heads = [
        h("th", say(title), scope="col")
        for title in (msg("When"), msg("Who"), msg("Action"), msg("Subject"), msg("Details"))
    ]
    lines = [
        h(
            "tr",
            h("td", minute(entry.at), class_="nowrap muted"),
            h("td", entry.who),
            h("td", say.word(_ACTIONS, entry.action), class_="nowrap"),
            h("td", entry.subject, class_="wrap"),
            h("td", _detail(page, entry.detail), class_="wrap faint full"),
        )
        for entry in log
    ]
    table = h("table", h("thead", h("tr", heads)), h("tbody", lines), class_="t cards audit")
    more = (
        link_button(say(msg("Show more")), link("/audit", action=action, before=str(log[-1].id)))
        if len(log) == _PAGE
        else None
    )
    html(h("section", table, more, class_="card table-wrap"))


def _detail(page: PageContext, detail: Mapping[str, object]) -> Markup:
    shown = [
        h(
            "span",
            page.say(msg("{name}:", name=_DETAILS.get(key, key))),
            " ",
            h("span", _short(page, key, value), class_="muted"),
        )
        for key, value in detail.items()
        if value and key not in _TECHNICAL
    ]
    return h("div", shown, class_="details")


def _short(page: PageContext, key: str, value: object) -> str:
    """Return a detail as text of one line."""
    if isinstance(value, bool):
        return page.say(VALUE_TITLES["true"])
    if isinstance(value, int | float):
        return number(value)
    if key in _VALUES_OF:
        return page.say.word(_VALUES_OF[key], str(value))
    text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return text if len(text) <= _LONG else f"{text[:_LONG]}…"
