"""What a project adds to tagcast's features: declared views, and the feature services of tags that name their features."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from tagcast.features.catalog.feature_set import (
    OPTIONAL,
    PAIR_VIEW,
    SERVICES,
    SHIPPED,
    WINDOWS_DAYS,
    FeatureSet,
)
from tagcast.features.catalog.repo_contents import RepoContents
from tagcast.features.core.errors import DefinitionError
from tagcast.features.core.messages import msg
from tagcast.features.core.validation import suggested

if TYPE_CHECKING:
    from tagcast.features.catalog.feature_set import OwnView
    from tagcast.features.catalog.view_files import ViewDeclaration
    from tagcast.models.definitions.model_tag import TagDefinition
    from tagcast.pipelines.project.project import Project
    from tagcast.pipelines.project.tag_files import TagFiles


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

    return tuple(_settled(project, view, as_of, history_days) for view in declared_views(project.settings))


def _settled(project: Project, view: ViewDeclaration, as_of: date, history_days: int | None) -> OwnView:
    from tagcast.features.catalog.attribute_views import resolved
    from tagcast.features.catalog.feast_views import FeastDeclaration
    from tagcast.features.catalog.sql_views import SqlDeclaration
    from tagcast.features.catalog.view_declarations import AttributesDeclaration
    from tagcast.features.compute.levels import aggregate_levels, attribute_levels
    from tagcast.features.ingest.aggregates import settled
    from tagcast.features.ingest.log_columns import column_kinds
    from tagcast.features.ingest.queries.sql_views import settled_sql

    if isinstance(view, SqlDeclaration):
        return settled_sql(view, project.settings)
    events, connection = project.events, project.engine.con
    if isinstance(view, FeastDeclaration):
        view = project.view_tables.repos.declared(view)
        if not any(column.kind == "word" for column in view.columns.values()):
            return resolved(view, {})  # nothing has to be fetched to know its columns
    if isinstance(view, AttributesDeclaration | FeastDeclaration):
        table = project.view_tables.view_file_at(view.view, as_of)
        return resolved(view, attribute_levels(connection, table, view, as_of))
    levels = aggregate_levels(connection, events.glob, view, column_kinds(project.settings), as_of)
    return settled(view, project.settings.numbers, history_days, levels)


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
    from tagcast.features.catalog.view_files import declared_views

    shipped = FeatureSet(WINDOWS_DAYS, OPTIONAL)
    known = {view: tuple(f.name for f in shipped.features(view)) for view in SHIPPED}
    own = [
        project.view_tables.repos.declared(view) if isinstance(view, FeastDeclaration) else view
        for view in declared_views(project.settings)
    ]
    known |= {view.view: tuple(dict.fromkeys((*view.names, *view.column_names))) for view in own}
    pairs = {view.view for view in own if len(view.keys) > 1}
    for one in definition.features:
        view, dot, name = one.partition(".")
        if view not in known:
            raise DefinitionError(
                msg(
                    "{tag}: features names {view!r}, and there is no such view",
                    tag=definition.name,
                    view=view,
                ),
                hint=suggested(view, list(known)),
            )
        # Which levels a word has, its data say.
        if dot and name not in known[view] and not any(name.startswith(f"{own}_is_") for own in known[view]):
            raise DefinitionError(
                msg(
                    "{tag}: the view {view} has no feature {name!r}",
                    tag=definition.name,
                    view=view,
                    name=name,
                ),
                hint=suggested(name, known[view]),
            )
        if view in pairs and not definition.of_pairs:
            raise DefinitionError(
                msg(
                    "{tag}: {view} is of profiles and categories, and the tag does not name {pair_view}",
                    tag=definition.name,
                    view=view,
                    pair_view=PAIR_VIEW,
                ),
                hint=msg("add {pair_view} to features", pair_view=PAIR_VIEW),
            )


def repo_contents(project: Project, files: TagFiles) -> RepoContents:
    """Return what the project's Feast repo holds: a service for each tag or family that names its features too."""
    from tagcast.features.catalog.view_files import declared_views
    from tagcast.models.definitions.model_tag import TagDefinition

    named = [tag for tag in files.written() if isinstance(tag, TagDefinition)] if files.any else []
    about = {
        view.view: {
            "owner": view.owner,
            "description": view.description,
            **({"title_en": view.title.en, "title_zh": view.title.zh} if view.title else {}),
        }
        for view in declared_views(project.settings)
    }
    return RepoContents(
        {**SERVICES, **{tag.service: tag.chosen for tag in named}},
        about,
        project.settings.name,
        tuple(view.view for view in declared_views(project.settings) if view.push),
        project.settings.entity,
    )
