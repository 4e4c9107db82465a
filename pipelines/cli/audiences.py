"""`tagcast audience`: who a filter finds, what sets them apart, and how they are taken away."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from tagcast.pipelines.cli.main import clock, project_options

if TYPE_CHECKING:
    from tagcast.registry.access.roles import Person
    from tagcast.serving.context import ServiceContext


def with_context(config: Path | None, home: Path | None) -> tuple[ServiceContext, Person]:
    """Open the project's service context; who may run commands on its machine may ask everything."""
    from tagcast.features.core.settings import load_settings
    from tagcast.pipelines.project.local_user import local_user
    from tagcast.serving.context import open_context

    return open_context(load_settings(config, home, Path.cwd()), clock), local_user()


@click.group()
def audience() -> None:
    """Count, understand, keep and take away the profiles that a filter finds.

    \b
    Example:
      tagcast audience count "churn_risk = 'yes' AND high_value.percentile >= 80"
      tagcast audience explain "churn_risk = 'yes' AND high_value.percentile >= 80"
    """


@audience.command("count")
@click.argument("text", metavar="FILTER")
@click.option(
    "--estimate", is_flag=True, help="From a sample, with its margin: quicker on millions in PostgreSQL."
)
@project_options
def count(config: Path | None, home: Path | None, as_json: bool, text: str, estimate: bool) -> None:
    """Count the profiles that FILTER finds.

    \b
    Example:
      tagcast audience count "interest.coffee = 'yes' AND NOT (age = '65+')"
      tagcast audience count "spend_30d = 'high' AND spend_30d.score >= 250"
      tagcast audience count "IN AUDIENCE 'loyal' AND NOT IN AUDIENCE 'asked last week'"
    """
    from tagcast.pipelines.reports.audiences import count_audience, render_count
    from tagcast.pipelines.reports.terminal import emit

    found = count_audience(*with_context(config, home), text, estimate=estimate)
    emit(found, as_json=as_json, render=lambda: render_count(found))


@audience.command("explain")
@click.argument("text", metavar="FILTER")
@click.option("--language", type=click.Choice(["en", "zh"]), default="en", show_default=True)
@project_options
def explain(
    config: Path | None, home: Path | None, as_json: bool, text: str, language: Literal["en", "zh"]
) -> None:
    """Say what FILTER means, what each of its conditions takes away, and how many will turn out as said.

    \b
    Example:
      tagcast audience explain "churn_risk = 'yes' AND high_value.percentile >= 80"
      tagcast audience explain "interest.coffee = 'yes'" --language zh
    """
    from tagcast.pipelines.reports.audiences import explain_audience, render_explanation
    from tagcast.pipelines.reports.terminal import emit

    found = explain_audience(*with_context(config, home), text, language)
    emit(found, as_json=as_json, render=lambda: render_explanation(found))


@audience.command("cut")
@click.argument("text", metavar="FILTER")
@click.option("--tag", required=True, help="Whose scores rank the members.")
@click.option("--benefit", type=float, required=True, help="Earned for each member approached who does it.")
@click.option("--cost", type=float, required=True, help="Of approaching one.")
@click.option("--capacity", type=click.IntRange(min=0), help="Most that can be approached.")
@project_options
def cut(
    config: Path | None, home: Path | None, as_json: bool, text: str, tag: str, benefit: float, cost: float,
    capacity: int | None,
) -> None:  # fmt: skip
    """Find how far down a tag's scores it pays to approach the profiles that FILTER finds.

    \b
    Example:
      tagcast audience cut "city = 'Oslo'" --tag interest.coffee --benefit 4 --cost 0.5 --capacity 500
    """
    from dataclasses import asdict

    from tagcast.pipelines.reports.audiences import render_cut
    from tagcast.pipelines.reports.terminal import emit
    from tagcast.serving.audiences.service import parse_for, profit_curve

    context, person = with_context(config, home)
    curve = profit_curve(context, person, parse_for(context, person, text), tag, benefit, cost, capacity)
    emit(asdict(curve), as_json=as_json, render=lambda: render_cut(curve))


