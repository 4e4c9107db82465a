"""What a project adds to tagcast's features: declared views, and the feature services of tags that name their features."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from tagcast.features.catalog.feature_set import OPTIONAL, SERVICES, SHIPPED, WINDOWS_DAYS, FeatureSet
from tagcast.features.catalog.repo_contents import RepoContents
from tagcast.features.core.errors import DefinitionError
from tagcast.features.core.messages import msg
from tagcast.features.core.validation import suggested

if TYPE_CHECKING:
    from tagcast.features.catalog.attribute_views import AttributeView
    from tagcast.models.definitions.model_tag import TagDefinition
    from tagcast.pipelines.project.project import Project
    from tagcast.pipelines.project.tag_files import TagFiles


def own_views(project: Project, as_of: date) -> tuple[AttributeView, ...]:
    """Return the views that the project declares, words with the levels that were common before ``as_of``."""
    from tagcast.features.catalog.attribute_views import resolved
    from tagcast.features.catalog.view_files import declared_views
    from tagcast.features.compute.attribute_queries import commonest_levels

    return tuple(
        resolved(
            view,
            commonest_levels(project.engine.con, project.events.view_file(view.view), view, as_of),
        )
        for view in declared_views(project.settings)
    )


def check_chosen(project: Project, definition: TagDefinition) -> None:
    """Check that every view and feature that a tag names is there.

    Raises
    ------
    DefinitionError
        Naming the tag, and the nearest names.
    """
    from tagcast.features.catalog.view_files import declared_views

    columns = {view.view: tuple(view.columns) for view in declared_views(project.settings)}
    for one in definition.features or ():
        view, dot, name = one.partition(".")
        if view not in columns and view not in SHIPPED:
            known = [*SHIPPED, *columns]
            raise DefinitionError(
                msg(
                    "{tag}: features names {view!r}, and there is no such view",
                    tag=definition.name,
                    view=view,
                ),
                hint=suggested(view, known),
            )
        if (
            dot
            and view in columns
            and not any(name == c or name.startswith(f"{c}_is_") for c in columns[view])
        ):
            raise DefinitionError(
                msg(
                    "{tag}: the view {view} has no feature {name!r}",
                    tag=definition.name,
                    view=view,
                    name=name,
                ),
                hint=suggested(name, columns[view]),
            )
        if dot and view in SHIPPED and name not in (names := FeatureSet(WINDOWS_DAYS, OPTIONAL).titles()):
            raise DefinitionError(
                msg(
                    "{tag}: the view {view} has no feature {name!r}",
                    tag=definition.name,
                    view=view,
                    name=name,
                ),
                hint=suggested(name, list(names)),
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
    return RepoContents({**SERVICES, **{tag.service: tag.chosen for tag in named}}, about)
