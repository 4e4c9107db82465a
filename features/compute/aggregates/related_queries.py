"""What a view of figures of what is related holds at a date, as SQL over the log that names both and the other's snapshot.

The tables are :func:`log_table`, and for each date :func:`snapshot_table` of each view that it is made of.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

from sqlglot import exp

from tagcast.features.catalog.related.conditions import parsed_condition, with_features
from tagcast.features.catalog.related.view import Figure, RelatedView
from tagcast.features.compute.aggregates.functions import double, ratio
from tagcast.features.compute.aggregates.parts import known
from tagcast.features.compute.dated_statements import EVENTS, as_written, sql_day

_KEYS = ("profile_id", "other")


def log_table(view: RelatedView) -> str:
    """Return what the log that names both entities is called."""
    return EVENTS if view.own else f"{view.name} events"


def snapshot_table(view: RelatedView, source: str, place: int) -> str:
    """Return what a view of the other entity is called, at the date of ``place``."""
    return f"{view.name} {source} {place}"


def related_rows(view: RelatedView, as_of: date, place: int) -> exp.Select:
    """Return the figures of everybody who is related to somebody as of ``as_of``.

    Parameters
    ----------
    view : RelatedView
    as_of : date
    place : int
        Of the date among those that are computed together.
    """
    pairs = related_pairs(view, as_of)
    found = exp.select(exp.column("profile_id", "pairs")).from_(pairs.subquery("pairs"))
    for source in view.needed_views:
        same = exp.column("profile_id", source, quoted=True).eq(exp.column("other", "pairs"))
        table = exp.table_(snapshot_table(view, source, place), quoted=True)
        found = found.join(exp.alias_(table, source, quoted=True, table=True), on=same, join_type="left")
    found = found.select(*(_value(name, absent) for name, absent in view.absent))
    figures = exp.select("profile_id").from_(found.subquery("found"))
    columns = [exp.alias_(double(_FIGURES[one.function](one)), one.name, quoted=True) for one in view.figures]
    return figures.select(*columns) if view.by else figures.select(*columns).group_by("profile_id")


def related_pairs(view: RelatedView, as_of: date) -> exp.Select:
    """Return ``profile_id`` and ``other`` of each two that are related as of ``as_of``: the most of all, where it is of one."""
    return _most_related(view, as_of) if view.by else _pairs(view, as_of)


def _pairs(view: RelatedView, as_of: date) -> exp.Select:
    """Return each two that an event before ``as_of`` names, with how many do and the newest."""
    names = ("profile_id", view.column) if view.own else (view.column, "profile_id")
    first, second = (exp.column(name, quoted=True) for name in names)
    day = exp.column("event_day")
    lines = exp.select(
        exp.alias_(first, "profile_id"),
        exp.alias_(second, "other"),
        exp.alias_(exp.Count(this=exp.Star()), "events"),
        exp.alias_(exp.Max(this=exp.column("event_time")), "newest"),
    ).from_(exp.table_(log_table(view), quoted=True))
    known = exp.column(view.column, quoted=True).is_(exp.null()).not_()
    lines = lines.where(known, exp.LT(this=day, expression=sql_day(as_of)))
    if view.within_days is not None:
        start = sql_day(as_of - timedelta(days=view.within_days))
        lines = lines.where(exp.GTE(this=day.copy(), expression=start))
    return lines.group_by(first.copy(), second.copy())


def _most_related(view: RelatedView, as_of: date) -> exp.Select:
    leading = "newest" if view.by == "last" else "events"
    order = [exp.Ordered(this=exp.column(leading), desc=True), exp.Ordered(this=exp.column("other"))]
    first = exp.Window(
        this=exp.RowNumber(), partition_by=[exp.column("profile_id")], order=exp.Order(expressions=order)
    ).eq(exp.Literal.number(1))
    chosen = exp.select(*_KEYS).from_(_pairs(view, as_of).subquery("pairs"))
    chosen.set("qualify", exp.Qualify(this=first))
    return chosen


def _value(name: str, absent: float | None) -> exp.Expr:
    """Return a feature of the other, whom its view may not know."""
    source, _, column = name.partition(".")
    unknown = exp.column("profile_id", source, quoted=True).is_(exp.null())
    instead = exp.null() if absent is None else as_written(exp.Literal.number(absent))
    value = exp.case().when(unknown, double(instead)).else_(exp.column(column, source, quoted=True))
    return exp.alias_(value, name, quoted=True)


def _of(name: str) -> exp.Expr:
    return exp.column(name, quoted=True)


def ordered_sum(value: exp.Expr) -> exp.Expr:
    """Return a sum of numbers in rising order: floating point remembers the order of a sum."""
    return exp.Sum(this=exp.Order(this=value, expressions=[exp.Ordered(this=value.copy())]))


def _share(one: Figure) -> exp.Expr:
    condition = exp.paren(with_features(as_written(parsed_condition(one.of)), _of))
    answered = exp.Count(this=exp.case().when(known(condition), exp.Literal.number(1)))
    met = exp.Count(this=exp.case().when(condition.copy(), exp.Literal.number(1)))
    return ratio(met, answered)


_FIGURES: dict[str, Callable[[Figure], exp.Expr]] = {
    "value": lambda one: _of(one.of),
    "count": lambda one: exp.Count(this=exp.Star()),  # noqa: ARG005 - called like the others
    "mean": lambda one: ratio(ordered_sum(_of(one.of)), exp.Count(this=_of(one.of))),
    "sum": lambda one: exp.Coalesce(
        this=ordered_sum(_of(one.of)), expressions=[exp.cast(exp.Literal.number(0), "DOUBLE")]
    ),
    "min": lambda one: exp.Min(this=_of(one.of)),
    "max": lambda one: exp.Max(this=_of(one.of)),
    "share": _share,
}
