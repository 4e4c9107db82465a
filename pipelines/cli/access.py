"""Commands for those who let others in: users, keys, and the audit log."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import click

from tagcast.features.core.messages import msg
from tagcast.pipelines.cli.groups import Invocation, ProjectCommand, ProjectGroup, pass_invocation
from tagcast.pipelines.cli.options import Day, password_option, role_option, rows_option, sensitive_option
from tagcast.pipelines.project.clock import clock
from tagcast.pipelines.reports.terminal import say, spoken, table
from tagcast.registry.access import accounts, api_keys
from tagcast.registry.access.audit_log import entries, whose
from tagcast.registry.access.roles import roles_of


@click.group(cls=ProjectGroup)
def user() -> None:
    """Add, list and remove those who may log in to the console.

    \b
    Roles, the first three each with the rights of those before it:
      viewer           see the catalogue, filter
      marketer         save and export audiences, look at profiles, comment, draft rule tags
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
        (u.name, u.role, u.sensitive or None, ", ".join(u.rows) or None, u.added_by, _shown(u.added_at))
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


@click.group(cls=ProjectGroup)
def key() -> None:
    """Add, list and revoke the keys with which programs call the API.

    \b
    Example:
      tagcast key add crm --role marketer --expires 2027-06-30
      tagcast key list
    """


@key.command("add")
@click.argument("name")
@role_option
@rows_option
@sensitive_option
@click.option("--expires", type=Day(), help="From this day on it does not work.")
@pass_invocation
def add_key(
    invocation: Invocation, name: str, role: str, rows: tuple[str, ...],
    sensitive: bool, expires: date | None,
) -> None:  # fmt: skip
    """Make a key for the program NAME. It is shown once: only its digest is kept.

    \b
    Example:
      tagcast key add crm --role marketer --expires 2027-06-30
      curl -H "Authorization: Bearer tc_…" http://127.0.0.1:8080/api/v1/tags
    """
    until = (
        None if expires is None else datetime.combine(expires, time(), ZoneInfo(invocation.settings.timezone))
    )
    made = api_keys.add_key(
        invocation.state,
        name,
        role,
        sensitive=sensitive,
        rows=rows,
        by=invocation.allowed("access"),
        now=clock(),
        expires_at=until,
    )

    def render() -> None:
        say(made)
        click.echo(spoken(msg("keep it now: it cannot be shown again")), err=True)

    invocation.answer({"name": name, "role": role, "key": made}, render)


@key.command("list")
@pass_invocation
def list_keys(invocation: Invocation) -> None:
    """Show the keys, without what is secret in them, newest first.

    \b
    Example:
      tagcast key list
    """
    invocation.allowed("access")
    found = api_keys.keys(invocation.state)
    cells = [
        (
            k.id,
            k.name,
            k.role,
            k.sensitive or None,
            ", ".join(k.rows) or None,
            k.added_by,
            *map(_shown, (k.added_at, k.expires_at, k.revoked_at)),
        )
        for k in found
    ]
    heads = (
        "id",
        "name",
        "role",
        "sensitive",
        "sees only",
        "added by",
        "added at (UTC)",
        "expires at",
        "revoked at",
    )
    invocation.answer([vars(k) for k in found], lambda: table("keys", heads, cells))


@key.command("revoke")
@click.argument("key_id", metavar="ID")
@pass_invocation
def revoke_key(invocation: Invocation, key_id: str) -> None:
    """End the key of that ID; a console that runs notices within 5 seconds.

    \b
    Example:
      tagcast key revoke 1f0c9a3b5d7e
    """
    api_keys.revoke_key(invocation.state, key_id, by=invocation.allowed("access"), now=clock())
    invocation.answer({"revoked": key_id}, lambda: say(msg("the key {key} no longer works", key=key_id)))


@click.command(cls=ProjectCommand)
@click.option("--action", help="Only this action; with a dot at its end all that begin so: audience.")
@click.option("--subject", help="Only what was done to this tag, audience, user or key.")
@click.option("--who", help="Only what this person or key did.")
@click.option(
    "--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="Newest lines to show."
)
@click.option("--before", type=click.IntRange(min=1), help="Only lines older than this one: the next page.")
@pass_invocation
def audit(
    invocation: Invocation, action: str | None, subject: str | None,
    who: str | None, limit: int, before: int | None,
) -> None:  # fmt: skip
    """Show who did what and when, newest first.

    Logins, exports, saved audiences, steps of tags, keys.

    \b
    Example:
      tagcast audit
      tagcast audit --action export --limit 10
      tagcast audit --action audience. --who ann
    """
    who = whose(invocation.person, who)
    found = entries(
        invocation.project().state, action=action, subject=subject, who=who, limit=limit, before=before
    )
    cells = [(e.id, _shown(e.at), e.who, e.action, e.subject, _details(e.detail)) for e in found]
    heads = ("id", "at (UTC)", "who", "action", "subject", "detail")
    invocation.answer([vars(e) for e in found], lambda: table("audit log", heads, cells))


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


def _shown(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M")


def _details(detail: dict[str, Any]) -> str:
    return ", ".join(
        f"{k}={v if isinstance(v, str) else json.dumps(v, ensure_ascii=False)}" for k, v in detail.items()
    )
