"""What was done in which night: each step with its outcome and duration, so that a night that was killed goes on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import JSON, Column, Float, String, Table, Text, delete, func, select

from tagcast.features.core.messages import Joined, from_column, to_column
from tagcast.features.core.messages import Text as Sentence
from tagcast.registry.state.database import State
from tagcast.registry.state.tables import METADATA, UtcDateTime, serial

NOTIFY = "notify"
"""The step that sends news; on record of it are those that were sent, of every other step what is to be sent."""
Outcome = Literal["done", "nothing", "refused", "failed"]
NIGHT_STEPS = Table(
    "night_steps",
    METADATA,
    serial(),
    Column("due", UtcDateTime, nullable=False, index=True, comment="when the refresh of its tags came last"),
    Column("step", String(20), nullable=False),
    Column("outcome", String(10), nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("detail", Text, nullable=False),
    Column("inputs", String(100), nullable=False, comment="what went into it: equal inputs, equal outcome"),
    Column(
        "news", JSON, nullable=False, comment="what somebody should hear of; of a step notify what was sent"
    ),
    sqlite_autoincrement=True,
)


@dataclass(frozen=True)
class NightStep:
    """One step of a night.

    Parameters
    ----------
    due : datetime
        When the refresh of its tags came last, UTC; the same for all steps of a night.
    step : str
    outcome : {"done", "nothing", "refused", "failed"}
        ``nothing``: there was nothing to do.
    started_at : datetime
        When the night began that did it, UTC.
    seconds : float
    detail : Message, Joined or str
    inputs : str
        Names what went into it, where it is worth knowing whether that is the same again.
    news : tuple of dict
        What somebody should hear of, of ``NOTIFY`` what was sent, as JSON values with an ``id``.
    """

    due: datetime
    step: str
    outcome: Outcome
    started_at: datetime
    seconds: float
    detail: Sentence | Joined
    inputs: str = ""
    news: tuple[dict[str, str], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the step as JSON values, its detail in the reader's language."""
        return {
            "due": self.due.isoformat(),
            "step": self.step,
            "outcome": self.outcome,
            "started_at": self.started_at.isoformat(),
            "seconds": round(self.seconds, 3),
            "detail": self.detail,
        }


def record_step(state: State, step: NightStep) -> None:
    """Put a step on record, after what was recorded before."""
    values = {
        "due": step.due,
        "step": step.step,
        "outcome": step.outcome,
        "started_at": step.started_at,
        "seconds": step.seconds,
        "detail": to_column(step.detail),
        "inputs": step.inputs,
        "news": list(step.news),
    }
    with state.writing() as connection:
        connection.execute(NIGHT_STEPS.insert(), values)


def steps_of(state: State, due: datetime) -> list[NightStep]:
    """Return what is on record of one night, in the order of doing."""
    return _steps(state, select(NIGHT_STEPS).where(NIGHT_STEPS.c.due == due).order_by(NIGHT_STEPS.c.id))


def steps_since(state: State, moment: datetime) -> list[NightStep]:
    """Return what is on record of nights that began at ``moment`` or later, but notifications, in the order of doing."""
    recent = (NIGHT_STEPS.c.started_at >= moment) & (NIGHT_STEPS.c.step != NOTIFY)
    return _steps(state, select(NIGHT_STEPS).where(recent).order_by(NIGHT_STEPS.c.id))


def notified(state: State) -> set[str]:
    """Return the ids of all news that were sent."""
    sent = (NIGHT_STEPS.c.step == NOTIFY) & (NIGHT_STEPS.c.outcome == "done")
    return {one["id"] for step in _steps(state, select(NIGHT_STEPS).where(sent)) for one in step.news}


def last_step(state: State, *steps: str) -> NightStep | None:
    """Return the newest record of any of ``steps``, of any night."""
    query = (
        select(NIGHT_STEPS).where(NIGHT_STEPS.c.step.in_(steps)).order_by(NIGHT_STEPS.c.id.desc()).limit(1)
    )
    return next(iter(_steps(state, query)), None)


def last_done(state: State, step: str) -> NightStep | None:
    """Return the newest record of a step that ended well, of any night."""
    done = NIGHT_STEPS.c.outcome.in_(["done", "nothing"]) & (NIGHT_STEPS.c.step == step)
    query = select(NIGHT_STEPS).where(done).order_by(NIGHT_STEPS.c.id.desc()).limit(1)
    return next(iter(_steps(state, query)), None)


def newest_steps(state: State) -> list[NightStep]:
    """Return the newest record of each step, in order of name."""
    newest = select(func.max(NIGHT_STEPS.c.id)).group_by(NIGHT_STEPS.c.step)
    return _steps(state, select(NIGHT_STEPS).where(NIGHT_STEPS.c.id.in_(newest)).order_by(NIGHT_STEPS.c.step))


def forget_steps(state: State, before: datetime, *, dry_run: bool = False) -> int:
    """Delete what is on record of nights that began before a moment, but the newest record of each step; return how many steps."""
    newest = select(func.max(NIGHT_STEPS.c.id)).group_by(NIGHT_STEPS.c.step)
    old = (NIGHT_STEPS.c.started_at < before) & NIGHT_STEPS.c.id.not_in(newest)
    with state.reading() if dry_run else state.writing() as connection:
        count = connection.execute(select(func.count()).select_from(NIGHT_STEPS).where(old)).scalar_one()
        if not dry_run:
            connection.execute(delete(NIGHT_STEPS).where(old))
    return count


def _steps(state: State, query: Any) -> list[NightStep]:
    with state.reading() as connection:
        return [
            NightStep(
                r.due,
                r.step,
                r.outcome,
                r.started_at,
                r.seconds,
                from_column(r.detail),
                r.inputs,
                tuple(r.news),
            )
            for r in connection.execute(query)
        ]
