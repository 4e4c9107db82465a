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
ONE = exp.Literal.number(1)
DAY = exp.column("event_day")
GAP, OF_DAY = exp.column("_gap"), exp.column("_of_day")
"""Columns of days: the gap that one ends, and the sum of its events. No key, and no column of the log, begins like this."""


def quoted(names: Sequence[str], table: str | None = None) -> list[exp.Column]:
    """Return columns of these names."""
    return [exp.column(name, table=table, quoted=True) for name in names]


def only(where: exp.Expr | None, value: exp.Expr) -> exp.Expr:
    """Return ``value`` of rows that meet a condition, NULL of others."""
    return value.copy() if where is None else exp.case().when(where.copy(), value.copy())


def known(value: exp.Expr) -> exp.Expr:
    """Return whether a value is known."""
    return value.copy().is_(exp.null()).not_()


@dataclass(frozen=True)
class _Measure:
    """What every row adds.

    Parameters
    ----------
    name : str
    merge : str
        How it is merged; ``newest`` takes that of the greatest of another measure.
    value : expression
    kept : str
        Type in which cells keep it; empty: its own.
    at : str
        Of the newest: the measure that tells which it is.
    """

    name: str
    merge: str
    value: exp.Expr
    kept: str
    at: str = ""

    def merged(self) -> exp.Expr:
        """Return what several rows or cells make together."""
        column = exp.column(self.name)
        if self.merge == "newest":
            return exp.ArgMax(this=column, expression=exp.column(self.at))
        return _MERGES[self.merge](this=column)  # type: ignore[index]


@dataclass
class Part:
    """Rows whose measures are merged by key and window.

    Parameters
    ----------
    name : str
        Of the table that keeps its cells.
    keys : tuple of str
    rows : query
        The keys, ``event_day``, and what the measures are taken from.
    """

    name: str
    keys: tuple[str, ...]
    rows: exp.Select
    _measures: dict[tuple[str, str], _Measure] = field(default_factory=dict)

    def count(self, where: exp.Expr | None, start: date | None) -> exp.Expr:
        """Return how many rows meet a condition, over everything or over the days from ``start`` on."""
        return self.total(only(where, ONE), start)

    def total(self, value: exp.Expr, start: date | None) -> exp.Expr:
        """Return the sum of small whole numbers, 0 of nothing."""
        return exp.func("coalesce", self.merged("sum", value, start, "INT"), exp.Literal.number(0))

    def merged(self, merge: Merge, value: exp.Expr, start: date | None, kept: str = "") -> exp.Expr:
        """Return the sum, least or greatest of ``value``, over everything or over the days from ``start`` on.

        DuckDB adds whole numbers up to 128 bits; what a cell needs of them is ``kept``, for cells are what memory holds.
        """
        whole = self._measure(merge, value, kept).merged()
        if start is None:
            return whole
        since = exp.GTE(this=DAY.copy(), expression=sql_day(start))
        return exp.Filter(this=whole, expression=exp.Where(this=since))

    def newest(self, value: exp.Expr) -> exp.Expr:
        """Return the known value of the last day that has one; no two rows of a key are of one day."""
        at = self._measure("max", only(known(value), DAY), "")
        return self._measure("newest", value, "", at.name).merged()

    def _measure(self, merge: str, value: exp.Expr, kept: str, at: str = "") -> _Measure:
        made = _Measure(f"_m{len(self._measures)}", merge, value, kept, at)
        return self._measures.setdefault((merge, value.sql("duckdb")), made)

    def lines(self) -> exp.Select:
        """Return what every row adds to each measure."""
        values = [exp.alias_(one.value.copy(), one.name) for one in self._measures.values()]
        return exp.select(*quoted(self.keys), DAY.copy(), *values).from_(self.rows.subquery("r"))

    def cells(self, borders: Sequence[date]) -> exp.Select:
        """Return what every cell adds to each measure; ``event_day`` is any day of it: all lie on one side of every border."""
        passed: list[exp.Expr] = [
            exp.cast(exp.paren(exp.GTE(this=DAY.copy(), expression=sql_day(border))), "SMALLINT")
            for border in borders
        ]
        cell = reduce(lambda a, b: exp.Add(this=a, expression=b), passed)
        merged = [
            exp.alias_(exp.cast(one.merged(), one.kept) if one.kept else one.merged(), one.name)
            for one in self._measures.values()
        ]
        day = exp.alias_(exp.Min(this=DAY.copy()), DAY.name)
        chosen = exp.select(*quoted(self.keys), day, *merged).from_(self.lines().subquery("l"))
        return chosen.group_by(*quoted(self.keys), cell)


