"""What a night did goes on record step by step, and whoever is to hear of it hears of it once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Literal

from tagcast.features.core.errors import RunRefusedError, StateError, TagcastError
from tagcast.features.core.home.machine import machine_fault
from tagcast.features.core.home.publication import publication
from tagcast.features.core.messages import Joined, Text, msg, nmsg
from tagcast.features.core.telemetry.json_log import FIELDS
from tagcast.features.core.telemetry.traces import span
from tagcast.pipelines.nights.notify import News, notifies, send
from tagcast.pipelines.nights.occasions import failure, unsent
from tagcast.pipelines.nights.steps import StepDone
from tagcast.pipelines.project.progress import log
from tagcast.pipelines.scoring.score import coming_run
from tagcast.registry.governance.night_record import NOTIFY, NightStep, last_step, record_step
from tagcast.serving.monitoring.due import SCORE

if TYPE_CHECKING:
    from tagcast.pipelines.project.project import Project


class NightRecord:
    """The record of one entity's night.

    Parameters
    ----------
    project : Project
    due : datetime
        When the refresh of its tags came last.
    now : datetime
        When the night began.
    timer : callable
        Seconds from any moment on, for the durations.
    """

    def __init__(self, project: Project, due: datetime, now: datetime, timer: Callable[[], float]) -> None:
        self._project, self._due, self._now, self._timer = project, due, now, timer
        self._unrecorded: list[News] = []

    def done(self, name: str, work: Callable[[Project, datetime], StepDone]) -> None:
        """Do a step, and put on record what came of it."""
        start = self._timer()
        # A run and the record of it belong together; other steps are found again by the next call.
        entity = self._project.settings.entity
        whole = publication() if name == SCORE else nullcontext()
        with whole, span(f"night {name}", attributes={"tagcast.entity": entity}):
            self._record(name, start, work(self._project, self._now))

    @contextmanager
    def failures_of(self, name: str) -> Iterator[None]:
        """Put on record that a step failed or was refused where the block raises, and raise it."""
        start = self._timer()
        try:
            yield
        except Exception as error:
            self._failed(name, start, error)
            raise

    def recovered(self, name: str) -> None:
        """Put on record that a step is possible that was not the last time."""
        before = last_step(self._project.state, name)
        if before is not None and before.outcome == "failed":
            self._record(name, self._timer(), StepDone("done", ""))

    def notify(self) -> None:
        """Send what nobody has heard of yet; what could not be sent is sent by a later call."""
        project, start = self._project, self._timer()
        if not notifies(project.settings.notify):
            return
        try:
            waiting = {one.id: one for one in [*self._unrecorded, *unsent(project, self._now)]}
        except TagcastError as error:
            # Where the record cannot be read either, at least what just happened is said.
            log.warning(error.message)
            waiting = {one.id: one for one in self._unrecorded}
        try:
            sent = send(project.settings, list(waiting.values()))
            done = StepDone(
                "done",
                nmsg("{n} notification was sent", "{n} notifications were sent", len(sent)),
                "",
                tuple(sent),
            )
        except TagcastError as error:
            log.warning(error.message)
            sent, done = [], StepDone("failed", error.message)
        try:
            if sent or done.outcome == "failed":
                self._record(NOTIFY, start, done)
        except StateError as error:
            log.warning(error.message)

    def _failed(self, name: str, start: float, error: Exception) -> None:
        project, text = self._project, _words(error)
        occasion: Literal["refused", "failed"] = "refused" if isinstance(error, RunRefusedError) else "failed"
        inputs = sha256(str(error).encode()).hexdigest()[:16]
        known = False
        try:
            if occasion == "refused":
                inputs = coming_run(project)
            before = last_step(project.state, name)
            # Whoever calls every hour hears of one fault once.
            known = before is not None and (before.outcome, before.inputs) == (occasion, inputs)
        except TagcastError as lost:
            log.warning(lost.message)
        news = () if known else (failure(project, occasion, name, self._due, inputs, text),)
        try:
            self._record(name, start, StepDone(occasion, text, inputs, news))
        except StateError as lost:
            # On a full disk nothing goes on record; somebody has to hear of it all the same.
            log.warning(lost.message)
            self._unrecorded += news

    def _record(self, name: str, start: float, done: StepDone) -> None:
        seconds = self._timer() - start
        news = tuple(asdict(one) for one in done.news)
        # Not what it says of itself: of an error of a library that may be anything.
        step = {
            "entity": self._project.settings.entity,
            "step": name,
            "outcome": done.outcome,
            "seconds": round(seconds, 3),
        }
        log.info(msg("step {step}: {outcome}", step=name, outcome=done.outcome), extra={FIELDS: step})
        record_step(
            self._project.state,
            NightStep(self._due, name, done.outcome, self._now, seconds, done.detail, done.inputs, news),
        )


def _words(error: Exception) -> Text | Joined:
    fault = error if isinstance(error, TagcastError) else machine_fault(error)
    return fault.message if fault is not None else f"{type(error).__name__}: {error}"
