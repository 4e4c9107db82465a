"""`tagcast run`: the published runs."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import click

from tagcast.features.core.home.publication import publication, publishing
from tagcast.features.core.messages import listed, msg, nmsg
from tagcast.pipelines.cli.groups import Invocation, ProjectGroup
from tagcast.pipelines.cli.options import Moment, needs, reason_option
from tagcast.pipelines.nights.night import planned_nights, run_due
from tagcast.pipelines.project.clock import clock
from tagcast.pipelines.reports.runs import render_diff, render_night, render_runs
from tagcast.pipelines.reports.terminal import progress, say
from tagcast.pipelines.scoring.run_history import diff_runs, list_runs
from tagcast.serving.publishing.publication import roll_back

NOTHING_DUE = 16
"""Exit code of a night that had nothing to do."""


@click.group(cls=ProjectGroup)
def run() -> None:
    """Do what is due; list the published runs, compare them, go back to an earlier one, delete old ones.

    \b
    Example:
      tagcast run due
      tagcast run list
      tagcast run rollback --reason "Tuesday's prices were wrong"
    """


@run.command()
@click.option(
    "--at",
    type=Moment(),
    help="As if it were this moment, in the project's time zone; default: now.",
)
@click.option("--dry-run", is_flag=True, help="Say what is due, and do nothing.")
@needs("operate")
def due(invocation: Invocation, at: datetime | None, dry_run: bool) -> None:
    """Do what is due: load events, judge promises, train anew, score and publish.

    For a scheduler, which may call it as often as it likes: what is due follows from the refresh and retrain of each tag.
    Missed nights are made up for once. A call that was killed is gone on with by the next. Exit code 0: done; 16: nothing
    was due; 10: a run was refused, the last one stays active; 8: another night is under way.

    \b
    Example:
      tagcast run due
      tagcast run due --dry-run
      tagcast run due --at 2026-11-28T03:00
    """
    now = clock()
    if at is not None:
        now = at if at.tzinfo is not None else at.replace(tzinfo=ZoneInfo(invocation.settings.timezone))
    if dry_run:
        found, failed = planned_nights(invocation.project(), now), None
    else:
        with progress() as show:
            found, failed = run_due(invocation.project(show), now)
    if not found and failed is None:
        invocation.answer({}, lambda: say(msg("nothing is due")))
        click.get_current_context().exit(NOTHING_DUE)
    zone = invocation.settings.timezone
    invocation.answer_each(
        (found, failed), lambda night: night.to_dict(), lambda night: render_night(night, zone)
    )


@run.command("list")
@needs("see")
def show_runs(invocation: Invocation) -> None:
    """Show which run was active when, who changed that, and which runs are kept.

    \b
    Example:
      tagcast run list
    """
    project = invocation.project()
    rows = list_runs(project, invocation.person)
    invocation.answer([r.to_dict() for r in rows], lambda: render_runs(rows, project.store.place))


@run.command()
@click.argument("before", type=click.IntRange(min=1), required=False)
@click.argument("after", type=click.IntRange(min=1), required=False)
@needs("operate")
def diff(invocation: Invocation, before: int | None, after: int | None) -> None:
    """Show how many profiles entered and left each value of each tag from run BEFORE to run AFTER.

    Numbers are those of tagcast run list. Default: from the run before the active one to the active one.

    \b
    Example:
      tagcast run diff
      tagcast run diff 11
      tagcast run diff 11 13 --json
    """
    found = diff_runs(invocation.project(), before, after)
    invocation.answer(found.to_dict(), lambda: render_diff(found))


@run.command()
@click.argument("number", type=click.IntRange(min=1), required=False)
@reason_option
@needs("operate")
def rollback(invocation: Invocation, number: int | None, reason: str) -> None:
    """Activate an earlier run again: NUMBER of tagcast run list, or the one before.

    Nothing is lost: the run that was active is kept, and can be activated again.

    \b
    Example:
      tagcast run rollback --reason "Tuesday's prices were wrong"
      tagcast run rollback 12 --reason "back to Sunday's run"
    """
    with publication():
        publishing(invocation.settings.whole.home)
        target = roll_back(invocation.project().store, number, clock(), reason)
    invocation.answer(
        {"number": target.number, "run_id": target.run.run_id, "as_of": target.run.as_of},
        lambda: say(
            msg(
                "run {number} ({run}, as of {as_of}) is active",
                number=target.number,
                run=target.run.run_id,
                as_of=target.run.as_of,
            )
        ),
    )


@run.command()
@click.option(
    "--keep",
    type=click.IntRange(min=1),
    help="Newest runs to keep; default: publish.keep of the configuration.",
)
@needs("operate")
def prune(invocation: Invocation, keep: int | None) -> None:
    """Delete all but the newest runs; the active run, and the past that tags hold on to, stay.

    The history of changes is not touched: what was predicted for a profile stays known.

    \b
    Example:
      tagcast run prune --keep 3
    """
    with publication():
        publishing(invocation.settings.whole.home)
        gone = invocation.project().store.prune(keep or invocation.settings.publish.keep)
    deleted = msg("no run deleted")
    if gone:
        deleted = nmsg(
            "{n} run deleted: {runs}", "{n} runs deleted: {runs}", len(gone), runs=listed(map(str, gone))
        )
    invocation.answer({"deleted": gone}, lambda: say(deleted))
