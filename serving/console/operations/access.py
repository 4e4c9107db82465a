"""Users, keys and sessions: who may come in, as what, and who is there."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from tagcast.features.core.errors import TagcastError
from tagcast.features.core.messages import Message, listed, msg
from tagcast.registry.access.roles import require
from tagcast.registry.access.sessions import session_id
from tagcast.serving.console.i18n.vocabulary import role_title
from tagcast.serving.console.operations.add_dialog import add_dialog
from tagcast.serving.console.operations.session_table import session_table
from tagcast.serving.console.ui.formatting import day, minute
from tagcast.serving.console.ui.html import h
from tagcast.serving.console.ui.notices import done, failed
from tagcast.serving.console.ui.widgets import button, html
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
            button(say(msg("Add user")), lambda: add_dialog(page, user=True), "small", "plus")
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
            button(say(msg("Add key")), lambda: add_dialog(page, user=False), "small", "plus")
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


def _marks(page: PageContext, role: str, sensitive: bool, rows: Sequence[str]) -> Markup:
    say, roles = page.say, page.person.roles
    pill = h("span", say(msg("Can see sensitive data")), class_="pill warn") if sensitive else None
    gone = h("span", say(msg("Role no longer configured")), class_="pill bad")
    only = (
        h("span", say(msg("Sees only: {conditions}", conditions=listed(rows))), class_="pill")
        if rows
        else None
    )
    return h("span", role_title(say, roles, role), " ", None if role in roles.by_name else gone, pill, only)


def _user(page: PageContext, user: User) -> tuple[str, list[Markup], bool]:
    added = h("span", f"{day(user.added_at)} · {user.added_by}", class_="muted num")
    return user.name, [h("b", user.name), _marks(page, user.role, user.sensitive, user.rows), added], True


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
    role = h(
        "span",
        _marks(page, key.role, key.sensitive, key.rows),
        h("div", only, class_="faint") if only else None,
    )
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
