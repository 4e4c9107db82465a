"""Commands for those who keep the profile store: list, rollback, prune."""

from __future__ import annotations

from pathlib import Path

import click

from tagcast.pipelines.cli.main import clock, project_options


@click.group()
def store() -> None:
    """List the published runs, go back to an earlier one, delete old ones.

    \b
    Example:
      tagcast store list
      tagcast store rollback --reason "the prices of Tuesday were wrong"
    """


@store.command("list")
@project_options
def list_runs(config: Path | None, home: Path | None, as_json: bool) -> None:
    """Show what was activated, when and by whom, and which runs are kept.

    \b
    Example:
      tagcast store list
    """
    from tagcast.pipelines.project.project import open_project
    from tagcast.pipelines.reports.terminal import emit
    from tagcast.pipelines.scoring.run_history import render_runs, runs

    project = open_project(config, home)
    rows = runs(project)
    emit([r.to_dict() for r in rows], as_json=as_json, render=lambda: render_runs(rows, project.store.place))


@store.command("rollback")
@click.argument("number", type=click.IntRange(min=1), required=False)
@click.option("--reason", required=True, help="Why; kept in the store's log.")
@project_options
def rollback(config: Path | None, home: Path | None, as_json: bool, number: int | None, reason: str) -> None:
    """Activate an earlier run again: NUMBER of tagcast store list, or the one before.

    Nothing is lost: the run that was active is kept, and can be activated again.

    \b
    Example:
      tagcast store rollback --reason "the prices of Tuesday were wrong"
      tagcast store rollback 12 --reason "back to the run of Sunday"
    """
    from tagcast.pipelines.project.project import open_project
    from tagcast.pipelines.reports.terminal import emit, say
    from tagcast.serving.publishing.publication import roll_back

    target = roll_back(open_project(config, home).store, number, clock(), reason)
    emit(
        {"number": target.number, "run_id": target.run.run_id, "as_of": target.run.as_of},
        as_json=as_json,
        render=lambda: say(f"run {target.number} ({target.run.run_id}, as of {target.run.as_of}) is active"),
    )


@store.command("prune")
@click.option(
    "--keep",
    type=click.IntRange(min=1),
    help="Newest runs to keep; default: publish.keep of the configuration.",
)
@project_options
def prune(config: Path | None, home: Path | None, as_json: bool, keep: int | None) -> None:
    """Delete runs beyond the newest; the active one, and the past that tags hold on to, stay.

    What profiles were told stays known: the history of changes is not touched.

    \b
    Example:
      tagcast store prune --keep 3
    """
    from tagcast.pipelines.project.project import open_project
    from tagcast.pipelines.reports.terminal import emit, say

    project = open_project(config, home)
    gone = project.store.prune(keep or project.settings.publish.keep)
    names = ", ".join(map(str, gone)) or "none"
    emit({"deleted": gone}, as_json=as_json, render=lambda: say(f"{len(gone)} runs deleted: {names}"))


COMMANDS = (store,)
