"""What every kind of database gives: its buckets, and the lines of some."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import TYPE_CHECKING, Protocol

from tagcast.features.core.errors import DataError
from tagcast.features.core.messages import Message, msg
from tagcast.features.ingest.readers.databases.buckets import Content

if TYPE_CHECKING:
    import pyarrow as pa

CHUNK_ROWS = 50_000
Chunk = tuple["pa.RecordBatch", Iterable[str]]
"""Lines, and the names of columns of numbers that became text."""


class LostConnectionError(Exception):
    """The connection broke off while a database was read: the same may succeed a moment later.

    Parameters
    ----------
    error : DataError
        What it is for people, once it is given up.
    """

    def __init__(self, error: DataError) -> None:
        super().__init__(str(error))
        self.error = error


class UnreachableError(LostConnectionError):
    """No connection came about."""


def table_missing(table: str | None, where: str) -> DataError:
    """Return the error that there is no such table."""
    return DataError(
        msg("{where}: there is no table {table!r}", where=where, table=table),
        hint=msg("check its spelling and schema"),
    )


def unreadable(reason: Message, where: str, hint: Message | None = None) -> DataError:
    """Return the error that a database cannot be read."""
    return DataError(
        msg("{where}: the database cannot be read: {reason}", where=where, reason=reason),
        hint=hint or msg("check url, table, query and that the server runs"),
    )


class Database(Protocol):
    """A place of a database, opened; all that it returns is of one moment."""

    method: str

    def contents(self) -> dict[str, Content]:
        """Return the buckets of all lines."""

    def lines(self, wanted: Collection[str], there: Collection[str]) -> Iterator[Chunk]:
        """Yield all lines of some buckets and maybe others, with the names of columns of numbers that became text."""
