"""The steps of a night: each does what is left to do, and says what came of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from tagcast.features.core.errors import RunRefusedError
from tagcast.features.core.messages import Joined, Message, Text, listed, msg, nmsg
from tagcast.pipelines.evaluation.challengers import propose_better
from tagcast.pipelines.evaluation.floors import judged_floors
from tagcast.pipelines.evaluation.observed_accuracy import judge_closed
from tagcast.pipelines.nights.notify import News
from tagcast.pipelines.nights.occasions import broken_promise, waiting_review
from tagcast.pipelines.nights.retraining import advised, to_retrain, trained_since
from tagcast.pipelines.project.project import Project
from tagcast.pipelines.scoring.run import keep_of_run, score_run
from tagcast.pipelines.scoring.score import coming_run
from tagcast.pipelines.training.train import train_tags
from tagcast.registry.governance.night_record import Outcome, last_step
from tagcast.registry.governance.observed_accuracy import judged as judged_promises
from tagcast.registry.operations.campaigns import all_campaigns
from tagcast.registry.operations.floors import observed_floors
from tagcast.serving.campaigns.measure import Measuring, measure_campaigns
from tagcast.serving.monitoring.due import SCORE

if TYPE_CHECKING:
    from tagcast.serving.store.manifest import Manifest

LOAD, JUDGE, TRAIN = "load", "judge", "train"
DONE_OR_NOTHING: frozenset[Outcome] = frozenset({"done", "nothing"})
_COUNTED = re.compile(r"(\d+) promises, (\d+) campaigns")
"""How the step that judges says how many are on record."""


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
    """Judge the promises and measure the campaigns whose window has closed, and propose what proved better in the shadow.

    What a call did that was killed before this step was on record counts, too: a step says what is new since the one before.
    """
    before = last_step(project.state, JUDGE)
    whole = [row for row in judge_closed(project) if row.at_least == 0]
    better = propose_better(project, now)
    measuring = Measuring(project.settings, project.state, project.events, project.former_ids)
    done = measure_campaigns(measuring, now)
    whole += judged_floors(project, done)
    there = (
        len(judged_promises(project.state)) + len(observed_floors(project.state)),
        sum(one.measured_at is not None for one in all_campaigns(project.state)),
    )
    inputs = f"{there[0]} promises, {there[1]} campaigns"
    promises, campaigns = len(whole), len(done)
    if before is not None and (known := _COUNTED.fullmatch(before.inputs)):
        promises, campaigns = (new - int(old) for new, old in zip(there, known.groups(), strict=True))
    if not promises and not campaigns and not better:
        return StepDone("nothing", msg("no window has closed since the last night"), inputs)
    broken = sorted({row.tag for row in whole if row.is_broken})
    said: list[Message] = []
    if promises:
        said.append(nmsg("{n} promise was judged", "{n} promises were judged", promises))
        if broken:
            said.append(msg("broken: {tags}", tags=listed(broken)))
        elif promises == len(whole):
            said.append(msg("none was broken"))
    if campaigns:
        said.append(nmsg("{n} campaign was measured", "{n} campaigns were measured", campaigns))
    said += [msg("{tag}: proposed, {why}", tag=one.tag, why=one.message) for one in better]
    news = [broken_promise(project, row) for row in whole if row.is_broken]
    news += [waiting_review(project, one.tag, one.version, one.message) for one in better]
    return StepDone("done", listed(said, "sentences"), inputs, tuple(news))


def trained(project: Project, now: datetime, *, killed: datetime | None = None) -> StepDone:
    """Train the models anew that ask for it; ``killed`` says since when an earlier call of this night, which was killed, may have done so."""
    reasons = to_retrain(project, now)
    advice = advised(project, now)
    if not reasons:
        there = trained_since(project, killed) if killed is not None else []
        if not there:
            return StepDone("nothing", listed([msg("no tag asks to be trained anew"), *advice], "sentences"))
        found = [msg("{tag}: trained anew, before a kill", tag=version.tag) for version in there]
        return StepDone("done", listed([*found, *advice], "sentences"))
    versions = train_tags(project, sorted(reasons), as_of=None, now=now)
    said: list[Message] = [
        msg("{tag}: trained anew, {why}: {outcome}", tag=one.tag, why=reasons[one.tag], outcome=one.reason)
        for one in versions
    ]
    said += advice
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
    return _of_run(run.profiles, run.as_of, run.run_id)


def unrecorded_run(project: Project) -> tuple[datetime, Manifest] | None:
    """Return when the last night was due and the run that it published, where a kill came between the run and its record; else None."""
    newest = last_step(project.state, LOAD, JUDGE, TRAIN, SCORE)
    if newest is None or newest.outcome in {LOAD: {"failed"}, SCORE: DONE_OR_NOTHING}.get(newest.step, ()):
        return None
    published = [entry for entry in project.store.log() if entry.action == "publish"]
    # One with a reason was published by a person who stepped in.
    if not published or published[-1].reason or published[-1].run.run.scored_at < newest.started_at:
        return None
    return newest.due, published[-1].run


def recorded(project: Project, now: datetime, *, run: Manifest) -> StepDone:
    """Keep of a run what is asked of it later, and say what the step that published it would have said."""
    keep_of_run(project, now)
    return _of_run(run.profiles, run.run.as_of, run.run.run_id)


def _of_run(profiles: int, as_of: date, run_id: str) -> StepDone:
    return StepDone(
        "done", msg("{profiles:,} profiles as of {as_of}", profiles=profiles, as_of=as_of), run_id
    )
