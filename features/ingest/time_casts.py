"""How a time of any type, text or number becomes a UTC timestamp: expressions for DuckDB."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

from sqlglot import exp

from tagcast.features.core.errors import ConfigError, DataError
from tagcast.features.core.messages import listed, msg
from tagcast.features.core.schema.sources import TIME_FORMATS, TimedPlace
from tagcast.features.ingest.readers.nested.value_paths import path_in
from tagcast.features.ingest.sql_casts import NUMERIC, as_key, base_type, matches, parsed_time, replaced
from tagcast.features.ingest.texts.times import EVENT_TIME, ORDERS, in_order

ZONED = frozenset({"TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ", "TIMESTAMPTZ_NS"})
NAIVE = frozenset({"DATE", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "DATETIME"})
_TIME_OF_DAY = re.compile(r"%-?[HIsSpMfgcTXzZn]")
_OFFSET = re.compile(r"%-?[zZ]")
_DAY = r"^\d{4}[-/.]\d{1,2}[-/.]\d{1,2}"
_CLOCK = r",?[T ]+\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?"
_ZONE = r" *(Z|z|[+-]\d{2}(:?\d{2})?|[A-Za-z][A-Za-z_+/0-9-]*)"
_EPOCH = {"epoch_s": 1_000_000, "epoch_ms": 1_000, "epoch_us": 1, "epoch_ns": 1}
# From 1973 on; 8 and 12 figures may be a day written 20260105, or with hours 202601051030.
_EPOCH_SHAPES = {
    r"^\d{9,10}(\.\d+)?$": "epoch_s", r"^\d{13}(\.\d+)?$": "epoch_ms", r"^\d{16}(\.\d+)?$": "epoch_us",
    r"^\d{19}$": "epoch_ns",
}  # fmt: skip
_A_SECOND = {"epoch_s": 1, "epoch_ms": 1_000, "epoch_us": 1_000_000, "epoch_ns": 1_000_000_000}
_SECONDS_END = 100_000_000_000
"""Above every number of seconds that is read as such, and below every number of milliseconds."""
_UNIX_IN_EXCEL = {"excel": 25569, "excel_1904": 24107}
_EARLIEST, _LATEST = "0002-01-01", "9998-12-31"
"""Beyond these no calendar of Python's has a local day for the moment."""
_MOST_MICROS = 250_000_000_000_000_000
"""Nearly 8,000 years."""


def as_timestamp(
    source: TimedPlace, value: exp.Expr, kind: str, timezone: str, order: str | None
) -> exp.Expr:
    """Return a naive UTC timestamp.

    A date without a time is that calendar day of the project, however it is written and whatever zone the source's
    times are in: it has no hour that could be converted.

    Local times that a clock change makes ambiguous or skips are read as ICU reads them: the later of two,
    and shifted forward.

    Parameters
    ----------
    source : TimedPlace
    value : exp.Expr
        Of text, without blanks around it.
    kind : str
        Its DuckDB type. A type of time needs no format; other values are read as they are written.
    timezone : str
        The project's.
    order : str or None
        In which day, month and year are written where the column has proven it.
    """
    if kind in ZONED:
        moment: exp.Expr = exp.cast(value.copy(), exp.DataType.build("TIMESTAMPTZ"))
        if kind == "TIMESTAMPTZ_NS":
            moment = _at("UTC", _of_nanoseconds(value))
    elif kind in NAIVE:
        naive: exp.Expr = exp.TryCast(this=value.copy(), to=exp.DataType.build("TIMESTAMP"))
        if kind == "TIMESTAMP_NS":
            naive = _of_nanoseconds(value)
        moment = _at(timezone if kind == "DATE" else source.timezone, naive)
    elif kind == "BOOLEAN":
        return exp.cast(exp.null(), "TIMESTAMP")
    else:
        text = value.copy() if kind == "VARCHAR" else as_key(value, kind)
        moment = _of_text(source, text, timezone, order)
    utc = _at("UTC", moment)
    return exp.case().when(utc.copy().between(_stamp(_EARLIEST), _stamp(_LATEST)), utc).else_(exp.null())


