"""The values that an attribute has in the run in force, to choose from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

if TYPE_CHECKING:
    from registry.roles import Person
    from serving.desk import Desk

MOST = 200


def levels(desk: Desk, person: Person, attribute: str) -> list[str]:
    """Return the values of a text attribute, commonest first; none for one that ``person`` may not see.

    Of an attribute of very many values the commonest :data:`MOST` are told.
    """
    from serving.audience_names import names_for

    if names_for(desk, person).attributes.get(attribute) != "text":
        return []
    column = exp.column(exp.to_identifier(attribute, quoted=True))
    counted = exp.alias_(exp.Count(this=exp.Star()), "members")
    query = exp.select(exp.alias_(column, "level"), counted).from_("profiles")
    query = query.where(exp.Not(this=exp.Is(this=column.copy(), expression=exp.Null())))
    query = (
        query.group_by(column.copy()).order_by(exp.Ordered(this=exp.column("members"), desc=True)).limit(MOST)
    )
    with desk.store.reader() as reader:
        found = reader.query(query).read_all()
    return [str(value) for value in found.column("level").to_pylist()]
