"""What a project adds to tagcast's features: declared views, and the feature services of tags that name their features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from tagcast.features.catalog.feature_set import PROFILE_VIEW, SERVICES, WINDOWS_DAYS, FeatureSet
from tagcast.features.catalog.repo_contents import RepoContents
from tagcast.features.core.errors import DefinitionError
from tagcast.features.core.messages import msg
from tagcast.features.core.validation import suggested
from tagcast.features.entities.pair import CATEGORY
from tagcast.pipelines.project.tag_files import stamps

if TYPE_CHECKING:
    from tagcast.features.catalog.feature_set import OwnView
    from tagcast.features.catalog.related.declaration import RelatedDeclaration
    from tagcast.features.catalog.related.view import RelatedView
    from tagcast.features.catalog.services import ServiceDeclaration
    from tagcast.features.catalog.view_files import ViewDeclaration
    from tagcast.features.compute.snapshots import Others, Snapshots
    from tagcast.features.entities.relations import Relation
    from tagcast.models.definitions.model_tag import TagDefinition
    from tagcast.pipelines.project.project import Project
    from tagcast.pipelines.project.tag_files import TagFiles
    from tagcast.serving.scoring.attribute_stream import Attributes


def own_views(project: Project, as_of: date, history_days: int | None) -> tuple[OwnView, ...]:
    """Return the views that the project declares.

    Parameters
    ----------
    project : Project
    as_of : date
        Words have the levels that were common before it.
    history_days : int or None
        Windows have to fit into it; None: all do.
    """
    from tagcast.features.catalog.view_files import declared_views

    # One of tags alone gives attributes, no features; one of two entities is made of features of others.
    declared = [v for v in declared_views(project.settings) if v.kind != "related" or v.names]
    made: dict[str, OwnView] = {}
    for view in sorted(declared, key=lambda one: len(one.keys)):
        made[view.view] = _settled(project, view, as_of, history_days, list(made.values()))
    return tuple(made[view.view] for view in declared)


def _settled(
    project: Project, view: ViewDeclaration, as_of: date, history_days: int | None, others: Sequence[OwnView]
) -> OwnView:
    from tagcast.features.catalog.attribute_views import resolved
    from tagcast.features.catalog.feast_views import FeastDeclaration
    from tagcast.features.catalog.related.declaration import RelatedDeclaration
    from tagcast.features.catalog.sql_views import SqlDeclaration
    from tagcast.features.catalog.view_declarations import AttributesDeclaration
    from tagcast.features.compute.levels import aggregate_levels, attribute_levels
    from tagcast.features.ingest.aggregates import named_beside, settled
    from tagcast.features.ingest.log_columns import column_kinds
    from tagcast.features.ingest.queries.sql_views import settled_sql

    if isinstance(view, SqlDeclaration):
        return settled_sql(view, project.settings)
    if isinstance(view, RelatedDeclaration):
        return _related(project, view, as_of, history_days)
    events, connection = project.events, project.duckdb.con
    if isinstance(view, FeastDeclaration):
        view = project.view_tables.repos.declared(view)
        if not any(column.kind == "word" for column in view.columns.values()):
            return resolved(view, {})  # nothing has to be fetched to know its columns
    if isinstance(view, AttributesDeclaration | FeastDeclaration):
        table = project.view_tables.view_file_at(view.view, as_of)
        return resolved(view, attribute_levels(connection, table, view, as_of))
    levels = aggregate_levels(connection, events.glob, view, column_kinds(project.settings), as_of)
    beside: dict[str, float | None] = {}
    if named_beside(view):
        known = replace(project.shipped_set(history_days, as_of), own=tuple(others))
        beside = {f"{name}.{f.name}": f.absent for name in known.views for f in known.features(name)}
    return settled(view, project.settings.numbers, history_days, levels, beside)


def _related(
    project: Project, view: RelatedDeclaration, as_of: date, history_days: int | None
) -> RelatedView:
    """Settle a view of figures of another entity: of its features those alone that are needed, or two might wait for each other."""
    from tagcast.features.catalog.related.view import settled_relation
    from tagcast.features.catalog.view_files import declared_views

    other, needed, relation = project.of(view.related.entity), view.needed_views, _relation(project, view)
    own = tuple(
        _settled(other, one, as_of, history_days, [])
        for one in declared_views(other.settings)
        if one.view in needed
    )
    if PROFILE_VIEW in needed:
        shipped = other.shipped_set(history_days, as_of)
        return settled_relation(view, relation, replace(shipped, own=own))
    return settled_relation(view, relation, FeatureSet(WINDOWS_DAYS[:1], (), (), own))


def others(project: Project, folder: Path | None = None) -> Others:
    """Return what opens the snapshots of other entities, of which views of ``project`` are made.

    They lie in a folder of the home of the project that reads them: which it needs, no other knows.
    """
    from tagcast.features.compute.snapshots import RELATED

    place = folder or project.settings.data

    def opened(entity: str, feature_set: FeatureSet) -> Snapshots:
        other, inside = project.of(entity), place / RELATED / entity
        return snapshots_in(inside, other, feature_set, others(other, inside))

    return cache(opened)


def snapshots_in(
    folder: Path,
    project: Project,
    feature_set: FeatureSet,
    others: Others,
    contents: RepoContents | None = None,
) -> Snapshots:
    """Return the snapshots of a project's features that lie in ``folder``, built or not."""
    from tagcast.features.compute.snapshots import Snapshots

    settings = project.settings
    return Snapshots(
        folder,
        project.view_tables,
        feature_set,
        settings.timezone,
        memory_limit=settings.memory_limit,
        threads=settings.threads,
        contents=contents,
        others=others,
        engine=project.engine,
    )


