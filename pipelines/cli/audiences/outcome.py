"""`tagcast audience outcome`: what to expect of the profiles that a filter finds, against as many at random."""

from __future__ import annotations

from dataclasses import asdict

import click

from tagcast.pipelines import audiences
from tagcast.pipelines.cli.groups import Invocation, ProjectCommand, pass_invocation
from tagcast.pipelines.reports.audiences.questions import render_outcome
from tagcast.serving.audiences.outcome.value_at_risk import MOST_TOP


@click.command(cls=ProjectCommand)
@click.argument("text", metavar="FILTER")
@click.option(
    "--tag",
    "tags",
    multiple=True,
    help="By this tag; may be given again. Default: those of the filter, or those used most.",
)
@click.option(
    "--top-at-risk",
    type=click.IntRange(1, MOST_TOP),
    help="Also the so many of highest value at risk, as a condition.",
)
@click.option("--estimate", is_flag=True, help="From a sample: quicker on millions in PostgreSQL.")
@pass_invocation
def outcome(
    invocation: Invocation, text: str, tags: tuple[str, ...], top_at_risk: int | None, estimate: bool
) -> None:
    """Say how many of the profiles that FILTER finds an outcome will come for, against as many at random.

    Of an amount it says how much they will spend; with a loss and an amount in the run, how much of that is at risk.
    Where nobody is found, it says what each condition would find were it looser.

    \b
    Example:
      tagcast audience outcome "churn_risk.percentile >= 80"
      tagcast audience outcome "city = 'Oslo'" --tag churn_risk --tag spend_30d
      tagcast audience outcome "churn_risk.band = 'high'" --top-at-risk 500
    """
    found = audiences.outcome_of(
        invocation.context(), invocation.person, text, tags or None, top_at_risk, estimate=estimate
    )
    invocation.answer(asdict(found), lambda: render_outcome(found))
