"""One's own account: the password, and where one is logged in."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from tagcast.features.core.errors import TagcastError
from tagcast.features.core.messages import msg
from tagcast.registry.access.passwords import LENGTHS
from tagcast.serving.console.i18n.vocabulary import ROLE_TITLES
from tagcast.serving.console.operations.session_table import session_table
from tagcast.serving.console.ui.html import h
from tagcast.serving.console.ui.notices import done, error_markup, failed
from tagcast.serving.console.ui.widgets import button, html, text_field
from tagcast.serving.web.authentication import COOKIE

if TYPE_CHECKING:
    from tagcast.registry.access.roles import Person
    from tagcast.registry.access.sessions import Session
    from tagcast.serving.console.ui.page_context import PageContext
    from tagcast.serving.context import ServiceContext


def own_sessions(context: ServiceContext, person: Person) -> tuple[bool, list[Session]]:
    """Return whether the person has an account here, and where they are logged in."""
    from tagcast.registry.access.accounts import person_named
    from tagcast.registry.access.sessions import sessions

    idle = timedelta(minutes=context.settings.access.idle_minutes)
    state = context.accounts
    return person_named(state, person.name) is not None, sessions(
        state, context.now, name=person.name, idle=idle
    )


def change_password(
    context: ServiceContext, person: Person, old: str, new: str, address: str, session: str | None
) -> None:
    """Change the person's own password; their other sessions end."""
    from tagcast.registry.access import accounts

    accounts.change_password(
        context.accounts, person.name, old, new, now=context.now, address=address, session=session
    )


def end_session(context: ServiceContext, person: Person, number: str) -> None:
    """End a session of the person's own."""
    from tagcast.registry.access import sessions

    sessions.end_session(context.accounts, number, by=person.name, now=context.now, name=person.name)


def end_others(context: ServiceContext, person: Person, session: str | None) -> None:
    """End all sessions of the person but the one of the token ``session``."""
    from tagcast.registry.access import sessions

    sessions.end_sessions(context.accounts, person.name, by=person.name, now=context.now, but=session)


async def account_page(page: PageContext) -> None:
    """Show who is logged in, the form for another password, and their sessions."""
    from nicegui import ui

    from tagcast.registry.access.sessions import session_id

    say, person = page.say, page.person
    has_account, found = await page.run(own_sessions)
    token = page.request.cookies.get(COOKIE)
    role = say(ROLE_TITLES[person.role])
    html(h("div", h("h1", say(msg("My account"))), h("p", f"{person.name} · {role}")), classes="head")
    if has_account:
        with ui.element("section").classes("card"):
            html(h("h2", say(msg("Change password"))))
            _password_form(page, token)

    async def end(number: str) -> None:
        await page.run(end_session, number)

    async def end_all() -> None:
        try:
            await page.run(end_others, token)
        except TagcastError as error:
            failed(page, error)
            return
        ui.navigate.reload()

    with ui.element("section").classes("card"):
        with ui.element("div").classes("between"):
            html(h("h2", say(msg("Where you are logged in"))))
            if len(found) > 1:
                button(say(msg("Log out everywhere else")), end_all, "small danger")
        current = None if token is None else session_id(token)
        session_table(page, found, end, current=current, named=False)


def _password_form(page: PageContext, token: str | None) -> None:
    from nicegui import ui

    say = page.say
    with ui.element("div").classes("filters"):
        old = text_field(say(msg("Old password")), kind="password")
        least = say(msg("at least {shortest} characters", shortest=LENGTHS[0]))
        new = text_field(say(msg("New password")), kind="password", hint=least)
        again = text_field(say(msg("New password again")), kind="password")
        answer: Any = None

        async def go() -> None:
            if new.value != again.value:
                text = say(msg("The two new passwords differ."))
                answer.content = h("div", text, class_="note bad", role="alert")
                return
            try:
                await page.run(
                    change_password, old.value or "", new.value or "", page.request.state.peer.address, token
                )
            except TagcastError as error:
                answer.content = error_markup(page, error)
                return
            for field in (old, new, again):
                field.value = ""
            answer.content = Markup("")
            done(say(msg("Your password is changed; you are logged out everywhere else.")))

        button(say(msg("Change password")), go, "primary")
    answer = html(Markup("")).props('role=status aria-live="polite"')
