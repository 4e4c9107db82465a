"""What each aggregate is, as SQL over what its part merges."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from sqlglot import exp

from tagcast.features.catalog.aggregate_views import Aggregate
from tagcast.features.compute.aggregates.parts import Merge, Part, only
from tagcast.features.compute.dated_statements import sql_day

_DAY = exp.column("day")


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


def there(value: exp.Expr) -> exp.Expr:
    """Return whether a value is known."""
    return value.copy().is_(exp.null()).not_()


def days_between(first: exp.Expr, last: exp.Expr) -> exp.Expr:
    """Return the whole days from one date to another."""
    return exp.DateDiff(this=last, expression=first, unit=exp.var("DAY"))


def value_of(
    one: Aggregate,
    part: Part,
    where: exp.Expr | None,
    start: date | None,
    as_of: date,
    share: exp.Expr | None,
) -> exp.Expr:
    """Return an aggregate at ``as_of``.

    Parameters
    ----------
    one : Aggregate
    part : Part
        Of events, or of days with an event where it is of days.
    where : expression, optional
        Rows that do not meet it are not counted.
    start : date, optional
        First day of the window; None: everything.
    as_of : date
    share : expression, optional
        Of a share, the condition.
    """
    column = exp.column(one.of, quoted=True)
    known = all_of(where, there(column))
    if one.function in {"count", "days"}:
        return part.count(where, start)
    if one.function in {"sum", "min", "max"}:
        merge: Merge = "sum" if one.function == "sum" else "min" if one.function == "min" else "max"
        return part.merged(merge, only(where, column), start)
    if one.function == "mean":
        return ratio(part.merged("sum", only(where, column), start), part.count(known, start))
    if one.function == "share":
        answered = exp.paren(share.copy()) if share is not None else exp.null()
        return ratio(
            part.count(all_of(where, answered), start), part.count(all_of(where, there(answered)), start)
        )
    if one.function in {"since_first", "since_last"}:
        seen = part.merged("min" if one.function == "since_first" else "max", only(where, _DAY), start)
        return days_between(seen, sql_day(as_of))
    if one.function in {"first", "last"}:
        # Of several at one moment the least is the first, the greatest the last: no order of rows decides.
        at = _pair(exp.column("event_time"), column)
        merge = "min" if one.function == "first" else "max"
        return _second(part.merged(merge, only(known, at), start))
    return _GAPS[one.of](part)


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
    squares = exp.cast(part.merged("sum", exp.column("gap") * exp.column("gap"), None), "BIGINT")
    count, reach = _gaps(part), _reach(part)
    spread = count * squares - exp.paren(reach * reach.copy())
    return exp.Sqrt(this=ratio(exp.paren(spread), count.copy() * count.copy()))


def _gaps(part: Part) -> exp.Expr:
    return exp.paren(exp.cast(part.count(None, None), "BIGINT") - exp.Literal.number(1))


def _reach(part: Part) -> exp.Expr:
    reach = days_between(part.merged("min", _DAY, None), part.merged("max", _DAY, None))
    return exp.cast(reach, "BIGINT")


_GAPS: dict[str, Callable[[Part], exp.Expr]] = {
    "mean": _gap_mean,
    "std": _gap_std,
    "max": lambda part: part.merged("max", exp.column("gap"), None),
    "last": lambda part: _second(part.merged("max", _pair(_DAY, exp.column("gap")), None)),
}
