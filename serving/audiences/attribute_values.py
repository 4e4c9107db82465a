"""The values that an attribute has in the active run, to choose from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

if TYPE_CHECKING:
    from tagcast.registry.access.roles import Person
    from tagcast.serving.context import ServiceContext

MOST = 200


def levels(context: ServiceContext, person: Person, attribute: str) -> list[str]:
    """Return the values of an attribute of text or dates, commonest first; none for one that ``person`` may not see.

    Of an attribute of very many values the commonest :data:`MOST` are returned; of a large base those of the store's sample.
    """
    from tagcast.serving.audiences.filter_resolution import names_for

    if names_for(context, person).attributes.get(attribute) not in {"text", "date"}:
        return []
    column = exp.column(exp.to_identifier(attribute, quoted=True))
    query = exp.select(exp.alias_(column, "level")).from_("profiles")
    query = query.where(exp.Not(this=exp.Is(this=column.copy(), expression=exp.Null())))
    commonest = exp.Ordered(this=exp.Count(this=exp.Star()), desc=True)
    query = query.group_by(column.copy()).order_by(commonest, column.copy()).limit(MOST)
    with context.store.reader() as reader:
        found = reader.query(query, sample=True).read_all()
    return [str(value) for value in found.column("level").to_pylist()]