def attributes_at(project: Project, as_of: date) -> Attributes:
    """Return, read once a command, the attributes of the project's entity, and those that tags of others make: from runs that are as of ``as_of``.

    Raises
    ------
    DefinitionError
        Where a tag is not there, or is sensitive.
    """
    key = as_of, stamps(project.settings.features_folder)
    if key not in project.attributes_held:
        project.attributes_held[key] = _attributes(project, as_of)
    return project.attributes_held[key]


def _attributes(project: Project, as_of: date) -> Attributes:
    from tagcast.features.catalog.related.declaration import RelatedDeclaration
    from tagcast.features.catalog.related.view import bare_relation
    from tagcast.features.catalog.view_files import declared_views
    from tagcast.serving.scoring.attribute_stream import Attributes
    from tagcast.serving.scoring.related_tags import OtherRun, RelatedTags

    declared = [
        view
        for view in declared_views(project.settings)
        if isinstance(view, RelatedDeclaration) and view.tags
    ]
    runs = []
    for view in declared:
        other = project.of(view.related.entity)
        _check_tags(other, view, as_of)
        log = project.events if _relation(project, view).own else other.events
        runs.append(OtherRun(view, bare_relation(view, _relation(project, view)), log.glob, other.store))
    file, settings = project.events.profiles_path, project.settings
    beside = RelatedTags(runs, as_of, settings.data, settings.memory_limit) if runs else None
    return Attributes(file, settings.memory_limit, beside)


def _check_tags(other: Project, view: RelatedDeclaration, as_of: date) -> None:
    from tagcast.models.definitions.rule_tag import sensitivity_of

    known = {tag.name: tag for tag in other.tags(as_of)}
    for name, given in view.tags.items():
        place = f"{view.place}: tags.{name}"
        if given.tag and given.tag not in known:
            raise DefinitionError(
                msg(
                    "{place}: there is no tag {tag!r} of {entity}",
                    place=place,
                    tag=given.tag,
                    entity=other.settings.entity,
                ),
                hint=suggested(given.tag, list(known)),
            )
        if given.tag and sensitivity_of(known[given.tag], other.settings.sensitive) == "sensitive":
            raise DefinitionError(
                msg(
                    "{place}: {tag} is sensitive, and an attribute made of it would not be",
                    place=place,
                    tag=given.tag,
                ),
                hint=msg(
                    "leave it out, or read it where its own rights are checked: in {entity}",
                    entity=other.settings.entity,
                ),
            )


def _relation(project: Project, view: RelatedDeclaration) -> Relation:
    from tagcast.features.entities.relations import relation_between

    relation = relation_between(project.settings, view.entity[0], view.related.entity)
    assert relation is not None  # noqa: S101 - declared_views has checked it
    return relation


def check_chosen(project: Project, definition: TagDefinition) -> None:
    """Check that every view and feature that a tag names is there.

    Raises
    ------
    DefinitionError
        Naming the tag, and the nearest names.
    """
    if definition.features is None:
        return
    from tagcast.features.catalog.feast_views import FeastDeclaration
    from tagcast.features.catalog.services import check_named
    from tagcast.features.catalog.view_files import declared_views

    own = [
        project.view_tables.repos.declared(view) if isinstance(view, FeastDeclaration) else view
        for view in declared_views(project.settings)
    ]
    check_named(definition.name, definition.features, own)
    seconds = {view.view: view.keys[1] for view in own if len(view.keys) > 1}
    about = definition.pair.entity if definition.pair else None
    for view in (one.partition(".")[0] for one in definition.features):
        if (other := seconds.get(view, about)) != about:
            raise DefinitionError(
                msg(
                    "{tag}: {view} is of pairs with a {entity}, and the tag is about no {entity}",
                    tag=definition.name,
                    view=view,
                    entity=other,
                ),
                hint=msg(
                    "say which one in {key}, or leave {view} out of features",
                    key="outcome.category" if other == CATEGORY else f"outcome.of.{other}",
                    view=view,
                ),
            )


def repo_contents(project: Project, files: TagFiles) -> RepoContents:
    """Return what the project's Feast repo holds: declared services, and one for each tag or family that names its features."""
    from tagcast.features.catalog.services import declared_services
    from tagcast.features.catalog.view_files import declared_views
    from tagcast.models.definitions.model_tag import TagDefinition

    named = [tag for tag in files.written() if isinstance(tag, TagDefinition)] if files.any else []
    services, views = declared_services(project.settings), declared_views(project.settings)
    lists = {service.service: service.features for service in services}
    return RepoContents(
        {**SERVICES, **lists, **{tag.service: tag.chosen for tag in named}},
        {view.view: _about(view) for view in views},
        {service.service: _about(service) for service in services},
        project.settings.name,
        tuple(view.view for view in views if view.push),
        project.settings.entity,
    )


def _about(declared: ViewDeclaration | ServiceDeclaration) -> dict[str, str]:
    title = declared.title
    return {
        "owner": declared.owner,
        "description": declared.description,
        **({"title_en": title.en, "title_zh": title.zh} if title else {}),
    }
