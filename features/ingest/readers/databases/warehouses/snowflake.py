"""Snowflake through its ADBC driver."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from tagcast.features.core.errors import DataError
from tagcast.features.core.messages import msg
from tagcast.features.ingest.readers.arrow.lake_errors import driver_missing
from tagcast.features.ingest.readers.databases.buckets import Kind
from tagcast.features.ingest.readers.databases.session import SESSION
from tagcast.features.ingest.readers.databases.warehouses.adbc import AdbcConnection, faults
from tagcast.features.ingest.readers.databases.warehouses.warehouse import (
    Warehouse,
    call,
    parameters,
    table_of,
    text,
)

if TYPE_CHECKING:
    import pyarrow as pa
    from sqlalchemy import URL

_ABSENT = ("does not exist or not authorized",)
_ANY_CASE = re.compile(r"[a-z_][a-z0-9_$]*")
_MOMENTS = {"timestamp_ltz", "timestamp_tz"}
_TYPE = b"SNOWFLAKE_TYPE"


@contextmanager
def open_snowflake(url: URL, where: str) -> Iterator[Warehouse]:
    """Open a Snowflake account: ``snowflake://user:password@account/database/schema?warehouse=name&role=name``.

    Raises
    ------
    WarehouseError
        When it cannot be reached.
    ConfigError, DataError
        When the URL has parameters that are not known, the driver is not installed, or there is no file of the key.
    """
    options = options_of(url, where)
    try:
        from adbc_driver_snowflake import dbapi
    except ModuleNotFoundError as error:
        raise driver_missing("Snowflake", "adbc-driver-snowflake", "snowflake", where) from error
    secrets = [value for name, value in options.items() if "password" in name or "private_key" in name]
    with faults(secrets):
        connection = dbapi.connect(db_kwargs=options, autocommit=True)
    with connection:
        yield Snowflake(AdbcConnection(connection, secrets, _ABSENT))


def options_of(url: URL, where: str) -> dict[str, str]:
    """Return what a URL says, as the driver calls it."""
    given = parameters(url, ("warehouse", "role", "private_key_file", "private_key_file_pwd"), where)
    database, _, schema = (url.database or "").partition("/")
    options = {
        "adbc.snowflake.sql.account": url.host or "",
        "username": url.username or "",
        "password": str(url.password or ""),
        "adbc.snowflake.sql.db": database,
        "adbc.snowflake.sql.schema": schema,
        "adbc.snowflake.sql.warehouse": given.get("warehouse", ""),
        "adbc.snowflake.sql.role": given.get("role", ""),
        # Nanoseconds would overflow before 1677 and after 2262.
        "adbc.snowflake.sql.client_option.max_timestamp_precision": "microseconds",
        "adbc.snowflake.sql.client_option.login_timeout": "60s",
    }
    if "private_key_file" in given:
        file = Path(given["private_key_file"]).expanduser()
        if not file.is_file():
            raise DataError(
                msg("{where}: there is no file {file}", where=where, file=file),
                hint=msg("correct url, or bring the file there"),
            )
        key = "adbc.snowflake.sql.client_option.jwt_private_key_pkcs8"
        options["adbc.snowflake.sql.auth_type"] = "auth_jwt"
        options[f"{key}_value"] = file.read_text(encoding="utf-8")
        options[f"{key}_password"] = given.get("private_key_file_pwd", "")
    return {name: value for name, value in options.items() if value}


class Snowflake:
    """A Snowflake account.

    Parameters
    ----------
    connection : AdbcConnection
    """

    name = "snowflake"
    method = "snowflake hash_agg 1"

    def __init__(self, connection: AdbcConnection) -> None:
        self._connection = connection
        for statement in SESSION["snowflake"]:
            connection.run(statement)

    def table(self, name: str, moment: str | None) -> exp.Table:
        """Return a table; names in lower case are in any case, as Snowflake keeps those that were not quoted."""
        steps = [exp.to_identifier(step, quoted=not _ANY_CASE.fullmatch(step)) for step in name.split(".")]
        table = table_of(steps)
        if moment is not None:
            as_of = exp.cast(text(moment), "TIMESTAMP_TZ", dialect="snowflake")
            table.set("when", exp.HistoricalData(this="AT", kind="TIMESTAMP", expression=as_of))
        return table

    def moment(self) -> str | None:
        """Return the present."""
        written = self._connection.value("SELECT TO_VARCHAR(SYSDATE(), 'YYYY-MM-DD\"T\"HH24:MI:SS.FF6') AS T")
        return f"{written}Z"

    def types(self, statement: str) -> dict[str, str]:
        """Return types as the driver names them."""
        return {field.name: _type(field) for field in self._connection.schema(statement)}

    def batches(self, statement: str) -> Iterator[pa.RecordBatch]:
        """Yield the lines of a statement."""
        return self._connection.batches(statement)

    def kind(self, type_: str) -> Kind | None:
        """Return the kind of times, of numbers and of texts."""
        if type_ in _MOMENTS | {"timestamp_ntz", "date"}:
            return "day"
        return "number" if type_ == "fixed" else "text" if type_ == "text" else None

    def day(self, column: exp.Expr, type_: str) -> exp.Expr:
        """Return the number of the day of a time in UTC, since 1970."""
        day = exp.cast(self.plain(column, type_), "DATE")
        return call("DATEDIFF", exp.var("DAY"), exp.cast(text("1970-01-01"), "DATE"), day)

    def midnight(self, day: date, type_: str) -> exp.Expr:
        """Return the first moment of a day in UTC."""
        if type_ in _MOMENTS:
            return exp.cast(text(f"{day}T00:00:00Z"), "TIMESTAMP_TZ", dialect="snowflake")
        return exp.cast(text(str(day)), "DATE")

    def start(self, column: exp.Expr) -> exp.Expr:
        """Return the first ten characters of a text, as hexadecimal digits of their bytes."""
        return call("HEX_ENCODE", call("LEFT", column, exp.Literal.number(10)))

    def digest(self, columns: Mapping[str, tuple[exp.Expr, str]]) -> exp.Expr:
        """Return the digest that Snowflake makes of any number of lines."""
        return call("TO_VARCHAR", call("HASH_AGG", *(column for column, _ in columns.values())))

    def plain(self, column: exp.Expr, type_: str) -> exp.Expr:
        """Return a column as it is, moments in UTC."""
        return call("CONVERT_TIMEZONE", text("UTC"), column) if type_ in _MOMENTS else column


def _type(field: Any) -> str:
    import pyarrow as pa

    # Of an answer without lines, the driver gives times of every type a zone: its own name for the type tells them apart.
    named = (field.metadata or {}).get(_TYPE, b"").decode().lower()
    if named:
        return str(named)
    if pa.types.is_timestamp(field.type):
        return "timestamp_ntz" if field.type.tz is None else "timestamp_tz"
    if pa.types.is_decimal(field.type) or pa.types.is_integer(field.type):
        return "fixed"
    return "date" if pa.types.is_date(field.type) else "text" if pa.types.is_string(field.type) else "other"
