"""Classes of commands and groups: options that all share, one answer to errors, modules loaded on demand."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tagcast.features.core.errors import FilterError, TagcastError
from tagcast.features.core.home.machine import machine_fault
from tagcast.features.core.messages import as_values, language_of, msg, render
from tagcast.features.core.system import adopt_home, private_files
from tagcast.pipelines.project.clock import clock
from tagcast.pipelines.project.progress import Progress, quiet

if TYPE_CHECKING:
    from collections.abc import Callable

    from tagcast.features.core.settings import Settings
    from tagcast.models.filters.conditions import Names
    from tagcast.pipelines.project.project import Project
    from tagcast.registry.access.roles import Person, Right
    from tagcast.registry.state.database import State
    from tagcast.serving.context import ServiceContext

INTERRUPTED = 130


@dataclass
class Invocation:
    """The project that a command runs on, and how it answers; one object in the click context.

    Parameters
    ----------
    config, home : Path or None
        As given by ``--config`` and ``--home``, before the command or after it.
    as_json : bool
    """

    config: Path | None = None
    home: Path | None = None
    as_json: bool = False

    @cached_property
    def settings(self) -> Settings:
        """The project's configuration."""
        from tagcast.features.core.settings import load_settings

        settings = load_settings(self.config, self.home, Path.cwd())
        adopt_home(settings.home)
        return settings

    def project(self, progress: Progress = quiet) -> Project:
        """Return the project; nothing is built yet."""
        from tagcast.pipelines.project.project import Project

        return Project(self.settings, progress)

    def context(self) -> ServiceContext:
        """Open the service context that console and API work with as well."""
        from tagcast.serving.context import open_context

        return open_context(self.settings, clock)

    @cached_property
    def state(self) -> State:
        """Accounts, keys, audit log, saved audiences and drafts of the project."""
        return self.project().state

    @cached_property
    def person(self) -> Person:
        """Who runs the command: whose key is in ``TAGCAST_KEY``, else the user of the system."""
        from tagcast.pipelines.project.local_user import caller, key_given, local_user

        # Without a key nothing is looked up: a command that reads files alone makes no state.
        return caller(self.state, clock()) if key_given() else local_user()

    @cached_property
    def hidden_tags(self) -> frozenset[str]:
        """Tags that are marked sensitive and not for who runs the command."""
        if self.person.may("sensitive"):
            return frozenset()
        from tagcast.serving.catalog.known_tags import hidden_tags

        return hidden_tags(self.context(), self.person)

    @property
    def visible_columns(self) -> Names | None:
        """Tags and attributes of a profile that who runs the command may see; None: all."""
        from tagcast.pipelines.project.local_user import key_given
        from tagcast.serving.audiences.filter_resolution import columns_of

        return columns_of(self.context(), self.person) if key_given() else None

    def require_visible(self, tag: str) -> None:
        """Pass only a tag that who runs the command may see."""
        if tag in self.hidden_tags:
            from tagcast.serving.catalog.known_tags import find_tag

            find_tag(self.context(), self.person, tag)  # raises, with what helps

    def allowed(self, right: Right) -> str:
        """Return the name of who runs the command, where they have ``right``."""
        from tagcast.registry.access.roles import require

        require(self.person, right)
        return self.person.name

    def answer(self, payload: Any, render: Callable[[], None]) -> None:
        """Print ``payload`` as JSON where ``--json`` asks for it, else let ``render`` print it for people."""
        if self.as_json:
            values = as_values(payload, language_of())
            print(json.dumps(values, default=str, ensure_ascii=False, indent=2))
        else:
            render()


pass_invocation = click.make_pass_decorator(Invocation, ensure=True)


def _remember(ctx: click.Context, param: click.Parameter, value: Any) -> Any:
    invocation = ctx.ensure_object(Invocation)
    # Not given here says nothing: it may have been given to a group before.
    if value and param.name is not None:
        setattr(invocation, param.name, value)
    return value


def _with_project_options(arguments: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of a command with the shared options after its own."""
    shared: list[click.Parameter] = [
        click.Option(
            ["--config"],
            type=click.Path(path_type=Path),
            help="Configuration; default: tagcast.toml here or above.",
            expose_value=False,
            callback=_remember,
        ),
        click.Option(
            ["--home"],
            type=click.Path(path_type=Path),
            help="Keeps all that is made; default: TAGCAST_HOME, else .tagcast beside the configuration.",
            expose_value=False,
            callback=_remember,
        ),
        click.Option(
            ["--json", "as_json"],
            is_flag=True,
            help="Answer as JSON on standard output.",
            expose_value=False,
            callback=_remember,
        ),
    ]
    return {**arguments, "params": [*(arguments.get("params") or []), *shared]}


class ProjectCommand(click.Command):
    """A command on a project: it takes the shared options, and answers errors with a hint and an exit code."""

    def __init__(self, name: str | None, **more: Any) -> None:
        super().__init__(name, **_with_project_options(more))

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; every error of tagcast is answered here."""
        from tagcast.pipelines.reports.terminal import start_logging

        start_logging()
        try:
            with private_files():
                return super().invoke(ctx)
        except TagcastError as error:
            answer_error(error, as_json=ctx.ensure_object(Invocation).as_json, text=ctx.params.get("text"))
            ctx.exit(error.exit_code)
        except Exception as error:
            # Whatever no layer has put into words: rights, memory, a broken library. One message all the same.
            fault = machine_fault(error)
            if fault is None:
                raise
            answer_error(fault, as_json=ctx.ensure_object(Invocation).as_json, text=None)
            ctx.exit(fault.exit_code)
        except KeyboardInterrupt:
            stopped = msg("stopped; nothing half-done is left active, the command can be run again")
            click.echo(render(stopped, language_of()), err=True)
            ctx.exit(INTERRUPTED)


class ProjectGroup(click.Group):
    """A noun with its verbs, in the order in which a project uses them; takes the shared options, too."""

    command_class = ProjectCommand
    group_class = type

    def __init__(self, name: str | None, **more: Any) -> None:
        super().__init__(name, **_with_project_options(more))

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands as they were defined, not by alphabet."""
        return list(self.commands)


@dataclass(frozen=True)
class LazyCommand:
    """Where a command is defined, and what the list of commands says of it.

    Parameters
    ----------
    module : str
        Under ``tagcast.pipelines.cli``; its attribute has the command's name.
    help : str
        The first sentence of the command's own help, so that listing loads no module.
    """

    module: str
    help: str


class LazyGroup(ProjectGroup):
    """A group whose commands are imported when they are called.

    Parameters
    ----------
    lazy : mapping of str to LazyCommand
        In the order of the list.
    """

    def __init__(self, name: str | None, *, lazy: Mapping[str, LazyCommand], **more: Any) -> None:
        super().__init__(name, **more)
        self.lazy = lazy

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names, without loading anything."""
        return list(self.lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the module of a command."""
        found = self.lazy.get(cmd_name)
        if found is None:
            return None
        command = getattr(import_module(f"tagcast.pipelines.cli.{found.module}"), cmd_name)
        assert isinstance(command, click.Command)  # noqa: S101
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands with what the table says of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, command.help) for name, command in self.lazy.items()])


def answer_error(error: TagcastError, *, as_json: bool, text: str | None) -> None:
    """Print an error on standard error.

    Parameters
    ----------
    error : TagcastError
    as_json : bool
        As an object with the keys ``error``, ``hint``, ``code``, ``params``, ``exit_code``, and ``position`` in a filter.
    text : str, optional
        The filter, so that a mark can stand under the place.
    """
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
