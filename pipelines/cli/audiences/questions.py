"""`tagcast audience`: whom a filter finds, what sets them apart, and how they are exported."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Literal

import click

from tagcast.pipelines import audiences
from tagcast.pipelines.cli.audiences.outcome import outcome
from tagcast.pipelines.cli.groups import Invocation, ProjectGroup, pass_invocation
from tagcast.pipelines.cli.options import Day, purpose_option
from tagcast.pipelines.reports.audiences.exports import render_export, render_reach
from tagcast.pipelines.reports.audiences.questions import (
    render_count,
    render_explanation,
    render_fields,
    render_members,
    render_overlap,
    render_portrait,
)
from tagcast.pipelines.reports.thresholds import render_profit
from tagcast.serving.audiences.wording.field_words import fields_for


@click.group(cls=ProjectGroup)
def audience() -> None:
    """Count, understand, save and export the profiles that a filter finds.

    \b
    Example:
      tagcast audience count "churn_risk = 'yes' AND high_value.percentile >= 80"
      tagcast audience explain "churn_risk = 'yes' AND high_value.percentile >= 80"
    """


@audience.command()
@click.argument("text", metavar="FILTER")
@click.option(
    "--estimate", is_flag=True, help="From a sample, with its margin: quicker on millions in PostgreSQL."
)
@pass_invocation
def count(invocation: Invocation, text: str, estimate: bool) -> None:
    """Count the profiles that FILTER finds.

    \b
    Example:
      tagcast audience count "interest.coffee = 'yes' AND NOT (age = '65+')"
      tagcast audience count "spend_30d = 'high' AND spend_30d.score >= 250"
      tagcast audience count "IN AUDIENCE 'loyal' AND NOT IN AUDIENCE 'asked last week'"
    """
    found = audiences.count_audience(invocation.context(), invocation.person, text, estimate=estimate)
    invocation.answer(found, lambda: render_count(found))


@audience.command()
@click.argument("text", metavar="FILTER")
@click.option("--language", type=click.Choice(["en", "zh"]), default="en", show_default=True)
@pass_invocation
def explain(invocation: Invocation, text: str, language: Literal["en", "zh"]) -> None:
    """Explain FILTER: its meaning, what each condition removes, and how many predictions will come true.

    \b
    Example:
      tagcast audience explain "churn_risk = 'yes' AND high_value.percentile >= 80"
      tagcast audience explain "interest.coffee = 'yes'" --language zh
    """
    found = audiences.explain_audience(invocation.context(), invocation.person, text, language)
    invocation.answer(found, lambda: render_explanation(found))


audience.add_command(outcome)


@audience.command()
@click.argument("text", metavar="FILTER")
@click.option("--tag", required=True, help="Whose scores rank the members.")
@click.option("--benefit", type=float, required=True, help="Value per success.")
@click.option("--cost", type=float, required=True, help="Cost per contact.")
@click.option("--capacity", type=click.IntRange(min=0), help="Most that can be contacted.")
@click.option(
    "--saved-share",
    type=click.FloatRange(0, 1, min_open=True),
    help="Of those who would leave, the share that a contact keeps; needed where the outcome is a loss.",
)
@pass_invocation
def profit(
    invocation: Invocation, text: str, tag: str, benefit: float, cost: float, capacity: int | None,
    saved_share: float | None,
) -> None:  # fmt: skip
    """Find the score of a tag down to which it pays to contact the profiles that FILTER finds.

    \b
    Example:
      tagcast audience profit "city = 'Oslo'" --tag interest.coffee --benefit 4 --cost 0.5 --capacity 500
      tagcast audience profit "city = 'Oslo'" --tag churn_risk --benefit 40 --cost 2 --saved-share 0.1
    """
    context = invocation.context()
    curve = audiences.profit_of(context, invocation.person, text, tag, benefit, cost, capacity, saved_share)
    invocation.answer(asdict(curve), lambda: render_profit(curve, context.settings.currency))


@audience.command()
@click.argument("text", metavar="FILTER")
@click.option("--against", help="Another filter to compare with; default: everyone.")
@click.option("--by", type=click.Choice(["index", "share"]), default="index", show_default=True)
@click.option("--top", type=click.IntRange(min=1), default=25, show_default=True, help="Rows to print.")
@purpose_option
@pass_invocation
def portrait(
    invocation: Invocation, text: str, against: str | None, by: Literal["index", "share"], top: int
) -> None:
    """Show what sets the profiles that FILTER finds apart; index 100 = as common as among the others.

    \b
    Example:
      tagcast audience portrait "high_value = 'yes'"
      tagcast audience portrait "high_value = 'yes'" --against "churn_risk = 'yes'" --by share
    """
    found = audiences.portrait_of(invocation.context(), invocation.person, text, against)
    invocation.answer(asdict(found), lambda: render_portrait(found, by, top))


@audience.command()
@click.argument("text", metavar="FILTER")
@click.argument("other", metavar="OTHER")
@pass_invocation
def compare(invocation: Invocation, text: str, other: str) -> None:
    """Show how the profiles that two filters find overlap.

    \b
    Example:
      tagcast audience compare "churn_risk = 'yes'" "high_value = 'yes'"
    """
    found = audiences.overlap_of(invocation.context(), invocation.person, text, other)
    invocation.answer(asdict(found), lambda: render_overlap(found))


@audience.command()
@pass_invocation
def fields(invocation: Invocation) -> None:
    """List what filters may speak of: tags, facts and attributes.

    \b
    Example:
      tagcast audience fields
    """
    found = fields_for(invocation.context(), invocation.person)
    invocation.answer([asdict(one) for one in found], lambda: render_fields(found))


@audience.command()
@click.argument("text", metavar="FILTER")
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True)
@click.option("--seed", type=int, help="Draw them at random, the same ones for the same number.")
@purpose_option
@pass_invocation
def show(invocation: Invocation, text: str, limit: int, seed: int | None) -> None:
    """Show some of the profiles that FILTER finds.

    \b
    Example:
      tagcast audience show "high_value = 'yes'" --limit 5
      tagcast audience show "high_value = 'yes'" --limit 5 --seed 1
    """
    rows, amounts = audiences.show_audience(invocation.context(), invocation.person, text, limit, seed)
    invocation.answer(rows, lambda: render_members(rows, amounts))


@audience.command()
@click.argument("text", metavar="FILTER")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="A .csv or .parquet file.")
@click.option(
    "--column",
    "columns",
    multiple=True,
    help="Attribute, tag, or tag.part; may be given again. Default: all.",
)
@click.option(
    "--holdout",
    type=click.FloatRange(0, 1, max_open=True),
    default=0.0,
    help="Share to hold out at random as a control group.",
)
@click.option("--seed", type=int, help="Chooses who is held out. Default: drawn for this export.")
@click.option("--channel", help="Leave out who does not consent to it; as in [consent].")
@click.option("--no-contact", is_flag=True, help="No one in the file is contacted; recorded.")
@click.option(
    "--goal",
    help="Make it a campaign: a tag, whose outcome is its goal, or an outcome as in a tag's file. Default with --holdout: that of the "
    "filter's first model tag.",
)
@click.option("--starts", type=Day(), help="First day of the campaign; default: today.")
@click.option(
    "--days", type=click.IntRange(min=1), help="Days for which the goal is counted; default: its horizon."
)
@click.option(
    "--dry-run", is_flag=True, help="Show who is left out and which lift would be seen; write nothing."
)
@click.option("--name", default="", help="What the audit log and the campaign are called.")
@purpose_option
@pass_invocation
def export(
    invocation: Invocation, text: str, out: Path | None, columns: tuple[str, ...], holdout: float,
    seed: int | None, channel: str | None, no_contact: bool, goal: str | None, starts: date | None,
    days: int | None, dry_run: bool, name: str,
) -> None:  # fmt: skip
    """Write the profiles that FILTER finds to a CSV or Parquet file; recorded in the audit log.

    Where [consent] is configured, either --channel or --no-contact is needed. With --holdout or --goal it is a campaign,
    whose lift tagcast campaign show tells.

    \b
    Example:
      tagcast audience export "churn_risk.band = 'high'" --out audience.csv
      tagcast audience export "churn_risk.band = 'high'" --out audience.csv --column churn_risk.score --holdout 0.1
      tagcast audience export "churn_risk.band = 'high'" --channel email --holdout 0.2 --dry-run
      tagcast audience export "city = 'Oslo'" --out oslo.csv --holdout 0.1 --goal "{kind: any_event, event: visit, horizon_days: 14}"
    """
    context = invocation.context()
    planned = None
    if (holdout or goal is not None) and not no_contact:
        planned = audiences.power_of(context, invocation.person, text, holdout, channel=channel, goal=goal)
    if dry_run:
        reach = audiences.reach_of(
            context, invocation.person, text, channel=channel, no_contact=no_contact, starts=starts
        )
        power = {} if planned is None else {"power": asdict(planned)}
        invocation.answer(
            {**asdict(reach), "written": reach.written, **power}, lambda: render_reach(reach, planned)
        )
        return
    if out is None:
        raise click.MissingParameter(param_hint="--out", param_type="option")
    found = audiences.export_audience(
        context,
        invocation.person,
        text,
        out,
        columns=columns,
        holdout=holdout,
        seed=seed,
        channel=channel,
        no_contact=no_contact,
        name=name,
        goal=goal,
        starts=starts,
        days=days,
    )
    invocation.answer({"out": str(out), **asdict(found)}, lambda: render_export(out, found, planned))
