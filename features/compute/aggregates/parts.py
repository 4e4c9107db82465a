"""What the aggregates of a view are merged from: rows of events, of days with an event, or of different values.

The borders of the windows of all dates cut time into cells; what is merged of a cell serves every window that holds it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import reduce
from typing import Literal

from sqlglot import exp

from tagcast.features.compute.dated_statements import sql_day

Merge = Literal["sum", "min", "max"]
_MERGES: dict[Merge, type[exp.AggFunc]] = {"sum": exp.Sum, "min": exp.Min, "max": exp.Max}
_ONE = exp.Literal.number(1)


def quoted(names: Sequence[str], table: str | None = None) -> list[exp.Column]:
    """Return columns of these names."""
    return [exp.column(name, table=table, quoted=True) for name in names]


def only(where: exp.Expr | None, value: exp.Expr) -> exp.Expr:
    """Return ``value`` of rows that meet a condition, NULL of others."""
    return value.copy() if where is None else exp.case().when(where.copy(), value.copy())


@dataclass
class Part:
    """Rows whose measures are merged by key and window.

    Parameters
    ----------
    name : str
        Of the table that keeps its cells.
    keys : tuple of str
    rows : query
        The keys, ``day``, and what the measures are taken from.
    """

    name: str
    keys: tuple[str, ...]
    rows: exp.Select
    _measures: dict[tuple[Merge, str], tuple[str, exp.Expr]] = field(default_factory=dict)

    def count(self, where: exp.Expr | None, start: date | None) -> exp.Expr:
        """Return how many rows meet a condition, over everything or over the days from ``start`` on."""
        return exp.func("coalesce", self.merged("sum", only(where, _ONE), start), exp.Literal.number(0))

    def merged(self, merge: Merge, value: exp.Expr, start: date | None) -> exp.Expr:
        """Return the sum, least or greatest of ``value``, over everything or over the days from ``start`` on."""
        known = merge, value.sql("duckdb")
        name, _ = self._measures.setdefault(known, (f"m{len(self._measures)}", value))
        whole = _MERGES[merge](this=exp.column(name))
        if start is None:
            return whole
        since = exp.GTE(this=exp.column("day"), expression=sql_day(start))
        return exp.Filter(this=whole, expression=exp.Where(this=since))

    def lines(self) -> exp.Select:
        """Return what every row adds to each measure."""
        values = [exp.alias_(value.copy(), name) for name, value in self._measures.values()]
        return exp.select(*quoted(self.keys), "day", *values).from_(self.rows.subquery("r"))

    def cells(self, borders: Sequence[date]) -> exp.Select:
        """Return what every cell adds to each measure; ``day`` is any day of it: all lie on one side of every border."""
        passed: list[exp.Expr] = [
            exp.cast(exp.paren(exp.GTE(this=exp.column("day"), expression=sql_day(border))), "SMALLINT")
            for border in borders
        ]
        cell = reduce(lambda a, b: exp.Add(this=a, expression=b), passed)
        merged: list[exp.Expr] = []
        for (merge, _), (name, value) in self._measures.items():
            found: exp.Expr = _MERGES[merge](this=exp.column(name))
            # DuckDB adds whole numbers up to 128 bits: a cell's counts need 32, and cells are what memory holds.
            counts = value == _ONE or (
                isinstance(value, exp.Case) and value.args["ifs"][0].args["true"] == _ONE
            )
            merged.append(exp.alias_(exp.cast(found, "INT") if counts else found, name))
        day = exp.alias_(exp.Min(this=exp.column("day")), "day")
        chosen = exp.select(*quoted(self.keys), day, *merged).from_(self.lines().subquery("l"))
        return chosen.group_by(*quoted(self.keys), cell)


@dataclass
class Distinct:
    """Different values of a column, counted by window for each date at once: the values are as many as the events.

    A value counts when it was last there inside the window; ``NAME@k`` is of the date of place k.
    """

    name: str
    keys: tuple[str, ...]
    rows: exp.Select
    column: str
    columns: dict[str, int | None] = field(default_factory=dict)

    def counts(self, dates: Sequence[date]) -> exp.Select:
        """Return the counts of all dates by key."""
        value = exp.column(self.column, quoted=True)
        last = [
            exp.alias_(
                exp.Filter(
                    this=exp.Max(this=exp.column("day")),
                    expression=exp.Where(this=exp.LT(this=exp.column("day"), expression=sql_day(as_of))),
                ),
                f"last{place}",
            )
            for place, as_of in enumerate(dates)
        ]
        known = exp.select(*quoted(self.keys), *last).from_(self.rows.subquery("r"))
        known = known.where(value.is_(exp.null()).not_()).group_by(*quoted(self.keys), value.copy())
        counted: list[exp.Expr] = []
        for place, as_of in enumerate(dates):
            at = exp.column(f"last{place}")
            for name, days in self.columns.items():
                whole: exp.Expr = exp.Count(this=at.copy())
                if days is not None:
                    inside = exp.GTE(this=at.copy(), expression=sql_day(as_of - timedelta(days=days)))
                    whole = exp.Filter(this=whole, expression=exp.Where(this=inside))
                counted.append(exp.alias_(whole, f"{name}@{place}", quoted=True))
        return (
            exp.select(*quoted(self.keys), *counted).from_(known.subquery("v")).group_by(*quoted(self.keys))
        )
