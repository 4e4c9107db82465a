"""Whether each part that the server stands on works: state, store, MLflow, disk, and the age of the data; and what to do where not."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Literal
from urllib.error import URLError
from urllib.request import Request, urlopen

from sqlalchemy import select

from tagcast.features.core.errors import TagcastError
from tagcast.features.core.messages import NOTHING, Message, msg
from tagcast.registry.state.tables import USERS
from tagcast.registry.versions.tracking import VARIABLE, store_errors, tracking_exists
from tagcast.serving.monitoring.disk_outlook import outlook_of

if TYPE_CHECKING:
    from tagcast.serving.context import ServiceContext

log = logging.getLogger("tagcast")

Part = Literal["state", "store", "mlflow", "disk", "data"]
PARTS: tuple[Part, ...] = ("state", "store", "mlflow", "disk", "data")
NEEDED: frozenset[Part] = frozenset({"state", "store"})
"""Without these nothing can be answered; the others are warnings."""
STALE = timedelta(days=3)
"""Data that end so long ago are old, whatever the refresh of the tags: nobody loads, or a source stopped."""
_MLFLOW_SECONDS = 60.0
_SERVER_TIMEOUT_SECONDS = 3


@dataclass(frozen=True)
class PartState:
    """How one part is.

    Parameters
    ----------
    part : Part
    works : bool
    problem, hint : Message
        What is wrong and what to do, in words that name no place; empty of one that works.
    """

    part: Part
    works: bool = True
    problem: Message = NOTHING
    hint: Message = NOTHING

    @property
    def status(self) -> Literal["ok", "warning", "failing"]:
        """What it means for who asks."""
        if self.works:
            return "ok"
        return "failing" if self.part in NEEDED else "warning"


def parts_of(context: ServiceContext) -> list[PartState]:
    """Return how each part is now, in the order of :data:`PARTS`; what exactly is wrong goes to the log."""
    checks: tuple[tuple[Part, Callable[[ServiceContext], PartState]], ...] = (
        ("state", _state),
        ("store", _store),
        ("mlflow", _mlflow),
        ("disk", _disk),
        ("data", _data),
    )
    found = []
    for part, check in checks:
        try:
            found.append(check(context))
        except TagcastError as error:
            # The error itself names places, which is nothing for strangers.
            log.warning(msg("{part} does not work: {problem}", part=part, problem=error.message))
            found.append(_failing(part))
    return found


def _failing(part: Part) -> PartState:
    see_log = msg("see the log of tagcast serve")
    problems = {
        "state": msg("the application state does not answer"),
        "store": msg("the profile store does not answer"),
        "mlflow": msg("the model registry does not answer: pages of models and trainings fail"),
    }
    return PartState(part, works=False, problem=problems.get(part, msg("not ready")), hint=see_log)


def _state(context: ServiceContext) -> PartState:
    with context.accounts.reading() as connection:
        connection.execute(select(USERS.c.name).limit(1)).first()
    return PartState("state")


def _store(context: ServiceContext) -> PartState:
    context.store.current()
    return PartState("store")


def _mlflow(context: ServiceContext) -> PartState:
    """Ask for the registered models once a minute; of a server, whether it answers: MLflow's own client would wait for minutes."""

    def look() -> bool:
        settings = context.settings
        if not tracking_exists(settings.whole.home, settings.mlflow):
            return True
        place = settings.mlflow.place(settings.path.name) or os.environ.get(VARIABLE, "")
        with store_errors(msg("the model registry cannot be read")):
            if place.startswith(("http://", "https://")):
                _ask_server(place)
            elif (tracking := context.tracking) is not None:
                tracking.reader.models()
        return True

    context.remembered.get("mlflow works", look, seconds=_MLFLOW_SECONDS)
    return PartState("mlflow")


def _ask_server(place: str) -> None:
    request = Request(place.rstrip("/") + "/health", method="GET")  # noqa: S310 - the scheme was checked
    try:
        with urlopen(request, timeout=_SERVER_TIMEOUT_SECONDS):  # noqa: S310
            pass
    except URLError as error:
        if getattr(error, "code", 500) >= 500:  # one that asks for a password answers
            raise


def _disk(context: ServiceContext) -> PartState:
    settings = context.settings.whole
    warning = outlook_of(settings, context.accounts).warning(settings.keep)
    if warning is None:
        return PartState("disk")
    return PartState(
        "disk",
        works=False,
        problem=msg("the disk of the home fills"),
        hint=msg("{command} shows what lies there; free some space, or lower [keep]", command="tagcast home"),
    )


def _data(context: ServiceContext) -> PartState:
    active = context.store.current()
    today = context.now.date()
    if active is None or today - active.run.as_of <= STALE:
        return PartState("data")
    return PartState(
        "data",
        works=False,
        problem=msg("the data of the active run end more than {n} days ago", n=STALE.days),
        hint=msg(
            "see whether {command} is called, and whether every source delivers", command="tagcast run due"
        ),
    )


def not_ready(parts: list[PartState]) -> Iterator[PartState]:
    """Yield the parts without which nothing can be answered."""
    return (part for part in parts if part.status == "failing")
