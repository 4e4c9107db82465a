"""Saved audiences: named filters that people share, how large they were, and who is in the frozen ones.

A dynamic one is its filter, evaluated anew each time; a frozen one is the members that it had on the day; a list is the ids
that somebody gave.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, get_args

from sqlalchemy import Connection, select
from sqlalchemy import delete as delete_from

from tagcast.features.core.errors import ConflictError, NotFoundError, TagcastError
from tagcast.features.core.messages import listed, msg
from tagcast.models.filters.conditions import Filter
from tagcast.registry.access.audit_log import record
from tagcast.registry.access.roles import Person, require
from tagcast.registry.governance.audience_mentions import directly_naming, record_mentions
from tagcast.registry.governance.audiences.rights import may_change
from tagcast.registry.governance.audiences.versions import record_version
from tagcast.registry.state.database import State
from tagcast.registry.state.id_lists import IdList, delete_ids, ids_of, packed, save_ids
from tagcast.registry.state.tables import (
    AUDIENCE_CHANGES,
    AUDIENCE_LABELS,
    AUDIENCE_SIZES,
    AUDIENCE_VERSIONS,
    AUDIENCES,
    MENTIONS,
)
from tagcast.registry.state.text_validation import checked

AudienceKind = Literal["dynamic", "frozen", "list"]
FIXED: frozenset[AudienceKind] = frozenset({"frozen", "list"})
"""Kinds whose members are on record by their ids."""
NAME_LENGTH = 200
DESCRIPTION_LENGTH = 2_000
FILTER_LENGTH = 1_000_000
_SHOWN = 2_000  # characters of a filter in the audit log
_KEPT = (AUDIENCES, AUDIENCE_SIZES, AUDIENCE_CHANGES, AUDIENCE_VERSIONS, AUDIENCE_LABELS, MENTIONS)


@dataclass(frozen=True)
class SavedAudience:
    """A named audience.

    Parameters
    ----------
    name : str
    owner : str
        Who saved it first; only they and owners of the project change it.
    description : str
    filter : str
        As text; what a frozen one was made of; of a list, that one is in it.
    kind : 'dynamic', 'frozen' or 'list'
    created_at, changed_at : datetime
        UTC.
    run : int or None
        The run on which ``members`` were counted.
    members : int or None
    """

    name: str
    owner: str
    description: str
    filter: str
    kind: AudienceKind
    created_at: datetime
    changed_at: datetime
    run: int | None = None
    members: int | None = None


@dataclass(frozen=True)
class Size:
    """How large an audience was on one run, of how many profiles."""

    run: int
    at: datetime
    members: int
    base: int


def save(state: State, audience: SavedAudience, tree: Filter, by: Person, now: datetime) -> SavedAudience:
    """Save ``audience``, new or in place of the one of its name, and return it as it was saved.

    Owner and times are set here: the owner of a new one is ``by``.
    A frozen one or a list needs its members: call :func:`freeze` within the same ``state.writing()``.

    Parameters
    ----------
    state : State
    audience : SavedAudience
    tree : Filter
        The filter of ``audience``, parsed by the caller, who knows which names ``by`` may use. What it mentions is
        recorded with it and stays so until the audience is saved again: an audience whose text no longer parses
        because a tag is gone still counts among those that use the tag, and still protects the audiences it names.
    by : Person
    now : datetime

    Raises
    ------
    NotAllowedError
        Where ``by`` may not save, or it belongs to somebody else.
    TagcastError
        For a name, description or filter that is empty or too long.
    """
    require(by, "save")
    if audience.kind not in get_args(AudienceKind):
        raise TagcastError(
            msg("there is no audience of kind {kind!r}", kind=audience.kind),
            hint=msg("take dynamic, frozen or list"),
        )
    audience = replace(
        audience,
        name=checked(audience.name, msg("the audience's name"), at_most=NAME_LENGTH),
        description=checked(
            audience.description, msg("the description"), at_least=0, at_most=DESCRIPTION_LENGTH, lines=True
        ),
        filter=checked(audience.filter, msg("the filter"), at_most=FILTER_LENGTH, lines=True),
    )
    with state.writing() as connection:
        before = _find(connection, audience.name)
        if before is None:
            saved = replace(audience, owner=by.name, created_at=now, changed_at=now)
            connection.execute(AUDIENCES.insert().values(vars(saved)))
        else:
            may_change(before, by)
            saved = replace(audience, owner=before.owner, created_at=before.created_at, changed_at=now)
            connection.execute(AUDIENCES.update().where(AUDIENCES.c.name == saved.name).values(vars(saved)))
            if saved.kind == "dynamic":
                delete_ids(connection, _members_of(saved.name))
        record_version(connection, saved, tree, by.name, before)
        record_mentions(connection, saved.name, tree)
        detail = {"kind": saved.kind, "filter": saved.filter[:_SHOWN], "new": before is None}
        record(state, now=now, who=by.name, action="audience.save", subject=saved.name, detail=detail)
    return saved


def get(state: State, name: str) -> SavedAudience:
    """Return the audience of ``name``.

    Raises
    ------
    NotFoundError
        When there is none.
    """
    with state.reading() as connection:
        found = _find(connection, _spelled(name))
    if found is None:
        raise no_audience(name)
    return found


def no_audience(name: str) -> NotFoundError:
    """Return the error of a name that no audience has, or none that the caller may know of."""
    return NotFoundError(
        msg("there is no saved audience {name!r}", name=name[:NAME_LENGTH]),
        hint=msg("{command} shows them", command="tagcast audience list"),
    )


def all_saved(state: State) -> list[SavedAudience]:
    """Return every saved audience by name."""
    with state.reading() as connection:
        rows = connection.execute(select(AUDIENCES).order_by(AUDIENCES.c.name)).mappings()
        return [SavedAudience(**row) for row in rows]


def delete(state: State, name: str, by: Person, now: datetime) -> None:
    """Delete an audience with its sizes and frozen members.

    Raises
    ------
    NotFoundError
        When there is none.
    NotAllowedError
        Where ``by`` may not save, or it belongs to somebody else.
    ConflictError
        When another audience names it.
    """
    require(by, "save")
    with state.writing() as connection:
        found = get(state, name)
        may_change(found, by)
        if others := directly_naming(state, found.name):
            raise ConflictError(
                msg(
                    "the audience {audience!r} is part of {others}",
                    audience=found.name,
                    others=listed(map(repr, others)),
                ),
                hint=msg("take it out of their filters first"),
            )
        for table in _KEPT:
            connection.execute(delete_from(table).where(table.c.name == found.name))
        delete_ids(connection, _members_of(found.name))
        detail = {"kind": found.kind, "filter": found.filter[:_SHOWN]}
        record(state, now=now, who=by.name, action="audience.delete", subject=found.name, detail=detail)


def add_size(state: State, name: str, run: int, now: datetime, members: int, base: int) -> None:
    """Record how large an audience is on ``run``; recorded again, the newer size counts.

    Raises
    ------
    NotFoundError
        When there is no such audience.
    """
    with state.writing() as connection:
        name = get(state, name).name
        same = (AUDIENCE_SIZES.c.name == name) & (AUDIENCE_SIZES.c.run == run)
        connection.execute(delete_from(AUDIENCE_SIZES).where(same))
        row = {"name": name, "run": run, "at": now, "members": members, "base": base}
        connection.execute(AUDIENCE_SIZES.insert().values(row))
        counted = AUDIENCES.update().where(AUDIENCES.c.name == name).values(run=run, members=members)
        connection.execute(counted)


def sizes(state: State, name: str) -> list[Size]:
    """Return how large an audience was, oldest first."""
    table = AUDIENCE_SIZES
    query = select(table.c.run, table.c.at, table.c.members, table.c.base).where(
        table.c.name == _spelled(name)
    )
    with state.reading() as connection:
        return [Size(**row) for row in connection.execute(query.order_by(table.c.at, table.c.run)).mappings()]


def freeze(state: State, name: str, ids: Iterable[str] | IdList) -> int:
    """Store ``ids``, each once, as the members of a frozen audience or a list in place of those before; return how many.

    Within ``state.writing()`` give them :func:`tagcast.registry.state.id_lists.packed` before: others wait while it is open.

    Raises
    ------
    NotFoundError
        When there is no such audience.
    ConflictError
        When it is dynamic.
    """
    ready = ids if isinstance(ids, IdList) else packed(ids)
    with state.writing() as connection:
        found = get(state, name)
        if found.kind not in FIXED:
            raise ConflictError(
                msg("the audience {audience!r} is dynamic", audience=found.name),
                hint=msg("save it as frozen first"),
            )
        save_ids(connection, _members_of(found.name), ready)
        counted = AUDIENCES.update().where(AUDIENCES.c.name == found.name).values(members=ready.count)
        connection.execute(counted)
    return ready.count


def count_frozen(state: State) -> None:
    """Count the members of every frozen audience and list anew: some may have been taken out."""
    with state.reading() as connection:
        query = select(AUDIENCES.c.name, AUDIENCES.c.members).where(AUDIENCES.c.kind.in_(FIXED))
        before = connection.execute(query).all()
    for name, members in before:
        there = sum(1 for _ in ids_of(state, _members_of(name)))
        if there != members:
            with state.writing() as connection:
                fewer = AUDIENCES.update().where(AUDIENCES.c.name == name, AUDIENCES.c.members == members)
                connection.execute(fewer.values(members=there))


def frozen_ids(state: State, name: str) -> Iterator[str]:
    """Yield the members of a frozen audience or a list in the order they were given; memory holds a part of them."""
    yield from ids_of(state, _members_of(_spelled(name)))


def _members_of(name: str) -> str:
    return f"audience {name}"


def _find(connection: Connection, name: str) -> SavedAudience | None:
    row = connection.execute(select(AUDIENCES).where(AUDIENCES.c.name == name)).mappings().one_or_none()
    return SavedAudience(**row) if row else None


def _spelled(name: str) -> str:
    """Return the spelling under which a name is stored; empty for one that no audience can have."""
    try:
        return checked(name, msg("the audience's name"), at_most=NAME_LENGTH)
    except TagcastError:
        return ""
