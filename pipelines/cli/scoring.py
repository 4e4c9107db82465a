"""Commands on what is published and what came of it: score, promise, campaign."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Literal

import click

from tagcast.pipelines.cli.groups import Invocation, ProjectCommand, ProjectGroup, pass_invocation
from tagcast.pipelines.cli.options import Day, all_option, needs, purpose_option, tags_or_all
from tagcast.pipelines.entities import each, readable_first, with_tags
from tagcast.pipelines.evaluation.observed_accuracy import promise_beside_reality, promise_record
from tagcast.pipelines.evaluation.quality_record import quality_record
from tagcast.pipelines.project.clock import clock
from tagcast.pipelines.reports.campaigns import render_campaign, render_campaigns
from tagcast.pipelines.reports.evaluation import render_promise, render_promise_record, render_quality_record
from tagcast.pipelines.reports.scoring import render_scoring
from tagcast.pipelines.reports.terminal import progress
from tagcast.pipelines.scoring.run import score_run


@click.command(cls=ProjectCommand)
@click.argument("tags", nargs=-1)
@all_option
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
    help="Whether to give reasons for each profile and tag; none is faster.",
)
@click.option(
    "--wait",
    type=click.FloatRange(min=0),
    default=0.0,
    metavar="MINUTES",
    help="Wait so long for another run that is writing the store; default: stop at once, with exit code 8.",
)
@click.option(
    "--force",
    is_flag=True,
    help="Publish although the run differs from the last one by more than [publish] allows, lacks tags of it, or is of an older day; needs --reason.",
)
@click.option("--reason", default="", help="Why it is right to publish; it is kept with the run.")
@purpose_option
@needs("operate")
def score(
    invocation: Invocation, tags: tuple[str, ...], every: bool, as_of: date | None, out: Path | None,
    reasons: Literal["all", "none"], wait: float, force: bool, reason: str,
) -> None:  # fmt: skip
    """Score everyone with each champion and publish a new run.

    Published whole or not at all: a run that is stopped leaves the last active one and can be run again. A run that
    differs too much from the last one, or would lose tags of it, is refused with exit code 10. A run of an older day
    than the active one is kept for the history, and the active one stays.

    \b
    Example:
      tagcast score --all
      tagcast score --all --wait 60
      tagcast score --all --as-of 2017-12-02 --out predictions.parquet
      tagcast score --all --force --reason "the loyalty programme ended, fewer shoppers are known"
    """
    if force != bool(reason.strip()):
        raise click.UsageError("--force and --reason go together: say why the run is to be published")
    names = tags_or_all(tags, every)
    with progress() as show:
        parts = readable_first(with_tags(invocation.project(show), names))
        if out is not None and len(parts) > 1:
            raise click.UsageError("--out writes one table: give --entity too")
        found = each(
            parts,
            lambda project, own: score_run(
                project,
                own,
                as_of=as_of,
                now=clock(),
                out=out,
                reasons=reasons,
                wait_seconds=60 * wait,
                force_reason=reason,
            ),
        )
    invocation.answer_each(found, lambda run: run.to_dict(), render_scoring)


@click.command(cls=ProjectCommand)
@click.argument("tag", required=False)
@click.option(
    "--since", type=Day(), help="With TAG: only runs as of this day or later; default: all on record."
)
@needs("operate")
def promise(invocation: Invocation, tag: str | None, since: date | None) -> None:
    """Compare what was promised with what happened.

    Of every tag the newest judgement is shown, of one TAG all that is on record, week by week: the promise, each metric beside what its
    run expected of itself, and how a challenger in the shadow does beside the champion. Each published run is judged once its window is over, once and for good, on all that it predicted: a profile that was
    merged counts as the person it is now, and those no longer in the data are counted and not judged. While no window is
    over, the promise of the model on its own test snapshot is shown. Floors of uplift tags are judged by campaigns with a holdout, once a night
    has measured them.

    \b
    Example:
      tagcast promise
      tagcast promise churn_risk
      tagcast promise churn_risk --since 2026-01-01
    """
    if since is not None and tag is None:
        raise click.UsageError("--since goes with a TAG")
    if tag is None:
        found = each(
            with_tags(invocation.project(), None), lambda project, _: promise_beside_reality(project)
        )
        invocation.answer_each(found, lambda rows: [r.to_dict() for r in rows], render_promise)
        return
    invocation.require_visible(tag)
    ((project, _),) = with_tags(invocation.project(), [tag])
    rows = promise_record(project, tag, since)
    record = quality_record(project, tag, since)

    def show() -> None:
        render_promise_record(tag, rows)
        render_quality_record(tag, record)

    invocation.answer(record.beside(rows), show)


@click.group(cls=ProjectGroup)
def campaign() -> None:
    """Show what campaigns did: exports with a goal, whose members held out tell what would have been.

    \b
    Example:
      tagcast campaign list
      tagcast campaign show 5f0c1d2e3a4b5c6d
    """


@campaign.command("list")
@pass_invocation
def list_all(invocation: Invocation) -> None:
    """List the campaigns with their lift, newest first.

    \b
    Example:
      tagcast campaign list
      tagcast campaign list --json
    """
    from tagcast.serving.campaigns.service import list_campaigns

    found = list_campaigns(invocation.context(), invocation.person)
    invocation.answer([one.to_dict() for one in found], lambda: render_campaigns(found))


@campaign.command()
@click.argument("number", metavar="ID")
@pass_invocation
def show(invocation: Invocation, number: str) -> None:
    """Show one campaign: whether it worked, by how much, in outcomes and money, and what speaks against believing it.

    ID is that of tagcast campaign list. Figures are those of the events loaded last; once the window has closed and a night
    has recorded them, they stay.

    \b
    Example:
      tagcast campaign show 5f0c1d2e3a4b5c6d
      tagcast campaign show 5f0c1d2e3a4b5c6d --json
    """
    from tagcast.serving.campaigns.service import find_campaign

    context = invocation.context()
    found = find_campaign(context, invocation.person, number)
    invocation.answer(found.to_dict(), lambda: render_campaign(found, context.settings.currency))
