"""ClickHouse through its own client, over HTTP: tables and queries as Arrow streams."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from tagcast.features.core.raw_errors import raw_text
from tagcast.features.ingest.readers.arrow.lake_errors import driver_missing
from tagcast.features.ingest.readers.databases.buckets import Kind
from tagcast.features.ingest.readers.databases.warehouses.warehouse import (
    Warehouse,
    WarehouseError,
    call,
    named,
    parameters,
    table_of,
    text,
)

if TYPE_CHECKING:
    import pyarrow as pa
    from sqlalchemy import URL

_WRAPPED = re.compile(r"^(?:Nullable|LowCardinality)\((.*)\)$", re.DOTALL)
_WHOLE = {"Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64"}
_PLAIN = {*_WHOLE, "String", "Bool", "Float64", "Decimal"}
_NESTED = {"Array", "Tuple", "Map", "Nested", "JSON", "Variant", "Dynamic", "Object"}
_DAYS, _TIMES = {"Date", "Date32"}, {"DateTime", "DateTime64"}
_REFUSED, _NO_TABLE = {192, 193, 194, 492, 497, 516}, {60, 81}
"""Codes of the server: an account that it does not let in or that may not read, a table or database that is not there."""
_ADDRESS = re.compile(r"\s*\(for url [^)]*\)\s*$")
_SESSION = {
    "session_timezone": "UTC",
    "output_format_arrow_string_as_string": 0,
    # A limit of the account ends a statement with an error, never with a part of its lines.
    "result_overflow_mode": "throw",
    "read_overflow_mode": "throw",
    "timeout_overflow_mode": "throw",
}


@contextmanager
def open_clickhouse(url: URL, where: str) -> Iterator[Warehouse]:
    """Open a ClickHouse server: ``clickhouse://user:password@host:port/database``.

    Raises
    ------
    WarehouseError
        When it cannot be reached.
    ConfigError, DataError
        When the URL has parameters that are not known, or the client is not installed.
    """
    given = parameters(url, ("secure", "ca_cert"), where)
    try:
        import clickhouse_connect
    except ModuleNotFoundError as error:
        raise driver_missing("ClickHouse", "clickhouse-connect", "clickhouse", where) from error
    with _faults():
        # A session of the server's would be locked between two statements that overlap.
        client = clickhouse_connect.get_client(
            host=url.host or "localhost", port=url.port, username=url.username or "default",
            password=str(url.password or ""), database=url.database or None, autogenerate_session_id=False,
            secure=given.get("secure", "").lower() in {"true", "1"}, ca_cert=given.get("ca_cert"),
        )  # fmt: skip
    try:
        with _faults():
            ((mode,),) = client.query("SELECT toUInt8(getSetting('readonly'))").result_rows
        yield ClickHouse(client, free=not mode)
    finally:
        client.close()


class ClickHouse:
    """A ClickHouse server.

    Parameters
    ----------
    client : clickhouse_connect.driver.Client
    free : bool
        Whether the account may change settings: its statements are sent as ones that only read, in UTC.
    """

    name = "clickhouse"
    method = "clickhouse sipHash64 1"

    def __init__(self, client: Any, *, free: bool) -> None:
        self._client = client
        known = {name: value for name, value in _SESSION.items() if name in client.server_settings}
        self._settings = {**known, "readonly": 2} if free else {}

    def table(self, name: str, moment: str | None) -> exp.Table:
        """Return a table; it cannot be read as of a moment."""
        return table_of(named(name))

    def moment(self) -> str | None:
        """Return None."""
        return None

    def types(self, statement: str) -> dict[str, str]:
        """Return types as ClickHouse writes them."""
        described = f"DESCRIBE TABLE (\n{statement}\n)"
        with _faults():
            found = self._client.query(described, settings=self._settings).result_rows
        return {name: kind for name, kind, *_ in found}

    def batches(self, statement: str) -> Iterator[pa.RecordBatch]:
        """Yield the lines of a statement."""
        import pyarrow as pa

        with _faults():
            stream = self._client.raw_stream(statement, fmt="ArrowStream", settings=self._settings)
            try:
                with pa.ipc.open_stream(stream) as reader:
                    yield from reader
            finally:
                stream.close()

    def kind(self, type_: str) -> Kind | None:
        """Return the kind of times, of whole numbers and of texts."""
        base = _base(type_)
        if base in _DAYS | _TIMES:
            return "day"
        return "number" if base in _WHOLE else "text" if base in {"String", "FixedString"} else None

    def day(self, column: exp.Expr, type_: str) -> exp.Expr:
        """Return the number of the day of a time in UTC, since 1970."""
        zone = [text("UTC")] if _base(type_) in _TIMES else []
        return call("toInt32", call("toDate32", column, *zone))

    def midnight(self, day: date, type_: str) -> exp.Expr:
        """Return the first moment of a day in UTC."""
        if _base(type_) in _DAYS:
            return call("toDate32", text(str(day)))
        return call("toDateTime64", text(f"{day} 00:00:00"), exp.Literal.number(0), text("UTC"))

    def start(self, column: exp.Expr) -> exp.Expr:
        """Return the first ten bytes of a text, as hexadecimal digits."""
        return call("hex", call("substring", column, exp.Literal.number(1), exp.Literal.number(10)))

    def digest(self, columns: Mapping[str, tuple[exp.Expr, str]]) -> exp.Expr:
        """Return the sum of a hash of each line, as 64 bits."""
        # The hash of NULL is NULL, and that of a tuple may be the same with NULL and without: whether a value is there is hashed beside it.
        hashed: list[exp.Expr] = []
        for column, kind in columns.values():
            # As it is read: in a zone with summer time, one text is two moments.
            written = call("toString", self.plain(column, kind))
            hashed += [call("isNull", column), call("ifNull", written, text(""))]
        return call("sum", call("sipHash64", *hashed))

    def plain(self, column: exp.Expr, type_: str) -> exp.Expr:
        """Return a column as a type that Arrow holds."""
        base = _base(type_)
        if base in _PLAIN:
            return column
        if base in _DAYS:
            return call("toDate32", column)
        if base in _TIMES:
            return call("toDateTime64", column, exp.Literal.number(6), text("UTC"))
        if base == "FixedString":
            return call("toStringCutToZero", column)
        if base in {"Float32", "BFloat16"}:
            # As a double it would show digits that the server does not.
            return call("toFloat64", call("toString", column))
        return call("toJSONString" if base in _NESTED else "toString", column)


def _base(type_: str) -> str:
    """Return the name of a type, without what it is wrapped in and what it is made of."""
    while (inner := _WRAPPED.match(type_)) is not None:
        type_ = inner.group(1)
    return type_.partition("(")[0].strip()


@contextmanager
def _faults() -> Iterator[None]:
    """Raise what the client, the transport or Arrow raises as a WarehouseError."""
    import pyarrow as pa
    from clickhouse_connect.driver import exceptions
    from urllib3.exceptions import HTTPError

    try:
        yield
    except exceptions.Error as error:
        code = getattr(error, "code", None)
        said = raw_text(_ADDRESS.sub("", str(error).rpartition("DB::Exception: ")[2]))
        if code in _REFUSED:
            raise WarehouseError(said, "refused") from error
        if code in _NO_TABLE:
            raise WarehouseError(said, "no table") from error
        lost = code is None and isinstance(error, exceptions.OperationalError)
        raise WarehouseError(said, "lost" if lost else "other") from error
    except (HTTPError, pa.ArrowException, OSError) as error:
        # Of a stream that ends too early, Arrow and the transport say it in many ways.
        raise WarehouseError(raw_text(error), "lost") from error
