"""The steps of a night: each does what is left to do, and says what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tagcast.features.core.errors import RunRefusedError
from tagcast.features.core.messages import Joined, Message, Text, listed, msg, nmsg
from tagcast.pipelines.evaluation.observed_accuracy import judge_closed
from tagcast.pipelines.nights.notify import News
from tagcast.pipelines.nights.occasions import broken_promise, waiting_review
from tagcast.pipelines.nights.retraining import to_retrain
from tagcast.pipelines.project.project import Project
from tagcast.pipelines.scoring.run import score_run
from tagcast.pipelines.scoring.score import coming_run
from tagcast.pipelines.training.train import train_tags
from tagcast.registry.governance.night_record import Outcome, last_step
from tagcast.serving.campaigns.measure import Measuring, measure_campaigns
from tagcast.serving.monitoring.due import SCORE

LOAD, JUDGE, TRAIN = "load", "judge", "train"
DONE_OR_NOTHING: frozenset[Outcome] = frozenset({"done", "nothing"})


@dataclass(frozen=True)
class StepDone:
    """How a step ended, what it says of it, and what somebody should hear of; ``inputs`` name what went into it."""

    outcome: Outcome
    detail: Text | Joined
    inputs: str = ""
    news: tuple[News, ...] = ()


def loaded(project: Project, _now: datetime) -> StepDone:
    """Load what is new in the sources."""
    events = project.events
    return StepDone("done", msg("events until {day}", day=events.observed_until), events.id)


def judged(project: Project, now: datetime) -> StepDone:
    """Judge the promises and measure the campaigns whose window has closed."""
    rows = judge_closed(project)
    measuring = Measuring(project.settings, project.state, project.events, project.former_ids)
    campaigns = measure_campaigns(measuring, now)
    if not rows and not campaigns:
        return StepDone("nothing", msg("no window has closed since the last night"))
    whole = [row for row in rows if row.at_least == 0]
    broken = sorted({row.tag for row in whole if row.is_broken})
    said: list[Message] = []
    if rows:
        said += [
            nmsg("{n} promise was judged", "{n} promises were judged", len(whole)),
            msg("broken: {tags}", tags=listed(broken)) if broken else msg("none was broken"),
        ]
    if campaigns:
        said.append(nmsg("{n} campaign was measured", "{n} campaigns were measured", len(campaigns)))
    news = [broken_promise(project, row) for row in whole if row.is_broken]
    return StepDone("done", listed(said, "sentences"), news=tuple(news))


def trained(project: Project, now: datetime) -> StepDone:
    """Train the models anew that ask for it."""
    reasons = to_retrain(project, now)
    if not reasons:
        return StepDone("nothing", msg("no tag asks to be trained anew"))
    versions = train_tags(project, sorted(reasons), as_of=None, now=now)
    said: list[Message] = [
        msg("{tag}: trained anew, {why}: {outcome}", tag=one.tag, why=reasons[one.tag], outcome=one.reason)
        for one in versions
    ]
    news = [
        waiting_review(project, one.tag, one.version, one.reason)
        for one in versions
        if one.proposed and one.version is not None
    ]
    return StepDone("done", listed(said, "sentences"), news=tuple(news))


def scored(project: Project, now: datetime) -> StepDone:
    """Score everyone and publish, where that would be another run than those that are there.

    Raises
    ------
    RunRefusedError
        When the run is refused, or would be the same that was refused before.
    """
    coming, stored = coming_run(project), project.store.stored()
    there = (e.run for e in project.store.log() if e.action == "publish" and e.run.number in stored)
    # Also one that somebody has rolled back: it is not published again behind their back.
    if same := next((run for run in there if run.run.run_id == coming), None):
        return StepDone(
            "nothing", msg("nothing is new since the run of {as_of}", as_of=same.run.as_of), coming
        )
    before = last_step(project.state, SCORE)
    if before is not None and before.outcome == "refused" and before.inputs == coming:
        raise RunRefusedError(
            msg("nothing is new since the run was refused: {problem}", problem=before.detail),
            hint=msg(
                "correct the source, or publish it all the same: {command}",
                command='tagcast score --all --force --reason "…"',
            ),
        )
    run = score_run(project, None, as_of=None, now=now)
    said = msg("{profiles:,} profiles as of {as_of}", profiles=run.profiles, as_of=run.as_of)
    return StepDone("done", said, run.run_id)
