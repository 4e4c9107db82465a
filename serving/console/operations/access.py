"""Users and keys: who may come in, and as what."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from tagcast.features.core.errors import TagcastError
from tagcast.registry.access.roles import ROLES, Role, require
from tagcast.serving.console.ui.formatting import day
from tagcast.serving.console.ui.html import Markup, h
from tagcast.serving.console.ui.notices import done, error_markup, failed
from tagcast.serving.console.ui.widgets import button, dialog, html, select, text_field

if TYPE_CHECKING:
    from tagcast.registry.access.accounts import User
    from tagcast.registry.access.api_keys import Key
    from tagcast.registry.access.roles import Person
    from tagcast.serving.console.ui.page_context import Visit
    from tagcast.serving.context import Desk


def who(desk: Desk, person: Person) -> tuple[list[User], list[Key]]:
    """Return users and keys."""
    from tagcast.registry.access.accounts import users
    from tagcast.registry.access.api_keys import keys

    require(person, "access")
    return users(desk.state), keys(desk.state)


def add_user(desk: Desk, person: Person, name: str, role: Role, password: str, sensitive: bool) -> None:
    """Add a user."""
    from tagcast.registry.access import accounts

    require(person, "access")
    accounts.add_user(desk.state, name, role, password, sensitive=sensitive, by=person.name, now=desk.now)


def remove_user(desk: Desk, person: Person, name: str) -> None:
    """Remove a user."""
    from tagcast.registry.access import accounts

    require(person, "access")
    accounts.remove_user(desk.state, name, by=person.name, now=desk.now)


def add_key(desk: Desk, person: Person, name: str, role: Role, sensitive: bool) -> str:
    """Add a key and return it."""
    from tagcast.registry.access import api_keys as keys

    require(person, "access")
    return keys.add_key(desk.state, name, role, sensitive=sensitive, by=person.name, now=desk.now)


def revoke_key(desk: Desk, person: Person, number: str) -> None:
    """Revoke a key."""
    from tagcast.registry.access import api_keys as keys

    require(person, "access")
    keys.revoke_key(desk.state, number, by=person.name, now=desk.now)


async def access_page(visit: Visit) -> None:
    """Show users and keys."""
    from nicegui import ui

    say = visit.say
    users, keys = await visit.ask(who)
    with ui.element("div").classes("head"):
        html(h("div", h("h1", say("access.title")), h("p", say("access.lead"))), classes="grow")
    with ui.element("section").classes("card"):
        with ui.element("div").classes("between"):
            html(h("h2", say("access.users")))
            button(say("access.add_user"), lambda: _add(visit, user=True), "small", "plus")
        if users:
            _table(visit, [_user(visit, u) for u in users], "access.remove", remove_user)
        else:
            html(h("p", say("access.no_users"), class_="faint"))
    with ui.element("section").classes("card"):
        with ui.element("div").classes("between"):
            html(h("h2", say("access.keys")))
            button(say("access.add_key"), lambda: _add(visit, user=False), "small", "plus")
        if keys:
            _table(visit, [_key(visit, k) for k in keys], "access.revoke", revoke_key)
        else:
            html(h("p", say("access.no_keys"), class_="faint"))


def _marks(visit: Visit, role: Role, sensitive: bool) -> Markup:
    pill = h("span", visit.say("access.sensitive"), class_="pill warn") if sensitive else None
    return h("span", visit.say(f"role.{role}"), " ", pill)


def _user(visit: Visit, user: User) -> tuple[str, list[Markup], bool]:
    added = h("span", f"{day(user.added_at)} · {user.added_by}", class_="muted num")
    return user.name, [h("b", user.name), _marks(visit, user.role, user.sensitive), added], True


def _key(visit: Visit, key: Key) -> tuple[str, list[Markup], bool]:
    say = visit.say
    until = day(key.expires_at) if key.expires_at else say("access.never")
    state = (
        h("span", say("access.revoked"), class_="pill bad")
        if key.revoked_at
        else f"{say('access.expires')}: {until}"
    )
    name = h("span", h("b", key.name), " ", h("code", key.id, class_="faint"))
    return (
        key.id,
        [name, _marks(visit, key.role, key.sensitive), h("span", state, class_="muted num")],
        not key.revoked_at,
    )


def _table(visit: Visit, rows: list[tuple[str, list[Markup], bool]], label: str, act: Any) -> None:
    from nicegui import ui

    async def go(name: str) -> None:
        try:
            await visit.ask(act, name)
        except TagcastError as error:
            failed(visit, error)
            return
        done(visit.say("access.done"))
        ui.navigate.reload()

    with ui.element("table").classes("t cards"), ui.element("tbody"):
        for name, cells, may in rows:
            with ui.element("tr"):
                for content in cells:
                    html(content, "td")
                with ui.element("td").classes("r"):
                    if may:
                        button(visit.say(label), partial(go, name), "small quiet danger")


def _add(visit: Visit, *, user: bool) -> None:
    """Ask for a name and a role; a key is shown once."""
    from nicegui import ui

    say = visit.say
    title = say("access.add_user" if user else "access.add_key")
    with dialog(title) as box:
        name = text_field(say("access.name")).props("autofocus")
        role = select(
            {one: say(f"role.{one}") for one in ROLES}, "marketer", say("access.role"), lambda _: None
        )
        password = text_field(say("access.password"), kind="password") if user else None
        sensitive = ui.checkbox(say("access.sensitive"))
        answer = html(Markup("")).props('role=status aria-live="polite"')

        async def go() -> None:
            try:
                if password is not None:
                    await visit.ask(
                        add_user, name.value or "", role.value, password.value or "", bool(sensitive.value)
                    )
                    box.close()
                    ui.navigate.reload()
                    return
                made = await visit.ask(add_key, name.value or "", role.value, bool(sensitive.value))
            except TagcastError as error:
                answer.content = error_markup(visit, error)
                return
            answer.content = h(
                "div", h("b", say("access.key_once")), h("pre", made, class_="key"), class_="note good"
            )

        def close() -> None:
            box.close()
            ui.navigate.reload()

        with ui.element("div").classes("actions"):
            button(say("do.close"), close, "quiet")
            button(title, go, "primary")
