"""Commands for jobs and marketers: score, promise, tags, audience, profile."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import click

from pipelines.cli import Day, clock, project_options
from pipelines.cli_models import tags_or_all


@click.command()
@click.argument("tags", nargs=-1)
@click.option("--all", "every", is_flag=True, help="Every tag that has a champion.")
@click.option("--as-of", type=Day(), help="Score as of this day; default: the day after the last event.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also write the predictions, one row a profile and tag, to this .parquet file.",
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
) -> None:
    """Score everyone with each champion and publish a new snapshot of the profile store.

    Published whole or not at all: a run that is stopped leaves the last one in force and can be run again.

    \b
    Example:
      tagcast score --all
      tagcast score churn_risk --as-of 2017-12-02 --out predictions.parquet
    """
    from pipelines.reporting import emit, progress
    from pipelines.score import render_scoring, score_tags
    from pipelines.workspace import open_workspace

    names = tags_or_all(tags, every)
    with progress() as show:
        run = score_tags(open_workspace(config, home, show), names, as_of=as_of, moment=clock(), out=out)
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
    from pipelines.promise import promise_beside_reality, render_promise
    from pipelines.reporting import emit
    from pipelines.workspace import open_workspace

    rows = promise_beside_reality(open_workspace(config, home))
    emit([r.to_dict() for r in rows], as_json=as_json, render=lambda: render_promise(rows))


@click.command()
@project_options
def tags(config: Path | None, home: Path | None, as_json: bool) -> None:
    """Show the tag tree with coverage and the champion's quality.

    \b
    Example:
      tagcast tags
    """
    from pipelines.audiences import render_tree, tag_tree
    from pipelines.reporting import emit
    from pipelines.workspace import open_workspace

    rows = tag_tree(open_workspace(config, home))
    emit([r.to_dict() for r in rows], as_json=as_json, render=lambda: render_tree(rows))


@click.group()
def audience() -> None:
    """Count, look at and take away the profiles that a filter finds.

    \b
    Example:
      tagcast audience count "churn_risk = 'yes' AND high_value.percentile >= 80"
    """


@audience.command("count")
@click.argument("text", metavar="FILTER")
@project_options
def count(config: Path | None, home: Path | None, as_json: bool, text: str) -> None:
    """Count the profiles that FILTER finds.

    \b
    Example:
      tagcast audience count "interest.coffee = 'yes' AND NOT (age = '65+')"
      tagcast audience count "spend_30d = 'high' AND spend_30d.score >= 250"
    """
    from pipelines.audiences import count_audience, render_count
    from pipelines.reporting import emit
    from pipelines.workspace import open_workspace

    found = count_audience(open_workspace(config, home), text, clock())
    emit(found, as_json=as_json, render=lambda: render_count(found))


@audience.command("show")
@click.argument("text", metavar="FILTER")
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True)
@project_options
def show(config: Path | None, home: Path | None, as_json: bool, text: str, limit: int) -> None:
    """Show some of the profiles that FILTER finds.

    \b
    Example:
      tagcast audience show "high_value = 'yes'" --limit 5
    """
    from pipelines.audiences import render_members, show_audience
    from pipelines.reporting import emit
    from pipelines.workspace import open_workspace

    members, amounts = show_audience(open_workspace(config, home), text, clock(), limit)
    emit(members.to_pylist(), as_json=as_json, render=lambda: render_members(members, amounts))


@audience.command("export")
@click.argument("text", metavar="FILTER")
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="A .csv or .parquet file."
)
@project_options
def export(config: Path | None, home: Path | None, as_json: bool, text: str, out: Path) -> None:
    """Write the profiles that FILTER finds to a CSV or Parquet file.

    \b
    Example:
      tagcast audience export "churn_risk.band = 'high'" --out audience.csv
    """
    from pipelines.audiences import export_audience
    from pipelines.reporting import emit, say
    from pipelines.workspace import open_workspace

    written = export_audience(open_workspace(config, home), text, out, clock())
    emit(
        {"out": str(out), "rows": written},
        as_json=as_json,
        render=lambda: say(f"{written:,} profiles written to {out}"),
    )


@click.command()
@click.argument("profile_id")
@project_options
def profile(config: Path | None, home: Path | None, as_json: bool, profile_id: str) -> None:
    """Show one profile: its tags, confidence, reasons and key features.

    \b
    Example:
      tagcast profile 1228
    """
    from pipelines.audiences import look_up, render_profile
    from pipelines.reporting import emit
    from pipelines.workspace import open_workspace

    view = look_up(open_workspace(config, home), profile_id)
    emit(view, as_json=as_json, render=lambda: render_profile(view))


COMMANDS = (score, promise, tags, audience, profile)
