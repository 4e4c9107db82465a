"""Commands: plan, apply."""

from __future__ import annotations

from pathlib import Path

import click

from tagcast.pipelines.cli.main import clock, project_options


@click.command()
@project_options
def plan(config: Path | None, home: Path | None, as_json: bool) -> None:
    """Show what changed in the definitions against what is active, and what it would do.

    Names what needs training, and counts on the active run how many profiles would get each value and how every saved
    audience would change in size. Nothing is activated.

    \b
    Example:
      tagcast plan
    """
    from tagcast.pipelines.deployment.plan import make_plan
    from tagcast.pipelines.project.project import open_project
    from tagcast.pipelines.reports.plan import render_plan
    from tagcast.pipelines.reports.terminal import emit, progress
    from tagcast.serving.context import open_context

    with progress() as show:
        project = open_project(config, home, show)
        found = make_plan(project, open_context(project.settings, clock))
    emit(found.to_dict(), as_json=as_json, render=lambda: render_plan(found))


@click.command("apply")
@click.option("--reason", required=True, help="Why; it is kept with what is activated.")
@click.option("--by", help="Who decides; default: the user who runs the command.")
@project_options
def apply(config: Path | None, home: Path | None, as_json: bool, reason: str, by: str | None) -> None:
    """Activate the definitions as written: the next run says them.

    What needs training stays as it is until a model is trained. Where [review] second_person is on, the first who applies
    proposes, and somebody else who applies the same activates it.

    \b
    Example:
      tagcast apply --reason "fewer letters: only who is rather sure to leave"
    """
    from tagcast.pipelines.deployment.plan import apply_plan
    from tagcast.pipelines.project.local_user import system_user
    from tagcast.pipelines.project.project import open_project
    from tagcast.pipelines.reports.plan import render_applied
    from tagcast.pipelines.reports.terminal import emit

    project = open_project(config, home)
    done = apply_plan(project, by=by or system_user(), reason=reason, now=clock())
    emit(done.to_dict(), as_json=as_json, render=lambda: render_applied(done))


COMMANDS = (plan, apply)
