"""Tables and queries of a database, streamed through SQLAlchemy to Parquet; no source passes through pandas."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tagcast.features.core.errors import DataError
from tagcast.features.core.messages import msg
from tagcast.features.core.raw_errors import raw_text
from tagcast.features.core.schema.sources import Place
from tagcast.features.core.urls import expand_url
from tagcast.features.ingest.readers.database_session import open_engine, reading_statement
from tagcast.features.ingest.readers.nested.column_problems import ColumnProblem
from tagcast.features.ingest.readers.nested.json_columns import JsonPath
from tagcast.features.ingest.readers.nested.value_paths import path_in, path_text, spelt_as
from tagcast.features.ingest.sql_allow_list import suggest

if TYPE_CHECKING:
    import pyarrow as pa
    from sqlalchemy import Connection, Engine, FromClause

CHUNK_ROWS = 50_000
_EXACT_IN_DOUBLE = 2**53
_MYSQL_TIMESTAMP = 7
"""Number of the type TIMESTAMP in MySQL's protocol, which its drivers hand on."""


def stage_database(
    place: Place, target: Path, where: str, *, folder: Path, needed: Collection[str], whole: bool
) -> tuple[frozenset[str], dict[str, ColumnProblem]]:
    """Write the rows of ``place`` to Parquet files in ``target``, in chunks.

    A chunk whose types differ from those before (a column so far empty, text among SQLite's numbers) starts
    another file; read by name together, they have the types that hold all of it. A value that no plain type
    holds becomes text, so that the mapping decides what it is worth.

    Parameters
    ----------
    place : Place
        With ``url`` and ``table`` or ``query``. The query is the configuration's own text, run as it is
        in a read-only transaction that is never committed.
    target : Path
        A folder that is not there yet.
    where : str
        Names the source in errors; the URL is not shown, it may hold a password.
    folder : Path
        Where the path of an SQLite URL starts.
    needed : collection of str
        Columns, in any case, and paths into columns of JSON; no other is fetched from a table.
    whole : bool
        Fetch all columns.

    Returns
    -------
    frozenset of str
        Columns whose types nothing says: of numbers that became text, and of values in JSON.
    dict of str to ColumnProblem
        By lower-case path, why it cannot be mapped.

    Raises
    ------
    DataError
        When the database cannot be reached, or has no such table or column.
    """
    from sqlalchemy import text
    from sqlalchemy.exc import NoSuchTableError, SQLAlchemyError

    target.mkdir()
    engine = open_engine(expand_url(place.url or "", where), where, folder)
    try:
        with engine.connect() as connection:
            connection.execution_options(stream_results=True, yield_per=CHUNK_ROWS)
            if place.query is not None:
                asked = reading_statement(place.query, engine.dialect.name, where)
                origin: FromClause = text(asked).columns().subquery("asked")
                statement: Any = text(asked)
            else:
                statement, origin = _selected(engine, place.table or "", needed, where, whole=whole)
            with _named_column(connection, origin, where) as fetching:
                result = connection.execute(statement)
                names = list(result.keys())
                paths = _paths(names, needed)
                kept = [n for n, name in enumerate(names) if whole or _is_needed(name, needed)]
                fetching(names[n] for n in {*kept, *(n for n, _, _ in paths)})
                moments = _moments(result, engine.dialect.name)
                untyped = _write(result.partitions(CHUNK_ROWS), target, names, kept, paths, moments, where)
                problems = {name.lower(): found for _, name, path in paths if (found := path.problem())}
                return untyped | {name for _, name, _ in paths}, problems
    except NoSuchTableError as error:
        raise DataError(
            msg("{where}: there is no table {table!r}", where=where, table=place.table),
            hint=msg("check its spelling and schema"),
        ) from error
    except SQLAlchemyError as error:
        raise DataError(
            msg(
                "{where}: the database cannot be read: {reason}",
                where=where,
                reason=raw_text(getattr(error, "orig", None) or error),
            ),
            hint=msg("check url, table, query and that the server runs"),
        ) from error
    finally:
        engine.dispose()


def _is_needed(name: str, needed: Collection[str]) -> bool:
    return name.lower() in {n.lower() for n in needed}


def _paths(names: Sequence[str], needed: Collection[str]) -> list[tuple[int, str, JsonPath]]:
    """Return the paths among what is needed: the position of its column, its name, and what gets its values."""
    paths = {}
    for wanted in sorted(needed):
        keys = None if _is_needed(wanted, names) else path_in(wanted)
        head = keys and spelt_as(keys[0], names)
        if keys and head:
            spelt = (head, *keys[1:])
            paths[path_text(spelt)] = names.index(head), path_text(spelt), JsonPath(spelt)
    return list(paths.values())


