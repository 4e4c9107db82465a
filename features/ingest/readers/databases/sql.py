"""Tables and queries of a database through SQLAlchemy: digests of their buckets and lines of some, under one snapshot."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tagcast.features.core.messages import msg
from tagcast.features.core.raw_errors import raw_text
from tagcast.features.core.schema.sources import Place
from tagcast.features.core.urls import expand_url, without_passwords
from tagcast.features.ingest.readers.databases import buckets, postgres_adbc
from tagcast.features.ingest.readers.databases.buckets import LABEL, WHOLE, Bucketing, Content
from tagcast.features.ingest.readers.databases.chunk_types import as_arrow
from tagcast.features.ingest.readers.databases.contract import (
    CHUNK_ROWS,
    Chunk,
    Database,
    LostConnectionError,
    UnreachableError,
    table_missing,
    unreadable,
)
from tagcast.features.ingest.readers.databases.session import open_engine, reading_statement
from tagcast.features.ingest.readers.databases.sql_columns import (
    conversions_in,
    named_column,
    selected_columns,
)
from tagcast.features.ingest.readers.wanted import Wanted

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection, FromClause

log = logging.getLogger("tagcast")
_KINDS: dict[str, dict[int, buckets.Kind]] = {
    "postgresql": {1082: "day", 1114: "day", 1184: "day", 20: "number", 21: "number", 23: "number", 25: "text", 1042: "text",
                   1043: "text"},
    "mysql": {7: "day", 10: "day", 12: "day", 1: "number", 2: "number", 3: "number", 8: "number", 9: "number", 253: "text",
              254: "text"},
}  # fmt: skip
"""Of the types that a server names by number, those whose values fall into buckets."""
_SNAPSHOTS = {"postgresql", "mysql", "mariadb"}


@contextmanager
def open_sql(place: Place, where: str, folder: Path, wanted: Wanted, *, fast: bool) -> Iterator[Database]:
    """Open a table or query in a read-only transaction that is never committed.

    Parameters
    ----------
    place : Place
        With ``url`` and ``table`` or ``query``.
    where : str
        Names the place in errors; the URL is not shown, it may hold a password.
    folder : Path
        Where the path of an SQLite URL starts.
    wanted : Wanted
    fast : bool
        Whether PostgreSQL may be read through ADBC, where it is installed.

    Raises
    ------
    LostConnectionError
        When the connection breaks off.
    DataError
        When the database cannot be reached, or has no such table or column.
    """
    from sqlalchemy.exc import DBAPIError, NoSuchTableError, SQLAlchemyError

    url = expand_url(place.url or "", where)
    engine = open_engine(url, where, folder)
    reached = False
    try:
        with engine.connect() as connection:
            reached = True
            if engine.dialect.name in _SNAPSHOTS:
                connection.execution_options(isolation_level="REPEATABLE READ")
            yield SqlDatabase(connection, place, where, wanted, fast=fast)
    except NoSuchTableError as error:
        raise table_missing(place.table, where) from error
    except Exception as error:
        # On connecting a driver may raise anything: for a parameter that it does not know, or a name that is no host's.
        if reached and not isinstance(error, SQLAlchemyError):
            raise
        said = str(getattr(error, "orig", None) or error) or type(error).__name__
        shown = without_passwords(said, url)
        found = unreadable(raw_text(shown), where)
        # Of an error that shows a password no traceback tells.
        cause = error if shown == said else None
        if not reached:
            raise UnreachableError(found) from cause
        if isinstance(error, DBAPIError) and error.connection_invalidated:
            raise LostConnectionError(found) from cause
        raise found from cause
    finally:
        engine.dispose()


class SqlDatabase:
    """A table or query as SQLAlchemy reads it.

    Parameters
    ----------
    connection : sqlalchemy.Connection
    place : Place
    where : str
    wanted : Wanted
    fast : bool
    """

    def __init__(
        self, connection: Connection, place: Place, where: str, wanted: Wanted, *, fast: bool
    ) -> None:
        self._connection, self._place, self._where, self._wanted = connection, place, where, wanted
        self._fast = fast
        self._snapshot: str | None = None
        self._dialect = connection.dialect.name
        self.method = ""
        self._bucketing: Bucketing | None = None
        self._columns: list[ColumnElement[Any]] = []
        self._table: FromClause | None = None
        if place.table is not None:
            self._columns, self._table = selected_columns(connection, place.table, wanted, where)

    def contents(self) -> dict[str, Content]:
        """Return the buckets of all lines, as the server counts them; one without a digest where it cannot."""
        from sqlalchemy.exc import DBAPIError, SQLAlchemyError

        for method in _METHODS.get(self._dialect, ()):
            try:
                found = self._counted(plain=method != _FAST)
            except DBAPIError as error:
                if error.connection_invalidated:
                    raise
                self._connection.rollback()
            except SQLAlchemyError:
                self._connection.rollback()
            else:
                self.method = f"{self._dialect} {method} 1"
                return found
        log.info(msg("{where}: this database gives no digest by day, all of it is read", where=self._where))
        self.method, self._bucketing, self._snapshot = "", None, None
        return {WHOLE: (0, None)}

    def lines(self, wanted: Collection[str], there: Collection[str]) -> Iterator[Chunk]:
        """Yield the lines of some buckets, through ADBC where it can read all of their types."""
        statement, origin = self._statement(wanted, there)
        if self._snapshot is not None:
            label_name = LABEL if self._bucketing else None
            chunks = postgres_adbc.lines(self._connection, self._snapshot, statement, label_name)
            if chunks is not None:
                yield from chunks
                return
        with named_column(self._connection, origin, self._where) as fetching:
            streaming = self._connection.execution_options(stream_results=True, yield_per=CHUNK_ROWS)
            result = streaming.execute(statement)
            names = list(result.keys())
            kept = [n for n, name in enumerate(names) if name != LABEL and self._wanted.has(name)]
            fetching(names[n] for n in kept)
            conversions = conversions_in(result, self._dialect)
            label = names.index(LABEL) if self._bucketing else None
            for rows in result.partitions(CHUNK_ROWS):
                yield _chunk(rows, names, kept, conversions, label)

    def _counted(self, *, plain: bool) -> dict[str, Content]:
        import sqlalchemy as sa

        self._begin()
        if self._place.query is not None:
            asked = reading_statement(self._place.query, self._dialect, self._where)
            # On a line of its own, so that a comment at its end does not hide what follows.
            self._table = sa.text(f"{asked.rstrip().rstrip(';')}\n").columns().subquery("asked")
            self._columns = [sa.literal_column("*")]
            names = [name for name, _ in self._described() if self._wanted.has(name)]
            self._columns = [sa.column(name, _selectable=self._origin) for name in names]
        described = self._described()
        self._bucketing = self._bucketed(described)
        label = self._label()
        digest = buckets.digest_of(self._hashed(described), self._dialect, plain=plain)
        counted = sa.select(label.label(LABEL), sa.func.count(), digest).select_from(self._origin)
        if self._bucketing is not None:
            counted = counted.group_by(label)
            found = self._connection.execute(counted.limit(buckets.MOST_BUCKETS + 1)).fetchall()
            if len(found) <= buckets.MOST_BUCKETS:
                return {buckets.label_text(one): (rows, str(content)) for one, rows, content in found}
            self._bucketing = None
            counted = sa.select(sa.null(), sa.func.count(), digest).select_from(self._origin)
        ((_, rows, content),) = self._connection.execute(counted).fetchall()
        return {WHOLE: (rows, str(content))} if rows else {}

    @property
    def _origin(self) -> FromClause:
        assert self._table is not None  # noqa: S101 - a table's was found, a query's is made before it is counted
        return self._table

    def _begin(self) -> None:
        if self._fast and self._dialect == "postgresql" and postgres_adbc.is_there():
            self._snapshot = postgres_adbc.shared_snapshot(self._connection)
        if self._dialect == "sqlite":
            # Python's driver begins no transaction to read.
            self._connection.exec_driver_sql("BEGIN")

    def _described(self) -> list[tuple[str, Any]]:
        import sqlalchemy as sa

        result = self._connection.execute(sa.select(*self._columns).select_from(self._origin).limit(0))
        described = [(about[0], about[1]) for about in (result.cursor.description if result.cursor else ())]
        result.close()
        return described

    def _bucketed(self, described: Sequence[tuple[str, Any]]) -> Bucketing | None:
        time = (self._wanted.time or "").lower()
        kinds = _KINDS.get("mysql" if self._dialect == "mariadb" else self._dialect, {})
        for name, code in described:
            kind: buckets.Kind | None = "any" if self._dialect == "sqlite" else kinds.get(code)
            if name.lower() == time and kind is not None:
                return Bucketing(name, kind)
        return None

    def _label(self) -> ColumnElement[Any]:
        import sqlalchemy as sa

        if self._bucketing is None:
            return sa.null()
        column: ColumnElement[Any] = sa.column(self._bucketing.column, _selectable=self._origin)
        return buckets.label_of(column, self._bucketing.kind, self._dialect)

    def _hashed(self, described: Sequence[tuple[str, Any]]) -> list[ColumnElement[Any]]:
        """Return the columns as their server can hash them."""
        import sqlalchemy as sa

        plain: list[ColumnElement[Any]] = [sa.column(name, _selectable=self._origin) for name, _ in described]
        if self._dialect != "postgresql":
            return plain
        return [postgres_adbc.hashed(c, code) for c, (_, code) in zip(plain, described, strict=True)]

    def _statement(self, wanted: Collection[str], there: Collection[str]) -> tuple[Any, FromClause]:
        import sqlalchemy as sa

        if self._place.query is not None and not self.method:
            asked = reading_statement(self._place.query, self._dialect, self._where)
            return sa.text(asked), sa.text(asked).columns().subquery("asked")
        statement = sa.select(*self._columns).select_from(self._origin)
        if self._bucketing is not None:
            label = self._label()
            column: ColumnElement[Any] = sa.column(self._bucketing.column, _selectable=self._origin)
            statement = statement.add_columns(label.label(LABEL))
            condition = buckets.within(column, label, self._bucketing.kind, wanted, there)
            if condition is not None:
                statement = statement.where(condition)
        return statement, self._origin


_FAST, _PLAIN = "hash", "md5"
_METHODS: Mapping[str, tuple[str, ...]] = {
    "postgresql": (_FAST, _PLAIN), "mysql": (_PLAIN,), "mariadb": (_PLAIN,), "sqlite": (_PLAIN,),
}  # fmt: skip
"""How each kind of server is asked for digests, the best first; another kind needs a case in :func:`buckets.digest_of`."""


def _chunk(
    rows: Sequence[Any],
    names: Sequence[str],
    kept: Sequence[int],
    conversions: Mapping[int, Callable[[Any], Any]],
    label: int | None,
) -> Chunk:
    import pyarrow as pa

    columns, as_words = [], []
    for n in kept:
        values = [row[n] for row in rows]
        if n in conversions:
            values = list(map(conversions[n], values))
        array, were_numbers = as_arrow(values)
        columns.append(array)
        if were_numbers:
            as_words.append(names[n])
    labels = [WHOLE] * len(rows) if label is None else [buckets.label_text(row[label]) for row in rows]
    columns.append(pa.array(labels, pa.string()))
    return pa.RecordBatch.from_arrays(columns, names=[*(names[n] for n in kept), LABEL]), as_words
