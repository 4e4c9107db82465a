"""Options that several commands share, and how they are read."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from tagcast.features.core.errors import DefinitionError
from tagcast.features.core.messages import language_of, msg, render
from tagcast.pipelines.cli.groups import Invocation, pass_invocation

if TYPE_CHECKING:
    from tagcast.registry.access.roles import Right


class Day(click.ParamType[date]):
    """A calendar day, ``2017-12-02``."""

    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """Parse ``value``."""
        if isinstance(value, date):
            return value
        try:
            return date.fromisoformat(value)
        except ValueError:
            self.fail(
                render(
                    msg("expected a date such as 2017-12-02, found {value!r}", value=value), language_of()
                ),
                param,
                ctx,
            )


class Moment(click.ParamType[datetime]):
    """A moment, ``2026-11-28T03:00``: in the project's time zone where it names none."""

    name = "moment"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Parse ``value``."""
        if isinstance(value, datetime):
            return value
        try:
            return datetime.fromisoformat(value)
        except ValueError:
            self.fail(
                render(
                    msg("expected a moment such as 2026-11-28T03:00, found {value!r}", value=value),
                    language_of(),
                ),
                param,
                ctx,
            )


def _keep_purpose(ctx: click.Context, _param: click.Parameter, value: str | None) -> None:
    ctx.ensure_object(Invocation).purpose = value


purpose_option = click.option(
    "--purpose",
    expose_value=False,
    callback=_keep_purpose,
    help="What you look at them for; kept in the access log, and needed where [access] ask_purpose says so.",
)
all_option = click.option("--all", "every", is_flag=True, help="Every tag of the project.")
reason_option = click.option("--reason", required=True, help="Why; it is kept with the decision.")
trials_option = click.option(
    "--trials",
    type=click.IntRange(1, 10_000),
    default=12,
    show_default=True,
    help="LightGBM settings to try for each model.",
)


def tags_or_all(tags: tuple[str, ...], every: bool) -> list[str] | None:
    """Return the names that were given, or None for all.

    Raises
    ------
    DefinitionError
        When neither or both were given.
    """
    if bool(tags) == every:
        raise DefinitionError(
            msg("name tags or give --all, not both") if every else msg("no tag was named"),
            hint=msg("{command} lists them; --all takes every one", command="tagcast tag list"),
        )
    return None if every else list(tags)


def needs(right: Right) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Hand a command its invocation once who runs it has ``right``: with a key in ``TAGCAST_KEY`` that is its role's.

    For commands that work on files; those that ask a service pass on the person, and the service asks for the right.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @pass_invocation
        @wraps(command)
        def checked(invocation: Invocation, /, *given: Any, **named: Any) -> None:
            invocation.allowed(right)
            command(invocation, *given, **named)

        return checked

    return decorate


role_option = click.option(
    "--role",
    default="viewer",
    show_default=True,
    help="What they may do: viewer, marketer, lead, data_scientist, admin, owner, or a role of [access.roles].",
)
rows_option = click.option(
    "--rows",
    multiple=True,
    metavar="NAME",
    help="They see only profiles that meet this condition of [access.rows]; of several a profile has to meet one.",
)
sensitive_option = click.option(
    "--sensitive", is_flag=True, help="They may also see what is marked sensitive, whatever their role."
)
password_option = click.option(
    "--password-file",
    type=click.File(encoding="utf-8"),
    help="Read the password from a file, - for standard input; default: ask for it.",
)
