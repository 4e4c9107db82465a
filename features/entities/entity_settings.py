"""The project as one entity sees it: its events are those of the log that name it, all else stays the project's own.

An entity beside the profile (a fund, a channel, a manager) is described by the same events. Its project reads the event log of
the profiles as its source, with the entity's key in the place of the profile's; so views, tags, runs and audiences of an entity
are made by what makes those of profiles.
"""

from __future__ import annotations

from itertools import pairwise

from tagcast.features.core.errors import ConfigError
from tagcast.features.core.messages import msg
from tagcast.features.core.schema.campaigns import Contact
from tagcast.features.core.schema.entities import ENTITIES, PROFILE
from tagcast.features.core.schema.profiles import Profiles
from tagcast.features.core.schema.sources import Join, Place, Source
from tagcast.features.core.settings import Settings
from tagcast.features.core.validation import suggested

LOG = "events/active"
"""In the project's home: link to the events of the profiles as they were loaded last."""


def settings_of(settings: Settings, entity: str) -> Settings:
    """Return the settings of ``entity``.

    Parameters
    ----------
    settings : Settings
        Of the profiles.
    entity : str
        One of :attr:`tagcast.features.core.settings.Settings.entities`, or the profile: then they are returned as they are.

    Raises
    ------
    ConfigError
        Where there is no such entity.
    """
    settings = settings.whole
    if entity == PROFILE:
        return settings
    if entity not in settings.entities:
        raise ConfigError(
            msg("there is no entity {name!r}", name=entity),
            hint=suggested(entity, (PROFILE, *settings.entities)),
        )
    sources = [_source(settings, entity, source) for source in settings.sources]
    made = settings.model_copy(
        update={
            "name": f"{settings.name}/{entity}",
            "home": settings.home / ENTITIES / entity,
            "sources": tuple(source for source in sources if source is not None),
            "profiles": settings.entities[entity].table,
            "identity": None,
            "consent": {},
            "contact": Contact(),
        }
    )
    made.seen_by(entity, settings)
    return made


def _source(settings: Settings, entity: str, source: Source) -> Source | None:
    """Return the lines of a source that name ``entity``, read from the log; None where the source names none."""
    chain = _chain(settings, entity)
    root = chain[0]
    if root != PROFILE and root not in source.keys:
        return None
    joins, key = [], "profile_id" if root == PROFILE else root
    for above, below in pairwise(chain):
        table = _table(settings, above)
        column = settings.entities[below].key or below
        place = table.model_dump(include=set(Place.model_fields))
        joins.append(Join(**place, on={key: table.key}, columns=(column,)))
        key = column
    columns = {name: name for name in (*source.columns, *source.derive) if name not in {key, "profile_id"}}
    return Source(
        name=source.name,
        path=str(settings.data / LOG),
        format="parquet",
        event_column="event",
        # A name of a source is lower-case letters, digits and _; what names no entity is none of its events.
        where=f"source = '{source.name}'" + ("" if root == PROFILE else f' AND "{root}" IS NOT NULL'),
        returns="is_return",
        ended=source.ended,
        columns={**columns, "profile_id": key, PROFILE: "profile_id"},
        numbers=source.numbers,
        words=tuple(sorted({*source.named, PROFILE} - {key})),
        joins=tuple(joins),
    )


def _chain(settings: Settings, entity: str) -> list[str]:
    """Return the entities from the one that events name down to ``entity``, each of which belongs to the one before."""
    chain = [entity]
    while chain[0] != PROFILE and (above := settings.entities[chain[0]].of):
        chain.insert(0, above)
    return chain


def _table(settings: Settings, entity: str) -> Profiles:
    table = settings.profiles if entity == PROFILE else settings.entities[entity].table
    assert table is not None  # noqa: S101 - the configuration has been checked
    return table
