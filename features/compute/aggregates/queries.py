"""A view of aggregates as queries: tables that several dates share, and the rows of the view at each date.

Sums are of whole numbers and DECIMAL, so the same events give the same bits in any order; only the last step divides in
floating point. Only events of local days before a date are seen.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from sqlglot import exp

from tagcast.features.catalog.aggregate_views import AggregateView, Derived
from tagcast.features.compute.aggregates.derived import (
    exact_names,
    needed_names,
    pace_names,
    pace_of_totals,
    pace_totals,
    with_derived,
)
from tagcast.features.compute.aggregates.functions import double
from tagcast.features.compute.aggregates.parts import DAY, quoted
from tagcast.features.compute.aggregates.view_parts import Column, ViewParts
from tagcast.features.compute.dated_statements import sql_day

TOTALS = "_totals_of_"
"""What files of totals begin with; no view is called so."""


@dataclass(frozen=True)
class AggregatePlan:
    """The queries of one view.

    Parameters
    ----------
    shared : dict of str to query
        Tables that all dates read.
    before : tuple of dict of str to query
        Of each date: tables that its rows read, each in the place of the last date's.
    at : tuple of query
        The rows of the view at each date. Features of other views are read from the files that parameters name
        (:func:`file_parameter`).
    """

    shared: dict[str, exp.Select]
    before: tuple[dict[str, exp.Select], ...]
    at: tuple[exp.Select, ...]


def aggregate_plan(
    view: AggregateView,
    columns: Sequence[str],
    dates: Sequence[date],
    paces: Literal["own", "given", "totals"] = "own",
) -> AggregatePlan:
    """Return the queries of a view at ``dates``.

    Parameters
    ----------
    view : AggregateView
    columns : sequence of str
        Of the event log, a table called so (:data:`tagcast.features.compute.dated_statements.EVENTS`).
    dates : sequence of date
    paces : {"own", "given", "totals"}
        How the pace of everybody is known: from the events, which are everybody's; or, where they are those of some, from the totals
        of all, in the files that a parameter names (:func:`totals_parameter`). With "totals" these are returned in place of rows.

    Raises
    ------
    ConfigError
        Where a condition names what the log does not have.
    """
    parts = ViewParts(view, columns, dates, pace_names(view) if paces == "totals" else needed_names(view))

    def given(one: Derived) -> exp.Select:
        files = exp.func("read_parquet", exp.Placeholder(this=totals_parameter(view.name)))
        return pace_of_totals(view, one, files)

    base = None if view.rows == "everyone" else parts.base()
    found = [list(parts.columns(place)) for place in range(len(dates))]
    days = {n for one in view.aggregates for n in one.windows}
    borders = sorted({*dates, *(as_of - timedelta(days=n) for as_of in dates for n in days)})
    several = len(dates) > 1
    shared = {part.name: part.cells(borders) for part in parts.merged if several}
    shared |= {part.name: part.counts(dates) for part in parts.distinct.values()}
    everyone = f"{view.name} everyone"
    if base is None and several:
        shared[everyone] = parts.everyone
    exact, before, at = exact_names(view), [], []
    for place, as_of in enumerate(dates):
        past = exp.LT(this=DAY.copy(), expression=sql_day(as_of))
        kept: dict[str, exp.Select] = {}
        first: exp.Select | None = None
        sources: dict[str, exp.Select] = {}
        for part in parts.merged:
            rows = exp.table_(part.name, quoted=True) if several else part.lines().subquery("l")
            own = _selected(view.keys, found[place], part.name, exact).from_(rows)
            own = own.where(past.copy()).group_by(*quoted(view.keys))
            latest = [one for one in parts.latest.values() if one.found == part.name]
            if latest:
                name = latest[0].table
                marks = [exp.alias_(one.last_known.copy(), one.paid, quoted=True) for one in latest]
                kept[name] = own.select(*marks)
                own = exp.select(*quoted(view.keys), *(quoted(_names(found[place], part.name)))).from_(
                    exp.table_(name, quoted=True)
                )
            if part is base:
                first = own
            else:
                sources[part.name] = own
        for counted in parts.distinct.values():
            own = _selected(view.keys, found[place], counted.name, exact)
            sources[counted.name] = own.from_(exp.table_(counted.name, quoted=True))
        for last in parts.latest.values():
            own = _selected(view.keys, found[place], last.name, exact)
            sources[last.name] = own.from_(last.values(as_of).subquery("n"))
        if first is None:
            people = exp.table_(everyone, quoted=True) if several else parts.everyone.subquery("a")
            first = exp.select(*quoted(view.keys)).from_(people).where(past.copy())
        measured = [column.name for column in found[place]]
        joined = _joined(view, [first, *sources.values()], found[place], exact)
        there = [*measured, *(name for name, _ in view.beside)]
        if paces == "totals":
            at.append(pace_totals(joined, view))
        else:
            at.append(with_derived(joined, view, there, exact, given if paces == "given" else None))
        before.append(kept)
    return AggregatePlan(shared, tuple(before), tuple(at))


def file_parameter(view: str) -> str:
    """Return the parameter that names the file of a view whose features another one reads."""
    return f"file_of_{view}"


def totals_parameter(view: str) -> str:
    """Return the parameter that names the totals of a view, of all parts of the events."""
    return f"{TOTALS}{view}"


def _names(columns: Sequence[Column], part: str) -> list[str]:
    return [column.name for column in columns if column.part == part]


def _selected(
    keys: Sequence[str], columns: Sequence[Column], part: str, exact: Collection[str]
) -> exp.Select:
    own = [
        exp.alias_(c.value.copy() if c.name in exact else double(c.value.copy()), c.name, quoted=True)
        for c in columns
        if c.part == part
    ]
    return exp.select(*quoted(keys), *own)


def _joined(
    view: AggregateView, sources: Sequence[exp.Select], columns: Sequence[Column], exact: Collection[str]
) -> exp.Select:
    """Return the rows of the first source with what the others know of them, and what other views know of the first key."""
    first, *others = sources
    chosen: list[exp.Expr] = []
    for column in columns:
        value: exp.Expr = exp.column(column.name, quoted=True)
        if column.absent is not None:
            nothing = exp.Literal.number(int(column.absent))
            value = exp.func("coalesce", value, nothing if column.name in exact else double(nothing))
        chosen.append(exp.alias_(value, column.name, quoted=True))
    query = exp.select(*quoted(view.keys, "p0"), *chosen).from_(first.subquery("p0", copy=False), copy=False)
    for number, source in enumerate(others, 1):
        alias = f"p{number}"
        same = [a.eq(b) for a, b in zip(quoted(view.keys, "p0"), quoted(view.keys, alias), strict=True)]
        beside = source.subquery(alias, copy=False)
        query = query.join(beside, on=exp.and_(*same), join_type="left", copy=False)
    for other in view.beside_views:
        query = query.select(
            *(_beside(name, absent) for name, absent in view.beside if name.startswith(f"{other}."))
        )
        names = [name.partition(".")[2] for name, _ in view.beside if name.startswith(f"{other}.")]
        key = view.keys[0]
        file = exp.func("read_parquet", exp.Placeholder(this=file_parameter(other)))
        rows = exp.select(*quoted([key, *names])).from_(file).subquery(other, copy=False)
        same_key = exp.column(key, "p0", quoted=True).eq(exp.column(key, other, quoted=True))
        query = query.join(rows, on=same_key, join_type="left")
    return query


def _beside(name: str, absent: float | None) -> exp.Expr:
    """Return a feature of another view, which may not know the key."""
    view, _, feature = name.partition(".")
    value: exp.Expr = exp.column(feature, view, quoted=True)
    if absent is not None:
        value = exp.func("coalesce", value, double(exp.Literal.number(absent)))
    return exp.alias_(value, name, quoted=True)
