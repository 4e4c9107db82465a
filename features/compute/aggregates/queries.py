"""A view of aggregates as queries: tables that several dates share, and the rows of the view at each date.

Sums are of whole numbers and DECIMAL, so the same events give the same bits in any order; only the last step divides in
floating point. Only events of local days before a date are seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlglot import exp

from tagcast.features.catalog.aggregate_views import Aggregate, AggregateView, Derived
from tagcast.features.catalog.aggregates_declaration import OF_ACTIVITY
from tagcast.features.catalog.attribute_views import level_names
from tagcast.features.compute.aggregates.functions import all_of, double, ratio, value_of
from tagcast.features.compute.aggregates.parts import Distinct, Part, quoted
from tagcast.features.compute.dated_statements import EVENTS, as_written, sql_day
from tagcast.features.ingest.log_columns import names_in, view_expression
from tagcast.features.ingest.sql_casts import finite

_MEASURED, _RETURNED = "measured", "is_return"


@dataclass(frozen=True)
class AggregatePlan:
    """The queries of one view.

    Parameters
    ----------
    shared : dict of str to query
        Tables that all dates read.
    at : tuple of query
        The rows of the view at each date.
    """

    shared: dict[str, exp.Select]
    at: tuple[exp.Select, ...]


@dataclass(frozen=True)
class _Column:
    """One feature at one date: the part that it is of, and its value there."""

    name: str
    part: str
    value: exp.Expr
    absent: float | None


def aggregate_plan(view: AggregateView, columns: Sequence[str], dates: Sequence[date]) -> AggregatePlan:
    """Return the queries of a view at ``dates``.

    Parameters
    ----------
    view : AggregateView
    columns : sequence of str
        Of the event log, a table called so (:data:`tagcast.features.compute.dated_statements.EVENTS`).
    dates : sequence of date

    Raises
    ------
    ConfigError
        Where a condition names what the log does not have.
    """
    parts = _Parts(view, columns, dates)
    found = [[c for one in view.aggregates for c in parts.columns(one, place)] for place in range(len(dates))]
    days = {n for one in view.aggregates for n in one.windows}
    borders = sorted({*dates, *(as_of - timedelta(days=n) for as_of in dates for n in days)})
    several = len(dates) > 1
    shared = {part.name: part.cells(borders) for part in parts.merged if several}
    shared |= {part.name: part.counts(dates) for part in parts.distinct.values()}
    at = []
    for place, as_of in enumerate(dates):
        before = exp.LT(this=exp.column("day"), expression=sql_day(as_of))
        sources: list[exp.Select] = []
        for part in parts.merged:
            rows = exp.table_(part.name, quoted=True) if several else part.lines().subquery("l")
            own = _selected(view.keys, found[place], part.name)
            sources.append(own.from_(rows).where(before.copy()).group_by(*quoted(view.keys)))
        for counted in parts.distinct.values():
            own = _selected(view.keys, found[place], counted.name)
            sources.append(own.from_(exp.table_(counted.name, quoted=True)))
        at.append(_with_derived(_joined(view.keys, sources, found[place]), view, found[place]))
    return AggregatePlan(shared, tuple(at))


class _Parts:
    """The parts of a view, made as its aggregates ask for them."""

    def __init__(self, view: AggregateView, columns: Sequence[str], dates: Sequence[date]) -> None:
        self._view, self._columns, self._dates = view, columns, dates
        self._conditions: dict[str, exp.Expr] = {}
        past = exp.LT(this=exp.column("event_day"), expression=sql_day(max(dates)))
        self._rows = exp.select("*", exp.alias_(exp.column("event_day"), "day"))
        self._rows = self._rows.from_(exp.table_(EVENTS, quoted=True)).where(past)
        if (where := self._condition("where", view.where)) is not None:
            self._rows = self._rows.where(where)
        self._rows = self._rows.where(*(key.is_(exp.null()).not_() for key in quoted(view.keys)))
        self._events = Part(f"{view.name} events", view.keys, self._rows)
        self._days: dict[str, Part] = {}
        self._with_gaps = {one.where for one in view.aggregates if one.function == "gaps"}
        self.distinct: dict[tuple[str, str], Distinct] = {}

    @property
    def merged(self) -> tuple[Part, ...]:
        """Those of events and of days; whoever has an event of the view has a row in the first."""
        return (self._events, *self._days.values())

    def columns(self, one: Aggregate, place: int) -> Iterator[_Column]:
        """Yield the features of an aggregate at the date of ``place``."""
        if one.function == "trend":
            yield from self._trend(one, place)
            return
        where = self._rows_of(one)
        if one.function == "distinct":
            yield from self._counts(one, where, place)
            return
        as_of, share, part = self._dates[place], None, self._events
        if one.function == "share":
            share = self._condition(f"features.{one.name}.share", one.of)
        elif one.function in {"days", "gaps"}:
            part, where = self._days_with(one, where), None
        for name, days in one.columns.items():
            start = None if days is None else as_of - timedelta(days=days)
            value = value_of(one, part, where, start, as_of, share)
            if not one.word:
                yield _Column(name, part.name, value, one.absent)
                continue
            for level, column in level_names(one.name, one.levels).items():
                said = exp.case().when(value.copy().eq(exp.Literal.string(level)), exp.Literal.number(1))
                known = exp.case().when(value.copy().is_(exp.null()), exp.null())
                yield _Column(column, part.name, known.else_(said.else_(exp.Literal.number(0))), None)

    def _rows_of(self, one: Aggregate) -> exp.Expr | None:
        """Return which events an aggregate is of: what is given back is no activity, unless a condition speaks of it."""
        where = self._condition(f"features.{one.name}.where", one.where)
        texts = (self._view.where, one.where, one.of if one.function == "share" else "")
        if one.function not in OF_ACTIVITY or any(_RETURNED in names_in(text) for text in texts):
            return where
        return all_of(where, exp.not_(exp.column(_RETURNED)))

    def _condition(self, key: str, text: str) -> exp.Expr | None:
        if not text:
            return None
        if text not in self._conditions:
            place = f"views.{self._view.name}.{key}"
            self._conditions[text] = as_written(view_expression(text, self._columns, place))
        return self._conditions[text].copy()

    def _trend(self, one: Aggregate, place: int) -> Iterator[_Column]:
        (source,) = (other for other in self._view.aggregates if other.name == one.of)
        found = dict(zip(source.columns.values(), self.columns(source, place), strict=True))
        for short, long in one.pairs:
            past = double(found[long].value) * exp.Literal.number(short)
            pace = ratio(exp.paren(past), exp.Literal.number(long))
            yield _Column(
                f"{one.name}_{short}_{long}d", found[short].part, ratio(found[short].value, pace), None
            )

    def _counts(self, one: Aggregate, where: exp.Expr | None, place: int) -> Iterator[_Column]:
        made = Distinct(
            f"{self._view.name} values {len(self.distinct)}", self._view.keys, self._met(where), one.of
        )
        part = self.distinct.setdefault((one.of, one.where), made)
        part.columns.update(one.columns)
        for name in one.columns:
            yield _Column(name, part.name, exp.column(f"{name}@{place}", quoted=True), one.absent)

    def _days_with(self, one: Aggregate, where: exp.Expr | None) -> Part:
        """Return the part of days with an event; where gaps are asked, each has the gap that it ends."""
        if one.where not in self._days:
            keys, day = quoted(self._view.keys), exp.column("day")
            rows = exp.select(*keys, "day").distinct().from_(self._met(where).subquery("e"))
            if one.where in self._with_gaps:
                order = exp.Order(expressions=[day.copy()])
                before = exp.Window(this=exp.Lag(this=day.copy()), partition_by=keys, order=order)
                gap = exp.DateDiff(this=day, expression=before, unit=exp.var("DAY"))
                rows = exp.select("*", exp.alias_(gap, "gap")).from_(rows.subquery("d"))
            self._days[one.where] = Part(f"{self._view.name} days {len(self._days)}", self._view.keys, rows)
        return self._days[one.where]

    def _met(self, where: exp.Expr | None) -> exp.Select:
        return self._rows if where is None else self._rows.where(where.copy())


def _selected(keys: Sequence[str], columns: Sequence[_Column], part: str) -> exp.Select:
    own = [exp.alias_(double(c.value.copy()), c.name, quoted=True) for c in columns if c.part == part]
    return exp.select(*quoted(keys), *own)


def _joined(keys: Sequence[str], sources: Sequence[exp.Select], columns: Sequence[_Column]) -> exp.Select:
    first, *others = sources
    chosen: list[exp.Expr] = []
    for column in columns:
        value: exp.Expr = exp.column(column.name, quoted=True)
        if column.absent is not None:
            value = exp.func("coalesce", value, double(exp.Literal.number(column.absent)))
        chosen.append(exp.alias_(value, column.name, quoted=True))
    query = exp.select(*quoted(keys, "p0"), *chosen).from_(first.subquery("p0"))
    for number, source in enumerate(others, 1):
        alias = f"p{number}"
        same = [a.eq(b) for a, b in zip(quoted(keys, "p0"), quoted(keys, alias), strict=True)]
        query = query.join(source.subquery(alias), on=exp.and_(*same), join_type="left")
    return query


def _with_derived(query: exp.Select, view: AggregateView, columns: Sequence[_Column]) -> exp.Select:
    """Add what is computed from other features, in the order of what needs what, and lay all out as declared."""
    there = [column.name for column in columns]
    waiting = list(view.derived)
    while waiting:
        ready = [one for one in waiting if names_in(one.value) <= {*there}]
        if not ready:  # a name that is nowhere: whoever checks says so
            ready = waiting
        added = [exp.alias_(_derived(one, there, view.name), one.name, quoted=True) for one in ready]
        query = exp.select("*", *added).from_(query.subquery(_MEASURED))
        there += [one.name for one in ready]
        waiting = [one for one in waiting if one not in ready]
    laid_out = [*view.keys, *(feature.name for feature in view.features())]
    return exp.select(*quoted(laid_out)).from_(query.subquery(_MEASURED))


def _derived(one: Derived, columns: Sequence[str], view: str) -> exp.Expr:
    """Return a derived feature; what is divided by nothing, not finite, or the least of something unknown, is unknown."""
    tree = as_written(view_expression(one.value, columns, f"views.{view}.derive.{one.name}"))
    return finite(double(_unknown_of_unknown(tree)))


def _unknown_of_unknown(tree: exp.Expr) -> exp.Expr:
    for node in reversed(list(tree.find_all(exp.Div, exp.IntDiv, exp.Mod, exp.Least, exp.Greatest))):
        if isinstance(node, exp.Least | exp.Greatest):
            # LEAST skips what is NULL, and would make somebody without any event a customer of long standing.
            parts = [part.copy().is_(exp.null()) for part in (node.this, *node.expressions)]
            node.replace(exp.case().when(exp.or_(*parts), exp.null()).else_(node.copy()))
        else:
            node.set("expression", exp.func("nullif", node.expression.copy(), exp.Literal.number(0)))
    return tree
