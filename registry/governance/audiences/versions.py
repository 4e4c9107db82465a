"""What the filter of a saved audience was, and who changed it when: a row an edit, for as long as the audience is there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import Connection, select

from tagcast.models.filters.conditions import And, Filter
from tagcast.registry.governance.audience_mentions import mentions
from tagcast.registry.state.tables import AUDIENCE_VERSIONS as VERSIONS
from tagcast.registry.state.tables import MENTIONS

if TYPE_CHECKING:
    from tagcast.registry.governance.saved_audiences import AudienceKind, SavedAudience
    from tagcast.registry.state.database import State


@dataclass(frozen=True)
class AudienceVersion:
    """One edit of a saved audience.

    Parameters
    ----------
    at : datetime
        UTC.
    who : str
    kind : 'dynamic', 'frozen' or 'list'
    filter : str
        As text.
    conditions : tuple of str
        Those that all have to hold.
    names : tuple of (str, str)
        What the filter names: ``field`` or ``audience``, and the name.
    """

    at: datetime
    who: str
    kind: AudienceKind
    filter: str
    conditions: tuple[str, ...]
    names: tuple[tuple[str, str], ...]


class Difference(NamedTuple):
    """Which conditions an edit added and removed."""

    added: tuple[str, ...]
    removed: tuple[str, ...]


def record_version(
    connection: Connection, saved: SavedAudience, tree: Filter, who: str, before: SavedAudience | None
) -> None:
    """Keep what an audience is from now on; within the transaction that saves it, before what it names is recorded.

    Parameters
    ----------
    connection : Connection
    saved : SavedAudience
    tree : Filter
        Of ``saved``.
    who : str
        Has changed it.
    before : SavedAudience, optional
        What it was: kept too where nobody has kept it, as of audiences that were saved before edits were.
    """
    newest = select(VERSIONS.c.kind, VERSIONS.c.filter).where(VERSIONS.c.name == saved.name)
    row = connection.execute(newest.order_by(VERSIONS.c.id.desc())).first()
    last: tuple[str, str] | None = None if row is None else (row.kind, row.filter)
    if last is None and before is not None:
        named = select(MENTIONS.c.kind, MENTIONS.c.mentioned).where(MENTIONS.c.name == before.name)
        names = sorted([row.kind, row.mentioned] for row in connection.execute(named))
        _insert(connection, before, before.owner, before.changed_at, [before.filter], names)
        last = before.kind, before.filter
    # Members of a frozen one are others although its filter is the same.
    if last != (saved.kind, saved.filter) or saved.kind != "dynamic":
        conditions = tree.root.items if isinstance(tree.root, And) else (tree.root,)
        names = sorted([kind, name] for kind, name in mentions(tree))
        _insert(connection, saved, who, saved.changed_at, [one.text() for one in conditions], names)


def versions_of(state: State, audience: SavedAudience) -> list[AudienceVersion]:
    """Return the edits of an audience, oldest first; one at least: what it is now."""
    query = select(VERSIONS).where(VERSIONS.c.name == audience.name).order_by(VERSIONS.c.id)
    with state.reading() as connection:
        found = [
            AudienceVersion(
                row.at,
                row.who,
                row.kind,
                row.filter,
                tuple(row.conditions),
                tuple((k, n) for k, n in row.names),
            )
            for row in connection.execute(query)
        ]
    return found or [
        AudienceVersion(
            audience.changed_at, audience.owner, audience.kind, audience.filter, (audience.filter,), ()
        )
    ]


def version_at(versions: Sequence[AudienceVersion], moment: datetime) -> AudienceVersion:
    """Return what an audience was at a moment; of one that was saved later, what it was first."""
    return next((one for one in reversed(versions) if one.at <= moment), versions[0])


def difference(before: AudienceVersion, after: AudienceVersion) -> Difference:
    """Return which conditions an edit added and removed, each in the order of its filter."""
    was, became = set(before.conditions), set(after.conditions)
    return Difference(
        tuple(one for one in after.conditions if one not in was),
        tuple(one for one in before.conditions if one not in became),
    )


def _insert(
    connection: Connection,
    audience: SavedAudience,
    who: str,
    at: datetime,
    conditions: list[str],
    names: list[list[str]],
) -> None:
    row = {
        "name": audience.name, "at": at, "who": who, "kind": audience.kind, "filter": audience.filter,
        "conditions": conditions, "names": names,
    }  # fmt: skip
    connection.execute(VERSIONS.insert().values(row))
