"""Columns of a table in a database: those that are needed, and the one whose values its driver cannot convert."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tagcast.features.core.errors import DataError
from tagcast.features.core.messages import msg
from tagcast.features.core.raw_errors import raw_text
from tagcast.features.ingest.readers.databases.contract import CHUNK_ROWS
from tagcast.features.ingest.readers.wanted import Wanted

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection, FromClause

_MYSQL_TIMESTAMP, _MYSQL_BIT = 7, 16
"""Numbers of types in MySQL's protocol, which its drivers hand on."""


def selected_columns(
    connection: Connection, table: str, wanted: Wanted, where: str
) -> tuple[list[ColumnElement[Any]], FromClause]:
    """Return the needed columns, as the driver gives them: a type's own conversion may fail on one value."""
    from warnings import catch_warnings, simplefilter

    from sqlalchemy import Boolean, MetaData, Table, column
    from sqlalchemy.exc import SAWarning

    schema, _, name = table.rpartition(".")
    with catch_warnings():
        # Of a type that SQLAlchemy has no class for the values come all the same.
        simplefilter("ignore", SAWarning)
        known = Table(name, MetaData(), schema=schema or None, autoload_with=connection)
    wanted.check([c.name for c in known.columns], where)
    chosen = [c for c in known.columns if wanted.has(c.name)]
    # SQLite has no type for yes and no: without its declaration they would be numbers.
    plain = [c if isinstance(c.type, Boolean) else column(c.name, _selectable=known) for c in chosen]
    return list(plain), known


class named_column:  # noqa: N801 - used as a function
    """Names the column whose value the driver cannot convert."""

    def __init__(self, connection: Connection, origin: FromClause, where: str) -> None:
        self._connection, self._origin, self._where = connection, origin, where
        self._names: list[str] = []

    def __enter__(self) -> Callable[[Iterator[str]], None]:
        return self._names.extend

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if not isinstance(error, Exception) or isinstance(error, DataError) or not self._names:
            return
        if getattr(error, "connection_invalidated", False):
            return
        named = self._failing()
        if named is not None:
            name, reason = named
            raise DataError(
                msg(
                    "{where}: column {name!r} cannot be read: {reason}",
                    where=self._where,
                    name=name,
                    reason=reason,
                ),
                hint=msg("leave it out, or give a query that casts it to text"),
            ) from error

    def _failing(self) -> tuple[str, Any] | None:
        from sqlalchemy import column, select

        for name in self._names:
            try:
                self._connection.rollback()
                alone: Any = select(column(name)).select_from(self._origin)
                for _ in self._connection.execute(alone).partitions(CHUNK_ROWS):
                    pass
            except Exception as error:  # noqa: BLE001 - a driver may raise anything for a value it cannot convert
                return name, raw_text(getattr(error, "orig", None) or error)
        return None


def conversions_in(result: Any, dialect: str) -> dict[int, Callable[[Any], Any]]:
    """Return what is made of the values of some positions.

    MySQL's TIMESTAMP is a moment, which its drivers hand out without a zone, here in UTC; its BIT is a number, mostly yes or
    no, which they hand out as bytes.
    """
    if dialect not in {"mysql", "mariadb"} or result.cursor is None:
        return {}
    types = [about[1] for about in result.cursor.description or ()]
    made = {_MYSQL_TIMESTAMP: _in_utc, _MYSQL_BIT: _of_bits}
    return {n: made[code] for n, code in enumerate(types) if code in made}


def _in_utc(value: Any) -> Any:
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) else value


def _of_bits(value: Any) -> Any:
    return int.from_bytes(value, "big") if isinstance(value, bytes) else value
