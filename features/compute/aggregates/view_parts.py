"""Which parts a view is merged from: its events, days with one, sums of days, different values, and the newest day."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlglot import exp

from tagcast.features.catalog.aggregate_views import Aggregate, AggregateView
from tagcast.features.catalog.aggregates_declaration import OF_ACTIVITY
from tagcast.features.catalog.attribute_views import level_names
from tagcast.features.compute.aggregates.functions import all_of, double, ratio, value_of
from tagcast.features.compute.aggregates.parts import (
    DAY,
    GAP,
    OF_DAY,
    Distinct,
    LatestDay,
    Part,
    known,
    only,
    quoted,
)
from tagcast.features.compute.dated_statements import EVENTS, as_written, sql_day
from tagcast.features.ingest.log_columns import names_in, view_expression

_RETURNED = "is_return"
_OF_DAYS = frozenset({"days", "gaps"})
_SINCE = frozenset({"since_first", "since_last"})
"""Of days where days are asked for anyway: they are fewer than events."""
_Conditions = tuple[exp.Expr, ...]


@dataclass(frozen=True)
class Column:
    """One feature at one date: the part that it is of, and its value there."""

    name: str
    part: str
    value: exp.Expr
    absent: float | None


class ViewParts:
    """The parts of a view, made as its aggregates ask for them.

    Parameters
    ----------
    view : AggregateView
    columns : sequence of str
        Of the event log.
    dates : sequence of date
    wanted : collection of str
        The columns that are needed.
    """

    def __init__(
        self, view: AggregateView, columns: Sequence[str], dates: Sequence[date], wanted: Collection[str]
    ) -> None:
        self._view, self._columns, self._dates, self._wanted = view, columns, dates, wanted
        self._conditions: dict[str, exp.Expr] = {}
        self._keys: dict[Aggregate, str] = {}
        past = exp.LT(this=DAY.copy(), expression=sql_day(max(dates)))
        rows = exp.select("*").from_(exp.table_(EVENTS, quoted=True))
        self._log = rows.where(past, *(known(key) for key in quoted(view.keys)))
        where = self._condition("where", view.where)
        self._rows = self._log if where is None else self._log.where(where)
        self.events: dict[bool, Part] = {}
        self.days: dict[str, Part] = {}
        self.sums: dict[str, Part] = {}
        self.distinct: dict[str, Distinct] = {}
        self.latest: dict[str, LatestDay] = {}
        of_days = [one for one in self._made() if one.function in _OF_DAYS or _counted_by_day(one)]
        self._of_days = {self._key(one) for one in of_days}
        self._gapped = {self._key(one) for one in of_days if one.function == "gaps" and one.of != "mean"}
        self._counted = {key: self._counted_columns(of_days, key) for key in self._of_days}

    @property
    def merged(self) -> tuple[Part, ...]:
        """Those whose measures are merged."""
        return (*self.events.values(), *self.days.values(), *self.sums.values())

    @property
    def everyone(self) -> exp.Select:
        """Whoever has any event, with the first day of one."""
        first = exp.alias_(exp.Min(this=DAY.copy()), DAY.name)
        keys = quoted(self._view.keys)
        return exp.select(*keys, first).from_(self._log.subquery("r")).group_by(*quoted(self._view.keys))

    def base(self) -> Part:
        """Return the part whose keys have a row, where not everyone has one."""
        if self._view.rows == "active":
            return self._days_part(Aggregate("", "days", "", "", (), "", "", ""))
        return self._events_part(beyond=False)

    def columns(self, place: int) -> Iterator[Column]:
        """Yield the columns that are needed, at the date of ``place``."""
        for one in self._made():
            yield from (column for column in self._columns_of(one, place) if column.name in self._wanted)

    def _made(self) -> list[Aggregate]:
        """Return the aggregates of which a column is needed, and those whose pace is compared."""
        name = self._view.name
        made = [
            one for one in self._view.aggregates if any(f.name in self._wanted for f in one.features(name))
        ]
        compared = {one.of for one in made if one.function == "trend"}
        return [one for one in self._view.aggregates if one in made or one.name in compared]

    def _columns_of(self, one: Aggregate, place: int) -> Iterator[Column]:
        if one.function == "trend":
            yield from self._trend(one, place)
            return
        row_conditions, day_conditions = self._split(one)
        where: exp.Expr | None = all_of(*row_conditions, *day_conditions)
        column = self._of(one)
        if one.function == "distinct" and not one.per:
            yield from self._different(one, where, place)
            return
        if one.per and one.function == "last":
            latest = self._latest(one, where)
            yield Column(one.name, latest.name, OF_DAY, one.absent)
            return
        if _counted_by_day(one):
            part, where = self._days_part(one), all_of(*day_conditions)
            column = exp.column(f"_n{self._counted[self._key(one)].index(one.of)}")
        elif one.per:
            part, where, column = self._sums_part(one), None, OF_DAY
        elif one.function in _OF_DAYS or (one.function in _SINCE and self._key(one) in self._of_days):
            part, where = self._days_part(one), all_of(*day_conditions)
        else:
            part = self._events_part(beyond=one.beyond)
        as_of = self._dates[place]
        for name, days in one.columns.items():
            start = None if days is None else as_of - timedelta(days=days)
            value = value_of(one, part, column, where, start, as_of)
            if not one.word:
                yield Column(name, part.name, value, one.absent)
                continue
            for level, level_column in level_names(one.name, one.levels).items():
                said = exp.case().when(value.copy().eq(exp.Literal.string(level)), exp.Literal.number(1))
                unknown = exp.case().when(value.copy().is_(exp.null()), exp.null())
                yield Column(
                    level_column, part.name, unknown.else_(said.else_(exp.Literal.number(0))), one.absent
                )

    def _of(self, one: Aggregate) -> exp.Expr:
        if one.function != "share":
            return exp.column(one.of, quoted=True)
        share = self._condition(f"features.{one.name}.share", one.of)
        return exp.null() if share is None else share

    def _split(self, one: Aggregate) -> tuple[_Conditions, _Conditions]:
        """Return what an aggregate asks of an event, and apart from it what it asks of the day alone.

        What is given back is no activity, unless a condition speaks of it. One part of days serves whatever is asked of days.
        """
        where = self._condition(f"features.{one.name}.where", one.where)
        whole = where.unnest() if where is not None else None
        parts = [] if whole is None else list(whole.flatten()) if isinstance(whole, exp.And) else [whole]
        of_day = [part for part in parts if one.function == "days" and _names_day_alone(part)]
        of_event = [part for part in parts if part not in of_day]
        if one.function in OF_ACTIVITY and not self._speaks_of_returns(one):
            of_event.append(_active())
        return tuple(of_event), tuple(of_day)

    def _speaks_of_returns(self, one: Aggregate) -> bool:
        texts = (
            "" if one.beyond else self._view.where,
            one.where,
            one.of if one.function == "share" else "",
        )
        return any(_RETURNED in names_in(text) for text in texts)

    def _key(self, one: Aggregate) -> str:
        """Return what tells the rows of one aggregate from those of others."""
        if one not in self._keys:
            asked = sorted(condition.sql("duckdb") for condition in self._split(one)[0])
            self._keys[one] = " AND ".join([str(one.beyond), *asked])
        return self._keys[one]

    def _condition(self, key: str, text: str) -> exp.Expr | None:
        if not text:
            return None
        if text not in self._conditions:
            place = f"views.{self._view.name}.{key}"
            self._conditions[text] = as_written(view_expression(text, self._columns, place))
        return self._conditions[text].copy()

    def _trend(self, one: Aggregate, place: int) -> Iterator[Column]:
        (source,) = (other for other in self._view.aggregates if other.name == one.of)
        found = dict(zip(source.columns.values(), self._columns_of(source, place), strict=True))
        for short, long in one.pairs:
            past = double(exp.paren(found[long].value * exp.Literal.number(short)))
            pace = ratio(past, exp.Literal.number(long))
            name = f"{one.name}_{short}_{long}d"
            yield Column(name, found[short].part, ratio(found[short].value, pace), one.absent)

    def _different(self, one: Aggregate, where: exp.Expr | None, place: int) -> Iterator[Column]:
        name = f"{self._view.name} values {len(self.distinct)}"
        made = Distinct(name, self._view.keys, self._met(one, where), one.of)
        part = self.distinct.setdefault(f"{one.of} {self._key(one)}", made)
        part.columns.update({column: days for column, days in one.columns.items() if column in self._wanted})
        for column in one.columns:
            value: exp.Expr = exp.column(f"{column}@{place}", quoted=True)
            if one.absent is None:
                value = exp.func("nullif", value, exp.Literal.number(0))
            yield Column(column, part.name, value, one.absent)

    def _events_part(self, *, beyond: bool) -> Part:
        name = f"{self._view.name} {'log' if beyond else 'events'}"
        rows = self._log if beyond else self._rows
        return self.events.setdefault(beyond, Part(name, self._view.keys, rows))

    def _days_part(self, one: Aggregate) -> Part:
        """Return the part of days with an event: each with what is counted in it, and the gap that it ends."""
        key = self._key(one)
        if key not in self.days:
            keys, counted = quoted(self._view.keys), self._counted.get(key, [])
            met = self._met(one, all_of(*self._split(one)[0])).subquery("e")
            rows = exp.select(*keys, DAY.copy(), *quoted(counted)).distinct().from_(met)
            if counted:
                # Different in two steps: COUNT(DISTINCT …) keeps a set a day, which costs twice as much.
                several: list[exp.Expr] = [
                    exp.Distinct(expressions=[c]) if len(counted) > 1 else c for c in quoted(counted)
                ]
                counts = [exp.alias_(exp.Count(this=one_of), f"_n{n}") for n, one_of in enumerate(several)]
                rows = exp.select(*keys, DAY.copy(), *counts).from_(rows.subquery("v"))
                rows = rows.group_by(*quoted(self._view.keys), DAY.copy())
            if key in self._gapped:
                order = exp.Order(expressions=[DAY.copy()])
                before = exp.Window(this=exp.Lag(this=DAY.copy()), partition_by=keys, order=order)
                gap = exp.cast(exp.DateDiff(this=DAY.copy(), expression=before, unit=exp.var("DAY")), "INT")
                rows = exp.select("*", exp.alias_(gap, GAP.name)).from_(rows.subquery("d"))
            self.days[key] = Part(f"{self._view.name} days {len(self.days)}", self._view.keys, rows)
        return self.days[key]

    def _sums_part(self, one: Aggregate) -> Part:
        """Return the part of days with an event that was not given back: the sum of a column over all events of each."""
        key = f"{one.of} {self._key(one)}"
        if key not in self.sums:
            keys = quoted(self._view.keys)
            met = self._met(one, all_of(*self._split(one)[0]))
            total = exp.alias_(exp.Sum(this=exp.column(one.of, quoted=True)), OF_DAY.name)
            rows = exp.select(*keys, DAY.copy(), total).from_(met.subquery("e")).group_by(*keys, DAY.copy())
            if not self._speaks_of_returns(one):
                rows = rows.having(exp.LogicalOr(this=_active()))
            self.sums[key] = Part(f"{self._view.name} sums {len(self.sums)}", self._view.keys, rows)
        return self.sums[key]

    def _latest(self, one: Aggregate, where: exp.Expr | None) -> LatestDay:
        key = f"{one.of} {self._key(one)}"
        if key not in self.latest:
            active = None if self._speaks_of_returns(one) else _active()
            name = f"{self._view.name} latest {len(self.latest)}"
            column = exp.column(one.of, quoted=True)
            events = self._events_part(beyond=one.beyond)
            self.latest[key] = LatestDay(
                name,
                self._view.keys,
                self._met(one, where),
                column,
                active,
                events.name,
                f"paid {len(self.latest)}",
                events.merged("max", only(all_of(where, active, known(column)), DAY), None),
            )
        return self.latest[key]

    def _met(self, one: Aggregate, where: exp.Expr | None) -> exp.Select:
        rows = self._log if one.beyond else self._rows
        return rows if where is None else rows.where(where.copy())

    def _counted_columns(self, of_days: Sequence[Aggregate], key: str) -> list[str]:
        return sorted({one.of for one in of_days if _counted_by_day(one) and self._key(one) == key})


def _counted_by_day(one: Aggregate) -> bool:
    return one.function == "distinct" and bool(one.per)


def _active() -> exp.Expr:
    return exp.not_(exp.column(_RETURNED))


def _names_day_alone(condition: exp.Expr) -> bool:
    return {column.name.lower() for column in condition.find_all(exp.Column)} == {DAY.name}
