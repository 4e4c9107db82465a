"""What a project adds to tagcast's features: declared views, and the feature services of tags that name their features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING

from tagcast.features.catalog.feature_set import SERVICES

if TYPE_CHECKING:
    from tagcast.features.catalog.attribute_views import AttributeView
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


def feast_services(files: TagFiles) -> Mapping[str, Sequence[str]]:
    """Return Feast's FeatureServices: tagcast's own, and one for each tag or family that names its features."""
    from tagcast.models.definitions.model_tag import TagDefinition

    named = [tag for tag in files.written() if isinstance(tag, TagDefinition)] if files.any else []
    return {**SERVICES, **{tag.service: tag.chosen for tag in named}}
