"""Tables and queries of a DuckDB file, opened read-only by DuckDB itself."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

from sqlglot import exp

from tagcast.features.core.errors import DataError
from tagcast.features.core.messages import msg
from tagcast.features.core.raw_errors import raw_text
from tagcast.features.core.schema.sources import Place
from tagcast.features.core.urls import expand_url
from tagcast.features.ingest.readers.databases import buckets
from tagcast.features.ingest.readers.databases.buckets import LABEL, WHOLE, Content
from tagcast.features.ingest.readers.databases.contract import (
    CHUNK_ROWS,
    Chunk,
    Database,
    table_missing,
    unreadable,
)
from tagcast.features.ingest.readers.databases.session import single_select
from tagcast.features.ingest.readers.databases.sql_columns import day_text, no_times
from tagcast.features.ingest.readers.scans import column
from tagcast.features.ingest.readers.wanted import Wanted
from tagcast.features.ingest.sql_casts import base_type, day_literal

SCHEME = "duckdb:///"
_ASKED = "asked"
_TIMES = {"DATE", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE"}
_NUMBERS = {"INTEGER", "BIGINT", "UINTEGER"}
_AS_TEXT = {
    "INTERVAL", "TIME", "TIME WITH TIME ZONE", "UUID", "ENUM", "BIT", "BLOB", "HUGEINT", "UHUGEINT", "UBIGINT", "JSON",
}  # fmt: skip
"""Types that Parquet lacks, or has another meaning for."""


def file_of(url: str, where: str, folder: Path) -> Path | None:
    """Return the DuckDB file that a URL names, which starts in ``folder``; None where it names another database."""
    whole = expand_url(url, where)
    return folder / whole.removeprefix(SCHEME).partition("?")[0] if whole.startswith(SCHEME) else None


@contextmanager
def open_duckdb(place: Place, where: str, file: Path, wanted: Wanted) -> Iterator[Database]:
    """Open a table or query of a DuckDB file.

    Raises
    ------
    DataError
        When there is no such file, table or column, or when it cannot be read.
    """
    import duckdb

    if not file.is_file():
        raise DataError(
            msg("{where}: there is no file {file}", where=where, file=file),
            hint=msg("correct url, or bring the file there"),
        )
    try:
        with duckdb.connect(str(file), read_only=True) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            connection.begin()
            yield DuckDbTable(connection, place, where, wanted)
    except duckdb.CatalogException as error:
        if place.table is None:
            raise unreadable(raw_text(error), where) from error
        raise table_missing(place.table, where) from error
    except duckdb.Error as error:
        raise unreadable(raw_text(error), where) from error


class DuckDbTable:
    """A table or query of a DuckDB file.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
    place : Place
    where : str
    wanted : Wanted
    """

    def __init__(self, connection: Any, place: Place, where: str, wanted: Wanted) -> None:
        import duckdb

        # Its hash functions are the same within a version alone.
        self.method = self._own = f"duckdb {duckdb.__version__} 1"
        if place.query is not None:
            self._relation = connection.sql(single_select(place.query, "duckdb", where))
        else:
            self._relation = connection.table(place.table)
        types = zip(self._relation.columns, map(str, self._relation.types), strict=True)
        self._types = {name: kind for name, kind in types if wanted.has(name)}
        if place.table is not None:
            wanted.check(self._relation.columns, where)
        self._loaded_at = (
            wanted.load_column(self._relation.columns, where) if wanted.loaded_at is not None else None
        )
        every = dict(zip(self._relation.columns, map(str, self._relation.types), strict=True))
        if self._loaded_at is not None and every[self._loaded_at] not in _TIMES:
            raise no_times(where, self._loaded_at)
        self._time = next((n for n in self._types if n.lower() == (wanted.time or "").lower()), None)

    def contents(
        self, only: Collection[str] | None = None, there: Collection[str] = (), method: str | None = None
    ) -> dict[str, Content]:
        """Return buckets; none where some are asked for and lines are in no buckets any more."""
        self.method = self._own
        if only is not None and (self._time is None or method != self._own):
            self.method = ""
            return {}
        if only is not None and not only:
            return {}
        hashed = exp.Anonymous(this="hash", expressions=[column(name) for name in self._types])
        content = exp.Sum(this=exp.cast(hashed, "HUGEINT", dialect="duckdb"))
        where = None if only is None else self._within(only, there)
        found = self._by_label(exp.Count(this=exp.Star()), content, where=where)
        if len(found) > buckets.MOST_BUCKETS:
            self._time = None
            return self.contents()
        if self._time is None:
            return {WHOLE: (found[0][1], str(found[0][2]))} if found else {}
        contents = {buckets.label_text(label): (rows, str(digest)) for label, rows, digest in found}
        return {one: held for one, held in contents.items() if only is None or one in only}

    def count(self) -> int:
        """Return the number of all lines."""
        rows: int = self._query(exp.select(exp.Count(this=exp.Star())).from_(_ASKED)).fetchall()[0][0]
        return rows

    def counts(self) -> dict[str, int]:
        """Return the number of lines of each bucket."""
        counted = self._by_label(exp.Count(this=exp.Star()))
        return {buckets.label_text(label): rows for label, rows in counted}

    def touched(self, since: date | None, until: date) -> dict[str, str | None]:
        """Return the buckets of lines that were loaded on a day or later, and of those that do not say when."""
        assert self._loaded_at is not None  # noqa: S101 - asked where the source names one
        loaded = column(self._loaded_at)
        newest = exp.Max(this=exp.case().when(loaded < day_literal(until), loaded.copy()))
        where = None
        if since is not None:
            where = exp.or_(loaded.copy().is_(exp.null()), loaded.copy() >= day_literal(since))
        found = self._by_label(exp.cast(newest, "VARCHAR"), where=where)
        return {buckets.label_text(label): day_text(day) for label, day in found}

    def _by_label(self, *counted: exp.Expr, where: exp.Expr | None = None) -> list[tuple[Any, ...]]:
        asked = exp.select(self._label(), *counted).from_(_ASKED).group_by("1")
        found: list[tuple[Any, ...]] = self._query(asked if where is None else asked.where(where)).fetchall()
        return found

    def lines(self, wanted: Collection[str], there: Collection[str]) -> Iterator[Chunk]:
        """Yield the lines of some buckets."""
        import pyarrow as pa

        picked = [exp.alias_(_plain(name, kind), name, quoted=True) for name, kind in self._types.items()]
        asked = exp.select(*picked, exp.alias_(self._label(), LABEL, quoted=True)).from_(_ASKED)
        if self._time is not None and len(wanted) < len(there):
            asked = asked.where(self._within(wanted, there))
        for batch in self._query(asked).to_arrow_reader(CHUNK_ROWS):
            given = batch.column(batch.num_columns - 1).to_pylist()
            labels = [WHOLE if self._time is None else buckets.label_text(one) for one in given]
            columns = [*batch.columns[:-1], pa.array(labels, pa.string())]
            yield pa.RecordBatch.from_arrays(columns, names=batch.schema.names), ()

    def _query(self, asked: exp.Select) -> Any:
        return self._relation.query(_ASKED, asked.sql("duckdb"))

    def _label(self) -> exp.Expr:
        """Return the number of a line's day; of a text its first ten letters."""
        if self._time is None:
            return exp.null()
        kind, value = self._types[self._time], column(self._time)
        if kind in _TIMES:
            moment = exp.cast(value, "TIMESTAMP")
            day = exp.cast(moment.copy(), "DATE") - exp.cast(
                exp.Literal.string(buckets.EPOCH.isoformat()), "DATE"
            )
            finite = exp.Anonymous(this="isfinite", expressions=[moment])
            return exp.case().when(finite, day)
        if kind == "VARCHAR":
            return exp.func("left", value, exp.Literal.number(10))
        if kind in _NUMBERS:
            return exp.Floor(this=exp.Div(this=value, expression=exp.Literal.number(86_400_000), typed=False))
        return exp.null()

    def _within(self, wanted: Collection[str], there: Collection[str]) -> exp.Expr:
        label = exp.paren(self._label())
        conditions: list[exp.Expr] = [label.is_(exp.null())] if buckets.NO_BUCKET in wanted else []
        conditions += [label.between(first, last) for first, last in buckets.ranges_of(wanted, there)]
        texts = [exp.Literal.string(one[1:]) for one in wanted if one.startswith("t")]
        conditions += [label.isin(*texts)] if texts else []
        return exp.or_(exp.false(), *conditions)


def _plain(name: str, kind: str) -> exp.Expr:
    value = column(name)
    if base_type(kind) in _AS_TEXT:
        return exp.cast(value, "VARCHAR")
    return exp.cast(value, "TIMESTAMP") if kind == "TIMESTAMP_NS" else value
