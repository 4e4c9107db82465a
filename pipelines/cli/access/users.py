"""`tagcast user`: those who may log in to the console, their passwords and their sessions."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import click

from tagcast.features.core.messages import msg, nmsg
from tagcast.pipelines.cli.groups import Invocation, ProjectGroup, pass_invocation
from tagcast.pipelines.cli.options import password_option, role_option, rows_option, sensitive_option
from tagcast.pipelines.project.clock import clock
from tagcast.pipelines.reports.terminal import moment_text, say, table
from tagcast.registry.access import accounts, sessions
from tagcast.registry.access.roles import roles_of


@click.group(cls=ProjectGroup)
def user() -> None:
    """Add, list and remove those who may log in to the console; see and end their sessions.

    \b
    Roles, the first four each with the rights of those before it:
      viewer           see the catalogue, filter
      marketer         save and export audiences, look at profiles, comment, draft rule tags
      lead             see everybody's exports, label saved audiences and hand them on
      data_scientist   review, read the audit log, see what is sensitive
      admin            manage users and keys, read the audit log, nothing else
      owner            every right of them all

    [access.roles] of the configuration adds roles composed of rights, [access.rows] limits whom somebody sees.

    \b
    Example:
      tagcast user add ann --role admin
      tagcast user list
    """


@user.command("add")
@click.argument("name")
@role_option
@rows_option
@sensitive_option
@password_option
@pass_invocation
def add_user(
    invocation: Invocation, name: str, role: str, rows: tuple[str, ...],
    sensitive: bool, password_file: Any,
) -> None:  # fmt: skip
    """Let NAME log in; the password is asked for, and has at least 10 characters.

    \b
    Example:
      tagcast user add ann --role admin
      tagcast user add bo --role marketer --sensitive
      tagcast user add nora --role marketer --rows north
    """
    # Before anybody is asked for a password.
    roles_of(invocation.settings.access).person(name, role, rows=rows)
    added = accounts.add_user(
        invocation.state,
        name,
        role,
        _password(password_file),
        sensitive=sensitive,
        rows=rows,
        by=invocation.allowed("access"),
        now=clock(),
    )
    invocation.answer(
        {"name": added.name, "role": added.role, "sensitive": added.sensitive, "rows": added.rows},
        lambda: _added(added),
    )


@user.command("password")
@click.argument("name")
@password_option
@pass_invocation
def set_password(invocation: Invocation, name: str, password_file: Any) -> None:
    """Change the password of NAME, who has to log in again everywhere.

    \b
    Example:
      tagcast user password ann
    """
    accounts.set_password(
        invocation.state, name, _password(password_file), by=invocation.allowed("access"), now=clock()
    )
    invocation.answer({"name": name}, lambda: say(msg("{name} has a new password", name=name)))


@user.command("unlock")
@click.argument("name")
@pass_invocation
def unlock_user(invocation: Invocation, name: str) -> None:
    """Let NAME log in again at once, after too many wrong passwords.

    \b
    Example:
      tagcast user unlock ann
    """
    accounts.unlock(invocation.state, name, by=invocation.allowed("access"), now=clock())
    invocation.answer({"unlocked": name}, lambda: say(msg("{name} may log in again", name=name)))


@user.command("list")
@pass_invocation
def list_users(invocation: Invocation) -> None:
    """Show who may log in.

    \b
    Example:
      tagcast user list
    """
    invocation.allowed("access")
    found = accounts.users(invocation.state)
    cells = [
        (u.name, u.role, u.sensitive or None, ", ".join(u.rows) or None, u.added_by, moment_text(u.added_at))
        for u in found
    ]
    heads = ("name", "role", "sensitive", "sees only", "added by", "added at (UTC)")
    invocation.answer([vars(u) for u in found], lambda: table("users", heads, cells))


@user.command("remove")
@click.argument("name")
@pass_invocation
def remove_user(invocation: Invocation, name: str) -> None:
    """Remove NAME; their sessions and keys end. What they did stays in the audit log.

    \b
    Example:
      tagcast user remove bo
    """
    accounts.remove_user(invocation.state, name, by=invocation.allowed("access"), now=clock())
    invocation.answer({"removed": name}, lambda: say(msg("{name} may no longer log in", name=name)))


@user.command("sessions")
@click.argument("name", required=False)
@pass_invocation
def list_sessions(invocation: Invocation, name: str | None) -> None:
    """Show who is logged in to the console, or where NAME is.

    \b
    Example:
      tagcast user sessions
      tagcast user sessions ann
    """
    invocation.allowed("access")
    idle = timedelta(minutes=invocation.settings.access.idle_minutes)
    found = sessions.sessions(invocation.state, clock(), name=name and name.casefold(), idle=idle)
    cells = [
        (s.id, s.name, s.role, moment_text(s.opened_at), moment_text(s.used_at), s.address, s.agent)
        for s in found
    ]
    heads = ("id", "name", "role", "since (UTC)", "last used", "from", "browser")
    invocation.answer([vars(s) for s in found], lambda: table("sessions", heads, cells))


@user.command("end")
@click.argument("name")
@click.option("--session", help="Only the one of this id; default: all of them.")
@pass_invocation
def end_sessions(invocation: Invocation, name: str, session: str | None) -> None:
    """End the sessions of NAME, who has to log in again; a console that runs notices within 5 seconds.

    \b
    Example:
      tagcast user end ann
      tagcast user end ann --session 3f0a1b2c4d5e
    """
    by, name, count = invocation.allowed("access"), name.casefold(), 1
    if session is None:
        count = sessions.end_sessions(invocation.state, name, by=by, now=clock())
    else:
        sessions.end_session(invocation.state, session, by=by, now=clock(), name=name)
    invocation.answer(
        {"ended": count},
        lambda: say(nmsg("{n} session of {name} ended", "{n} sessions of {name} ended", count, name=name)),
    )


def _added(user: accounts.User) -> None:
    say(msg("{name} may log in, as {role}", name=user.name, role=user.role))
    if user.role == "admin":
        say(
            msg(
                "an admin manages users and keys alone; the role owner also has every right over tags and audiences"
            )
        )


def _password(file: Any) -> str:
    if file is not None:
        return str(file.read()).rstrip("\r\n")
    return str(click.prompt("password", hide_input=True, confirmation_prompt=True, err=True))
