"""Views of figures of what is related, held to the other views and to the entities of the configuration."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

from tagcast.features.catalog.feature_set import OPTIONAL, PROFILE_VIEW, WINDOWS_DAYS, FeatureSet
from tagcast.features.catalog.related.declaration import RelatedDeclaration
from tagcast.features.core.errors import DefinitionError
from tagcast.features.core.messages import Text, msg
from tagcast.features.core.schema.entities import PROFILE
from tagcast.features.core.settings import Settings
from tagcast.features.core.validation import suggested
from tagcast.features.entities.entity_settings import settings_of
from tagcast.features.entities.relations import relation_between

if TYPE_CHECKING:
    from tagcast.features.catalog.view_files import ViewDeclaration

_OF_EVENTS = r".+_(?:recency_days|days_\d+d)"
"""Features that every event gets: which there are, the data say."""


def check_relations(views: Sequence[ViewDeclaration], settings: Settings) -> None:
    """Check that each names an entity that events name together with its own, and features that there are.

    Raises
    ------
    DefinitionError
        Naming the view, the key, what was found and what would be right; where views need one another, their files.
    """
    related = [view for view in views if isinstance(view, RelatedDeclaration)]
    by_name = {view.view: view for view in views}
    for view in related:
        _check_entity(view, settings)
        for feature, key in view.needed.items():
            _check_feature(view, f"{view.place}: {key}", feature, by_name)
    _check_attributes(related, settings)
    try:
        needs = {view.view: view.needed_views for view in related}
        TopologicalSorter({name: needs[name] for name in sorted(needs)}).prepare()
    except CycleError as error:
        circle = [by_name[name].place for name in reversed(error.args[1])]
        raise DefinitionError(
            msg("each of these views needs the next: {cycle}", cycle=" → ".join(circle)),
            hint=msg("make one of them of features that need none of the others"),
        ) from error


def _check_entity(view: RelatedDeclaration, settings: Settings) -> None:
    other, known = view.related.entity, (PROFILE, *settings.whole.entities)
    if other not in known:
        raise DefinitionError(
            msg("{place}: related.entity: there is no entity {name!r}", place=view.place, name=other),
            hint=suggested(other, known),
        )
    if relation_between(settings, view.entity[0], other) is None:
        raise DefinitionError(
            msg(
                "{place}: related.entity: no event names both a {entity} and a {other}",
                place=view.place,
                entity=view.entity[0],
                other=other,
            ),
            hint=msg(
                "say in keys of a source which columns name them, or relate it to an entity between them"
            ),
        )


def _check_attributes(related: Sequence[RelatedDeclaration], settings: Settings) -> None:
    """Refuse two attributes of one name: of an entity's table and of tags of others."""
    owners: dict[tuple[str, str], Text] = {}
    for entity in (PROFILE, *settings.whole.entities):
        table = settings_of(settings, entity).profiles
        owners |= {
            (entity, name): msg("the table of {entity}", entity=entity)
            for name in (table.columns if table else ())
        }
    for view in related:
        for name in view.tags:
            other = owners.setdefault((view.entity[0], name), view.view)
            if other != view.view:
                raise DefinitionError(
                    msg(
                        "{place}: tags.{name}: {other} has an attribute of this name",
                        place=view.place,
                        name=name,
                        other=other,
                    ),
                    hint=msg("rename one"),
                )


def _check_feature(
    view: RelatedDeclaration, place: str, feature: str, by_name: Mapping[str, ViewDeclaration]
) -> None:
    other = view.related.entity
    name, _, column = feature.partition(".")
    source = by_name.get(name)
    if name != PROFILE_VIEW and (source is None or source.entity != (other,)):
        known = [PROFILE_VIEW, *(one.view for one in by_name.values() if one.entity == (other,))]
        raise DefinitionError(
            msg("{place}: there is no view {view!r} of {entity}", place=place, view=name, entity=other),
            hint=suggested(name, known),
        )
    columns, open_ended = columns_of(source)
    if not columns:
        return  # of another store, which says itself what it has
    if column not in columns and not re.fullmatch(open_ended, column):
        raise DefinitionError(
            msg("{place}: the view {view} has no feature {name!r}", place=place, view=name, name=column),
            hint=suggested(column, list(columns)),
        )


def columns_of(source: ViewDeclaration | None) -> tuple[Collection[str], str]:
    """Return the columns of a view, and a pattern of those that only its data and history tell: of levels and trends."""
    if source is None:
        return [f.name for f in FeatureSet(WINDOWS_DAYS, OPTIONAL).features(PROFILE_VIEW)], _OF_EVENTS
    return source.column_names, rf"(?:{'|'.join(map(re.escape, source.names))})_(?:is_.+|\d+_\d+d)"
