"""How a value of any type becomes an id or a timestamp: expressions for DuckDB.

What cannot be read becomes NULL and is counted.
"""

from __future__ import annotations

import re

from sqlglot import exp

from tagcast.features.core.settings_schema import Source

_ZONED = {"TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ", "TIMESTAMPTZ_NS"}
_TIME_OF_DAY = re.compile(r"%-?[HIsSpMfgcTXzZ]")
_DATE_ONLY = r"^\s*\d{4}-\d{1,2}-\d{1,2}\s*$"


def as_text(value: exp.Expr, kind: str) -> exp.Expr:
    """Return an id or a name as text; 12.0 is the id 12, which only a missing value made a fraction.

    Parameters
    ----------
    value : sqlglot expression
    kind : str
        Its DuckDB type.
    """
    text = exp.cast(value, "VARCHAR")
    if not kind.startswith(("FLOAT", "DOUBLE", "DECIMAL")):
        return text
    whole = exp.TryCast(this=value.copy(), to=exp.DataType.build("HUGEINT", dialect="duckdb"))
    return (
        exp.case()
        .when(exp.Anonymous(this="isnan", expressions=[exp.cast(value.copy(), "DOUBLE")]), exp.null())
        .when(whole.eq(value.copy()), exp.cast(whole.copy(), "VARCHAR"))
        .else_(text)
    )


def as_timestamp(source: Source, value: exp.Expr, kind: str, timezone: str) -> exp.Expr:
    """Return a naive UTC timestamp; the session's TimeZone is the source's while this runs.

    A date without a time is that calendar day of the project, whatever zone the source's times are in: it
    has no hour that could be converted.

    Local times that a clock change makes ambiguous or skips are read as ICU reads them: the later of two,
    and shifted forward.
    """
    utc = exp.Literal.string("UTC")
    if kind in _ZONED:
        return exp.Anonymous(
            this="timezone", expressions=[utc, exp.cast(value, exp.DataType.build("TIMESTAMPTZ"))]
        )
    naive: exp.Expr
    zoned: exp.Expr
    zone = source.timezone
    if source.time_format:
        zone = source.timezone if _TIME_OF_DAY.search(source.time_format) else timezone
        naive = exp.Anonymous(
            this="try_strptime",
            expressions=[exp.cast(value, "VARCHAR"), exp.Literal.string(source.time_format)],
        )
    elif kind == "VARCHAR" or not kind:
        # Text may carry an offset; one without is read in the session's zone.
        text = exp.cast(value, "VARCHAR")
        zoned = exp.TryCast(this=text, to=exp.DataType.build("TIMESTAMPTZ"))
        midnight = exp.TryCast(this=text.copy(), to=exp.DataType.build("TIMESTAMP"))
        day = exp.Anonymous(this="timezone", expressions=[exp.Literal.string(timezone), midnight])
        is_day = exp.func("regexp_matches", text.copy(), exp.Literal.string(_DATE_ONLY), dialect="duckdb")
        timestamp = exp.case().when(is_day, day).else_(zoned)
        return exp.Anonymous(this="timezone", expressions=[utc, timestamp])
    else:
        zone = timezone if kind == "DATE" else source.timezone
        naive = exp.TryCast(this=value, to=exp.DataType.build("TIMESTAMP"))
    zoned = exp.Anonymous(this="timezone", expressions=[exp.Literal.string(zone), naive])
    return exp.Anonymous(this="timezone", expressions=[utc.copy(), zoned])