@dataclass(frozen=True)
class LatestDay:
    """The sum of a column over the last day that has a known one, and an event that was not given back.

    Such a day is not before the last event of a known value (``paid``, a column of :attr:`table`): few rows are read.

    Parameters
    ----------
    name : str
    keys : tuple of str
    rows : query
        Of events, with those given back.
    column, active : expression
        What is added up, and whether an event is no return; None: all are.
    found, paid : str
        The part of events, and what it is to call the last day of a known value.
    last_known : expression
        That day, as the part merges it.
    """

    name: str
    keys: tuple[str, ...]
    rows: exp.Select
    column: exp.Expr
    active: exp.Expr | None
    found: str
    paid: str
    last_known: exp.Expr

    @property
    def table(self) -> str:
        """What the table is called that holds what was found at a date."""
        return f"{self.found} found"

    def values(self, as_of: date) -> exp.Select:
        """Return the sum by key."""
        past = exp.LT(this=DAY.copy(), expression=sql_day(as_of))
        rows = exp.select(
            *quoted(self.keys, "e"), exp.column(DAY.name, "e"), exp.alias_(self.column.copy(), "_v")
        )
        rows = rows.select(exp.alias_(exp.true() if self.active is None else self.active.copy(), "_active"))
        rows = rows.from_(self.rows.subquery("e"))
        paid = exp.func(
            "coalesce", exp.column(self.paid, "f"), exp.cast(exp.Literal.string("-infinity"), "DATE")
        )
        late = exp.select(*quoted(self.keys, "l"), exp.column(DAY.name, "l"), "_v", "_active").from_(
            rows.where(past).subquery("l")
        )
        same = [a.eq(b) for a, b in zip(quoted(self.keys, "l"), quoted(self.keys, "f"), strict=True)]
        reached = exp.GTE(this=exp.column(DAY.name, "l"), expression=paid)
        late = late.join(
            exp.alias_(exp.table_(self.table, quoted=True), "f", table=True), on=exp.and_(*same, reached)
        )
        days = exp.select(
            *quoted(self.keys), DAY.copy(), exp.alias_(exp.Sum(this=exp.column("_v")), OF_DAY.name)
        )
        days = days.from_(late.subquery("d")).group_by(*quoted(self.keys), DAY.copy())
        days = days.having(exp.LogicalOr(this=exp.column("_active")))
        # Days whose sum is unknown are passed over.
        newest = exp.ArgMax(this=OF_DAY.copy(), expression=DAY.copy())
        chosen = exp.select(*quoted(self.keys), exp.alias_(newest, OF_DAY.name)).from_(days.subquery("s"))
        return chosen.group_by(*quoted(self.keys))


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
                    this=exp.Max(this=DAY.copy()),
                    expression=exp.Where(this=exp.LT(this=DAY.copy(), expression=sql_day(as_of))),
                ),
                f"last{place}",
            )
            for place, as_of in enumerate(dates)
        ]
        values = exp.select(*quoted(self.keys), *last).from_(self.rows.subquery("r"))
        values = values.where(known(value)).group_by(*quoted(self.keys), value.copy())
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
            exp.select(*quoted(self.keys), *counted).from_(values.subquery("v")).group_by(*quoted(self.keys))
        )
