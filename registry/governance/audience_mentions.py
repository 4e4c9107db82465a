"""What saved audiences name: tags, attributes, and other audiences."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Literal

from sqlalchemy import Connection, select
from sqlalchemy import delete as delete_from

from tagcast.models.filters.conditions import Filter, InAudience, walk
from tagcast.registry.state.tables import MENTION_LENGTH, MENTIONS

if TYPE_CHECKING:
    from tagcast.registry.state.database import State


def mentions(tree: Filter) -> frozenset[tuple[Literal["field", "audience"], str]]:
    """Return the tags, attributes and saved audiences that a filter names, whatever part of a tag it uses."""
    found: set[tuple[Literal["field", "audience"], str]] = set()
    for leaf in walk(tree):
        if isinstance(leaf, InAudience):
            found.add(("audience", leaf.name))
        else:
            found.update(("field", name) for name in (leaf.field.name, *(leaf.field.factors or ())))
    return frozenset(found)


def naming(state: State, fields: Collection[str], audiences: Collection[str] = ()) -> frozenset[str]:
    """Return the audiences whose filter names one of ``fields``, or of ``audiences``, which are among them, themselves or through others."""
    with state.reading() as connection:
        rows = [(m.name, m.kind, m.mentioned) for m in connection.execute(select(MENTIONS))]
    found = {name for name, kind, mentioned in rows if kind == "field" and mentioned in fields}
    found |= set(audiences)
    while (
        more := {name for name, kind, mentioned in rows if kind == "audience" and mentioned in found} - found
    ):
        found |= more
    return frozenset(found)


def directly_naming(state: State, audience: str) -> list[str]:
    """Return the other audiences whose own filter names ``audience``, sorted."""
    same = (
        (MENTIONS.c.kind == "audience") & (MENTIONS.c.mentioned == audience) & (MENTIONS.c.name != audience)
    )
    with state.reading() as connection:
        return list(connection.scalars(select(MENTIONS.c.name).where(same).order_by(MENTIONS.c.name)))


def record_mentions(connection: Connection, name: str, tree: Filter) -> None:
    """Keep what the filter of an audience names, in place of what it named before."""
    connection.execute(delete_from(MENTIONS).where(MENTIONS.c.name == name))
    rows = [
        {"name": name, "kind": kind, "mentioned": mentioned}
        for kind, mentioned in sorted(mentions(tree))
        if len(mentioned) <= MENTION_LENGTH
    ]
    if rows:
        connection.execute(MENTIONS.insert(), rows)
