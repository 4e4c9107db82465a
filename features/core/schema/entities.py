"""The tables of `tagcast.toml` on what events are about beside the profile."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from pydantic import Field

from tagcast.features.core.messages import msg
from tagcast.features.core.schema.profiles import Profiles
from tagcast.features.core.schema.sources import NAME, Source
from tagcast.features.core.titles import Text
from tagcast.features.core.validation import InvalidValueError, Strict, with_near

PROFILE = "profile"
"""The entity that every project has: whoever ``profile_id`` names."""
ENTITIES = "entities"
"""Folder in the home and in the store: what is made of other entities lies there, a folder each."""


class Entity(Strict):
    """An entity beside the profile: what events are about, too."""

    title: Text | None = Field(None, description="what people call it")
    key: str | None = Field(
        None,
        description="with of: the column of that entity's table that names it; default: the entity's own name",
    )
    of: str | None = Field(
        None,
        description="the entity in whose table key stands: each of those belongs to one of these, always",
    )
    table: Profiles | None = Field(None, description="its attributes")


def check_entities(
    entities: Mapping[str, Entity], sources: Sequence[Source], profiles: Profiles | None
) -> None:
    """Check that each entity is named by a source, or belongs to one that is.

    Raises
    ------
    InvalidValueError
        Naming the key, and what would be right.
    """
    for source in sources:
        for name in source.keys:
            if name not in entities:
                problem = msg(
                    "sources.{source}.keys: there is no entity {name!r}", source=source.name, name=name
                )
                raise InvalidValueError(with_near(problem, name, entities))
    keyed = {name for source in sources for name in source.keys}
    for name, entity in entities.items():
        if name == PROFILE or not re.fullmatch(NAME, name):
            raise InvalidValueError(
                msg(
                    "entities.{name}: an entity's name is lower-case letters, digits and _, and {profile} is always there",
                    name=name,
                    profile=PROFILE,
                )
            )
        if (entity.of is None) != (name in keyed):
            raise InvalidValueError(
                msg(
                    "entities.{name}: say either in keys of a source which column names it, or of which entity it is (of)",
                    name=name,
                )
            )
        if entity.of is not None:
            _check_belonging(name, entity.of, entities, profiles)


def _check_belonging(name: str, of: str, entities: Mapping[str, Entity], profiles: Profiles | None) -> None:
    known = [PROFILE, *(other for other in entities if other != name)]
    if of not in known:
        raise InvalidValueError(
            with_near(msg("entities.{name}.of: there is no entity {of!r}", name=name, of=of), of, known)
        )
    if (profiles if of == PROFILE else entities[of].table) is None:
        raise InvalidValueError(
            msg(
                "entities.{name}.of: {of} has no table that could say to which {name} it belongs",
                name=name,
                of=of,
            )
        )
    passed, above = [name], of
    while above != PROFILE and above not in passed:
        passed.append(above)
        above = entities[above].of or PROFILE if above in entities else PROFILE
    if above in passed:
        raise InvalidValueError(
            msg(
                "entities.{name}.of: each belongs to the next: {cycle}",
                name=name,
                cycle=" → ".join([*passed, above]),
            )
        )
