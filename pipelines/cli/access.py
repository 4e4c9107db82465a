"""Commands for those who let others in: users, keys, and the audit log."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click

from tagcast.pipelines.cli.main import Day, clock, project_options
from tagcast.registry.access.roles import ROLES, role_named

if TYPE_CHECKING:
    from tagcast.features.core.settings import Settings
    from tagcast.registry.state.database import State

role_option = click.option(
    "--role", type=click.Choice(ROLES), default="viewer", show_default=True, help="What they may do."
)
sensitive_option = click.option(
    "--sensitive", is_flag=True, help="They may also see what is marked sensitive, whatever their role."
)
password_option = click.option(
    "--password-file",
    type=click.File(encoding="utf-8"),
    help="Read the password from a file, - for standard input; default: ask for it.",
)


@click.group()
def user() -> None:
    """Add, list and remove those who may log in to the console.

    \b
    Roles, each with the rights of those before it:
      viewer           see the catalogue, filter
      marketer         save and export audiences, look at profiles, comment, draft rule tags
      data_scientist   review, read the audit log, see what is sensitive
      admin            manage users and keys

    \b
    Example:
      tagcast user add ann --role admin
      tagcast user list
    """


@user.command("add")
@click.argument("name")
@role_option
@sensitive_option
@password_option
@project_options
def add_user(
    config: Path | None, home: Path | None, as_json: bool, name: str, role: str, sensitive: bool,
    password_file: Any,
) -> None:  # fmt: skip
    """Let NAME log in; the password is asked for, and has at least 10 characters.

    \b
    Example:
      tagcast user add ann --role admin
      tagcast user add bo --role marketer --sensitive
    """
    from tagcast.pipelines.project.local_user import system_user
    from tagcast.pipelines.reports.terminal import emit, say
    from tagcast.registry.access.accounts import add_user

    _, state = _open(config, home)
    added = add_user(
        state,
        name,
        role_named(role),
        _password(password_file),
        sensitive=sensitive,
        by=system_user(),
        now=clock(),
    )
    emit(
        {"name": added.name, "role": added.role, "sensitive": added.sensitive},
        as_json=as_json,
        render=lambda: say(f"{added.name} may log in, as {added.role}"),
    )


@user.command("password")
@click.argument("name")
@password_option
@project_options
def set_password(
    config: Path | None, home: Path | None, as_json: bool, name: str, password_file: Any
) -> None:
    """Give NAME another password; wherever they are logged in they have to do so anew.

    \b
    Example:
      tagcast user password ann
    """
    from tagcast.pipelines.project.local_user import system_user
    from tagcast.pipelines.reports.terminal import emit, say
    from tagcast.registry.access.accounts import set_password

    _, state = _open(config, home)
    set_password(state, name, _password(password_file), by=system_user(), now=clock())
    emit({"name": name}, as_json=as_json, render=lambda: say(f"{name} has another password"))


@user.command("list")
@project_options
def list_users(config: Path | None, home: Path | None, as_json: bool) -> None:
    """Show who may log in.

    \b
    Example:
      tagcast user list
    """
    from tagcast.pipelines.reports.terminal import emit, table
    from tagcast.registry.access.accounts import users

    _, state = _open(config, home)
    found = users(state)
    cells = [(u.name, u.role, u.sensitive or None, u.added_by, _shown(u.added_at)) for u in found]
    heads = ("name", "role", "sensitive", "added by", "added at (UTC)")
    emit([vars(u) for u in found], as_json=as_json, render=lambda: table("users", heads, cells))


@user.command("remove")
@click.argument("name")
@project_options
def remove_user(config: Path | None, home: Path | None, as_json: bool, name: str) -> None:
    """Let NAME in no more; their sessions and keys end. What they did stays in the audit log.

    \b
    Example:
      tagcast user remove bo
    """
    from tagcast.pipelines.project.local_user import system_user
    from tagcast.pipelines.reports.terminal import emit, say
    from tagcast.registry.access.accounts import remove_user

    _, state = _open(config, home)
    remove_user(state, name, by=system_user(), now=clock())
    emit({"removed": name}, as_json=as_json, render=lambda: say(f"{name} may not log in any more"))


@click.group()
def key() -> None:
    """Add, list and revoke the keys with which programs ask the API.

    \b
    Example:
      tagcast key add crm --role marketer --expires 2027-06-30
      tagcast key list
    """


@key.command("add")
@click.argument("name")
@role_option
@sensitive_option
@click.option("--expires", type=Day(), help="From this day on it does not work.")
@project_options
def add_key(
    config: Path | None, home: Path | None, as_json: bool, name: str, role: str, sensitive: bool,
    expires: date | None,
) -> None:  # fmt: skip
    """Make a key for the program NAME. It is shown once: only its digest is kept.

    \b
    Example:
      tagcast key add crm --role marketer --expires 2027-06-30
      curl -H "Authorization: Bearer tc_…" http://127.0.0.1:8080/api/v1/tags
    """
    from tagcast.pipelines.project.local_user import system_user
    from tagcast.pipelines.reports.terminal import emit, say
    from tagcast.registry.access.accounts import add_key

    settings, state = _open(config, home)
    until = None if expires is None else datetime.combine(expires, time(), ZoneInfo(settings.timezone))
    made = add_key(
        state, name, role_named(role), sensitive=sensitive, by=system_user(), now=clock(), expires_at=until
    )

    def render() -> None:
        say(made)
        click.echo("keep it now: it cannot be shown again", err=True)

    emit({"name": name, "role": role, "key": made}, as_json=as_json, render=render)


@key.command("list")
@project_options
def list_keys(config: Path | None, home: Path | None, as_json: bool) -> None:
    """Show the keys, without what is secret in them, newest first.

    \b
    Example:
      tagcast key list
    """
    from tagcast.pipelines.reports.terminal import emit, table
    from tagcast.registry.access.accounts import keys

    _, state = _open(config, home)
    found = keys(state)
    cells = [
        (
            k.id,
            k.name,
            k.role,
            k.sensitive or None,
            k.added_by,
            *map(_shown, (k.added_at, k.expires_at, k.revoked_at)),
        )
        for k in found
    ]
    heads = ("id", "name", "role", "sensitive", "added by", "added at (UTC)", "expires at", "revoked at")
    emit([vars(k) for k in found], as_json=as_json, render=lambda: table("keys", heads, cells))


@key.command("revoke")
@click.argument("key_id", metavar="ID")
@project_options
def revoke_key(config: Path | None, home: Path | None, as_json: bool, key_id: str) -> None:
    """End the key of that ID; a console that runs notices within 5 seconds.

    \b
    Example:
      tagcast key revoke 1f0c9a3b5d7e
    """
    from tagcast.pipelines.project.local_user import system_user
    from tagcast.pipelines.reports.terminal import emit, say
    from tagcast.registry.access.accounts import revoke_key

    _, state = _open(config, home)
    revoke_key(state, key_id, by=system_user(), now=clock())
    emit({"revoked": key_id}, as_json=as_json, render=lambda: say(f"the key {key_id} works no more"))


@click.command()
@click.option("--action", help="Only this action; with a dot at its end all that begin so: audience.")
@click.option("--subject", help="Only what was done to this tag, audience, user or key.")
@click.option("--who", help="Only what this person or key did.")
@click.option(
    "--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="Newest lines to show."
)
@click.option("--before", type=click.IntRange(min=1), help="Only lines older than this one: the next page.")
@project_options
def audit(
    config: Path | None, home: Path | None, as_json: bool, action: str | None, subject: str | None,
    who: str | None, limit: int, before: int | None,
) -> None:  # fmt: skip
    """Show who did what and when, newest first: logins, exports, saved audiences, steps of tags, keys.

    \b
    Example:
      tagcast audit
      tagcast audit --action export --limit 10
      tagcast audit --action audience. --who ann
    """
    from tagcast.pipelines.reports.terminal import emit, table
    from tagcast.registry.access.audit_log import entries

    _, state = _open(config, home)
    found = entries(state, action=action, subject=subject, who=who, limit=limit, before=before)
    cells = [(e.id, _shown(e.at), e.who, e.action, e.subject, _details(e.detail)) for e in found]
    heads = ("id", "at (UTC)", "who", "action", "subject", "detail")
    emit([vars(e) for e in found], as_json=as_json, render=lambda: table("audit log", heads, cells))


def _open(config: Path | None, home: Path | None) -> tuple[Settings, State]:
    from tagcast.features.core.settings import load_settings
    from tagcast.registry.state.database import open_state

    settings = load_settings(config, home, Path.cwd())
    return settings, open_state(settings)


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


COMMANDS = (user, key, audit)
