"""Tables and queries of a database through SQLAlchemy: digests of their buckets and lines of some, under one snapshot."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tagcast.features.core.messages import msg
from tagcast.features.core.schema.sources import Place
from tagcast.features.ingest.readers.databases import buckets, postgres_adbc
from tagcast.features.ingest.readers.databases.buckets import LABEL, WHOLE, Bucketing, Content
from tagcast.features.ingest.readers.databases.chunk_types import chunk_of
from tagcast.features.ingest.readers.databases.contract import (
    CHUNK_ROWS,
    Chunk,
    Database,
)
from tagcast.features.ingest.readers.databases.session import connected, reading_statement
from tagcast.features.ingest.readers.databases.sql_columns import (
    conversions_in,
    day_text,
    described,
    kind_of,
    named_column,
    selected_columns,
    time_column,
)
from tagcast.features.ingest.readers.wanted import Wanted

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection, FromClause

log = logging.getLogger("tagcast")


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
    with connected(place, where, folder) as connection:
        yield SqlDatabase(connection, place, where, wanted, fast=fast)


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
        self._begun = False
        self._described: list[tuple[str, Any]] = []
        self._loaded_at: ColumnElement[Any] | None = None
        self._bucketing: Bucketing | None = None
        self._columns: list[ColumnElement[Any]] = []
        self._table: FromClause | None = None
        if place.table is not None:
            self._columns, self._table = selected_columns(connection, place.table, wanted, where)

    def contents(
        self, only: Collection[str] | None = None, there: Collection[str] = (), method: str | None = None
    ) -> dict[str, Content]:
        """Return buckets as the server counts them; one without a digest where it cannot."""
        from sqlalchemy.exc import DBAPIError, SQLAlchemyError

        for one in _METHODS.get(self._dialect, ()):
            named = f"{self._dialect} {one} 1"
            if method not in {None, named}:
                continue
            try:
                found = self._compared(only, there, plain=one != _FAST)
            except DBAPIError as error:
                if error.connection_invalidated:
                    raise
                self._roll_back()
            except SQLAlchemyError:
                self._roll_back()
            else:
                if found is None:
                    break
                self.method = named
                return found
        self.method = ""
        if only is not None:
            return {}
        log.info(msg("{where}: this database gives no digest by day, all of it is read", where=self._where))
        self._bucketing, self._snapshot = None, None
        return {WHOLE: (0, None)}

    def count(self) -> int:
        """Return the number of all lines."""
        import sqlalchemy as sa

        self._begin()
        asked = sa.select(sa.func.count()).select_from(self._origin)
        return int(self._connection.execute(asked).scalar_one())

    def counts(self) -> dict[str, int]:
        """Return the number of lines of each bucket."""
        import sqlalchemy as sa

        return {buckets.label_text(label): rows for label, rows in self._by_label(sa.func.count())}

    def touched(self, since: date | None, until: date) -> dict[str, str | None]:
        """Return the buckets of lines that were loaded on a day or later, and of those that do not say when."""
        import sqlalchemy as sa

        self._begin()
        loaded = self._loaded_at
        assert loaded is not None  # noqa: S101 - asked where the source names one
        newest = sa.func.max(sa.case((loaded < buckets.day_literal(until), loaded)))
        asked = None if since is None else sa.or_(loaded.is_(None), loaded >= buckets.day_literal(since))
        found = self._by_label(newest, where=asked)
        return {buckets.label_text(label): day_text(day) for label, day in found}

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
                yield chunk_of(rows, names, kept, conversions, label)

    def _compared(
        self, only: Collection[str] | None, there: Collection[str], *, plain: bool
    ) -> dict[str, Content] | None:
        """Return buckets with their digests; None where some are asked for and lines are in no buckets any more."""
        import sqlalchemy as sa

        self._begin()
        asked = None
        if only is not None:
            if self._bucketing is None:
                return None
            if not only:
                return {}
            asked = buckets.within(self._time, self._label(), self._bucketing.kind, only, there)
        digest = buckets.digest_of(self._hashed(), self._dialect, plain=plain)
        found = self._by_label(sa.func.count(), digest, where=asked)
        if len(found) > buckets.MOST_BUCKETS:
            self._bucketing = None
            found = self._by_label(sa.func.count(), digest)
        if self._bucketing is None:
            ((_, rows, content),) = found
            return {WHOLE: (rows, str(content))} if rows else {}
        contents = {buckets.label_text(one): (rows, str(content)) for one, rows, content in found}
        return {one: held for one, held in contents.items() if only is None or one in only}

    def _by_label(self, *counted: Any, where: ColumnElement[bool] | None = None) -> Sequence[Any]:
        """Return what is counted of each bucket, after its label; of more buckets than are kept only that they are."""
        import sqlalchemy as sa

        self._begin()
        label = self._label()
        asked = sa.select(label.label(LABEL), *counted).select_from(self._origin)
        if where is not None:
            asked = asked.where(where)
        if self._bucketing is not None:
            asked = asked.group_by(label).limit(buckets.MOST_BUCKETS + 1)
        return self._connection.execute(asked).fetchall()

    @property
    def _time(self) -> ColumnElement[Any]:
        import sqlalchemy as sa

        assert self._bucketing is not None  # noqa: S101 - lines are in buckets by their time
        return sa.column(self._bucketing.column, _selectable=self._origin)

    @property
    def _origin(self) -> FromClause:
        assert self._table is not None  # noqa: S101 - a table's was found, a query's is made before it is counted
        return self._table

    def _begin(self) -> None:
        """Begin the transaction in which all is asked, and look at the columns."""
        import sqlalchemy as sa

        if self._begun:
            return
        if self._fast and self._dialect == "postgresql" and postgres_adbc.is_there():
            self._snapshot = postgres_adbc.shared_snapshot(self._connection)
        if self._dialect == "sqlite":
            # Python's driver begins no transaction to read.
            self._connection.exec_driver_sql("BEGIN")
        if self._place.query is not None:
            asked = reading_statement(self._place.query, self._dialect, self._where)
            # On a line of its own, so that a comment at its end does not hide what follows.
            self._table = sa.text(f"{asked.rstrip().rstrip(';')}\n").columns().subquery("asked")
            every = described(self._connection, self._origin, sa.literal_column("*"))
            self._columns = [
                sa.column(name, _selectable=self._origin) for name, _ in every if self._wanted.has(name)
            ]
        self._described = described(self._connection, self._origin, *self._columns)
        self._bucketing = self._bucketed()
        if self._wanted.loaded_at is not None:
            self._loaded_at = time_column(self._connection, self._origin, self._wanted, self._where)
        self._begun = True

    def _roll_back(self) -> None:
        self._connection.rollback()
        self._begun = False

    def _bucketed(self) -> Bucketing | None:
        time = (self._wanted.time or "").lower()
        for name, code in self._described:
            kind = kind_of(self._dialect, code)
            if name.lower() == time and kind is not None:
                return Bucketing(name, kind)
        return None

    def _label(self) -> ColumnElement[Any]:
        import sqlalchemy as sa

        if self._bucketing is None:
            return sa.null()
        return buckets.label_of(self._time, self._bucketing.kind, self._dialect)

    def _hashed(self) -> list[ColumnElement[Any]]:
        """Return the columns as their server can hash them."""
        import sqlalchemy as sa

        plain: list[ColumnElement[Any]] = [
            sa.column(name, _selectable=self._origin) for name, _ in self._described
        ]
        if self._dialect != "postgresql":
            return plain
        return [postgres_adbc.hashed(c, code) for c, (_, code) in zip(plain, self._described, strict=True)]

    def _statement(self, wanted: Collection[str], there: Collection[str]) -> tuple[Any, FromClause]:
        import sqlalchemy as sa

        if self._place.query is not None and not self.method:
            asked = reading_statement(self._place.query, self._dialect, self._where)
            return sa.text(asked), sa.text(asked).columns().subquery("asked")
        statement = sa.select(*self._columns).select_from(self._origin)
        if self._bucketing is not None:
            label = self._label()
            statement = statement.add_columns(label.label(LABEL))
            condition = buckets.within(self._time, label, self._bucketing.kind, wanted, there)
            if condition is not None:
                statement = statement.where(condition)
        return statement, self._origin


_FAST, _PLAIN = "hash", "md5"
_METHODS: Mapping[str, tuple[str, ...]] = {
    "postgresql": (_FAST, _PLAIN), "mysql": (_PLAIN,), "mariadb": (_PLAIN,), "sqlite": (_PLAIN,),
}  # fmt: skip
"""How each kind of server is asked for digests, the best first; another kind needs a case in :func:`buckets.digest_of`."""