def check_time_format(source: TimedPlace, connection: Any, where: str) -> None:
    """Try a time_format on nothing.

    Raises
    ------
    ConfigError
        When it holds a sign that strptime does not know.
    """
    import duckdb

    written = source.time_format
    if written is None or written in TIME_FORMATS:
        return
    empty = exp.Anonymous(
        this="try_strptime", expressions=[exp.Literal.string(""), exp.Literal.string(written)]
    )
    try:
        connection.execute(exp.select(empty).sql("duckdb"))
    except duckdb.Error as error:
        raise ConfigError(
            msg("{where}: time_format {format!r} is no format of strptime", where=where, format=written),
            hint=msg("as in {example}", example='"%d.%m.%Y %H:%M"'),
        ) from error


def needs_order(source: TimedPlace, kind: str) -> bool:
    """Return whether the values themselves have to show how they are written."""
    return source.time_format is None and (kind == "VARCHAR" or base_type(kind) in NUMERIC)


def check_unit(
    connection: Any, lines: exp.Expr, text: exp.Expr, name: str, where: str, target: str = EVENT_TIME
) -> None:
    """Look whether the numbers of a column count in one unit: each would be read as a moment of its own.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
    lines : exp.Expr
        What ``text`` is selected from.
    text : exp.Expr
        Without blanks around it.
    name : str
        Of the column, for the hint.
    where, target : str
        Name the place and what ``text`` is there, in errors.

    Raises
    ------
    DataError
        When some are seconds and others milliseconds, or the like; with the number of lines of each.
    """
    t = exp.column("t")
    unit = exp.case()
    for shape, word in _EPOCH_SHAPES.items():
        unit = unit.when(matches(t.copy(), shape), exp.Literal.string(word))
    texts = exp.select(exp.alias_(text.copy(), "t")).from_(lines.copy()).subquery("x")
    each = exp.select(exp.alias_(unit, "unit"), "t").from_(texts).where(matches(t.copy(), r"^\d{9}"))
    counted = exp.select("unit", exp.Count(this=exp.Star()), exp.Min(this=t.copy())).from_(each.subquery("y"))
    rows = connection.execute(counted.where("unit IS NOT NULL").group_by("unit").sql("duckdb")).fetchall()
    if len(rows) < 2:
        return
    found = sorted(rows, key=lambda row: (-row[1], row[0]))
    units = [msg("{unit} in {n:,} lines, as in {example}", unit=u, n=n, example=e) for u, n, e in found]
    hint = msg(
        'if only {unit} is right, say time_format = "{unit}"; if all are, derive event_time: {example}',
        unit=found[0][0],
        example=_in_one_unit(name, {row[0] for row in rows}),
    )
    if target != EVENT_TIME:  # nothing else can be derived
        hint = msg(
            'if only {unit} is right, say time_format = "{unit}"; if all are, give them one unit in the table',
            unit=found[0][0],
        )
    raise DataError(
        msg(
            "{where}: {target} counts in several units: {units}",
            where=where,
            target=target,
            units=listed(units),
        ),
        hint=hint,
    )


def _in_one_unit(name: str, units: Collection[str]) -> str:
    """Return the expression that makes the finest of several units of all."""
    if re.fullmatch(r"[A-Za-z_]\w*", name) is None and path_in(name) is None:
        name = '"{}"'.format(name.replace('"', '""'))
    ordered = [unit for unit in _A_SECOND if unit in units]
    finest = ordered[-1]
    whens = [
        f"WHEN {name} < {_SECONDS_END * _A_SECOND[unit]} THEN {name} * {_A_SECOND[finest] // _A_SECOND[unit]}"
        for unit in ordered[:-1]
    ]
    return f"CASE {' '.join(whens)} ELSE {name} END"


