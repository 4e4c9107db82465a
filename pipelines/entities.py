"""The entities of a project, one after another: what a command that names none of them is for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import TypeVar

from tagcast.features.catalog.related.declaration import RelatedDeclaration
from tagcast.features.catalog.view_files import load_views
from tagcast.features.core.errors import TagcastError
from tagcast.features.core.messages import msg
from tagcast.features.core.schema.entities import PROFILE
from tagcast.models.definitions.loader import load_definitions
from tagcast.pipelines.project.progress import log
from tagcast.pipelines.project.project import Project

Answer = TypeVar("Answer")


def with_tags(project: Project, names: Sequence[str] | None) -> list[tuple[Project, list[str] | None]]:
    """Return the project of each entity that has tags, and those of ``names`` that are its.

    Parameters
    ----------
    project : Project
        Of one entity alone: it is returned as it is.
    names : sequence of str or None
        Tags or families; None for all. One that no file names is taken for a tag of profiles, whose errors say what there is.

    Raises
    ------
    DefinitionError
        Where a definition is wrong.
    """
    settings = project.settings
    if settings.entity != PROFILE or not settings.entities:
        return [(project, None if names is None else list(names))]
    owners = {one.name: one.entity for one in load_definitions(settings.tags_folder)}
    owners |= {name.partition(".")[0]: entity for name, entity in owners.items()}
    parts: dict[str, list[str] | None] = {}
    if names is None:
        there = {*owners.values()}
        parts = {entity: None for entity in (PROFILE, *settings.entities) if entity in there}
    else:
        for name in names:
            entity = owners.get(name) or owners.get(name.partition(".")[0], PROFILE)
            known = parts.setdefault(entity, [])
            assert known is not None  # noqa: S101 - narrowing
            known.append(name)
    return [(project.of(entity), own) for entity, own in parts.items()]


def readable_first(
    parts: Sequence[tuple[Project, list[str] | None]],
) -> list[tuple[Project, list[str] | None]]:
    """Return ``parts`` so that an entity comes after those whose tags it has as attributes.

    Where two read each other, they stay in their order: the first knows the tags of the other once it is scored again.
    """
    folder = parts[0][0].settings.features_folder if parts else None
    by_entity = {project.settings.entity: (project, names) for project, names in parts}
    reads: dict[str, set[str]] = {entity: set() for entity in by_entity}
    for view in load_views(folder) if folder is not None and len(parts) > 1 else ():
        if (
            isinstance(view, RelatedDeclaration)
            and view.tags
            and {view.entity[0], view.related.entity} <= {*reads}
        ):
            reads[view.entity[0]].add(view.related.entity)
    try:
        return [
            by_entity[entity]
            for entity in TopologicalSorter({one: sorted(of) for one, of in reads.items()}).static_order()
        ]
    except CycleError:
        return list(parts)


def every(project: Project) -> list[Project]:
    """Return the project of each entity, profiles first; of one entity alone that one."""
    if project.settings.entity != PROFILE:
        return [project]
    return [project.of(entity) for entity in (PROFILE, *project.settings.entities)]


def each(
    parts: Sequence[tuple[Project, list[str] | None]],
    work: Callable[[Project, list[str] | None], Answer],
) -> tuple[dict[str, Answer], TagcastError | None]:
    """Return what ``work`` gives of each entity, and the first error: where one fails, the others are worked on all the same."""
    answers: dict[str, Answer] = {}
    failed: TagcastError | None = None
    for project, names in parts:
        entity = project.settings.entity
        try:
            answers[entity] = work(project, names)
        except TagcastError as error:
            if failed is not None:
                log.error(msg("{entity}: {problem}", entity=entity, problem=error.message))
            failed = failed or error
    return answers, failed
