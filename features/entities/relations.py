"""Which event log says what two entities have to do with one another."""

from __future__ import annotations

from dataclasses import dataclass

from tagcast.features.core.errors import DefinitionError
from tagcast.features.core.messages import Text, msg
from tagcast.features.core.schema.entities import PROFILE
from tagcast.features.core.settings import Settings
from tagcast.features.core.validation import suggested
from tagcast.features.entities.entity_settings import settings_of
from tagcast.features.entities.pair import CATEGORY

_OF_LABELS = ("y", "weight")
"""Columns of training rows beside the keys."""


@dataclass(frozen=True)
class Relation:
    """Where each event names two entities.

    Parameters
    ----------
    own : bool
        Whether it is the log of the entity that asks; else it is that of the other.
    column : str
        The column of that log that names the other one of the two.
    """

    own: bool
    column: str


def relation_between(settings: Settings, entity: str, other: str) -> Relation | None:
    """Return which log names both entities; None where none does.

    Parameters
    ----------
    settings : Settings
        Of any entity of the project.
    entity, other : str
        The one that asks, and the one that it asks about.
    """
    if other in _columns(settings, entity):
        return Relation(own=True, column=other)
    return Relation(own=False, column=entity) if entity in _columns(settings, other) else None


def check_entity(settings: Settings, entity: str, place: Text) -> None:
    """Refuse an entity that the configuration does not name; DefinitionError names ``place``."""
    known = (PROFILE, *settings.whole.entities)
    if entity not in known:
        raise DefinitionError(
            msg("{place}: entity: there is no entity {name!r}", place=place, name=entity),
            hint=suggested(entity, known),
        )


def check_pair(settings: Settings, entity: str, other: str, place: Text) -> None:
    """Check that the events of ``entity`` name ``other`` themselves.

    Parameters
    ----------
    settings : Settings
        Of any entity of the project.
    entity, other : str
        The two of a pair; the first is known.
    place : Message or str
        File, view or tag, and key, for errors.

    Raises
    ------
    DefinitionError
        Where there is no such entity, it is the same, or no source says which of it an event is about.
    """
    if other == CATEGORY != entity:
        return
    known = pairable(settings, entity)
    if other in _OF_LABELS:
        raise DefinitionError(
            msg(
                "{place}: {name} is a column of training rows, beside which no pair can be",
                place=place,
                name=other,
            ),
            hint=msg("call the entity otherwise in the configuration"),
        )
    if other in known:
        return
    if other == entity:
        problem = msg("{place}: {entity} cannot be paired with itself", place=place, entity=entity)
    elif other not in {PROFILE, *settings.whole.entities}:
        problem = msg("{place}: there is no entity {name!r}", place=place, name=other)
    elif (of := settings.whole.entities[other].of if other != PROFILE else None) is not None:
        problem = msg(
            "{place}: events name no {other}: it follows from the table of {of}",
            place=place,
            other=other,
            of=of,
        )
    else:
        problem = msg(
            "{place}: no event names both a {entity} and a {other}", place=place, entity=entity, other=other
        )
    raise DefinitionError(problem, hint=suggested(other, known))


def pairable(settings: Settings, entity: str) -> tuple[str, ...]:
    """Return what an entity can be paired with: categories, and what its events name beside it."""
    named = [other for other in (PROFILE, *settings.whole.entities) if other != entity]
    columns = _columns(settings, entity)
    found = [CATEGORY] if entity != CATEGORY else []
    return tuple(dict.fromkeys([*found, *(other for other in named if other in columns)]))


def _columns(settings: Settings, entity: str) -> set[str]:
    return {name for source in settings_of(settings, entity).sources for name in source.columns}
