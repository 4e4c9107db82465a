"""`tagcast run due`: what is due is loaded, judged, trained, scored and published, each step once.

A step that is on record as done is not done again in the same night: after a kill the next call goes on where it broke off. Steps
that were killed before they were on record find for themselves what is left to do.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tagcast.features.core.errors import RunRefusedError, StoreBusyError, TagcastError
from tagcast.features.core.messages import Joined, Message, Text, listed, msg, nmsg, render
from tagcast.features.core.schema.entities import PROFILE
from tagcast.features.core.system import private_folder
from tagcast.pipelines.entities import each, readable_first, with_tags
from tagcast.pipelines.evaluation.observed_accuracy import judge_closed
from tagcast.pipelines.nights.notify import News, notifies, send
from tagcast.pipelines.nights.retraining import to_retrain
from tagcast.pipelines.nights.schedule import SCORE, DueTag, due_tags
from tagcast.pipelines.project.progress import log
from tagcast.pipelines.project.project import Project
from tagcast.pipelines.scoring.run import score_run
from tagcast.pipelines.scoring.score import coming_run
from tagcast.pipelines.training.train import train_tags
from tagcast.registry.governance.night_record import NightStep, Outcome, last_step, record_step, steps_of

if TYPE_CHECKING:
    from tagcast.features.core.schema.operation import Occasion

LOCK = "night.lock"
LOAD, JUDGE, TRAIN, NOTIFY = "load", "judge", "train", "notify"


@dataclass(frozen=True)
class Night:
    """What a night did for one entity.

    Parameters
    ----------
    due : tuple of DueTag
        By name.
    steps : tuple of NightStep
        In the order of doing, those of an earlier call that was killed among them.
    """

    due: tuple[DueTag, ...]
    steps: tuple[NightStep, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the night as JSON values."""
        return {
            "due": [
                {"tag": one.tag, "since": one.since.isoformat(), "last": one.last and one.last.isoformat()}
                for one in self.due
            ],
            "steps": [step.to_dict() for step in self.steps],
        }


@dataclass(frozen=True)
class _Done:
    """How a step ended, what it says of it, and what somebody should hear of; ``inputs`` name what went into it."""

    outcome: Outcome
    detail: Text | Joined
    inputs: str = ""
    news: tuple[News, ...] = ()


def planned_nights(project: Project, now: datetime) -> dict[str, Night]:
    """Return what is due at ``now``, by entity; entities with nothing due are left out. Nothing is read or done.

    Raises
    ------
    DefinitionError
        Where a file is wrong.
    """
    return {part.settings.entity: Night(tuple(due)) for part, due in _due_parts(project, now)}


def _due_parts(project: Project, now: datetime) -> list[tuple[Project, list[DueTag]]]:
    """Return each entity with something due, in the order of scoring."""
    parts = [(part, due_tags(part, now)) for part, _ in readable_first(with_tags(project, None))]
    return [(part, due) for part, due in parts if due]


def run_due(
    project: Project, now: datetime, *, timer: Callable[[], float] = time.monotonic
) -> tuple[dict[str, Night], TagcastError | None]:
    """Do what is due at ``now``, entity by entity, and return it beside the first error: where one fails, the others are done.

    However many nights were missed, what is due is done once.

    Parameters
    ----------
    project : Project
    now : datetime
        When the night begins, with a zone.
    timer : callable
        Seconds from any moment on, for the durations.

    Raises
    ------
    StoreBusyError
        When another night is under way.
    """
    with _alone(project.settings.whole.home):
        nights = {part: Night(tuple(due)) for part, due in _due_parts(project, now)}
        return each(
            [(part, None) for part in nights], lambda part, _: _Steps(part, nights[part], now, timer).run()
        )


