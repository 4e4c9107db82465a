"""PostgreSQL read as Arrow through ADBC, in the snapshot of an open transaction: the values that psycopg gives, three times as fast."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from tagcast.features.ingest.readers.databases.buckets import LABEL, WHOLE, label_texts
from tagcast.features.ingest.readers.databases.chunk_types import EXACT, words

if TYPE_CHECKING:
    import pyarrow as pa
    from sqlalchemy import ColumnElement, Connection

_FLOAT4, _NUMERIC = 700, 1700
_PLAIN = {16, 17, 18, 19, 20, 21, 23, 25, 701, 1042, 1043, 1082, 1114, 1184}
"""Types whose values Arrow holds: yes and no, bytes, texts, numbers, times."""
_AS_TEXT = {114, 790, 2950, 3802, _NUMERIC}
"""JSON, money (which comes as cents), UUID; numbers with all of their digits."""
_TEXTS = {19, 25, 1043}
_HASHED = _PLAIN | {_FLOAT4, _NUMERIC, 2950}
_YEAR_1, _YEAR_10000 = -62_135_596_800_000_000, 253_402_300_800_000_000
"""Microseconds since 1970: Python holds no time before or after."""
_DAY_US = 86_400_000_000
_TO_2000_US, _TO_2000_DAYS = 946_684_800_000_000, 10_957
# The driver adds the years from 1970 to 2000 to PostgreSQL's largest and smallest number, and overflows.
_FOREVER = {-(2**63) + _TO_2000_US - 1: "infinity", -(2**63) + _TO_2000_US: "-infinity"}
_FOREVER_DAYS = {-(2**31) + _TO_2000_DAYS - 1: "infinity", -(2**31) + _TO_2000_DAYS: "-infinity"}


class AdbcError(Exception):
    """What ADBC could not read; psycopg may, or says why."""


@cache
def is_there() -> bool:
    """Return whether the driver is installed."""
    from importlib.util import find_spec

    return find_spec("adbc_driver_postgresql") is not None and find_spec("adbc_driver_manager") is not None


def hashed(column: ColumnElement[Any], code: int) -> ColumnElement[Any]:
    """Return a column as PostgreSQL can hash it: what compares by the rules of a language, by its bytes; the rest as text."""
    import sqlalchemy as sa

    if code in _TEXTS:
        return sa.collate(column, "C")
    return column if code in _HASHED else sa.cast(column, sa.Text)


def shared_snapshot(connection: Connection) -> str | None:
    """Return the name of the snapshot of a transaction that begins here; None where the server shares none."""
    import sqlalchemy as sa
    from sqlalchemy.exc import DBAPIError

    try:
        ((snapshot,),) = connection.execute(sa.select(sa.func.pg_export_snapshot())).fetchall()
    except DBAPIError as error:
        if error.connection_invalidated:
            raise
        connection.rollback()
        return None
    return str(snapshot)


def lines(
    connection: Connection, snapshot: str, statement: Any, label: str | None
) -> Iterator[tuple[pa.RecordBatch, Sequence[str]]] | None:
    """Return the lines of a statement as another connection sees them in the same snapshot.

    None where one of its types is better read by psycopg.

    Raises :class:`AdbcError` while they are read.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        In a transaction that repeats its reads.
    snapshot : str
        Of that transaction.
    statement : sqlalchemy.Select
    label : str or None
        Its last column, where that is the bucket.
    """
    import sqlalchemy as sa
    from sqlalchemy.dialects.postgresql.base import PGDialect

    asked = statement.subquery("given")
    # psycopg's own dialect would write % twice, for parameters that are not used here.
    named: Any = PGDialect(paramstyle="named")  # type: ignore[no-untyped-call]
    result = connection.execute(sa.select(asked).limit(0))
    described = [(about[0], about[1]) for about in result.cursor.description]
    result.close()
    enums = _enums(connection)
    chosen: list[ColumnElement[Any]] = []
    for name, code in described:
        column: ColumnElement[Any] = sa.column(name, _selectable=asked)
        if code == _FLOAT4:
            # As a double it would show digits that the server does not.
            chosen.append(sa.cast(sa.cast(column, sa.Text), sa.Double).label(name))
        elif code in _AS_TEXT or code in enums:
            chosen.append(sa.cast(column, sa.Text).label(name))
        elif code in _PLAIN or name == label:
            chosen.append(column)
        else:
            return None
    compiled = sa.select(*chosen).select_from(asked).compile(
        dialect=named, compile_kwargs={"literal_binds": True}
    )  # fmt: skip
    exact = frozenset(name for name, code in described if code == _NUMERIC)
    return _stream(_address(connection), snapshot, str(compiled), exact, label)


def _address(connection: Connection) -> str:
    """Return how to connect as libpq reads it; in a URL of SQLAlchemy's it would take a blank for a plus."""
    _, named = connection.dialect.create_connect_args(connection.engine.url)
    if "database" in named:
        named["dbname"] = named.pop("database")
    # Beside what libpq knows there are objects of the driver's own.
    plain = {name: str(value) for name, value in named.items() if isinstance(value, str | int)}
    quoted = {name: value.replace("\\", r"\\").replace("'", r"\'") for name, value in plain.items()}
    return " ".join(f"{name}='{value}'" for name, value in quoted.items())


