"""Attributes of profiles: each column of the table as a number, a date, yes or no, or text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlglot import exp

from tagcast.features.core.errors import DataError
from tagcast.features.core.messages import msg
from tagcast.features.core.settings import Settings
from tagcast.features.ingest.attributes.keyed_digests import digest, digests, hash_key
from tagcast.features.ingest.readers.scans import column
from tagcast.features.ingest.readers.table import Table
from tagcast.features.ingest.readers.table_reader import Reader
from tagcast.features.ingest.sql_casts import NUMERIC, as_key, base_type, finite, matches
from tagcast.features.ingest.suppression.left_out import without_erased
from tagcast.features.ingest.time_casts import NAIVE, ZONED

EXACT_IN_DOUBLE = 2**53
# As programs write numbers: no zero before other figures, no exponent: both are figures of a name such as 007 or 1001E2.
_NUMBER = r"^-?(0|[1-9]\d*)(\.\d+)?$"
_NOT_FINITE = r"(?i)^[+-]?(nan|inf|infinity)$"
_BOOLEAN = r"(?i)^(true|false)$"
_DATES = {
    r"^\d{4}-\d{2}-\d{2}$": "DATE",
    r"^\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}:\d{2}(\.\d+)?$": "TIMESTAMP",
}
_TRAILING_ZERO = r"\.\d+0$"


def write_attributes(settings: Settings, reader: Reader, target: Path) -> None:
    """Write the configured columns of ``[profiles]`` by profile to ``target``; nothing where there are none.

    Numbers that are not finite are unknown. Whole numbers that a DOUBLE does not hold to the last figure are text.
    Times with a zone are stored in UTC. Of a hashed column the digest of its text is stored.

    Raises
    ------
    DataError
        When a column is missing, or a profile stands twice.
    """
    place = settings.profiles
    if place is None:
        return
    table = reader.open(place, "profiles", {place.key, *place.columns}, {place.key, *place.hashed})
    found = {name: table.find(name, "profiles") for name in (place.key, *place.columns)}
    key = as_key(column(found[place.key]), table.columns[found[place.key]])
    secret = hash_key(settings)
    query = exp.select(exp.alias_(key, "profile_id")).from_(table.relation.copy())
    with reader.reading("profiles"):
        for name in place.columns:
            value = (
                digest(as_key(column(found[name]), table.columns[found[name]]))
                if name in place.hashed
                else _attribute(reader.connection, table, found[name])
            )
            query = query.select(exp.alias_(value, name, quoted=True))
        query = without_erased(reader, query.where(key.copy().is_(exp.null()).not_())).order_by("1")
        with digests(reader.connection, secret):
            reader.connection.execute(f"COPY ({query.sql('duckdb')}) TO ? (FORMAT parquet)", [str(target)])
    (twice,) = reader.connection.execute(
        "SELECT count(*) - count(DISTINCT profile_id) FROM read_parquet(?)", [str(target)]
    ).fetchall()[0]
    if twice:
        raise DataError(
            msg("profiles: {key} is not unique, {twice:,} rows too many", key=place.key, twice=twice),
            hint=msg("give one row a profile"),
        )


def _attribute(connection: Any, table: Table, name: str) -> exp.Expr:
    kind = base_type(table.columns[name])
    if kind == "BOOLEAN":
        return column(name)
    if kind in NUMERIC:
        if _beyond_double(connection, table, column(name)):
            return as_key(column(name), table.columns[name])
        return finite(exp.cast(column(name), "DOUBLE"))
    if kind in NAIVE or kind in ZONED:
        in_time = exp.Anonymous(this="isfinite", expressions=[column(name)])
        value: exp.Expr = column(name)
        if kind in ZONED:
            value = exp.Anonymous(this="timezone", expressions=[exp.Literal.string("UTC"), value])
        return exp.case().when(in_time, value).else_(exp.null())
    text = as_key(column(name), table.columns[name])
    return _of_text(connection, table, text) if name in table.untyped else text


def _of_text(connection: Any, table: Table, text: exp.Expr) -> exp.Expr:
    """Return a column of an untyped file as what all of its values are."""
    t = exp.column("t")
    nothing = exp.or_(t.is_(exp.null()), matches(t.copy(), _NOT_FINITE))
    decimals = exp.Anonymous(
        this="length",
        expressions=[exp.Anonymous(this="split_part", expressions=[t.copy(), _quoted("."), _one(2)])],
    )
    zero = exp.and_(matches(t.copy(), _TRAILING_ZERO), exp.not_(matches(t.copy(), r"\.0$")))
    asked = exp.select(
        _every(exp.or_(nothing, matches(t.copy(), _NUMBER))),
        _every(exp.or_(t.copy().is_(exp.null()), matches(t.copy(), _BOOLEAN))),
        *[
            _every(exp.or_(t.copy().is_(exp.null()), exp.and_(matches(t.copy(), shape), _is(t, stored))))
            for shape, stored in _DATES.items()
        ],
        exp.Count(this=exp.Distinct(expressions=[decimals])),
        exp.func("coalesce", exp.Anonymous(this="bool_or", expressions=[zero]), exp.false()),
        exp.Count(this=t.copy()),
    ).from_(exp.select(exp.alias_(text.copy(), "t")).from_(table.relation.copy()).subquery("x"))
    numbers, booleans, *dates, widths, zeros, filled = connection.execute(asked.sql("duckdb")).fetchall()[0]
    if not filled:
        return text
    if booleans:
        return exp.cast(text, "BOOLEAN")
    for written, stored in zip(dates, _DATES.values(), strict=True):
        if written:
            return exp.TryCast(this=text, to=exp.DataType.build(stored))
    # 10.1 beside 10.10: no program writes one number in two ways, these are names.
    if not numbers or (zeros and widths > 1):
        return text
    number = exp.TryCast(this=text, to=exp.DataType.build("DOUBLE"))
    if _beyond_double(connection, table, exp.TryCast(this=text.copy(), to=_huge())):
        return text
    return finite(number)


def _beyond_double(connection: Any, table: Table, value: exp.Expr) -> bool:
    """Return whether a whole number of the column would lose its last figures as a DOUBLE."""
    whole = exp.TryCast(this=value, to=_huge())
    most = exp.Max(this=exp.Abs(this=whole))
    kinds = exp.Anonymous(
        this="any_value", expressions=[exp.Anonymous(this="typeof", expressions=[value.copy()])]
    )
    asked = exp.select(most, kinds).from_(table.relation.copy())
    found, kind = connection.execute(asked.sql("duckdb")).fetchall()[0]
    # A DOUBLE has lost them already.
    return (
        found is not None
        and int(found) > EXACT_IN_DOUBLE
        and base_type(kind or "") not in {"DOUBLE", "FLOAT"}
    )


def _huge() -> exp.DataType:
    return exp.DataType.build("HUGEINT", dialect="duckdb")


def _every(condition: exp.Expr) -> exp.Expr:
    return exp.func("coalesce", exp.Anonymous(this="bool_and", expressions=[condition]), exp.true())


def _is(value: exp.Expr, kind: str) -> exp.Expr:
    return exp.TryCast(this=value.copy(), to=exp.DataType.build(kind)).is_(exp.null()).not_()


def _quoted(text: str) -> exp.Expr:
    return exp.Literal.string(text)


def _one(number: int) -> exp.Expr:
    return exp.Literal.number(number)
