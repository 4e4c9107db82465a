"""SQL whose days are parameters: put together once, run for any day.

DuckDB folds parameters into its plan like the numbers and dates that they stand for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

from sqlglot import exp

if TYPE_CHECKING:
    import pyarrow as pa

DIALECT = "duckdb"
EVENTS = "events"
"""What the event log is called in statements over it."""
STANDS_FOR_LAST = date(9000, 1, 1)
"""Expressions are put together for this day; no other number or date of a statement is near it."""
_EPOCH = date(1970, 1, 1)
_NEAR_DAYS = 200_000
_PARAMETER = re.compile(r"\$(\w+)")
_WRITTEN = "written"
"""Marks numbers and dates of people's own: they are no days of ours, however near."""


def day_number(as_of: date) -> int:
    """Return the whole days from 1970 to ``as_of``."""
    return (as_of - _EPOCH).days


@dataclass(frozen=True)
class Statement:
    """A statement whose days are parameters.

    Parameters
    ----------
    sql : str
    numbers, dates : dict of str to int
        How many days each parameter lies before the last day; given as the days since 1970, or as a date.
    """

    sql: str
    numbers: Mapping[str, int]
    dates: Mapping[str, int]

    @cached_property
    def parameters(self) -> frozenset[str]:
        """What it has to be given."""
        return frozenset(_PARAMETER.findall(self.sql))

    def run(self, connection: Any, last: date, **values: Any) -> None:
        """Run it; ``connection`` is DuckDB's, ``values`` are what is no day: more may be given than it takes."""
        given = {name: value for name, value in values.items() if name in self.parameters}
        connection.execute(self.sql, self._days(last) | given)

    def table(self, connection: Any, last: date) -> pa.Table:
        """Run it and return its answer."""
        answer: pa.Table = connection.sql(self.sql, params=self._days(last)).to_arrow_table()
        return answer

    def _days(self, last: date) -> dict[str, Any]:
        numbers = {name: day_number(last) - back for name, back in self.numbers.items()}
        return {**numbers, **{name: last - timedelta(days=back) for name, back in self.dates.items()}}


def sql_day(day: date) -> exp.Expr:
    """Return a date as statements of many days write it."""
    parts = {part: exp.Literal.number(getattr(day, part)) for part in ("year", "month", "day")}
    return exp.DateFromParts(**parts)


def as_written(tree: exp.Expr) -> exp.Expr:
    """Return an expression of somebody else, whose numbers and dates stay as they are."""
    for node in tree.find_all(exp.Literal, exp.DateFromParts):
        node.meta[_WRITTEN] = True
    return tree


@cache
def compiler() -> Any:
    """Return what turns ibis expressions into trees of SQL."""
    from ibis.backends.duckdb import Backend

    return Backend.compiler


def dated_statement(tree: exp.Expression) -> Statement:
    """Return ``tree`` with parameters in place of the days that were counted from :data:`STANDS_FOR_LAST`."""
    numbers: dict[str, int] = {}
    dates: dict[str, int] = {}

    def parameter(node: exp.Expression) -> exp.Expression:
        days, kind = dates, "DATE"
        if node.meta.get(_WRITTEN):
            return node
        if isinstance(node, exp.DateFromParts):
            parts = [node.args[part] for part in ("year", "month", "day")]
            if not all(isinstance(part, exp.Literal) for part in parts):
                return node
            back = (STANDS_FOR_LAST - date(*(int(part.this) for part in parts))).days
        elif isinstance(node, exp.Literal) and node.is_int:
            days, kind = numbers, "INT"
            back = day_number(STANDS_FOR_LAST) - int(node.this)
        else:
            return node
        if abs(back) > _NEAR_DAYS:
            return node
        name = f"day_{len(numbers) + len(dates)}"
        days[name] = back
        return exp.cast(exp.Placeholder(this=name), kind)

    return Statement(tree.transform(parameter).sql(DIALECT), numbers, dates)
