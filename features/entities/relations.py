"""Which event log says what two entities have to do with one another."""

from __future__ import annotations

from dataclasses import dataclass

from tagcast.features.core.settings import Settings
from tagcast.features.entities.entity_settings import settings_of


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


def _columns(settings: Settings, entity: str) -> set[str]:
    return {name for source in settings_of(settings, entity).sources for name in source.columns}
