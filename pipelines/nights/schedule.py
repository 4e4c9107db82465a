"""Which tags of a project are due, by its files and its published drafts."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from tagcast.models.definitions.loader import load_definitions
from tagcast.registry.governance.rule_drafts import published_rules
from tagcast.serving.monitoring.due import DueTag, due_among

if TYPE_CHECKING:
    from tagcast.pipelines.project.project import Project


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
    tags = [*written, *published_rules(project.state)]
    return due_among(tags, project.state, project.store.log(), now, settings.timezone)
