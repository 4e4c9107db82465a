"""`tagcast run due`: what is due is loaded, judged, trained, scored and published, and what is kept no longer deleted, each step once.

A step that is on record as done is not done again in the same night: after a kill the next call goes on where it broke off. Steps
that were killed before they were on record find for themselves what is left to do, and what they did already; a run that was
published so is put on record by the next call, whether or not anything is due by then.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from tagcast.features.core.errors import StoreBusyError, TagcastError
from tagcast.features.core.messages import msg
from tagcast.features.core.system import private_folder
from tagcast.features.core.telemetry.traces import span
from tagcast.pipelines.entities import each, every, readable_first, with_tags
from tagcast.pipelines.nights.record import NightRecord
from tagcast.pipelines.nights.schedule import due_tags
from tagcast.pipelines.nights.steps import (
    DONE_OR_NOTHING,
    JUDGE,
    LOAD,
    TRAIN,
    StepDone,
    judged,
    loaded,
    recorded,
    scored,
    trained,
    unrecorded_run,
)
from tagcast.pipelines.nights.upkeep import KEEP, tidied
from tagcast.pipelines.project.project import Project
from tagcast.registry.governance.night_record import NightStep, steps_of
from tagcast.serving.monitoring.due import SCORE, DueTag

LOCK = "night.lock"
PLAN = "plan"
"""On record where it cannot be found out what is due, and once it can be again."""


@dataclass(frozen=True)
class Night:
    """What a night did for one entity.

    Parameters
    ----------
    due : tuple of DueTag
        By name; empty where only the record of a run was missing, since a call was killed after it had published it.
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


def planned_nights(project: Project, now: datetime) -> dict[str, Night]:
    """Return what is left to do at ``now``, by entity; entities with nothing to do are left out. Nothing is read or done.

    Raises
    ------
    DefinitionError
        Where a file is wrong.
    """
    return {part.settings.entity: night for part, night in _nights(project, now)}


def _nights(project: Project, now: datetime) -> list[tuple[Project, Night]]:
    """Return each entity with something due, or a run to be put on record, in the order of scoring."""
    found = []
    for part, _ in readable_first(with_tags(project, None)):
        due, killed = tuple(due_tags(part, now)), unrecorded_run(part)
        if due or killed is not None:
            found.append(
                (part, Night(due, () if due or killed is None else tuple(steps_of(part.state, killed[0]))))
            )
    return found


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
        planning = NightRecord(project, now, now, timer)
        try:
            with planning.failures_of(PLAN):
                nights = dict(_nights(project, now))
                planning.recovered(PLAN)
        except TagcastError:
            planning.notify()
            raise
        for part in every(project):
            if part not in nights:
                NightRecord(part, now, now, timer).notify()  # what no server took before

        def whole_night(part: Project, _: list[str] | None) -> Night:
            with span("night", attributes={"tagcast.entity": part.settings.entity}):
                return _night(part, nights[part], now, timer)

        return each([(part, None) for part in nights], whole_night)


def _night(project: Project, night: Night, now: datetime, timer: Callable[[], float]) -> Night:
    """Do the steps of one entity's night that are not on record yet.

    Tags are scored with the models that are there where promises could not be judged or models not trained: the error is raised
    once that is done, and the next night tries again.
    """
    if (killed := unrecorded_run(project)) is not None:
        last_due, run = killed
        # As of then: a record of now would say that what came due meanwhile has been done.
        last = NightRecord(project, last_due, run.run.scored_at, timer)
        with last.failures_of(SCORE):
            last.done(SCORE, partial(recorded, run=run))
        if not night.due:
            last.notify()
            return Night((), tuple(steps_of(project.state, last_due)))
    due = max(one.since for one in night.due)
    record = NightRecord(project, due, now, timer)
    earlier = {step.step for step in steps_of(project.state, due) if step.outcome in DONE_OR_NOTHING}
    failed: Exception | None = None
    steps: tuple[tuple[str, Callable[[Project, datetime], StepDone]], ...] = (
        (LOAD, loaded),
        (JUDGE, judged),
        (TRAIN, partial(trained, killed=due if earlier else None)),
        (SCORE, scored),
        (KEEP, tidied),
    )
    try:
        for name, work in steps:
            if name in earlier:
                continue
            try:
                with record.failures_of(name):
                    record.done(name, work)
            except Exception as error:
                if name == LOAD:
                    raise
                failed = failed or error
    finally:
        record.notify()
    if failed is not None:
        raise failed
    return Night(night.due, tuple(steps_of(project.state, due)))


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