class _Steps:
    """The steps of one entity's night."""

    def __init__(self, project: Project, night: Night, now: datetime, timer: Callable[[], float]) -> None:
        self._project, self._night, self._now, self._timer = project, night, now, timer
        self._due = max(one.since for one in night.due)

    def run(self) -> Night:
        earlier = {
            step.step
            for step in steps_of(self._project.state, self._due)
            if step.outcome in {"done", "nothing"}
        }
        last = last_step(self._project.state, LOAD)
        try:
            for name, work in (
                (LOAD, self._load),
                (JUDGE, self._judge),
                (TRAIN, self._train),
                (SCORE, self._score),
            ):
                if name not in earlier:
                    self._recorded(name, work)
        finally:
            self._notify(last.started_at if last is not None else None)
        return Night(self._night.due, tuple(steps_of(self._project.state, self._due)))

    def _recorded(self, name: str, work: Callable[[], _Done]) -> None:
        start = self._timer()
        try:
            done = work()
        except TagcastError as error:
            refused = isinstance(error, RunRefusedError)
            inputs = coming_run(self._project) if refused else sha256(str(error).encode()).hexdigest()[:16]
            before = last_step(self._project.state, name)
            occasion: Literal["refused", "failed"] = "refused" if refused else "failed"
            # Whoever calls every hour hears of one fault once.
            known = before is not None and (before.outcome, before.inputs) == (occasion, inputs)
            news = () if known else (self._news(occasion, "", error.message),)
            self._record(name, start, _Done(occasion, error.message, inputs, news))
            raise
        self._record(name, start, done)

    def _record(self, name: str, start: float, done: _Done) -> None:
        seconds = self._timer() - start
        news = tuple(asdict(one) for one in done.news)
        step = NightStep(self._due, name, done.outcome, self._now, seconds, done.detail, done.inputs, news)
        record_step(self._project.state, step)

    def _news(self, occasion: Occasion, tag: str, text: Text | Joined) -> News:
        entity = self._project.settings.entity
        about = " ".join(part for part in ("" if entity == PROFILE else entity, tag) if part)
        said = render(text, "en")
        return News(occasion, entity, tag, f"{about}: {said}" if about else said)

    def _notify(self, last: datetime | None) -> None:
        """Tell whoever is to hear of it what the steps since the last notification say, and which tags have expired."""
        if not notifies(self._project.settings.notify):
            return
        start = self._timer()
        expired = tuple(self._expired(last))
        waiting: list[News] = []
        for step in steps_of(self._project.state, self._due):
            if step.step == NOTIFY and step.outcome == "done":
                waiting = []
            waiting += [News.from_json(one) for one in step.news]
        if not (waiting or expired):
            return
        try:
            sent = send(self._project.settings, [*waiting, *expired])
        except TagcastError as error:
            # What could not be sent is sent by the next call; the night stands all the same.
            log.warning(error.message)
            self._record(NOTIFY, start, _Done("failed", error.message, news=expired))
        else:
            said = nmsg("{n} notification was sent", "{n} notifications were sent", sent)
            self._record(NOTIFY, start, _Done("done", said))

    def _expired(self, last: datetime | None) -> Iterator[News]:
        """Yield the tags of the active run that have expired since the last night."""
        active = self._project.store.current()
        for tag in active.run.tags if active is not None else ():
            if tag.expires_at <= self._now and (last is None or tag.expires_at > last):
                said = msg("expired on {day}: nothing is known by it", day=f"{tag.expires_at:%Y-%m-%d}")
                yield self._news("stale", tag.tag, said)

    def _load(self) -> _Done:
        events = self._project.events
        return _Done("done", msg("events until {day}", day=events.observed_until), events.id)

    def _judge(self) -> _Done:
        rows = judge_closed(self._project)
        if not rows:
            return _Done("nothing", msg("no window has closed since the last night"))
        whole = [row for row in rows if row.at_least == 0]
        broken = sorted({row.tag for row in whole if row.is_broken})
        said = [
            nmsg("{n} promise was judged", "{n} promises were judged", len(whole)),
            msg("broken: {tags}", tags=listed(broken)) if broken else msg("none was broken"),
        ]
        news = [
            self._news(
                "promise_broken",
                row.tag,
                msg(
                    "the promise of {as_of} was broken: {promised:.3f} promised, {right:.3f} right",
                    as_of=row.as_of,
                    promised=row.promised,
                    right=row.right,
                ),
            )
            for row in whole
            if row.is_broken
        ]
        return _Done("done", listed(said, "sentences"), news=tuple(news))

    def _train(self) -> _Done:
        reasons = to_retrain(self._project, self._now)
        if not reasons:
            return _Done("nothing", msg("no tag asks to be trained anew"))
        trained = train_tags(self._project, sorted(reasons), as_of=None, now=self._now)
        said: list[Message] = [
            msg(
                "{tag}: trained anew, {why}: {outcome}",
                tag=one.tag,
                why=reasons[one.tag],
                outcome=one.reason,
            )
            for one in trained
        ]
        news = [self._news("review_needed", one.tag, one.reason) for one in trained if one.proposed]
        return _Done("done", listed(said, "sentences"), news=tuple(news))

    def _score(self) -> _Done:
        project = self._project
        coming, stored = coming_run(project), project.store.stored()
        there = (e.run for e in project.store.log() if e.action == "publish" and e.run.number in stored)
        # Also one that somebody has rolled back: it is not published again behind their back.
        if same := next((run for run in there if run.run.run_id == coming), None):
            return _Done(
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
        run = score_run(project, None, as_of=None, now=self._now)
        said = msg("{profiles:,} profiles as of {as_of}", profiles=run.profiles, as_of=run.as_of)
        return _Done("done", said, run.run_id)


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """Hold the lock of nights; it goes with the process."""
    import fcntl

    private_folder(home)
    with (home / LOCK).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise StoreBusyError(
                msg("another night is under way in {home}", home=home),
                hint=msg("wait until it ends; a night that was killed holds no lock"),
            ) from error
        yield
