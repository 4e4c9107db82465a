"""Users and keys: who may come in, and as what."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from tagcast.features.core.errors import TagcastError
from tagcast.registry.access.roles import ROLES, Role, require
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


def who(context: ServiceContext, person: Person) -> tuple[list[User], list[Key]]:
    """Return users and keys."""
    from tagcast.registry.access.accounts import users
    from tagcast.registry.access.api_keys import keys

    require(person, "access")
    return users(context.state), keys(context.state)


def add_user(
    context: ServiceContext, person: Person, name: str, role: Role, password: str, sensitive: bool
) -> None:
    """Add a user."""
    from tagcast.registry.access import accounts

    require(person, "access")
    accounts.add_user(
        context.state, name, role, password, sensitive=sensitive, by=person.name, now=context.now
    )


def remove_user(context: ServiceContext, person: Person, name: str) -> None:
    """Remove a user."""
    from tagcast.registry.access import accounts

    require(person, "access")
    accounts.remove_user(context.state, name, by=person.name, now=context.now)


def add_key(context: ServiceContext, person: Person, name: str, role: Role, sensitive: bool) -> str:
    """Add a key and return it."""
    from tagcast.registry.access import api_keys as keys

    require(person, "access")
    return keys.add_key(context.state, name, role, sensitive=sensitive, by=person.name, now=context.now)


def revoke_key(context: ServiceContext, person: Person, number: str) -> None:
    """Revoke a key."""
    from tagcast.registry.access import api_keys as keys

    require(person, "access")
    keys.revoke_key(context.state, number, by=person.name, now=context.now)


async def access_page(page: PageContext) -> None:
    """Show users and keys."""
    from nicegui import ui

    say = page.say
    users, keys = await page.ask(who)
    with ui.element("div").classes("head"):
        html(h("div", h("h1", say("access.title")), h("p", say("access.lead"))), classes="grow")
    with ui.element("section").classes("card"):
        with ui.element("div").classes("between"):
            html(h("h2", say("access.users")))
            button(say("access.add_user"), lambda: _add(page, user=True), "small", "plus")
        if users:
            _table(page, [_user(page, u) for u in users], "access.remove", remove_user)
        else:
            html(h("p", say("access.no_users"), class_="faint"))
    with ui.element("section").classes("card"):
        with ui.element("div").classes("between"):
            html(h("h2", say("access.keys")))
            button(say("access.add_key"), lambda: _add(page, user=False), "small", "plus")
        if keys:
            _table(page, [_key(page, k) for k in keys], "access.revoke", revoke_key)
        else:
            html(h("p", say("access.no_keys"), class_="faint"))


def _marks(page: PageContext, role: Role, sensitive: bool) -> Markup:
    pill = h("span", page.say("access.sensitive"), class_="pill warn") if sensitive else None
    return h("span", page.say(f"role.{role}"), " ", pill)


def _user(page: PageContext, user: User) -> tuple[str, list[Markup], bool]:
    added = h("span", f"{day(user.added_at)} · {user.added_by}", class_="muted num")
    return user.name, [h("b", user.name), _marks(page, user.role, user.sensitive), added], True


def _key(page: PageContext, key: Key) -> tuple[str, list[Markup], bool]:
    say = page.say
    until = day(key.expires_at) if key.expires_at else say("access.never")
    state = (
        h("span", say("access.revoked"), class_="pill bad")
        if key.revoked_at
        else f"{say('access.expires')}: {until}"
    )
    name = h("span", h("b", key.name), " ", h("code", key.id, class_="faint"))
    return (
        key.id,
        [name, _marks(page, key.role, key.sensitive), h("span", state, class_="muted num")],
        not key.revoked_at,
    )


def _table(page: PageContext, rows: list[tuple[str, list[Markup], bool]], label: str, act: Any) -> None:
    from nicegui import ui

    async def go(name: str) -> None:
        try:
            await page.ask(act, name)
        except TagcastError as error:
            failed(page, error)
            return
        done(page.say("access.done"))
        ui.navigate.reload()

    with ui.element("table").classes("t cards"), ui.element("tbody"):
        for name, cells, may in rows:
            with ui.element("tr"):
                for content in cells:
                    html(content, "td")
                with ui.element("td").classes("r"):
                    if may:
                        button(page.say(label), partial(go, name), "small quiet danger")


def _add(page: PageContext, *, user: bool) -> None:
    """Ask for a name and a role; a key is shown once."""
    from nicegui import ui

    say = page.say
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
                    await page.ask(
                        add_user, name.value or "", role.value, password.value or "", bool(sensitive.value)
                    )
                    box.close()
                    ui.navigate.reload()
                    return
                made = await page.ask(add_key, name.value or "", role.value, bool(sensitive.value))
            except TagcastError as error:
                answer.content = error_markup(page, error)
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
