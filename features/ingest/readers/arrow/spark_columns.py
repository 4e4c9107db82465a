"""Columns of Spark as they are read, hashed and grouped by day; types that Parquet has no name for are refused by theirs."""

from __future__ import annotations

from typing import Any

from tagcast.features.core.errors import DataError
from tagcast.features.core.messages import msg
from tagcast.features.ingest.readers.wanted import Wanted

_PLAIN = {
    "BooleanType", "ByteType", "ShortType", "IntegerType", "LongType", "FloatType", "DoubleType", "DecimalType", "StringType",
    "CharType", "VarcharType", "BinaryType", "DateType", "TimestampType", "TimestampNTZType", "NullType",
}  # fmt: skip
_TIMES = {"DateType", "TimestampType", "TimestampNTZType"}
NO_DAY = "-"


def frame_column(name: str) -> Any:
    """Return a column by its very name, whatever signs that has."""
    from pyspark.sql import functions as sql

    return sql.col(f"`{name.replace('`', '``')}`")


def as_read(name: str, kind: Any, wanted: Wanted, where: str) -> Any:
    """Return a column as it is read.

    Times are moments of their own in Arrow, and so in the Parquet that is written of them, whatever zone the session shows them in.

    Parameters
    ----------
    name : str
    kind : pyspark.sql.types.DataType
    wanted : Wanted
        Where it is needed for no more than comparing whole lines, a type that is not read is text.
    where : str
        Names the place in errors.

    Raises
    ------
    DataError
        For a type that is not read.
    """
    other = _other(kind)
    if other is None:
        return frame_column(name)
    if wanted.whole and not Wanted(wanted.needed).has(name):
        return frame_column(name).cast("string")
    raise DataError(
        msg("{where}: column {name!r} is of Spark's type {kind}, which is not read", where=where, name=name, kind=other),
        hint=msg("map another column, or name a view that casts it: {example}", example=f"CAST({name} AS STRING)"),
    )  # fmt: skip


def as_hashed(name: str, kind: Any) -> Any:
    """Return a column as it is hashed: Spark hashes no maps, and no type of its own alike everywhere."""
    from pyspark.sql import functions as sql

    if _other(kind) is not None:
        return frame_column(name).cast("string")
    return sql.to_json(sql.struct(frame_column(name))) if _holds_map(kind) else frame_column(name)


def day_of(name: str, kind: Any) -> Any | None:
    """Return the day of a column of times, as text; None of another column."""
    from pyspark.sql import functions as sql

    if type(kind).__name__ not in _TIMES:
        return None
    return sql.coalesce(sql.to_date(frame_column(name)).cast("string"), sql.lit(NO_DAY))


def _inner(kind: Any) -> list[Any]:
    names = {"ArrayType": ("elementType",), "MapType": ("keyType", "valueType")}
    if type(kind).__name__ == "StructType":
        return [field.dataType for field in kind.fields]
    return [getattr(kind, name) for name in names.get(type(kind).__name__, ())]


def _other(kind: Any) -> str | None:
    """Return the first type in a column that is not read."""
    inner = _inner(kind)
    if not inner and type(kind).__name__ not in _PLAIN | {"StructType"}:
        return str(kind.simpleString())
    return next((found for one in inner if (found := _other(one)) is not None), None)


def _holds_map(kind: Any) -> bool:
    return type(kind).__name__ == "MapType" or any(_holds_map(one) for one in _inner(kind))
