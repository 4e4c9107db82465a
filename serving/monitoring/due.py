"""What is due: tags whose cron came since they were last scored, however often it came."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from tagcast.models.definitions.cron import last_due
from tagcast.registry.governance.lifecycle import status_of
from tagcast.registry.governance.night_record import last_step

if TYPE_CHECKING:
    from tagcast.models.definitions.definition import Definition
    from tagcast.registry.state.database import State
    from tagcast.serving.store.manifest import Entry

SCORE = "score"
"""The step that a night is there for: what is on record of it was not due any more."""


@dataclass(frozen=True)
class DueTag:
    """A tag, or family, that is due.

    Parameters
    ----------
    tag : str
        As its definition names it.
    since : datetime
        When its refresh came last, UTC.
    last : datetime or None
        When it was last scored, or would have been, had anything been new.
    """

    tag: str
    since: datetime
    last: datetime | None


def due_among(
    definitions: Sequence[Definition], state: State, log: Iterable[Entry], now: datetime, timezone: str
) -> list[DueTag]:
    """Return which of ``definitions`` are due at ``now``, by name; those of retired tags never are.

    Parameters
    ----------
    definitions : sequence of Definition
        Of one entity; families as one, or their members.
    state : State
    log : iterable of Entry
        Of the entity's store.
    now : datetime
        With a zone.
    timezone : str
        IANA name of the zone that crons are read in.
    """
    retired = {
        name
        for name, status in status_of(state, [d.name for d in definitions]).items()
        if status == "retired"
    }
    night = last_step(state, SCORE)
    handled = night.started_at if night is not None and night.outcome in {"done", "nothing"} else None
    scored = scored_at(log)
    found = []
    for definition in definitions:
        since = last_due(definition.refresh, now, timezone)
        last = _latest([handled, *(at for name, at in scored.items() if _is_of(name, definition))])
        if since is not None and definition.name not in retired and (last is None or last < since):
            found.append(DueTag(definition.name, since, last))
    return sorted(found, key=lambda due: due.tag)


def scored_at(log: Iterable[Entry]) -> dict[str, datetime]:
    """Return when each tag was last scored and published."""
    found: dict[str, datetime] = {}
    for entry in log:
        if entry.action == "publish":
            found |= {tag.tag: entry.run.run.scored_at for tag in entry.run.run.tags}
    return found


def _is_of(name: str, definition: Definition) -> bool:
    if definition.family is None:
        return name == definition.name
    return name.partition(".")[0] == definition.name.partition(".")[0]


def _latest(moments: Iterable[datetime | None]) -> datetime | None:
    return max((moment for moment in moments if moment is not None), default=None)