def _selected(
    engine: Engine, table: str, needed: Collection[str], where: str, *, whole: bool
) -> tuple[Any, FromClause]:
    """Return a SELECT of the needed columns, as the driver gives them: a type's own conversion may fail on one value."""
    from sqlalchemy import Boolean, MetaData, Table, column, select

    schema, _, name = table.rpartition(".")
    known = Table(name, MetaData(), schema=schema or None, autoload_with=engine)
    spelt = {c.name.lower(): c.name for c in known.columns}
    fetched = set()
    for wanted in needed:
        path = path_in(wanted)
        fetched.add(path[0] if path and wanted.lower() not in spelt else wanted)
        if wanted.lower() not in spelt and (path is None or path[0].lower() not in spelt):
            raise DataError(
                msg("{where}: there is no column {name!r}", where=where, name=wanted),
                hint=suggest(wanted, list(spelt.values())),
            )
    chosen = [c for c in known.columns if whole or _is_needed(c.name, fetched)]
    # SQLite has no type for yes and no: without its declaration they would be numbers.
    plain = [c if isinstance(c.type, Boolean) else column(c.name, _selectable=known) for c in chosen]
    return select(*plain).select_from(known), known


class _named_column:  # noqa: N801 - used as a function
    """Names the column whose value the driver cannot convert."""

    def __init__(self, connection: Connection, origin: FromClause, where: str) -> None:
        self._connection, self._origin, self._where = connection, origin, where
        self._names: list[str] = []

    def __enter__(self) -> Callable[[Iterator[str]], None]:
        return self._names.extend

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if not isinstance(error, Exception) or isinstance(error, DataError) or not self._names:
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


def _moments(result: Any, dialect: str) -> frozenset[int]:
    """Return the positions of MySQL's TIMESTAMP: moments that its drivers hand out without a zone, here in UTC."""
    if dialect not in {"mysql", "mariadb"} or result.cursor is None:
        return frozenset()
    described = result.cursor.description or ()
    return frozenset(n for n, about in enumerate(described) if about[1] == _MYSQL_TIMESTAMP)


def _write(
    chunks: Iterator[Sequence[Any]],
    target: Path,
    names: list[str],
    kept: list[int],
    paths: list[tuple[int, str, JsonPath]],
    moments: frozenset[int],
    where: str,
) -> frozenset[str]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    writer: pq.ParquetWriter | None = None
    files = 0
    as_words: set[str] = set()
    for chunk in chunks:
        columns = []
        for n in kept:
            values = [row[n] for row in chunk]
            if n in moments:
                values = [v.replace(tzinfo=UTC) if isinstance(v, datetime) else v for v in values]
            array, were_numbers = as_arrow(values)
            columns.append(array)
            if were_numbers:
                as_words.add(names[n])
        columns += [pa.array([path.get(row[n]) for row in chunk], pa.string()) for n, _, path in paths]
        titles = [*(names[n] for n in kept), *(name for _, name, _ in paths)]
        batch = pa.RecordBatch.from_arrays(columns, names=titles)
        if writer is None or batch.schema != writer.schema:
            if writer is not None:
                writer.close()
            writer = pq.ParquetWriter(target / f"part-{files:05d}.parquet", batch.schema)
            files += 1
        writer.write_batch(batch)
    if writer is None:
        raise DataError(
            msg("{where}: the table is empty, no rows were read", where=where),
            hint=msg("check table, query and the rights of the user"),
        )
    writer.close()
    return frozenset(as_words)


def as_arrow(values: Sequence[Any]) -> tuple[pa.Array, bool]:
    """Return a column as Arrow, and whether it is of numbers that only text holds.

    Parameters
    ----------
    values : sequence
        As a driver gives them. What is of several kinds, or of one that has no plain type, becomes text.
    """
    import pyarrow as pa

    kinds = {type(v) for v in values if v is not None}
    if not kinds:
        return pa.nulls(len(values)), False
    if kinds <= {int, float, Decimal}:
        return _numbers(values, kinds)
    if kinds <= {str} or kinds in ({bool}, {date}):
        return pa.array(values), False
    if kinds == {datetime} and len({v.tzinfo is None for v in values if v is not None}) == 1:
        return pa.array(values), False
    return pa.array([None if v is None else _words(v) for v in values]), False


def _numbers(values: Sequence[Any], kinds: set[type]) -> tuple[pa.Array, bool]:
    import pyarrow as pa

    # A driver's exact numbers differ in digits from chunk to chunk; one wide type holds them all.
    kind = pa.decimal128(38, 10) if Decimal in kinds else (pa.float64() if float in kinds else pa.int64())
    inexact = float in kinds and any(isinstance(v, int) and abs(v) > _EXACT_IN_DOUBLE for v in values)
    if not (inexact or (Decimal in kinds and float in kinds)):
        try:
            return pa.array(values, type=kind), False
        except (pa.ArrowException, ArithmeticError, TypeError, ValueError):
            pass
    return pa.array([None if v is None else _words(v) for v in values]), True


def _words(value: Any) -> str | None:
    """Return a value as text: structures as JSON, bytes as the text they hold."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return None if value.is_nan() else format(value, "f")
    if isinstance(value, dict | list | tuple):
        return json.dumps(value, default=str, ensure_ascii=False)
    if isinstance(value, bytes | bytearray | memoryview):
        held = bytes(value)
        try:
            return held.decode("utf-8")
        except UnicodeDecodeError:
            return held.hex()
    if isinstance(value, datetime | date | time | timedelta):
        return str(value)
    return str(value)
