"""How far two audiences overlap."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

from tagcast.registry.access.roles import require
from tagcast.serving.audiences.filter_resolution import resolve
from tagcast.serving.audiences.small_cells import SmallCells
from tagcast.serving.catalog.shown_counts import smallest_cell
from tagcast.serving.filters.row_rights import reader_for
from tagcast.serving.filters.where import where_in

if TYPE_CHECKING:
    from tagcast.models.filters.conditions import Filter
    from tagcast.registry.access.roles import Person
    from tagcast.serving.context import ServiceContext


@dataclass(frozen=True)
class Overlap:
    """Two audiences side by side.

    Parameters
    ----------
    a, b, both, either, only_a, only_b : int
        Profiles.
    jaccard : float
        both / either; 0 where nobody is in either.
    """

    a: int
    b: int
    both: int
    either: int
    only_a: int
    only_b: int
    jaccard: float


def compare(context: ServiceContext, person: Person, a: Filter, b: Filter) -> Overlap:
    """Return how two audiences overlap, counted in one pass."""
    require(person, "filter")
    first, second, now = resolve(context, person, a), resolve(context, person, b), context.now
    with reader_for(context, person) as reader:
        cells = SmallCells(context, reader, smallest_cell(context, person))
        first, second = cells.admit(first, second)
        in_a, in_b = (where_in(reader, q.whole, now, q.frozen)[1] for q in (first, second))
        sets: Mapping[str, exp.Expr] = {"a": in_a, "b": in_b, "both": exp.and_(in_a, in_b)}
        counted = [
            exp.alias_(exp.Filter(this=exp.Count(this=exp.Star()), expression=exp.Where(this=one)), name)
            for name, one in sets.items()
        ]
        query = exp.select(*counted).from_("profiles").where(exp.or_(in_a, in_b))
        row = reader.figures(query)
    both, only_a, only_b = (
        cells.number(n) for n in (row["both"], row["a"] - row["both"], row["b"] - row["both"])
    )
    either = both + only_a + only_b
    return Overlap(
        both + only_a, both + only_b, both, either, only_a, only_b, both / either if either else 0.0
    )
