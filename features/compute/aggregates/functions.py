"""What each aggregate is, as SQL over what its part merges."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from sqlglot import exp

from tagcast.features.catalog.aggregate_views import Aggregate
from tagcast.features.compute.aggregates.parts import DAY, GAP, Merge, Part, known, only
from tagcast.features.compute.dated_statements import sql_day


def double(value: exp.Expr) -> exp.Expr:
    """Return a value in floating point."""
    return exp.cast(value, "DOUBLE")


def ratio(numerator: exp.Expr, denominator: exp.Expr) -> exp.Expr:
    """Return a quotient in floating point; of nothing it is NULL."""
    below = exp.func("nullif", double(denominator), exp.cast(exp.Literal.number(0), "DOUBLE"))
    return exp.Div(this=double(numerator), expression=below, typed=False, safe=False)


def all_of(*conditions: exp.Expr | None) -> exp.Expr | None:
    """Return the conditions together; None where there is none."""
    given = [condition.copy() for condition in conditions if condition is not None]
    return exp.and_(*given) if given else None


def days_between(first: exp.Expr, last: exp.Expr) -> exp.Expr:
    """Return the whole days from one date to another."""
    return exp.DateDiff(this=last, expression=first, unit=exp.var("DAY"))


def value_of(
    one: Aggregate,
    part: Part,
    column: exp.Expr,
    where: exp.Expr | None,
    start: date | None,
    as_of: date,
) -> exp.Expr:
    """Return an aggregate at ``as_of``.

    Parameters
    ----------
    one : Aggregate
    part : Part
        Of events, of days with an event where it is of days, or of the sums of days.
    column : expression
        What it is of: a column, of a share the condition.
    where : expression, optional
        Rows that do not meet it are not counted.
    start : date, optional
        First day of the window; None: everything.
    as_of : date
    """
    there = all_of(where, known(column))
    if one.function in {"count", "days"}:
        return _or_unknown(one, part.count(where, start))
    if one.function == "distinct":
        return _or_unknown(one, part.total(only(where, column), start))
    if one.function == "sum":
        # Of nothing it is 0 where its pace is compared, too.
        total = part.merged("sum", only(where, column), start)
        return total if one.absent is None else exp.func("coalesce", total, exp.Literal.number(0))
    if one.function in {"min", "max"}:
        merge: Merge = "min" if one.function == "min" else "max"
        return part.merged(merge, only(where, column), start)
    if one.function == "mean":
        return ratio(part.merged("sum", only(where, column), start), part.count(there, start))
    if one.function == "share":
        return ratio(part.count(all_of(where, exp.paren(column.copy())), start), part.count(there, start))
    if one.function in {"since_first", "since_last"}:
        seen = part.merged("min" if one.function == "since_first" else "max", only(where, DAY), start)
        return days_between(seen, sql_day(as_of))
    if one.function in {"first", "last"}:
        # Of several at one moment the least is the first, the greatest the last: no order of rows decides.
        at = _pair(DAY if one.per else exp.column("event_time"), column)
        merge = "min" if one.function == "first" else "max"
        return _second(part.merged(merge, only(there, at), start))
    return _GAPS[one.of](part)


def _or_unknown(one: Aggregate, counted: exp.Expr) -> exp.Expr:
    return counted if one.absent is not None else exp.func("nullif", counted, exp.Literal.number(0))


def _pair(first: exp.Expr, second: exp.Expr) -> exp.Expr:
    """Return two values as one, ordered by the first."""
    named = {"first": first, "second": second}
    return exp.Struct(
        expressions=[exp.PropertyEQ(this=exp.to_identifier(k), expression=v.copy()) for k, v in named.items()]
    )


def _second(pair: exp.Expr) -> exp.Expr:
    return exp.StructExtract(this=pair, expression=exp.Literal.string("second"))


def _gap_mean(part: Part) -> exp.Expr:
    """All gaps together reach from the first day to the last."""
    return ratio(_reach(part), _gaps(part))


def _gap_std(part: Part) -> exp.Expr:
    """The spread comes from exact whole numbers: n·Σg² − (Σg)² keeps every bit that a running mean loses."""
    gap = exp.cast(GAP.copy(), "BIGINT")
    squares = exp.cast(part.merged("sum", gap * gap.copy(), None, "BIGINT"), "BIGINT")
    count, reach = _gaps(part), _reach(part)
    spread = count * squares - exp.paren(reach * reach.copy())
    return exp.Sqrt(this=ratio(exp.paren(spread), count.copy() * count.copy()))


def _gaps(part: Part) -> exp.Expr:
    return exp.paren(exp.cast(part.count(None, None), "BIGINT") - exp.Literal.number(1))


def _reach(part: Part) -> exp.Expr:
    reach = days_between(part.merged("min", DAY, None), part.merged("max", DAY, None))
    return exp.cast(reach, "BIGINT")


_GAPS: dict[str, Callable[[Part], exp.Expr]] = {
    "mean": _gap_mean,
    "std": _gap_std,
    "max": lambda part: part.merged("max", GAP, None),
    "last": lambda part: part.newest(GAP),
}
