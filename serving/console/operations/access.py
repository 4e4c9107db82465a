"""Users and keys: who may come in, and as what."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from tagcast.features.core.errors import TagcastError
from tagcast.features.core.messages import Message, listed, msg
from tagcast.registry.access.passwords import LENGTHS
from tagcast.registry.access.roles import SHIPPED_ROLES, require
from tagcast.serving.console.i18n.vocabulary import role_title
from tagcast.serving.console.ui.formatting import day
from tagcast.serving.console.ui.html import h
from tagcast.serving.console.ui.notices import done, error_markup, failed
from tagcast.serving.console.ui.widgets import button, dialog, html, select, text_field

if TYPE_CHECKING:
    from tagcast.registry.access.accounts import User
    from tagcast.registry.access.api_keys import Key
    from tagcast.registry.access.roles import Person
    from tagcast.serving.console.ui.page_context import PageContext
    from tagcast.serving.context import ServiceContext


def users_and_keys(context: ServiceContext, person: Person) -> tuple[list[User], list[Key]]:
    """Return users and keys."""
    from tagcast.registry.access.accounts import users
    from tagcast.registry.access.api_keys import keys

    require(person, "access")
    return users(context.accounts), keys(context.state)


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
    context: ServiceContext,
    person: Person,
    name: str,
    role: str,
    sensitive: bool,
    rows: Sequence[str] = (),
) -> str:
    """Add a key and return it."""
    from tagcast.registry.access import api_keys as keys

    require(person, "access")
    return keys.add_key(
        context.accounts, name, role, sensitive=sensitive, rows=rows, by=person.name, now=context.now
    )


def revoke_key(context: ServiceContext, person: Person, number: str) -> None:
    """Revoke a key."""
    from tagcast.registry.access import api_keys as keys

    require(person, "access")
    keys.revoke_key(context.accounts, number, by=person.name, now=context.now)


async def access_page(page: PageContext) -> None:
    """Show users and keys."""
    from nicegui import ui

    say = page.say
    users, keys = await page.run(users_and_keys)
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
            _table(page, [_key(page, k) for k in keys], {msg("Revoke"): revoke_key})
        else:
            html(h("p", say(msg("No keys yet.")), class_="faint"))


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


def _key(page: PageContext, key: Key) -> tuple[str, list[Markup], bool]:
    say = page.say
    until = day(key.expires_at) if key.expires_at else say(msg("never"))
    state = (
        h("span", say(msg("revoked")), class_="pill bad")
        if key.revoked_at
        else say(msg("Expires: {when}", when=until))
    )
    name = h("span", h("b", key.name), " ", h("code", key.id, class_="faint"))
    return (
        key.id,
        [name, _marks(page, key.role, key.sensitive, key.rows), h("span", state, class_="muted num")],
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
                made = await page.run(add_key, name.value or "", role.value, bool(sensitive.value), rows)
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