def _of_text(source: TimedPlace, text: exp.Expr, timezone: str, order: str | None) -> exp.Expr:
    written = source.time_format
    if written in _EPOCH:
        return _epoch(text, written)
    if written in _UNIX_IN_EXCEL:
        return _excel(text, written, source.timezone, timezone)
    if written is not None and written not in TIME_FORMATS:
        parsed = parsed_time(text, written)
        if _OFFSET.search(written):
            return parsed
        return _at(source.timezone if _TIME_OF_DAY.search(written) else timezone, parsed)
    day = replaced(replaced(text, r"^(\d{4})[/.](\d+)[/.](\d+)", r"\1-\2-\3"), r"(:\d{2}),(\d)", r"\1.\2")
    day = replaced(day, ", *", " ")
    zoned = replaced(replaced(day.copy(), r" +([+-]\d)", r"\1"), "z$", "Z")
    value = (
        exp.case()
        .when(matches(text.copy(), f"{_DAY}$"), _at(timezone, _try(day, "TIMESTAMP")))
        .when(matches(text.copy(), f"{_DAY}{_CLOCK}$"), _at(source.timezone, _try(day.copy(), "TIMESTAMP")))
        .when(matches(text.copy(), f"{_DAY}{_CLOCK}{_ZONE}$"), _try(zoned, "TIMESTAMPTZ"))
    )
    order = written if written in ORDERS else order
    if order is not None:
        naive = in_order(text, order)
        has_clock = matches(text.copy(), ":")
        value = value.when(
            exp.and_(has_clock, naive.is_(exp.null()).not_()), _at(source.timezone, naive.copy())
        )
        value = value.when(naive.is_(exp.null()).not_(), _at(timezone, naive.copy()))
    if written is None:
        for shape, unit in _EPOCH_SHAPES.items():
            value = value.when(matches(text.copy(), shape), _epoch(text, unit))
    return value.else_(exp.null())


def _epoch(text: exp.Expr, unit: str) -> exp.Expr:
    """Return the moment of a number counted from 1970."""
    if unit == "epoch_ns":
        nanos = exp.TryCast(this=text.copy(), to=exp.DataType.build("BIGINT", dialect="duckdb"))
        return _at("UTC", _made(exp.IntDiv(this=nanos, expression=exp.Literal.number(1_000))))
    return _at("UTC", _made(_by(_try(text.copy(), "DOUBLE"), str(_EPOCH[unit]))))


def _of_nanoseconds(moment: exp.Expr) -> exp.Expr:
    """Return the naive time in UTC; a cast would round, past midnight too, where a number of nanoseconds is cut off."""
    nanos = exp.Anonymous(this="epoch_ns", expressions=[moment.copy()])
    return _made(exp.IntDiv(this=nanos, expression=exp.Literal.number(1_000)))


def _excel(text: exp.Expr, unit: str, zone: str, timezone: str) -> exp.Expr:
    """Return the moment of a number of days, its fraction the time of day to the millisecond, as spreadsheets keep it."""
    days = _try(text.copy(), "DOUBLE")
    since = exp.paren(exp.Sub(this=days, expression=exp.Literal.number(_UNIX_IN_EXCEL[unit])))
    millis = exp.Anonymous(this="round", expressions=[_by(since, "86400000")])
    naive = _made(_by(millis, "1000"))
    whole = days.copy().eq(exp.Anonymous(this="trunc", expressions=[days.copy()]))
    return exp.case().when(whole, _at(timezone, naive)).else_(_at(zone, naive.copy()))


def _made(micros: exp.Expr) -> exp.Expr:
    """Return the naive time that lies so many microseconds after 1970; NULL beyond the years that are kept."""
    kept = exp.Abs(this=micros.copy()) < exp.Literal.number(_MOST_MICROS)
    whole = exp.cast(exp.case().when(kept, exp.Anonymous(this="round", expressions=[micros])), "BIGINT")
    return exp.Anonymous(this="make_timestamp", expressions=[whole])


def _by(value: exp.Expr, factor: str) -> exp.Expr:
    return exp.Mul(this=value, expression=exp.Literal.number(factor))


def _try(value: exp.Expr, kind: str) -> exp.Expr:
    return exp.TryCast(this=value, to=exp.DataType.build(kind))


def _stamp(text: str) -> exp.Expr:
    return exp.cast(exp.Literal.string(text), "TIMESTAMP")


def _at(zone: str, value: exp.Expr) -> exp.Expr:
    """Return the moment at which clocks in ``zone`` show a naive time; of a moment, what they show."""
    return exp.Anonymous(this="timezone", expressions=[exp.Literal.string(zone), value])
