"""Commands for jobs and marketers: score, promise, profile."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Literal

import click

from tagcast.pipelines.cli.main import Day, clock, project_options
from tagcast.pipelines.cli.training import tags_or_all


@click.command()
@click.argument("tags", nargs=-1)
@click.option("--all", "every", is_flag=True, help="Every tag that has a champion.")
@click.option("--as-of", type=Day(), help="Score as of this day; default: the day after the last event.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also write the predictions, one row a profile and tag, to this .parquet file.",
)
@click.option(
    "--reasons",
    type=click.Choice(["all", "none"]),
    default="all",
    show_default=True,
    help="Whether to say why, for each profile and tag; none is faster.",
)
@click.option(
    "--wait",
    type=click.FloatRange(min=0),
    default=0.0,
    metavar="MINUTES",
    help="Wait so long for another run that is writing the store; default: leave at once, with exit code 8.",
)
@click.option(
    "--accept",
    default="",
    metavar="WHY",
    help="Publish although the run differs from the last one by more than [publish] allows; recorded.",
)
@project_options
def score(
    config: Path | None,
    home: Path | None,
    as_json: bool,
    tags: tuple[str, ...],
    every: bool,
    as_of: date | None,
    out: Path | None,
    reasons: Literal["all", "none"],
    wait: float,
    accept: str,
) -> None:
    """Score everyone with each champion and publish a new snapshot of the profile store.

    Published whole or not at all: a run that is stopped leaves the last active one and can be run again. A run that
    differs too much from the last one is refused with exit code 10.

    \b
    Example:
      tagcast score --all
      tagcast score --all --wait 60
      tagcast score churn_risk --as-of 2017-12-02 --out predictions.parquet
      tagcast score --all --accept "the loyalty programme ended, fewer shoppers are known"
    """
    from tagcast.pipelines.project.project import open_project
    from tagcast.pipelines.reports.audiences import keep_sizes
    from tagcast.pipelines.reports.scoring import render_scoring
    from tagcast.pipelines.reports.terminal import emit, progress
    from tagcast.pipelines.scoring.score import score_tags

    names = tags_or_all(tags, every)
    moment = clock()
    with progress() as show:
        project = open_project(config, home, show)
        run = score_tags(
            project,
            names,
            as_of=as_of,
            moment=moment,
            out=out,
            reasons=reasons,
            wait_seconds=60 * wait,
            accept=accept,
        )
    keep_sizes(project.settings, moment)
    emit(run.to_dict(), as_json=as_json, render=lambda: render_scoring(run))


@click.command()
@project_options
def promise(config: Path | None, home: Path | None, as_json: bool) -> None:
    """Hold what the published run promised against what then happened.

    For a tag whose window is not yet observed, the promise of its model on its own test snapshot is shown.

    \b
    Example:
      tagcast promise
    """
    from tagcast.pipelines.evaluation.observed_accuracy import promise_beside_reality, render_promise
    from tagcast.pipelines.project.project import open_project
    from tagcast.pipelines.reports.terminal import emit

    rows = promise_beside_reality(open_project(config, home))
    emit([r.to_dict() for r in rows], as_json=as_json, render=lambda: render_promise(rows))


@click.command()
@click.argument("profile_id")
@click.option(
    "--on", type=Day(), help="What was said at the end of this day (UTC); default: what is said now."
)
@project_options
def profile(config: Path | None, home: Path | None, as_json: bool, profile_id: str, on: date | None) -> None:
    """Show one profile: its tags, confidence, reasons and key features.

    \b
    Example:
      tagcast profile 1228
      tagcast profile 1228 --on 2017-11-30
    """
    from tagcast.pipelines.project.project import open_project
    from tagcast.pipelines.reports.profile import look_up, render_profile
    from tagcast.pipelines.reports.terminal import emit
    from tagcast.pipelines.scoring.run_history import profile_on, render_profile_on

    project = open_project(config, home)
    if on is not None:
        then = profile_on(project, profile_id, on)
        emit(then, as_json=as_json, render=lambda: render_profile_on(then))
        return
    view = look_up(project, profile_id)
    emit(view, as_json=as_json, render=lambda: render_profile(view))


COMMANDS = (score, promise, profile)
