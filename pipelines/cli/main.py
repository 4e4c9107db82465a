"""The command line: each command parses, calls one function, prints.

Heavy libraries are imported inside the functions that the commands call: `tagcast --help` is instant.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import wraps
from pathlib import Path
from typing import Any

import click

from tagcast.features.core.errors import FilterError, TagcastError
from tagcast.features.core.messages import as_values, language_of, msg, render
from tagcast.features.core.system import check_system

_EXAMPLES_WIDTH = 110


class _Group(click.Group):
    """Lists commands in the order in which a project uses them, not by alphabet."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


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
            problem = msg("expected a date such as 2017-12-02, found {found!r}", found=value)
            self.fail(render(problem, language_of()), param, ctx)


@click.group(
    cls=_Group,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": _EXAMPLES_WIDTH},
)
@click.version_option(package_name="tagcast")
def cli() -> None:
    """Turn raw customer events into predicted tags that can be checked.

    \b
    A first run in a folder with a tagcast.toml:
      tagcast check                              is the data ready?
      tagcast train --all                        train and version every tag
      tagcast score --all                        score everyone, publish the profile store
      tagcast audience count "churn_risk = 'yes' AND churn_risk.confidence >= 0.8"
    """


def project_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that every command has, and one way of answering errors."""

    @click.option(
        "--config",
        type=click.Path(path_type=Path),
        help="Configuration; default: tagcast.toml here or above.",
    )
    @click.option(
        "--home",
        type=click.Path(path_type=Path),
        help="Keeps all that is made; default: TAGCAST_HOME, else .tagcast beside the configuration.",
    )
    @click.option("--json", "as_json", is_flag=True, help="Answer as JSON on standard output.")
    @wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        from tagcast.pipelines.reports.terminal import start_logging

        start_logging(verbose=False)
        try:
            return command(*args, **kwargs)
        except TagcastError as error:
            _answer(error, as_json=bool(kwargs.get("as_json")), text=kwargs.get("text"))
            sys.exit(error.exit_code)
        except KeyboardInterrupt:
            stopped = msg("stopped; nothing half-done is left active, the command can be run again")
            click.echo(render(stopped, language_of()), err=True)
            sys.exit(130)

    return wrapped


def _answer(error: TagcastError, *, as_json: bool, text: str | None) -> None:
    message, hint = error.rendered(language_of())
    if as_json:
        answer: dict[str, Any] = {
            "error": message,
            "hint": hint,
            "code": error.code,
            "params": as_values(getattr(error.message, "params", {}), language_of()),
            "exit_code": error.exit_code,
        }
        if isinstance(error, FilterError):
            answer["position"] = error.position
        click.echo(json.dumps(answer, ensure_ascii=False, default=str), err=True)
        return
    click.echo(render(msg("error: {message}", message=message), language_of()), err=True)
    if isinstance(error, FilterError) and text:
        from tagcast.models.filters.parser import caret

        click.echo(caret(text, error), err=True)
    if hint:
        click.echo("  " + render(msg("hint: {hint}", hint=hint), language_of()), err=True)


def clock() -> datetime:
    """Read the clock: only commands do, logic gets the moment as an argument."""
    return datetime.now(UTC)


def application() -> click.Group:
    """Return the command line with every command."""
    from tagcast.pipelines import cli_plan
    from tagcast.pipelines.cli import access as cli_access
    from tagcast.pipelines.cli import models as cli_versions
    from tagcast.pipelines.cli import runs as cli_store
    from tagcast.pipelines.cli import saved_audiences as cli_saved
    from tagcast.pipelines.cli import scoring as cli_tags
    from tagcast.pipelines.cli import serve as cli_serve
    from tagcast.pipelines.cli import tags as cli_catalogue
    from tagcast.pipelines.cli import training as cli_models

    groups = (
        cli_models,
        cli_versions,
        cli_plan,
        cli_saved,
        cli_tags,
        cli_catalogue,
        cli_store,
        cli_serve,
        cli_access,
    )
    for command in (command for group in groups for command in group.COMMANDS):
        cli.add_command(command)
    return cli


def main() -> None:
    """Run the command line."""
    try:
        check_system()
    except TagcastError as error:
        _answer(error, as_json="--json" in sys.argv, text=None)
        sys.exit(error.exit_code)
    application()()


if __name__ == "__main__":
    main()
