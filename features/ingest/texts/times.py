"""How a column of texts or numbers writes times: shapes that read themselves, and orders that the column has to prove."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from sqlglot import exp

from tagcast.features.core.errors import DataError
from tagcast.features.core.messages import Joined, Message, listed, msg
from tagcast.features.ingest.sql_casts import matches, replaced, replaced_all

EVENT_TIME = "event_time"
ORDERS = ("dmy", "mdy", "ymd")
NAMED_ORDERS: dict[str, tuple[str, str, str]] = {
    "dmy": ("%d", "%m", "%y"),
    "mdy": ("%m", "%d", "%y"),
    "ymd": ("%y", "%m", "%d"),
}
_TIME = r"\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?"
PARTS = rf"^\d{{1,2}}[/.\-]\d{{1,2}}[/.\-](\d{{4}}|\d{{2}})(,?[T ]+{_TIME}( ?[AaPp]\.?[Mm]\.?)?)?$"
SHORT_YEAR = r"^\d{1,2}[/.\-]\d{1,2}[/.\-]\d{2}([^\d]|$)"
DAY_NUMBER = r"^[2-9]\d{4}(\.\d+)?$"
_TIMES = (
    "", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p", " %I:%M:%S.%f %p",
)  # fmt: skip
MOST_LEFT = 0.01
"""Share of lines up to which what is not understood is left out and counted instead of asked about."""
_MANY_YEARS = 5
_EXCEL_BEGINS = {"excel": datetime(1899, 12, 30), "excel_1904": datetime(1904, 1, 1)}  # noqa: DTZ001 - a local day


class AmbiguousTimesError(DataError):
    """A column of times can be read in several ways, and no line proves which.

    Parameters
    ----------
    message, hint : Message or Joined
    readings : dict of str to str
        Each ``time_format`` that reads it, with what it makes of an example.
    """

    code = "ambiguous_times"

    def __init__(
        self, message: Message | Joined, *, hint: Message | Joined, readings: dict[str, str]
    ) -> None:
        super().__init__(message, hint=hint)
        self.readings = readings


def in_order(text: exp.Expr, order: str) -> exp.Expr:
    """Return the naive time of a text of day, month and year in this order, with hours or without; else NULL."""
    plain = replaced(text.copy(), r"^(\d+)[/.\-](\d+)[/.\-](\d+)", r"\1/\2/\3")
    plain = replaced(plain, r",?[T ]+", " ")
    plain = replaced(plain, r"(\d)[.,](\d+)( ?[AaPp]\.?[Mm]\.?)?$", r"\1.\2\3")
    plain = replaced(plain, r" ?([AaPp])\.?[Mm]\.?$", r" \1M")

    def parsed(year: str) -> exp.Expr:
        day = "/".join(part.replace("%y", year) for part in NAMED_ORDERS[order])
        formats = exp.array(*[exp.Literal.string(day + time) for time in _TIMES])
        return exp.Anonymous(this="try_strptime", expressions=[plain.copy(), formats])

    short = exp.and_(matches(text.copy(), PARTS), matches(text.copy(), SHORT_YEAR))
    value = exp.case().when(short, parsed("%y"))
    if order != "ymd":
        value = value.when(matches(text.copy(), PARTS), parsed("%Y"))
    return value.else_(exp.null())


@dataclass(frozen=True)
class _Found:
    """What the texts of day, month and year in a column hold."""

    dmy: int
    mdy: int
    ymd: int
    read: int
    years_last: int
    years_first: int
    example: str | None
    dmy_only: str | None
    mdy_only: str | None
    shapes: list[str]


def proven_order(
    connection: Any, lines: exp.Expr, text: exp.Expr, where: str, target: str = EVENT_TIME
) -> str | None:
    """Return the order in which ``text`` writes day, month and year; None where it has no such texts.

    An order is proven when it reads every line that any order reads, and no other does; with years of two digits an
    order that makes them many more years than another is none. Up to a hundredth of the lines may be of another
    kind: they are left out and counted.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
    lines : exp.Expr
        What ``text`` is selected from.
    text : exp.Expr
        Without blanks around it.
    where, target : str
        Name the place and what ``text`` is there, in errors.

    Raises
    ------
    AmbiguousTimesError
        When several orders read it, or when it is of plain numbers of days: with each reading and its time_format.
    DataError
        When no order reads all of it.
    """
    t = exp.column("t")
    texts = exp.select(exp.alias_(text.copy(), "t")).from_(lines.copy()).subquery("x")
    of_parts, of_days = matches(t.copy(), PARTS), matches(t.copy(), DAY_NUMBER)
    shapes = [exp.Count(this=t), _count(of_parts), _count(of_days), _least(of_days)]
    filled, parts, day_numbers, day_number = connection.execute(
        exp.select(*shapes).from_(texts.copy()).sql("duckdb")
    ).fetchall()[0]
    if day_numbers > filled * MOST_LEFT:
        raise _ask(where, target, day_number, {name: name for name in _EXCEL_BEGINS})
    if not parts:
        return None
    found = _looked_at(connection, exp.select("*").from_(texts).where(of_parts.copy()))
    few = parts <= filled * MOST_LEFT
    complete = [order for order in ORDERS if getattr(found, order) == found.read]
    complete = _by_years(complete, found)
    if len(complete) == 1:
        return complete[0]
    if few or not found.read:
        return None
    if not complete:
        mostly = [o for o in ORDERS if getattr(found, o) > found.read * (1 - MOST_LEFT)]
        if len(mostly) == 1:
            return mostly[0]
        raise DataError(
            msg(
                "{where}: no order of day and month reads both {one!r} and {other!r}",
                where=where,
                one=found.dmy_only or found.example,
                other=found.mdy_only or found.example,
            ),
            hint=msg("make a source of each kind, with its own time_format"),
        )
    raise _ask(where, target, str(found.example), {o: _format(o, found.shapes) for o in complete})


def _by_years(orders: list[str], found: _Found) -> list[str]:
    """Leave out an order that takes days for years: a month of lines would lie in up to 31 of them."""
    last, first = found.years_last, found.years_first
    if first >= _MANY_YEARS and first > 2 * last:
        return [order for order in orders if order != "ymd"]
    if "ymd" in orders and last >= _MANY_YEARS and last > 2 * first:
        return ["ymd"]
    return orders


def _count(condition: exp.Expr, what: exp.Expr | None = None) -> exp.Expr:
    return exp.Filter(this=exp.Count(this=what or exp.Star()), expression=exp.Where(this=condition.copy()))


def _least(condition: exp.Expr) -> exp.Expr:
    return exp.Filter(this=exp.Min(this=exp.column("t")), expression=exp.Where(this=condition.copy()))


def _looked_at(connection: Any, texts: exp.Select) -> _Found:
    t = exp.column("t")
    # Each order is tried once a line, and counted many times.
    tried = exp.select("t", *[exp.alias_(in_order(t, order), order) for order in ORDERS])
    dmy, mdy, ymd = (exp.column(o).is_(exp.null()).not_() for o in ORDERS)
    any_order = exp.or_(dmy.copy(), mdy.copy(), ymd.copy())
    short = matches(t.copy(), SHORT_YEAR)
    shape = replaced_all(
        replaced_all(replaced_all(t.copy(), r"\d{4,}", "Y"), r"\d+", "9"), "[AaPp][.]?[Mm][.]?", "p"
    )

    def years(pattern: str) -> exp.Expr:
        year = exp.Anonymous(
            this="regexp_extract", expressions=[t.copy(), exp.Literal.string(pattern), exp.Literal.number(1)]
        )
        return _count(short, exp.Distinct(expressions=[year]))

    row: tuple[Any, ...] = connection.execute(
        exp.select(
            _count(dmy),
            _count(mdy),
            _count(ymd),
            _count(any_order),
            years(r"^\d+[/.\-]\d+[/.\-](\d+)"),
            years(r"^(\d+)"),
            _least(any_order),
            _least(exp.and_(dmy.copy(), exp.not_(mdy.copy()))),
            _least(exp.and_(mdy.copy(), exp.not_(dmy.copy()))),
            exp.Anonymous(this="list", expressions=[exp.Distinct(expressions=[shape])]),
        )
        .from_(tried.from_(texts.subquery("x")).subquery("y"))
        .sql("duckdb")
    ).fetchall()[0]
    found = dict(zip((f.name for f in fields(_Found)), row, strict=True))
    return _Found(**{**found, "shapes": found["shapes"] or []})


def _ask(where: str, target: str, example: str, formats: dict[str, str]) -> AmbiguousTimesError:
    readings = {order: _reading(order, example) for order in formats}
    choices = []
    for order, written in formats.items():
        choices.append(
            msg('time_format = "{format}" reads it as {reading}', format=written, reading=readings[order])
        )
    return AmbiguousTimesError(
        msg(
            "{where}: {target}: {example!r} can be {readings}, and no line proves which",
            where=where,
            target=target,
            example=example,
            readings=_either(list(readings.values())),
        ),
        hint=msg("say which: {choices}", choices=listed(choices, "sentences")),
        readings={written: readings[order] for order, written in formats.items()},
    )


def _either(texts: list[str]) -> Message | Joined:
    last = texts[-1]
    return msg("{some} or {last}", some=listed(texts[:-1]), last=last)


def _reading(order: str, text: str) -> str:
    """Return the day that ``text`` is in an order, as in 2026-01-05."""
    if order in _EXCEL_BEGINS:
        return (_EXCEL_BEGINS[order] + timedelta(days=float(text))).date().isoformat()
    numbers = [int(n) for n in re.findall(r"\d+", text)[:3]]
    day = dict(zip(order, numbers, strict=True))
    year = day["y"] + (0 if day["y"] > 99 else 2000 if day["y"] < 69 else 1900)
    return f"{year:04d}-{day['m']:02d}-{day['d']:02d}"


def _format(order: str, shapes: list[str]) -> str:
    """Return the strptime format of texts of one shape; of several, the order's name, which reads all of them."""
    if len(shapes) != 1:
        return order
    (shape,) = shapes
    half = "p" in shape
    parts = list(NAMED_ORDERS[order])
    day, _, time = re.sub(r"\s", " ", shape).partition(" ")
    signs = re.findall(r"[/.\-]", day)
    if len(signs) != 2 or "T" in shape or "," in shape:
        return order
    if "Y" in day:
        parts = [part.replace("%y", "%Y") for part in parts]
    written: str = parts[0] + signs[0] + parts[1] + signs[1] + parts[2]
    clock = {"9:9": "%H:%M", "9:9:9": "%H:%M:%S", "9:9:9.9": "%H:%M:%S.%f"}
    if not time:
        return written
    hours = time.replace("Y", "9").replace("p", "").strip()
    if hours not in clock or (half and not time.endswith(" p")):
        return order
    named = clock[hours].replace("%H", "%I") + " %p" if half else clock[hours]
    return f"{written} {named}"
