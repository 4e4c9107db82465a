"""Classes of commands and groups: options that all share, one answer to errors, modules loaded on demand."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tagcast.features.core.errors import TagcastError
from tagcast.features.core.home.machine import machine_fault
from tagcast.features.core.messages import as_values, language_of, msg, render
from tagcast.features.core.system import adopt_home, private_files
from tagcast.features.core.telemetry.ids import new_id, within_run
from tagcast.features.core.telemetry.traces import span, start_tracing
from tagcast.pipelines.project.clock import clock
from tagcast.pipelines.project.local_user import caller, key_given, local_origin, local_user
from tagcast.pipelines.project.progress import Progress, quiet
from tagcast.pipelines.reports.terminal import answer_error, say
from tagcast.registry.access.origin import asked_from

if TYPE_CHECKING:
    from collections.abc import Callable

    from tagcast.features.core.settings import Settings
    from tagcast.features.core.telemetry.json_log import LogForm
    from tagcast.models.filters.names import Names
    from tagcast.pipelines.project.project import Project
    from tagcast.registry.access.roles import Person, Right
    from tagcast.registry.state.database import State
    from tagcast.serving.context import ServiceContext
    from tagcast.serving.store.reader_pool import Seen

INTERRUPTED = 130
_PASSING = (click.exceptions.Exit,)


@dataclass
class Invocation:
    """The project that a command runs on, and how it answers; one object in the click context.

    Parameters
    ----------
    config, home, entity : Path, Path and str, or None
        As given by ``--config``, ``--home`` and ``--entity``, before the command or after it.
    as_json : bool
    log_form : {"text", "json"} or None
        Of the lines on standard error, as given by ``--log``; None: as ``TAGCAST_LOG`` says, else text.
    purpose : str or None
        What single profiles are looked at for.
    """

    config: Path | None = None
    home: Path | None = None
    entity: str | None = None
    as_json: bool = False
    log_form: LogForm | None = None
    purpose: str | None = None

    @cached_property
    def settings(self) -> Settings:
        """The project's configuration, as the entity that is asked for sees it."""
        from tagcast.features.entities.entity_settings import settings_of

        return self._whole if self.entity is None else settings_of(self._whole, self.entity)

    @cached_property
    def _whole(self) -> Settings:
        from tagcast.features.core.settings import load_settings

        settings = load_settings(self.config, self.home, Path.cwd())
        adopt_home(settings.home)
        return settings

    def project(self, progress: Progress = quiet) -> Project:
        """Return the project, or the part of it that is asked for; nothing is built yet."""
        from tagcast.pipelines.project.project import Project

        whole = Project(self.settings.whole, progress, now=clock())
        return whole if self.entity is None else whole.of(self.entity)

    def context(self) -> ServiceContext:
        """Open the service context that console and API work with as well."""
        from tagcast.serving.context import open_context

        return open_context(self.settings, clock)

    @cached_property
    def state(self) -> State:
        """Where the accounts and keys of the project are."""
        return self.project().accounts

    @cached_property
    def person(self) -> Person:
        """Who runs the command: whose key is in ``TAGCAST_KEY``, else the user of the system."""
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
        from tagcast.serving.audiences.filter_resolution import columns_of

        return columns_of(self.context(), self.person) if key_given() else None

    @property
    def seen(self) -> Seen:
        """What of a run who runs the command may see."""
        from tagcast.serving.filters.row_rights import seen_by
        from tagcast.serving.store.reader_pool import whole

        return partial(seen_by, self.context(), self.person) if self.person.limits else whole

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

    def answer_each(
        self, found: tuple[Mapping[str, Any], TagcastError | None], payload: Callable[[Any], Any],
        render: Callable[[Any], None],
    ) -> None:  # fmt: skip
        """Print what was found of each entity, by its name where there are several, and raise what failed."""
        answers, failed = found

        def render_all() -> None:
            for entity, answer in answers.items():
                if len(answers) > 1:
                    say(msg("Entity: {entity}", entity=entity))
                render(answer)

        payloads = {entity: payload(answer) for entity, answer in answers.items()}
        several = len(payloads) > 1 or (failed is not None and payloads)
        if payloads:
            self.answer(payloads if several else next(iter(payloads.values())), render_all)
        if failed is not None:
            raise failed


pass_invocation = click.make_pass_decorator(Invocation, ensure=True)


def _remember(ctx: click.Context, param: click.Parameter, value: Any) -> Any:
    invocation = ctx.ensure_object(Invocation)
    # Not given here says nothing: it may have been given to a group before.
    if value and param.name is not None:
        setattr(invocation, param.name, value)
    return value


def _with_project_options(arguments: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of a command with the shared options after its own."""
    option, path = partial(click.Option, expose_value=False, callback=_remember), click.Path(path_type=Path)
    shared: list[click.Parameter] = [
        option(["--config"], type=path, help="Configuration; default: tagcast.toml here or above."),
        option(
            ["--home"],
            type=path,
            help="Keeps all that is made; default: TAGCAST_HOME, else .tagcast beside the configuration.",
        ),
        option(
            ["--entity"],
            metavar="NAME",
            help="Only this entity of the configuration; default: profile, or every one where all tags are meant.",
        ),
        option(["--json", "as_json"], is_flag=True, help="Answer as JSON on standard output."),
        option(
            ["--log", "log_form"],
            type=click.Choice(["text", "json"]),
            help="Lines on standard error: for people, or each as JSON; default: TAGCAST_LOG, else text.",
        ),
    ]
    return {**arguments, "params": [*(arguments.get("params") or []), *shared]}


class ProjectCommand(click.Command):
    """A command on a project: it takes the shared options, and answers errors with a hint and an exit code."""

    def __init__(self, name: str | None, **more: Any) -> None:
        super().__init__(name, **_with_project_options(more))

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; every error of tagcast is answered here."""
        from tagcast.pipelines.reports.terminal import log_form, start_logging

        invocation = ctx.ensure_object(Invocation)
        try:
            start_logging(form=log_form(invocation.log_form))
            start_tracing()
            words = ctx.command_path.partition(" ")[2]  # what it was called by may be a path
            asked, spanned = local_origin("cli", invocation.purpose), span(words, passing=_PASSING)
            with private_files(), asked_from(asked), within_run(new_id()), spanned:
                return super().invoke(ctx)
        except TagcastError as error:
            answer_error(error, as_json=invocation.as_json, text=ctx.params.get("text"))
            ctx.exit(error.exit_code)
        except Exception as error:
            # Whatever no layer has put into words: rights, memory, a broken library.
            fault = machine_fault(error)
            if fault is None:
                raise
            answer_error(fault, as_json=invocation.as_json, text=None)
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
