"""Commands for data scientists: check, features, train, models, promote."""

from __future__ import annotations

import getpass
import sys
from datetime import date
from pathlib import Path

import click

from features.errors import DefinitionError
from pipelines.cli import Day, clock, project_options


def tags_or_all(tags: tuple[str, ...], every: bool) -> list[str] | None:
    """Return the names asked for, or None for all.

    Raises
    ------
    DefinitionError
        When neither or both were given.
    """
    if bool(tags) == every:
        raise DefinitionError(
            "name tags or give --all, not both" if every else "no tag was named",
            mend="tagcast tags lists them; --all takes every one",
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
    from pipelines.check import check_project, render_check
    from pipelines.reporting import emit, progress
    from pipelines.workspace import open_workspace

    with progress() as show:
        report = check_project(open_workspace(config, home, show), now)
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
    from pipelines.build import build_snapshot
    from pipelines.reporting import emit, progress, say
    from pipelines.workspace import open_workspace

    with progress() as show:
        made = build_snapshot(open_workspace(config, home, show), as_of)
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
    from pipelines.build import materialize_snapshot
    from pipelines.reporting import emit, progress, say
    from pipelines.workspace import open_workspace

    with progress() as show:
        made = materialize_snapshot(open_workspace(config, home, show), as_of)
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
    default=20,
    show_default=True,
    help="LightGBM settings to try a tag.",
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
    trials: int, timeout: float | None, threads: int,
) -> None:  # fmt: skip
    """Train tags, version the models, make those champion that pass the gate.

    A family's stem trains all its members. A stopped run is taken up where it was.

    \b
    Example:
      tagcast train --all
      tagcast train churn_risk interest --now 2017-12-02 --trials 40
    """
    from pipelines.reporting import emit, progress
    from pipelines.train import render_training, train_tags
    from pipelines.workspace import open_workspace

    names = tags_or_all(tags, every)
    with progress() as show:
        trained = train_tags(
            open_workspace(config, home, show),
            names,
            now=now,
            moment=clock(),
            trials=trials,
            timeout_s=timeout,
            threads=threads,
        )
    emit([t.to_dict() for t in trained], as_json=as_json, render=lambda: render_training(trained))


@click.command()
@click.argument("tag", required=False)
@project_options
def models(config: Path | None, home: Path | None, as_json: bool, tag: str | None) -> None:
    """List model versions with aliases, metrics and decisions; for one TAG also each check of the gate.

    \b
    Example:
      tagcast models
      tagcast models churn_risk
    """
    from pipelines.models import list_models, render_models
    from pipelines.reporting import emit
    from pipelines.workspace import open_workspace

    found = list_models(open_workspace(config, home), tag)
    emit(
        [v.to_dict() for v in found],
        as_json=as_json,
        render=lambda: render_models(found, checks=tag is not None),
    )


@click.command()
@click.argument("tag")
@click.argument("version", type=int)
@click.option("--reason", required=True, help="Why; it is kept with the decision.")
@click.option("--by", help="Who decides; default: the user who runs the command.")
@click.option("--force", is_flag=True, help="Although checks of the gate failed; recorded with them.")
@project_options
def promote(
    config: Path | None, home: Path | None, as_json: bool, tag: str, version: int, reason: str,
    by: str | None, force: bool,
) -> None:  # fmt: skip
    """Make VERSION the champion of TAG by hand; who, when and why are recorded.

    A version that the gate refused needs --force.

    \b
    Example:
      tagcast promote churn_risk 2 --reason "version 3 was trained on a broken feed"
      tagcast promote churn_risk 4 --force --reason "the new shop is small, we accept the interval"
    """
    from pipelines.models import promote_version
    from pipelines.reporting import emit, say
    from pipelines.workspace import open_workspace

    done = promote_version(
        open_workspace(config, home),
        tag,
        version,
        by=by or getpass.getuser(),
        reason=reason,
        moment=clock(),
        force=force,
    )
    against = f", against {', '.join(done['forced'])}" if done["forced"] else ""
    emit(
        done,
        as_json=as_json,
        render=lambda: say(
            f"{tag}: version {version} is champion (was {done['previous'] or 'none'}){against}"
        ),
    )


COMMANDS = (check, features, train, models, promote)
