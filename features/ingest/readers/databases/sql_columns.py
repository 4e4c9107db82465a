"""Columns of a table in a database: those that are needed, and the one whose values its driver cannot convert."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from tagcast.features.core.errors import DataError
from tagcast.features.core.messages import msg
from tagcast.features.core.raw_errors import raw_text
from tagcast.features.ingest.readers.databases.buckets import Kind
from tagcast.features.ingest.readers.databases.contract import CHUNK_ROWS
from tagcast.features.ingest.readers.wanted import Wanted

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection, FromClause

_MYSQL_TIMESTAMP, _MYSQL_BIT = 7, 16
"""Numbers of types in MySQL's protocol, which its drivers hand on."""
_KINDS: dict[str, dict[int, Kind]] = {
    "postgresql": {1082: "day", 1114: "day", 1184: "day", 20: "number", 21: "number", 23: "number", 25: "text", 1042: "text",
                   1043: "text"},
    "mysql": {7: "day", 10: "day", 12: "day", 1: "number", 2: "number", 3: "number", 8: "number", 9: "number", 253: "text",
              254: "text"},
}  # fmt: skip
"""Of the types that a server names by number, those whose values fall into buckets."""
_SQLITE_DAY = "[0-9][0-9][0-9][0-9]-[0-1][0-9]-[0-3][0-9]*"


def kind_of(dialect: str, code: Any) -> Kind | None:
    """Return what a type's number says that a column holds; None where its values fall into no buckets."""
    if dialect == "sqlite":
        return "any"
    return _KINDS.get("mysql" if dialect == "mariadb" else dialect, {}).get(code)


def described(
    connection: Connection, origin: FromClause, *columns: ColumnElement[Any]
) -> list[tuple[str, Any]]:
    """Return the name of each column and the number of its type."""
    import sqlalchemy as sa

    result = connection.execute(sa.select(*columns).select_from(origin).limit(0))
    found = [(about[0], about[1]) for about in (result.cursor.description if result.cursor else ())]
    result.close()
    return found


def time_column(connection: Connection, origin: FromClause, wanted: Wanted, where: str) -> ColumnElement[Any]:
    """Return the column that says when a line was loaded.

    Raises
    ------
    DataError
        Where there is none of this name, in any case, or where it holds no times.
    """
    import sqlalchemy as sa

    dialect = connection.dialect.name
    there = dict(described(connection, origin, sa.literal_column("*")))
    spelt = wanted.load_column(list(there), where)
    column: ColumnElement[Any] = sa.column(spelt, _selectable=origin)
    example: Any = None
    if dialect == "sqlite":
        # It has no type for times: its own functions write them so that they compare as text.
        day = sa.and_(sa.func.typeof(column) == "text", column.op("GLOB")(_SQLITE_DAY))
        other = sa.select(column).select_from(origin).where(column.is_not(None), sa.not_(day)).limit(1)
        example = connection.execute(other).scalar()
    if example is not None or kind_of(dialect, there[spelt]) not in {"day", "any"}:
        raise no_times(where, spelt, example)
    return column


def no_times(where: str, name: str, example: Any = None) -> DataError:
    """Return the error that the column named by ``loaded_at`` does not hold times."""
    found = msg(", as in {example!r}", example=example) if example is not None else ""
    return DataError(
        msg(
            "{where}: column {name!r} does not hold times{found}",
            where=f"{where}: loaded_at",
            name=name,
            found=found,
        ),
        hint=msg("name a column of dates or timestamps, or give a query that makes one"),
    )


def day_text(moment: Any) -> str | None:
    """Return the day of a time as a driver gives it; None where it gives none, or one that Python has no date for."""
    try:
        return date.fromisoformat(str(moment)[:10]).isoformat()
    except ValueError:
        return None


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
