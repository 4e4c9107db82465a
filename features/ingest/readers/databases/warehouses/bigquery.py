"""BigQuery through its ADBC driver."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from sqlglot import exp

from tagcast.features.core.errors import ConfigError, DataError
from tagcast.features.core.messages import msg
from tagcast.features.ingest.readers.arrow.lake_errors import driver_missing
from tagcast.features.ingest.readers.databases.buckets import Kind
from tagcast.features.ingest.readers.databases.warehouses.adbc import AdbcConnection, faults
from tagcast.features.ingest.readers.databases.warehouses.warehouse import (
    Warehouse,
    call,
    named,
    parameters,
    table_of,
    text,
)

if TYPE_CHECKING:
    import pyarrow as pa
    from sqlalchemy import URL

REACHED_SECONDS = 60
_ABSENT = ("not found: table", "not found: dataset")


@contextmanager
def open_bigquery(url: URL, where: str) -> Iterator[Warehouse]:
    """Open a project of BigQuery: ``bigquery://project/dataset?location=EU``.

    Credentials are found as Google's own tools find them, or in the file that ``credentials_path`` names.

    Raises
    ------
    WarehouseError
        When it cannot be reached.
    ConfigError, DataError
        When the URL names no project or has parameters that are not known, the driver is not installed, or there is no such file.
    """
    given = parameters(url, ("location", "credentials_path"), where)
    if not url.host:
        raise ConfigError(
            msg("{where}: url names no project", where=where), hint=msg("as in bigquery://project/dataset")
        )
    options = {
        "adbc.bigquery.sql.project_id": url.host,
        "adbc.bigquery.sql.location": given.get("location", ""),
    }
    if "credentials_path" in given:
        file = Path(given["credentials_path"]).expanduser()
        if not file.is_file():
            raise DataError(
                msg("{where}: there is no file {file}", where=where, file=file),
                hint=msg("correct url, or bring the file there"),
            )
        options["adbc.bigquery.sql.auth_type"] = "adbc.bigquery.sql.auth_type.json_credential_file"
        options["adbc.bigquery.sql.auth_credentials"] = str(file)
    try:
        from adbc_driver_bigquery import dbapi
    except ModuleNotFoundError as error:
        raise driver_missing("BigQuery", "adbc-driver-bigquery", "bigquery", where) from error
    with faults(()):
        connection = dbapi.connect(db_kwargs={k: v for k, v in options.items() if v}, autocommit=True)
    # Where a query names no dataset, it is that of the URL.
    near = "adbc.bigquery.sql.query.default"
    defaults = {f"{near}_project_id": url.host, f"{near}_dataset_id": url.database} if url.database else {}
    with connection:
        connected = AdbcConnection(connection, (), _ABSENT, defaults)
        # The driver connects with the first statement, and tries for ever where nobody answers.
        connected.run("SELECT 1", within=REACHED_SECONDS)
        yield BigQuery(connected, url.host, url.database)


class BigQuery:
    """A project of BigQuery.

    Parameters
    ----------
    connection : AdbcConnection
    project : str
    dataset : str or None
        Where tables lie that are named without one.
    """

    name = "bigquery"
    method = "bigquery farm_fingerprint 1"

    def __init__(self, connection: AdbcConnection, project: str, dataset: str | None) -> None:
        self._connection, self._project, self._dataset = connection, project, dataset

    def table(self, name: str, moment: str | None) -> exp.Table:
        """Return a table by project, dataset and name."""
        steps = named(name)
        if len(steps) == 1 and self._dataset:
            steps = [*named(self._dataset), *steps]
        if len(steps) == 2:
            # Its name may hold a dot.
            steps = [exp.to_identifier(self._project, quoted=True), *steps]
        table = table_of(steps)
        if moment is not None:
            as_of = _as(text(moment), "TIMESTAMP")
            table.set("version", exp.Version(this="TIMESTAMP", kind="AS OF", expression=as_of))
        return table

    def moment(self) -> str | None:
        """Return the present."""
        written = "SELECT FORMAT_TIMESTAMP('%FT%H:%M:%E6SZ', CURRENT_TIMESTAMP()) AS t"
        return str(self._connection.value(written))

    def types(self, statement: str) -> dict[str, str]:
        """Return types as Arrow names them."""
        return {field.name: str(field.type) for field in self._connection.schema(statement)}

    def batches(self, statement: str) -> Iterator[pa.RecordBatch]:
        """Yield the lines of a statement."""
        return self._connection.batches(statement)

    def kind(self, type_: str) -> Kind | None:
        """Return the kind of times, of whole numbers and of texts."""
        if type_.startswith(("timestamp", "date")):
            return "day"
        return "number" if type_ == "int64" else "text" if type_ in {"string", "large_string"} else None

    def day(self, column: exp.Expr, type_: str) -> exp.Expr:
        """Return the number of the day of a time in UTC, since 1970."""
        return call("UNIX_DATE", _as(column, "DATE"))

    def midnight(self, day: date, type_: str) -> exp.Expr:
        """Return the first moment of a day in UTC."""
        if type_.startswith("date"):
            return _as(text(str(day)), "DATE")
        if "tz=" in type_:
            return _as(text(f"{day} 00:00:00+00"), "TIMESTAMP")
        return _as(text(f"{day} 00:00:00"), "DATETIME")

    def start(self, column: exp.Expr) -> exp.Expr:
        """Return the first ten characters of a text, as hexadecimal digits of their bytes."""
        letters = call("SUBSTR", column, exp.Literal.number(1), exp.Literal.number(10))
        return call("TO_HEX", _as(letters, "BYTES"))

    def digest(self, columns: Mapping[str, tuple[exp.Expr, str]]) -> exp.Expr:
        """Return the sum of a fingerprint of each line, wide enough for any number of them."""
        line = call("STRUCT", *(column for column, _ in columns.values()))
        fingerprint = call("FARM_FINGERPRINT", call("TO_JSON_STRING", line))
        return _as(call("SUM", _as(fingerprint, "BIGNUMERIC")), "STRING")

    def plain(self, column: exp.Expr, type_: str) -> exp.Expr:
        """Return a column as it is, structures and lists as JSON."""
        return call("TO_JSON_STRING", column) if type_.startswith(("struct", "list")) else column


def _as(value: exp.Expr, kind: str) -> exp.Expr:
    return exp.cast(value, kind, dialect="bigquery")
