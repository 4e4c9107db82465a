"""Users, keys and sessions: who may come in, as what, and who is there."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from tagcast.features.core.errors import TagcastError
from tagcast.features.core.messages import Message, listed, msg
from tagcast.registry.access.passwords import LENGTHS
from tagcast.registry.access.roles import RIGHT_NAMES, RIGHTS, ROLES, Right, Role, require
from tagcast.registry.access.sessions import session_id
from tagcast.serving.console.i18n.vocabulary import ROLE_TITLES
from tagcast.serving.console.operations.session_table import session_table
from tagcast.serving.console.ui.formatting import day, minute
from tagcast.serving.console.ui.html import h
from tagcast.serving.console.ui.notices import done, error_markup, failed
from tagcast.serving.console.ui.widgets import button, dialog, html, number_field, select, text_field
from tagcast.serving.web.authentication import COOKIE

if TYPE_CHECKING:
    from tagcast.registry.access.accounts import User
    from tagcast.registry.access.api_keys import Key
    from tagcast.registry.access.roles import Person
    from tagcast.registry.access.sessions import Session
    from tagcast.serving.console.ui.page_context import PageContext
    from tagcast.serving.context import ServiceContext


def who_may_come_in(
    context: ServiceContext, person: Person
) -> tuple[list[User], list[Key], list[Session], datetime]:
    """Return users, keys and sessions, and when."""
    from tagcast.registry.access.accounts import users
    from tagcast.registry.access.api_keys import keys
    from tagcast.registry.access.sessions import sessions

    require(person, "access")
    state, now = context.accounts, context.now
    idle = timedelta(minutes=context.settings.access.idle_minutes)
    return users(state), keys(state), sessions(state, now, idle=idle), now


def add_user(
    context: ServiceContext, person: Person, name: str, role: Role, password: str, sensitive: bool
) -> None:
    """Add a user."""
    from tagcast.registry.access import accounts

    require(person, "access")
    accounts.add_user(
        context.accounts, name, role, password, sensitive=sensitive, by=person.name, now=context.now
    )


def remove_user(context: ServiceContext, person: Person, name: str) -> None:
    """Remove a user."""
    from tagcast.registry.access import accounts

    require(person, "access")
    accounts.remove_user(context.accounts, name, by=person.name, now=context.now)


def unlock_user(context: ServiceContext, person: Person, name: str) -> None:
    """Let a user log in again after too many wrong passwords."""
    from tagcast.registry.access import accounts

    require(person, "access")
    accounts.unlock(context.accounts, name, by=person.name, now=context.now)


def add_key(
    context: ServiceContext, person: Person, name: str, role: Role, sensitive: bool, only: Sequence[Right],
    days: float | None,
) -> str:  # fmt: skip
    """Add a key and return it; it ends after ``days``, else as the configuration says."""
    from tagcast.registry.access import api_keys as keys

    require(person, "access")
    return keys.add_key(
        context.accounts,
        name,
        role,
        sensitive=sensitive,
        by=person.name,
        now=context.now,
        days=context.settings.access.key_days if days is None else int(days),
        only=only or None,
    )


def end_session(context: ServiceContext, person: Person, number: str) -> None:
    """End a session of anybody."""
    from tagcast.registry.access.sessions import end_session

    require(person, "access")
    end_session(context.accounts, number, by=person.name, now=context.now)


def revoke_key(context: ServiceContext, person: Person, number: str) -> None:
    """Revoke a key."""
    from tagcast.registry.access import api_keys as keys

    require(person, "access")
    keys.revoke_key(context.accounts, number, by=person.name, now=context.now)


async def access_page(page: PageContext) -> None:
    """Show users and keys."""
    from nicegui import ui

    say = page.say
    users, keys, found, now = await page.run(who_may_come_in)
    with ui.element("div").classes("head"):
        html(
            h(
                "div",
                h("h1", say(msg("Users and keys"))),
                h("p", say(msg("People log in with a name and password; programs use an API key."))),
            ),
            classes="grow",
        )
    with ui.element("section").classes("card"):
        with ui.element("div").classes("between"):
            html(h("h2", say(msg("Users"))))
            button(say(msg("Add user")), lambda: _add(page, user=True), "small", "plus")
        if users:
            _table(
                page,
                [_user(page, u) for u in users],
                {msg("Unlock"): unlock_user, msg("Remove"): remove_user},
            )
        else:
            html(h("p", say(msg("No users yet.")), class_="faint"))
    with ui.element("section").classes("card"):
        with ui.element("div").classes("between"):
            html(h("h2", say(msg("API keys"))))
            button(say(msg("Add key")), lambda: _add(page, user=False), "small", "plus")
        if keys:
            _table(page, [_key(page, k, now) for k in keys], {msg("Revoke"): revoke_key})
        else:
            html(h("p", say(msg("No keys yet.")), class_="faint"))

    async def end(number: str) -> None:
        await page.run(end_session, number)

    with ui.element("section").classes("card"):
        html(h("h2", say(msg("Sessions"))))
        token = page.request.cookies.get(COOKIE)
        session_table(page, found, end, current=None if token is None else session_id(token))


def _marks(page: PageContext, role: Role, sensitive: bool) -> Markup:
    pill = h("span", page.say(msg("Can see sensitive data")), class_="pill warn") if sensitive else None
    return h("span", page.say(ROLE_TITLES[role]), " ", pill)


def _user(page: PageContext, user: User) -> tuple[str, list[Markup], bool]:
    added = h("span", f"{day(user.added_at)} · {user.added_by}", class_="muted num")
    return user.name, [h("b", user.name), _marks(page, user.role, user.sensitive), added], True


def _key(page: PageContext, key: Key, now: datetime) -> tuple[str, list[Markup], bool]:
    say = page.say
    never = say(msg("never"))
    until = say(msg("Expires: {when}", when=day(key.expires_at) if key.expires_at else never))
    if key.revoked_at:
        state = h("span", say(msg("revoked")), class_="pill bad")
    elif key.expires_at is not None and key.expires_at <= now:
        state = h("span", say(msg("expired")), class_="pill bad")
    else:
        state = h("span", until, class_="pill warn" if key.ends_soon(now) else None)
    used = say(msg("Last used: {when}", when=minute(key.used_at) if key.used_at else never))
    name = h("span", h("b", key.name), " ", h("code", key.id, class_="faint"))
    only = None if key.only is None else say(msg("only: {rights}", rights=listed(key.only)))
    role = h("span", _marks(page, key.role, key.sensitive), h("div", only, class_="faint") if only else None)
    return (
        key.id,
        [name, role, h("span", state, h("div", used, class_="faint"), class_="muted num")],
        not key.revoked_at,
    )


def _table(
    page: PageContext, rows: list[tuple[str, list[Markup], bool]], actions: dict[Message, Any]
) -> None:
    """Show rows with a button for each action; the last one ends something."""
    from nicegui import ui

    async def go(act: Any, name: str) -> None:
        try:
            await page.run(act, name)
        except TagcastError as error:
            failed(page, error)
            return
        done(page.say(msg("Done")))
        ui.navigate.reload()

    with ui.element("table").classes("t cards"), ui.element("tbody"):
        for name, cells, may in rows:
            with ui.element("tr"):
                for content in cells:
                    html(content, "td")
                with ui.element("td").classes("r"):
                    for label, act in actions.items() if may else ():
                        danger = "danger" if label == list(actions)[-1] else ""
                        button(page.say(label), partial(go, act, name), f"small quiet {danger}")


def _add(page: PageContext, *, user: bool) -> None:
    """Ask for a name and a role; a key is shown once."""
    from nicegui import ui

    say = page.say
    title = say(msg("Add user") if user else msg("Add key"))
    with dialog(title) as box:
        name = text_field(say(msg("Name"))).props("autofocus")
        role = select(
            {one: say(ROLE_TITLES[one]) for one in ROLES}, "marketer", say(msg("Role")), lambda _: None
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
            rights = {right: say(RIGHT_NAMES[right]) for right in RIGHTS}
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
            try:
                if password is not None:
                    await page.run(
                        add_user, name.value or "", role.value, password.value or "", bool(sensitive.value)
                    )
                    box.close()
                    ui.navigate.reload()
                    return
                made = await page.run(
                    add_key,
                    name.value or "",
                    role.value,
                    bool(sensitive.value),
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
