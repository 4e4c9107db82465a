"""Somebody is let in: an account or a key, with its role, whom it sees, and what it is limited to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from tagcast.features.core.errors import TagcastError
from tagcast.features.core.messages import msg
from tagcast.registry.access.passwords import LENGTHS
from tagcast.registry.access.rights import ACTIONS
from tagcast.registry.access.roles import RIGHTS, SHIPPED_ROLES, Right, require
from tagcast.serving.console.i18n.vocabulary import role_title
from tagcast.serving.console.ui.html import h
from tagcast.serving.console.ui.notices import error_markup
from tagcast.serving.console.ui.widgets import button, dialog, html, number_field, select, text_field

if TYPE_CHECKING:
    from tagcast.registry.access.roles import Person
    from tagcast.serving.console.ui.page_context import PageContext
    from tagcast.serving.context import ServiceContext


def add_user(
    context: ServiceContext,
    person: Person,
    name: str,
    role: str,
    password: str,
    sensitive: bool,
    rows: Sequence[str] = (),
) -> None:
    """Add a user."""
    from tagcast.registry.access import accounts

    require(person, "access")
    accounts.add_user(
        context.accounts,
        name,
        role,
        password,
        sensitive=sensitive,
        rows=rows,
        by=person.name,
        now=context.now,
    )


def add_key(
    context: ServiceContext,
    person: Person,
    name: str,
    role: str,
    sensitive: bool,
    rows: Sequence[str] = (),
    only: Sequence[Right] = (),
    days: float | None = None,
) -> str:
    """Add a key and return it; it ends after ``days``, else as the configuration says."""
    from tagcast.registry.access import api_keys as keys

    require(person, "access")
    return keys.add_key(
        context.accounts,
        name,
        role,
        sensitive=sensitive,
        rows=rows,
        by=person.name,
        now=context.now,
        days=context.settings.access.key_days if days is None else int(days),
        only=only or None,
    )


def add_dialog(page: PageContext, *, user: bool) -> None:
    """Ask for a name and a role; a key is shown once."""
    from nicegui import ui

    say = page.say
    title = say(msg("Add user") if user else msg("Add key"))
    with dialog(title) as box:
        name = text_field(say(msg("Name"))).props("autofocus")
        roles = page.person.roles
        titles = {one: role_title(say, roles, one) for one in roles.names}
        role = select(titles, SHIPPED_ROLES[1], say(msg("Role")), lambda _: None)
        only = (
            select(roles.rows, [], say(msg("Sees only (default: every profile)")), lambda _: None, many=True)
            if roles.rows
            else None
        )
        password = (
            text_field(
                say(msg("Password (at least {shortest} characters)", shortest=LENGTHS[0])), kind="password"
            )
            if user
            else None
        )
        sensitive = ui.checkbox(say(msg("Can see sensitive data")))
        limits: dict[str, Any] = {"only": (), "days": page.context.settings.access.key_days}
        if not user:
            rights = {right: say(ACTIONS[right]) for right in RIGHTS}
            chosen = select(
                rights,
                [],
                say(msg("Limited to")),
                lambda v: limits.update(only=tuple(v or ())),
                many=True,
                chips=True,
            )
            chosen.props["hint"] = say(msg("If you choose none: every right of the role"))
            number_field(
                say(msg("Expires after how many days")),
                limits["days"],
                lambda v: limits.update(days=v),
                least=1,
                step=1,
            )
        answer = html(Markup("")).props('role=status aria-live="polite"')

        async def go() -> None:
            rows = tuple(only.value or ()) if only is not None else ()
            try:
                if password is not None:
                    await page.run(
                        add_user,
                        name.value or "",
                        role.value,
                        password.value or "",
                        bool(sensitive.value),
                        rows,
                    )
                    box.close()
                    ui.navigate.reload()
                    return
                made = await page.run(
                    add_key,
                    name.value or "",
                    role.value,
                    bool(sensitive.value),
                    rows,
                    limits["only"],
                    limits["days"],
                )
            except TagcastError as error:
                answer.content = error_markup(page, error)
                return
            answer.content = h(
                "div",
                h("b", say(msg("Copy this key now. It will not be shown again."))),
                h("pre", made, class_="key"),
                class_="note good",
            )

        def close() -> None:
            box.close()
            ui.navigate.reload()

        with ui.element("div").classes("actions"):
            button(say(msg("Close")), close, "quiet")
            button(title, go, "primary")