@audience.command("show")
@click.argument("text", metavar="FILTER")
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True)
@click.option("--seed", type=int, help="Draw them at random, the same ones for the same number.")
@project_options
def show(
    config: Path | None, home: Path | None, as_json: bool, text: str, limit: int, seed: int | None
) -> None:
    """Show some of the profiles that FILTER finds.

    \b
    Example:
      tagcast audience show "high_value = 'yes'" --limit 5
      tagcast audience show "high_value = 'yes'" --limit 5 --seed 1
    """
    from tagcast.pipelines.reports.audiences import render_members, show_audience
    from tagcast.pipelines.reports.terminal import emit

    rows, amounts = show_audience(*with_context(config, home), text, limit, seed)
    emit(rows, as_json=as_json, render=lambda: render_members(rows, amounts))


@audience.command("portrait")
@click.argument("text", metavar="FILTER")
@click.option("--against", help="Another filter to hold it against; default: everyone.")
@click.option("--by", type=click.Choice(["index", "share"]), default="index", show_default=True)
@click.option("--top", type=click.IntRange(min=1), default=25, show_default=True, help="Rows to print.")
@project_options
def portrait(
    config: Path | None, home: Path | None, as_json: bool, text: str, against: str | None,
    by: Literal["index", "share"], top: int,
) -> None:  # fmt: skip
    """Show what sets the profiles that FILTER finds apart; index 100 = as common as among the others.

    \b
    Example:
      tagcast audience portrait "high_value = 'yes'"
      tagcast audience portrait "high_value = 'yes'" --against "churn_risk = 'yes'" --by share
    """
    from dataclasses import asdict

    from tagcast.pipelines.reports.audiences import render_portrait
    from tagcast.pipelines.reports.terminal import emit
    from tagcast.serving.audiences.portrait import portrait
    from tagcast.serving.audiences.service import parse_for

    context, person = with_context(config, home)
    other = None if against is None else parse_for(context, person, against)
    found = portrait(context, person, parse_for(context, person, text), other)
    emit(asdict(found), as_json=as_json, render=lambda: render_portrait(found, by, top))


@audience.command("compare")
@click.argument("text", metavar="FILTER")
@click.argument("other", metavar="OTHER")
@project_options
def compare(config: Path | None, home: Path | None, as_json: bool, text: str, other: str) -> None:
    """Show how the profiles that two filters find overlap.

    \b
    Example:
      tagcast audience compare "churn_risk = 'yes'" "high_value = 'yes'"
    """
    from dataclasses import asdict

    from tagcast.pipelines.reports.audiences import render_overlap
    from tagcast.pipelines.reports.terminal import emit
    from tagcast.serving.audiences.portrait import compare
    from tagcast.serving.audiences.service import parse_for

    context, person = with_context(config, home)
    found = compare(context, person, parse_for(context, person, text), parse_for(context, person, other))
    emit(asdict(found), as_json=as_json, render=lambda: render_overlap(found))


@audience.command("export")
@click.argument("text", metavar="FILTER")
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="A .csv or .parquet file."
)
@click.option(
    "--column",
    "columns",
    multiple=True,
    help="Attribute, tag, or tag.part; may be given again. Default: all.",
)
@click.option(
    "--holdout", type=click.FloatRange(0, 1, max_open=True), default=0.0, help="Share kept back at random."
)
@click.option("--seed", type=int, default=0, show_default=True, help="Chooses whom.")
@click.option("--channel", help="Leave out who does not consent to it; as in [consent].")
@click.option("--name", default="", help="What the audit log calls it.")
@project_options
def export(
    config: Path | None, home: Path | None, as_json: bool, text: str, out: Path, columns: tuple[str, ...],
    holdout: float, seed: int, channel: str | None, name: str,
) -> None:  # fmt: skip
    """Write the profiles that FILTER finds to a CSV or Parquet file; recorded in the audit log.

    \b
    Example:
      tagcast audience export "churn_risk.band = 'high'" --out audience.csv
      tagcast audience export "churn_risk.band = 'high'" --out audience.csv --column churn_risk.score --holdout 0.1
    """
    from dataclasses import asdict

    from tagcast.pipelines.reports.audiences import render_export
    from tagcast.pipelines.reports.terminal import emit
    from tagcast.serving.audiences.service import parse_for
    from tagcast.serving.delivery.exports import export, format_of

    context, person = with_context(config, home)
    found = export(
        context,
        person,
        parse_for(context, person, text),
        out,
        format=format_of(out),
        columns=columns or None,
        holdout=holdout,
        seed=seed,
        channel=channel,
        name=name,
    )
    emit({"out": str(out), **asdict(found)}, as_json=as_json, render=lambda: render_export(out, found))
