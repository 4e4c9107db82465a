"""`make demo`: a year of shopping becomes tags that a marketer can filter, and what became of them.

Every step is a command that can be run by itself; the demo prints which, and what to see in its answer.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tagcast.features.core.errors import TagcastError
from tagcast.features.core.system import adopt_home, private_files
from tagcast.pipelines.audiences import count_audience, export_audience
from tagcast.pipelines.cards.card_files import find_card, write_card
from tagcast.pipelines.evaluation.observed_accuracy import (
    promise_beside_reality,
    promise_record,
    yes_outcome,
)
from tagcast.pipelines.project.clock import clock
from tagcast.pipelines.project.local_user import local_user
from tagcast.pipelines.project.project import Project, open_project
from tagcast.pipelines.reports.audiences.questions import render_count
from tagcast.pipelines.reports.campaigns import render_campaign
from tagcast.pipelines.reports.evaluation import render_promise, render_promise_record
from tagcast.pipelines.reports.scoring import render_scoring
from tagcast.pipelines.reports.terminal import progress, say, start_logging, tell
from tagcast.pipelines.reports.training import render_check, render_training
from tagcast.pipelines.scoring.run import score_run
from tagcast.pipelines.training.readiness import check_project
from tagcast.pipelines.training.train import train_tags
from tagcast.serving.campaigns.service import find_campaign
from tagcast.serving.context import open_context

if TYPE_CHECKING:
    from tagcast.pipelines.scoring.run_summary import ScoringRun
    from tagcast.pipelines.training.readiness import ProjectReadiness
    from tagcast.pipelines.training.registration import TrainedTag
    from tagcast.registry.governance.observed_accuracy import PromiseRow
    from tagcast.serving.campaigns.service import MeasuredCampaign

ROOT = Path(__file__).resolve().parent.parent
AS_OF = date(2017, 12, 2)
TRIALS = 5
TAG = "churn_risk"
EARLIER = tuple(AS_OF - timedelta(days=30 * months) for months in (4, 3, 2, 1))
"""Days on which the tag was predicted, by a model of the first of them: what came of each is known by now."""
AUDIENCES = (
    "high_value = 'yes' AND interest.cheese.percentile >= 80",
    "interest.coffee = 'yes' AND interest.coffee.confidence >= 0.6 AND NOT (churn_risk = 'yes')",
    "lifecycle_stage = 'returning' AND bought.coffee = 'no' AND interest.coffee.percentile >= 80",
)

CAMPAIGN, CAMPAIGN_NAME, HELD_OUT = "churn_risk.percentile >= 80", "a letter that nobody sent", 0.3


def run(project: Project, now: datetime) -> None:
    """Run the demo on ``project`` as if today were 2 December 2017."""
    _step("Is the data ready?", f"tagcast check --as-of {AS_OF}")
    report = check_project(project, AS_OF)
    render_check(report, tree=False)
    _see(_of_check(report))

    if project.store.current() is None:
        _live_through(project, now)

    _step("Train every tag on what was known then", f"tagcast train --all --as-of {AS_OF} --trials {TRIALS}")
    trained = train_tags(project, None, as_of=AS_OF, now=now, trials=TRIALS)
    render_training(trained)
    _see(_of_training(trained))

    _step("Score every household and publish", f"tagcast score --all --as-of {AS_OF}")
    scored = score_run(project, None, as_of=AS_OF, now=now)
    render_scoring(scored)
    _see(_of_scoring(scored))

    context, person = open_context(project.settings, lambda: now), local_user()
    for text in AUDIENCES:
        _step("An audience", f'tagcast audience count "{text}"')
        found = count_audience(context, person, text)
        render_count(found)
        _see(_of_audience(found))

    _step("What did they really do?", "tagcast promise")
    render_promise(promise_beside_reality(project))
    _see(_of_promise(project))

    _step("Run after run: was the promise kept?", f"tagcast promise {TAG}")
    record = promise_record(project, TAG, None)
    render_promise_record(TAG, record)
    _see(_of_record(record))

    out = project.settings.home / "campaign.csv"
    words = f'--holdout {HELD_OUT} --starts {AS_OF} --name "{CAMPAIGN_NAME}" --out {_short(out)}'
    _step(
        "A campaign, and what it did",
        f'tagcast audience export "{CAMPAIGN}" {words}; tagcast campaign show …',
    )
    exported = export_audience(
        context, person, CAMPAIGN, out, holdout=HELD_OUT, seed=1, name=CAMPAIGN_NAME, starts=AS_OF
    )
    measured = find_campaign(context, person, exported.id)
    render_campaign(measured, project.settings.currency)
    _see(_of_campaign(measured))
    _next_steps(project)


def _live_through(project: Project, now: datetime) -> None:
    """Predict a tag month by month, as nights would have done it."""
    first, *_, last = EARLIER
    _step(
        "Four months of one tag, as nights would have scored it",
        f"tagcast train {TAG} --as-of {first} --trials {TRIALS}; tagcast score {TAG} --as-of {first}; …",
    )
    (trained,) = train_tags(project, [TAG], as_of=first, now=now, trials=TRIALS)
    for day in EARLIER:
        scored = score_run(project, [TAG], as_of=day, now=now, reasons="none")
    _see(
        f"version {trained.version} of {TAG} knows nothing that came after {first}; it predicted {len(EARLIER)} times, the last time "
        f"{scored.profiles:,} households as of {last}, and every prediction was kept"
    )


def _of_check(report: ProjectReadiness) -> str:
    (shop,) = report.sources.sources
    ready = sum(tag.level == "ok" for tag in report.tags)
    churn = next(tag for tag in report.tags if tag.tag == TAG)
    return (
        f"{ready} of {len(report.tags)} tags are ready; {TAG} learns from {len(churn.snapshots)} snapshots of "
        f"{shop.profiles:,} households, and is tested on the last one, where {churn.positives:,} of "
        f"{churn.population:,} left"
    )


def _of_training(trained: Sequence[TrainedTag]) -> str:
    champions = sum(tag.alias == "champion" for tag in trained)
    churn = next(tag for tag in trained if tag.tag == TAG)
    auc, rfm = (churn.metrics.get(name, float("nan")) for name in ("auc", "rfm_auc"))
    return (
        f"{champions} of {len(trained)} models passed the gate and are champions; {TAG} ranks with an AUC of "
        f"{auc:.3f} on households and days it had not seen, recency-frequency-money alone with {rfm:.3f}"
    )


def _of_scoring(scored: ScoringRun) -> str:
    churn = next(tag for tag in scored.tags if tag.tag == TAG)
    return (
        f"{TAG} calls {churn.predicted['yes']:,} of {churn.population:,} households yes, {churn.predicted['no']:,} no, and says "
        f"unknown of {churn.unknown:,}, where it would not be sure enough"
    )


def _of_audience(found: dict[str, Any]) -> str:
    shares = [c for c in found["mean_confidence"].values() if c is not None]
    promised = f"; its yes and no are promised to come true for {min(shares):.0%} or more" if shares else ""
    return f"{found['members']:,} of {found['base']:,} households match{promised}"


def _of_promise(project: Project) -> str:
    found = yes_outcome(project, TAG)
    if found is None:
        return f"the window of {TAG} is still open: what it promised cannot be compared yet"
    return f"of {found.called:,} called yes {found.came_true:,} left, {found.base_rate:.1%} of all households did"


def _of_record(record: Sequence[PromiseRow]) -> str:
    runs = [row for row in record if row.at_least == 0]
    return (
        f"{sum(row.is_kept for row in runs)} of {len(runs)} runs kept what they promised; none was judged before its window of a month was "
        "over, and what was judged stays"
    )


def _of_campaign(found: MeasuredCampaign) -> str:
    given, held_out = found.campaign.given, found.campaign.held_out
    return (
        f"{given:,} households were given to a campaign that nobody sent, and {held_out:,} were held out: what they differ by is "
        "chance, and the interval knows it"
    )


def _next_steps(project: Project) -> None:
    (card, *_) = write_card(find_card(project, TAG, None), project.settings.home / "cards", html_only=True)
    say()
    say("── Where to go on")
    for what, where in (
        ("the console and the API", "tagcast serve"),
        (f"the model card of {TAG}", _short(card)),
        ("the documentation", "docs/index.md (make docs builds the site)"),
        ("your own data", "name your table in a tagcast.toml, then tagcast check"),
    ):
        say(f"   {what + ':':<32}{where}")
    say()
    tell("The data are one year of a retailer's households with moved dates, published as simulated.")


def _short(file: Path) -> str:
    return str(file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file)


def _step(title: str, command: str) -> None:
    say()
    say(f"── {title}")
    tell(f"   $ {command}")


def _see(sentence: str) -> None:
    tell(f"   See: {sentence}.")


def main() -> None:
    """Run the demo on the configuration that is given, as an image does; without one, on that at the root of the checkout."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)  # in a log, answers and stages stand in their order
    start_logging(folded=True)
    try:
        with private_files(), progress() as show:
            config = Path(sys.argv[1]) if sys.argv[1:] else ROOT / "tagcast.toml"
            project = open_project(config, None, show)
            adopt_home(project.settings.home)
            run(project, clock())
    except TagcastError as error:
        say(f"error: {error}")
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
