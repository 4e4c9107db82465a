"""Warehouses through their ADBC drivers: connected, asked, answered as Arrow."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tagcast.features.core.messages import msg
from tagcast.features.core.raw_errors import raw_text
from tagcast.features.core.urls import without_passwords
from tagcast.features.ingest.readers.databases.warehouses.warehouse import WarehouseError

if TYPE_CHECKING:
    import pyarrow as pa

_LOST = {"IO", "TIMEOUT", "CANCELLED"}
_REFUSED = {"UNAUTHENTICATED", "UNAUTHORIZED"}
# Many refusals carry no status of their own.
_DENIED = re.compile(
    r"credential|incorrect username|authenticat|\bjwt\b|permission denied|access denied|insufficient privileges",
    re.IGNORECASE,
)


class AdbcConnection:
    """A connection of a driver.

    Parameters
    ----------
    connection : adbc_driver_manager.dbapi.Connection
    secrets : collection of str
        What no message shows.
    absent : collection of str
        What the driver's messages say of a table that is not there, in lower case.
    options : mapping of str to str, optional
        Of each statement.
    """

    def __init__(
        self,
        connection: Any,
        secrets: Collection[str],
        absent: Collection[str],
        options: Mapping[str, str] | None = None,
    ) -> None:
        self._connection, self._secrets, self._absent = connection, secrets, absent
        self._options = dict(options or {})

    def schema(self, statement: str) -> pa.Schema:
        """Return the schema of a statement that gives no lines."""
        with self._asked(statement) as reader:
            return reader.schema

    def batches(self, statement: str) -> Iterator[pa.RecordBatch]:
        """Yield the lines of a statement; WarehouseError where some are missing."""
        with self._asked(statement) as reader:
            yield from reader

    def run(self, statement: str, *, within: float | None = None) -> None:
        """Run a statement that answers nothing of interest; it is given up after so many seconds."""
        with self._asked(statement, within):
            pass

    def value(self, statement: str) -> Any:
        """Return the only value that a statement answers."""
        ((value,),) = (row.values() for batch in self.batches(statement) for row in batch.to_pylist())
        return value

    @contextmanager
    def _asked(self, statement: str, within: float | None = None) -> Iterator[_Counted]:
        with faults(self._secrets, self._absent), self._connection.cursor() as cursor:
            if self._options:
                cursor.adbc_statement.set_options(**self._options)
            with _given_up(cursor, within):
                cursor.execute(statement)
            yield _Counted(cursor.fetch_record_batch(), cursor.rowcount)


@contextmanager
def _given_up(cursor: Any, seconds: float | None) -> Iterator[None]:
    """Cancel what a cursor runs after so many seconds; never, where there are none."""
    from threading import Timer

    if seconds is None:
        yield
        return
    timer = Timer(seconds, cursor.adbc_cancel)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


class _Counted:
    """The lines of an answer, held to the number that the warehouse has announced: a stream can end early without an error."""

    def __init__(self, reader: Any, rows: int | None) -> None:
        self._reader, self._rows = reader, -1 if rows is None else rows

    @property
    def schema(self) -> pa.Schema:
        return self._reader.schema

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        read = 0
        for batch in self._reader:
            read += batch.num_rows
            yield batch
        if self._rows >= 0 and read != self._rows:
            raise WarehouseError(msg("{n:,} of {rows:,} lines came", n=read, rows=self._rows), "lost")


@contextmanager
def faults(secrets: Collection[str], absent: Collection[str] = ()) -> Iterator[None]:
    """Raise what a driver or Arrow raises as a WarehouseError.

    Parameters
    ----------
    secrets : collection of str
        What no message shows.
    absent : collection of str
        What the driver's messages say of a table that is not there, in lower case.
    """
    import pyarrow as pa
    from adbc_driver_manager import dbapi

    try:
        yield
    except dbapi.Error as error:
        said = _without(str(error), secrets)
        reason = raw_text(said)
        status = getattr(getattr(error, "status_code", None), "name", "")
        if any(words in said.lower() for words in absent):
            raise WarehouseError(reason, "no table") from error
        if status in _REFUSED or _DENIED.search(said):
            raise WarehouseError(reason, "refused") from error
        raise WarehouseError(reason, "lost" if status in _LOST else "other") from error
    except (pa.ArrowException, OSError) as error:
        raise WarehouseError(raw_text(_without(str(error), secrets)), "lost") from error


def _without(said: str, secrets: Collection[str]) -> str:
    for secret in secrets:
        if secret:
            said = said.replace(secret, "…")
    # Snowflake says what is wrong on the second line.
    return " ".join(without_passwords(said).split())
