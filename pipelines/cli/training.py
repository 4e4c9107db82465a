"""Commands from data to models: init, check, train, features."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import click

from tagcast.features.core.messages import listed, msg
from tagcast.pipelines.cli.groups import Invocation, ProjectCommand, ProjectGroup, pass_invocation
from tagcast.pipelines.cli.options import Day, all_option, needs, tags_or_all, trials_option
from tagcast.pipelines.entities import each, with_tags
from tagcast.pipelines.entities import every as every_entity
from tagcast.pipelines.project.clock import clock
from tagcast.pipelines.reports.terminal import progress, say
from tagcast.pipelines.reports.training import render_check, render_training
from tagcast.pipelines.snapshots import build_snapshot, materialize_snapshot
from tagcast.pipelines.start.first_project import write_demo_project, write_first_project
from tagcast.pipelines.start.questions import Terminal, on_terminal
from tagcast.pipelines.start.report import render_first_project
from tagcast.pipelines.training.readiness import check_project
from tagcast.pipelines.training.train import train_tags

NOT_READY = 4
snapshot_option = click.option("--as-of", type=Day(), help="Default: the day after the last event.")


@click.command(cls=ProjectCommand)
@click.argument("data", nargs=-1, metavar="FILE|FOLDER|GLOB|URL...")
@click.option(
    "--into",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    help="Folder of the new project; default: the current one.",
)
@click.option(
    "--table",
    "tables",
    multiple=True,
    help="Table of the database that the URL names; several times for several.",
)
@click.option("--query", "queries", multiple=True, help="SELECT to run there, instead of a table.")
@click.option("--timezone", help="Whose calendar days count, as in Europe/Oslo; default: asked, else UTC.")
@click.option("--name", help="Name of the project; default: that of the folder.")
@click.option(
    "--yes", is_flag=True, help="Ask nothing: take the best guesses and write them down as comments."
)
@click.option("--demo", is_flag=True, help="Write the demo's project instead.")
@pass_invocation
def init(
    invocation: Invocation, data: tuple[str, ...], into: Path, tables: tuple[str, ...], queries: tuple[str, ...],
    timezone: str | None, name: str | None, yes: bool, demo: bool,
) -> None:  # fmt: skip
    """Look at data and write a first project: configuration, views and a tag.

    Columns are recognised by names, types and values. What the data leave open is asked on a terminal. Nothing that exists
    is replaced.

    \b
    Example:
      tagcast init events.parquet customers.csv
      tagcast init 'orders-*.csv' --into shop --timezone Europe/Oslo --yes
      tagcast init 'postgresql+psycopg://reader:${SHOP_PASSWORD}@db/shop' --table orders --table customers
      tagcast init --demo --into demo
    """
    if demo:
        given = {"FILE": data, "--table": tables, "--query": queries, "--timezone": timezone, "--name": name}
        if more := [option for option, value in given.items() if value]:
            raise click.UsageError(f"--demo goes without {', '.join(more)}")
        made = write_demo_project(into)
    else:
        asks = not (yes or invocation.as_json) and on_terminal()
        made = write_first_project(
            data, start=Path.cwd(), into=into, tables=tables, queries=queries, timezone=timezone, name=name,
            asker=Terminal() if asks else None,
        )  # fmt: skip
    invocation.answer(made.to_dict(), lambda: render_first_project(made))


@click.command(cls=ProjectCommand)
@click.option(
    "--as-of", type=Day(), help="Check as if today were this day; default: the day after the last event."
)
@needs("operate")
def check(invocation: Invocation, as_of: date | None) -> None:
    """Read the sources and report whether they are ready to train on.

    Nothing is changed.

    \b
    Example:
      tagcast check
      tagcast check --as-of 2017-12-02 --json
    """
    with progress() as show:
        parts = [(project, None) for project in every_entity(invocation.project(show))]
        found = each(parts, lambda project, _: check_project(project, as_of))
    invocation.answer_each(found, lambda report: report.to_dict(), render_check)
    not_ready = any(report.has_errors for report in found[0].values())
    click.get_current_context().exit(NOT_READY if not_ready else 0)


@click.command(cls=ProjectCommand)
@click.argument("tags", nargs=-1)
@all_option
@click.option(
    "--as-of", type=Day(), help="Train as if today were this day; default: the day after the last event."
)
@trials_option
@click.option("--timeout", type=click.FloatRange(min=1), help="Stop trying after so many seconds a tag.")
@click.option(
    "--threads",
    type=click.IntRange(1, 256),
    default=2,
    show_default=True,
    help="Tags trained side by side; the models are the same for any number.",
)
@needs("operate")
def train(
    invocation: Invocation, tags: tuple[str, ...], every: bool, as_of: date | None, trials: int | None,
    timeout: float | None, threads: int,
) -> None:  # fmt: skip
    """Train tags and version the models; those that pass the gate become champions.

    A family's stem trains all its members. A run that was stopped continues where it was.

    \b
    Example:
      tagcast train --all
      tagcast train churn_risk interest --as-of 2017-12-02 --trials 40
    """
    names = tags_or_all(tags, every)
    with progress() as show:
        found = each(
            with_tags(invocation.project(show), names),
            lambda project, own: train_tags(
                project, own, as_of=as_of, now=clock(), trials=trials, timeout_s=timeout, threads=threads
            ),
        )
    invocation.answer_each(found, lambda trained: [t.to_dict() for t in trained], render_training)


@click.group(cls=ProjectGroup)
def features() -> None:
    """Build feature snapshots and write them to the online store.

    \b
    Example:
      tagcast features build --as-of 2017-12-02
    """


@features.command()
@snapshot_option
@needs("operate")
def build(invocation: Invocation, as_of: date | None) -> None:
    """Build the feature snapshot of one day.

    \b
    Example:
      tagcast features build --as-of 2017-12-02
    """
    with progress() as show:
        parts = [(project, None) for project in every_entity(invocation.project(show))]
        found = each(parts, lambda project, _: build_snapshot(project, as_of))
    invocation.answer_each(
        found, dict, lambda made: say(msg("snapshot {as_of}: {rows:,} profiles, {folder}", **made))
    )


@features.command()
@snapshot_option
@needs("operate")
def materialize(invocation: Invocation, as_of: date | None) -> None:
    """Write the snapshot of one day to Feast's online store.

    \b
    Example:
      tagcast features materialize --as-of 2017-12-02
    """
    with progress() as show:
        parts = [(project, None) for project in every_entity(invocation.project(show))]
        found = each(parts, lambda project, _: materialize_snapshot(project, as_of))
    invocation.answer_each(
        found,
        dict,
        lambda made: say(
            msg("online store holds {views} as of {as_of}", views=listed(made["views"]), as_of=made["as_of"])
        ),
    )