def _enums(connection: Connection) -> set[int]:
    import sqlalchemy as sa

    types = sa.table("pg_type", sa.column("oid"), sa.column("typtype"), schema="pg_catalog")
    return {oid for (oid,) in connection.execute(sa.select(types.c.oid).where(types.c.typtype == "e"))}


def _stream(
    address: str, snapshot: str, statement: str, exact: frozenset[str], label: str | None
) -> Iterator[tuple[pa.RecordBatch, Sequence[str]]]:
    import pyarrow as pa
    from adbc_driver_postgresql import dbapi
    from sqlglot import exp

    same = exp.Literal.string(snapshot).sql("postgres")
    try:
        with dbapi.connect(address, autocommit=True) as connection, connection.cursor() as cursor:
            for prepared in (
                "SET TIME ZONE 'UTC'",
                "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
                f"SET TRANSACTION SNAPSHOT {same}",
                statement,
            ):
                cursor.execute(prepared)
            for batch in _ahead(cursor.fetch_record_batch()):
                yield _typed(batch, exact, label)
    except (dbapi.Error, pa.ArrowException, OSError) as error:
        raise AdbcError(str(error)) from error


def _ahead(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yield batches, the next of which is read while one is used: the server does not wait for what is written here."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as reading:
        coming = reading.submit(next, batches, None)
        while (batch := coming.result()) is not None:
            coming = reading.submit(next, batches, None)
            yield batch


def _typed(
    batch: pa.RecordBatch, exact: frozenset[str], label: str | None
) -> tuple[pa.RecordBatch, Sequence[str]]:
    """Return a batch with the types that :func:`as_arrow` gives to psycopg's values."""
    import pyarrow as pa

    columns: list[Any] = []
    names: list[str] = []
    as_words: list[str] = []
    for name, given in zip(batch.schema.names, batch.columns, strict=True):
        if name == label:
            continue
        column, were_numbers = _number(given) if name in exact else (_plain(given), False)
        names.append(name)
        columns.append(column)
        as_words += [name] if were_numbers else []
    if label is None:
        labels: Any = pa.array([WHOLE] * batch.num_rows, pa.string())
    else:
        labels = label_texts(batch.column(batch.schema.names.index(label)))
    return pa.RecordBatch.from_arrays([*columns, labels], names=[*names, LABEL]), as_words


def _plain(column: Any) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_integer(column.type):
        return pc.cast(column, pa.int64())
    if pa.types.is_binary(column.type):
        return pa.array([None if v is None else words(v) for v in column.to_pylist()], pa.string())
    return _time(column) if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type) else column


def _number(column: Any) -> tuple[Any, bool]:
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        return pc.cast(column, pa.decimal128(*EXACT)), False
    except pa.ArrowException:
        return pc.if_else(pc.equal(column, "NaN"), pa.scalar(None, pa.string()), column), True


def _time(column: Any) -> Any:
    """Return times as they are, or as texts where one of them lies beyond the years that Python knows."""
    import pyarrow as pa
    import pyarrow.compute as pc

    days = pa.types.is_date(column.type)
    counted = pc.cast(pc.cast(column, pa.int32()), pa.int64()) if days else pc.cast(column, pa.int64())
    unit = _DAY_US if days else 1
    span = pc.min_max(counted).as_py()
    if span["min"] is None or (span["min"] * unit >= _YEAR_1 and span["max"] * unit < _YEAR_10000):
        return column
    zone = "" if days or column.type.tz is None else "+00"
    return pa.array(
        [None if v is None else _written(v, zone, days=days) for v in counted.to_pylist()], pa.string()
    )


def _written(count: int, zone: str, *, days: bool) -> str:
    import numpy as np

    forever = _FOREVER_DAYS if days else _FOREVER
    if count in forever:
        return forever[count]
    text = str(np.datetime64(count, "D" if days else "us"))
    day, _, clock = text.partition("T")
    # A year may be negative: 0 is the year 1 BC.
    negative = day.startswith("-")
    year, month, date = day.lstrip("-").split("-")
    counted = -int(year) if negative else int(year)
    before = counted <= 0
    shown = f"{1 - counted if before else counted:04d}-{month}-{date}"
    if clock:
        # As psycopg's values are written where it has some, else as the server writes them.
        within = _YEAR_1 <= count < _YEAR_10000
        short = clock.removesuffix(".000000") if within else clock.rstrip("0").rstrip(".")
        shown += f" {short}{zone}{':00' if zone and within else ''}"
    return f"{shown} BC" if before else shown
