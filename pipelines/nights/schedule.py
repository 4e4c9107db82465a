"""Which tags are due: those whose cron came since they were last scored, however often it came."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from tagcast.models.definitions.cron import last_due
from tagcast.models.definitions.loader import load_definitions
from tagcast.registry.governance.lifecycle import status_of
from tagcast.registry.governance.night_record import last_step
from tagcast.registry.governance.rule_drafts import published_rules

if TYPE_CHECKING:
    from tagcast.models.definitions.definition import Definition
    from tagcast.pipelines.project.project import Project

SCORE = "score"
"""The step that a night is there for: what is on record of it was not due any more."""


@dataclass(frozen=True)
class DueTag:
    """A tag, or family, that is due.

    Parameters
    ----------
    tag : str
        As its file names it.
    since : datetime
        When its refresh came last, UTC.
    last : datetime or None
        When it was last scored, or would have been, had anything been new.
    """

    tag: str
    since: datetime
    last: datetime | None


def due_tags(project: Project, now: datetime) -> list[DueTag]:
    """Return the tags of one entity that are due at ``now``, by name; no source is read.

    Parameters
    ----------
    project : Project
    now : datetime
        With a zone.

    Raises
    ------
    DefinitionError
        Where a file is wrong.
    """
    settings = project.settings
    written = [d for d in load_definitions(settings.tags_folder) if d.entity == settings.entity]
    tags: list[Definition] = [*written, *published_rules(project.state)]
    retired = {
        name
        for name, status in status_of(project.state, [d.name for d in tags]).items()
        if status == "retired"
    }
    night = last_step(project.state, SCORE)
    handled = night.started_at if night is not None and night.outcome in {"done", "nothing"} else None
    scored = _scored(project)
    found = []
    for definition in tags:
        since = last_due(definition.refresh, now, settings.timezone)
        last = _latest([handled, *(at for name, at in scored.items() if _is_of(name, definition))])
        if since is not None and definition.name not in retired and (last is None or last < since):
            found.append(DueTag(definition.name, since, last))
    return sorted(found, key=lambda due: due.tag)


def _scored(project: Project) -> dict[str, datetime]:
    """Return when each tag was last scored and published."""
    found: dict[str, datetime] = {}
    for entry in project.store.log():
        if entry.action == "publish":
            found |= {tag.tag: entry.run.run.scored_at for tag in entry.run.run.tags}
    return found


def _is_of(name: str, definition: Definition) -> bool:
    if definition.family is None:
        return name == definition.name
    return name.partition(".")[0] == definition.name.partition(".")[0]


def _latest(moments: Iterable[datetime | None]) -> datetime | None:
    return max((moment for moment in moments if moment is not None), default=None)
