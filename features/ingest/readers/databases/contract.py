"""What every kind of database gives: its buckets, which of them were touched, and the lines of some."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import date
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

    def contents(
        self, only: Collection[str] | None = None, there: Collection[str] = (), method: str | None = None
    ) -> dict[str, Content]:
        """Return the buckets of all lines.

        Parameters
        ----------
        only : collection of str, optional
            Buckets that are asked for, all by default.
        there : collection of str
            All buckets that there may be, where only some are asked for.
        method : str, optional
            How the digests are to be made; :attr:`method` is another one afterwards where they cannot be.
        """

    def count(self) -> int:
        """Return the number of all lines."""

    def counts(self) -> dict[str, int]:
        """Return the number of lines of each bucket."""

    def touched(self, since: date | None, until: date) -> dict[str, str | None]:
        """Return the buckets of lines that were loaded on a day or later, and of those that do not say when.

        With each comes the last day, before ``until``, on which a line of it was loaded; None where there is none.

        Parameters
        ----------
        since : date, optional
            None: of all lines.
        until : date
        """

    def lines(self, wanted: Collection[str], there: Collection[str]) -> Iterator[Chunk]:
        """Yield all lines of some buckets and maybe others, with the names of columns of numbers that became text."""
