"""Plans for those who serve: each is made in a process of its own, so that the console stays quick and what it holds goes with it."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any

from tagcast.features.core.errors import MachineError, TagcastError
from tagcast.features.core.messages import msg
from tagcast.serving.plans.changes import Applied, Plan
from tagcast.serving.plans.planner import PlanState

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from tagcast.features.core.settings import Settings
    from tagcast.serving.context import ServiceContext


class PlanJobs:
    """Makes and remembers the plan of one entity; a :class:`tagcast.serving.plans.planner.Planner`.

    Parameters
    ----------
    context : ServiceContext
        Of the entity.
    """

    def __init__(self, context: ServiceContext) -> None:
        self._context = context
        self._lock = Lock()
        self._state = PlanState()

    def state(self) -> PlanState:
        """Return the newest plan, and whether it is one of what is written now."""
        with self._lock:
            state = self._state
        return replace(state, current=state.stage == "none" or state.written == written_id(self._context))

    def begin(self, by: str, now: datetime) -> None:
        """Have a plan made aside; where one is being made, that one counts."""
        with self._lock:
            if self._state.stage == "working":
                return
            written = written_id(self._context)
            self._state = replace(
                self._state,
                stage="working",
                written=written,
                begun=now,
                ended=None,
                by=by,
                problem="",
                hint="",
            )
        Thread(target=self._make, args=(now,), name="plan", daemon=True).start()

    def apply(self, by: str, reason: str, now: datetime) -> Applied:
        """Activate what is written, as :func:`tagcast.pipelines.deployment.plan.apply_plan` does."""
        done: Applied = _aside(_apply, self._context.settings, now, by, reason)
        return done

    def _make(self, now: datetime) -> None:
        try:
            plan: Plan = _aside(_plan, self._context.settings, now)
            found: dict[str, Any] = {"stage": "ready", "plan": plan}
        except TagcastError as error:
            found = {"stage": "failed", "plan": None, "problem": error.message, "hint": error.hint}
        with self._lock:
            self._state = replace(self._state, ended=self._context.now, **found)


def written_id(context: ServiceContext) -> str:
    """Return what identifies that a plan is made of: the files of tags, what is active and proposed, champions, and the run."""
    from tagcast.registry.governance.applied_definitions import active, proposed
    from tagcast.registry.governance.lifecycle import status_of
    from tagcast.serving.catalog.known_tags import trained_versions

    digest, folder = sha256(), context.settings.tags_folder
    for file in sorted(folder.glob("**/*")):
        if file.suffix in {".yaml", ".yml"} and file.is_file():
            digest.update(repr((str(file.relative_to(folder)), file.read_bytes())).encode())
    manifest = context.store.current()
    versions = trained_versions(context)
    champions = [
        (name, version.version)
        for name, known in sorted(versions.items())
        for version in known
        if "champion" in version.aliases
    ]
    lines = [*active(context.state).items(), *proposed(context.state).items()]
    decided = [(name, line.at, line.who, line.how) for name, line in lines]
    retired = sorted(
        n for n, s in status_of(context.state, [name for name, _ in lines]).items() if s == "retired"
    )
    run = manifest.run.run_id if manifest else None
    digest.update(repr((run, champions, decided, retired)).encode())
    return digest.hexdigest()[:16]


def _aside(work: Callable[..., Any], settings: Settings, now: datetime, *given: str) -> Any:
    """Return what ``work`` returns in a process of its own; raise what it raises."""
    spawn = multiprocessing.get_context("spawn")  # a fork would copy the locks of the server's threads
    here, there = spawn.Pipe(duplex=False)
    process = spawn.Process(target=_work, args=(there, work, settings, now, given), daemon=True)
    process.start()
    there.close()
    try:
        found = here.recv()
    except EOFError:
        process.join()
        raise MachineError(
            msg("the plan was stopped: its process ended with {code}", code=process.exitcode),
            hint=msg(
                "the log of the server says more; where the machine ran out of memory, give it more and plan again"
            ),
        ) from None
    finally:
        here.close()
    process.join()
    if isinstance(found, BaseException):
        raise found
    return found


def _work(
    answers: Connection, work: Callable[..., Any], settings: Settings, now: datetime, given: tuple[str, ...]
) -> None:
    try:
        answers.send(work(settings, now, *given))
    except TagcastError as error:
        answers.send(error)


def _plan(settings: Settings, now: datetime) -> Plan:
    from tagcast.pipelines.deployment.plan import make_plan
    from tagcast.pipelines.project.project import Project
    from tagcast.serving.context import open_context

    whole = Project(settings.whole, now=now)
    context = open_context(settings.whole, lambda: now)
    return make_plan(whole.of(settings.entity), context.entities[settings.entity])


def _apply(settings: Settings, now: datetime, by: str, reason: str) -> Applied:
    from tagcast.pipelines.deployment.plan import apply_plan
    from tagcast.pipelines.project.project import Project

    return apply_plan(Project(settings.whole, now=now).of(settings.entity), by=by, reason=reason, now=now)
