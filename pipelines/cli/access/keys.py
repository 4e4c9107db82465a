"""`tagcast key`: the keys with which programs call the API."""

from __future__ import annotations

from datetime import date, datetime, time
from zoneinfo import ZoneInfo

import click

from tagcast.features.core.messages import msg, nmsg
from tagcast.pipelines.cli.groups import Invocation, ProjectGroup, pass_invocation
from tagcast.pipelines.cli.options import Day, role_option, rows_option, sensitive_option
from tagcast.pipelines.project.clock import clock
from tagcast.pipelines.reports.terminal import moment_text, say, spoken, table
from tagcast.registry.access import api_keys
from tagcast.registry.access.roles import RIGHTS


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
@click.option(
    "--expires", type=Day(), help="From this day on it does not work; default: as [access] key_days says."
)
@click.option(
    "--only",
    metavar="RIGHT,…",
    help=f"Of the rights of its role only these: {', '.join(RIGHTS)}.",
)
@pass_invocation
def add_key(
    invocation: Invocation, name: str, role: str, rows: tuple[str, ...],
    sensitive: bool, expires: date | None, only: str | None,
) -> None:  # fmt: skip
    """Make a key for the program NAME. It is shown once: only its digest is kept.

    \b
    Example:
      tagcast key add crm --role marketer --expires 2027-06-30
      tagcast key add dashboard --role marketer --only see,filter
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
        days=invocation.settings.access.key_days,
        only=None if only is None else [right.strip() for right in only.split(",") if right.strip()],
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
    found, now = api_keys.keys(invocation.state), clock()
    cells = [
        (
            k.id,
            k.name,
            k.role if k.only is None else f"{k.role}: {', '.join(k.only)}",
            k.sensitive or None,
            ", ".join(k.rows) or None,
            k.added_by,
            *map(moment_text, (k.added_at, k.used_at, k.expires_at, k.revoked_at)),
        )
        for k in found
    ]
    heads = (
        "id", "name", "role", "sensitive", "sees only", "added by", "added at (UTC)", "last used", "expires at",
        "revoked at",
    )  # fmt: skip

    def render() -> None:
        table("keys", heads, cells)
        for one in found:
            if one.expires_at is not None and one.ends_soon(now):
                days = (one.expires_at - now).days
                say(
                    nmsg(
                        "the key {key} of {name} ends in {n} day: add another one in time",
                        "the key {key} of {name} ends in {n} days: add another one in time",
                        days,
                        key=one.id,
                        name=one.name,
                    )
                )

    invocation.answer([{**vars(k), "ends_soon": k.ends_soon(now)} for k in found], render)


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
