"""Commands that make models: check, features, train."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path

import click

from tagcast.features.core.errors import DefinitionError
from tagcast.features.core.messages import msg
from tagcast.pipelines.cli.main import Day, clock, project_options


def tags_or_all(tags: tuple[str, ...], every: bool) -> list[str] | None:
    """Return the names asked for, or None for all.

    Raises
    ------
    DefinitionError
        When neither or both were given.
    """
    if bool(tags) == every:
        raise DefinitionError(
            msg("name tags or give --all, not both") if every else msg("no tag was named"),
            hint=msg("{command} lists them; --all takes every one", command="tagcast tags"),
        )
    return None if every else list(tags)


@click.command()
@click.option(
    "--now", type=Day(), help="Judge label windows as of this day; default: the day after the last event."
)
@project_options
def check(config: Path | None, home: Path | None, as_json: bool, now: date | None) -> None:
    """Read the sources and say whether they are ready to train on; changes nothing.

    \b
    Example:
      tagcast check
      tagcast check --now 2017-12-02 --json
    """
    from tagcast.pipelines.project.project import open_project
    from tagcast.pipelines.reports.terminal import emit, progress
    from tagcast.pipelines.training.readiness import check_project, render_check

    with progress() as show:
        report = check_project(open_project(config, home, show), now)
    emit(report.to_dict(), as_json=as_json, render=lambda: render_check(report))
    sys.exit(4 if report.has_errors else 0)


@click.group()
def features() -> None:
    """Build feature snapshots, write them to the online store.

    \b
    Example:
      tagcast features build --as-of 2017-12-02
    """


@features.command("build")
@click.option("--as-of", type=Day(), help="Default: the day after the last event.")
@project_options
def build(config: Path | None, home: Path | None, as_json: bool, as_of: date | None) -> None:
    """Build the feature snapshot of one day.

    \b
    Example:
      tagcast features build --as-of 2017-12-02
    """
    from tagcast.pipelines.project.project import open_project
    from tagcast.pipelines.reports.terminal import emit, progress, say
    from tagcast.pipelines.snapshots import build_snapshot

    with progress() as show:
        made = build_snapshot(open_project(config, home, show), as_of)
    emit(
        made,
        as_json=as_json,
        render=lambda: say(f"snapshot {made['as_of']}: {made['rows']:,} profiles, {made['folder']}"),
    )


@features.command("materialize")
@click.option("--as-of", type=Day(), help="Default: the day after the last event.")
@project_options
def materialize(config: Path | None, home: Path | None, as_json: bool, as_of: date | None) -> None:
    """Write the snapshot of one day to Feast's online store.

    \b
    Example:
      tagcast features materialize --as-of 2017-12-02
    """
    from tagcast.pipelines.project.project import open_project
    from tagcast.pipelines.reports.terminal import emit, progress, say
    from tagcast.pipelines.snapshots import materialize_snapshot

    with progress() as show:
        made = materialize_snapshot(open_project(config, home, show), as_of)
    emit(
        made,
        as_json=as_json,
        render=lambda: say(f"online store holds {', '.join(made['views'])} as of {made['as_of']}"),
    )


@click.command()
@click.argument("tags", nargs=-1)
@click.option("--all", "every", is_flag=True, help="Every tag of the configuration.")
@click.option(
    "--now", type=Day(), help="Train as if today were this day; default: the day after the last event."
)
@click.option(
    "--trials",
    type=click.IntRange(1, 10_000),
    help="LightGBM settings to try a tag; default: 12, of an amount 4.",
)
@click.option("--timeout", type=click.FloatRange(min=1), help="Stop trying after so many seconds a tag.")
@click.option(
    "--threads",
    type=click.IntRange(1, 256),
    default=2,
    show_default=True,
    help="Tags trained side by side; the models are the same for any number.",
)
@project_options
def train(
    config: Path | None, home: Path | None, as_json: bool, tags: tuple[str, ...], every: bool, now: date | None,
    trials: int | None, timeout: float | None, threads: int,
) -> None:  # fmt: skip
    """Train tags, version the models, make those champion that pass the gate.

    A family's stem trains all its members. A stopped run is taken up where it was.

    \b
    Example:
      tagcast train --all
      tagcast train churn_risk interest --now 2017-12-02 --trials 40
    """
    from tagcast.pipelines.project.project import open_project
    from tagcast.pipelines.reports.terminal import emit, progress
    from tagcast.pipelines.training.train import render_training, train_tags

    names = tags_or_all(tags, every)
    with progress() as show:
        trained = train_tags(
            open_project(config, home, show),
            names,
            now=now,
            moment=clock(),
            trials=trials,
            timeout_s=timeout,
            threads=threads,
        )
    emit([t.to_dict() for t in trained], as_json=as_json, render=lambda: render_training(trained))


COMMANDS = (check, features, train)
