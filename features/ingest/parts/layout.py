"""The files of an event log's lines: parts, each of whole local days, sorted by profile and time.

One part holds nearly everything: features are counted by profile, and lines that lie by day instead cost them 1.7 times as
much. Days that were added or have changed since lie in parts of their own, until they are many. A part is one file, or several:
one a range of ids, where an engine works on several.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from glob import escape
from itertools import groupby
from pathlib import Path

from sqlglot import exp

from tagcast.features.core.duckdb import DuckDbConfig
from tagcast.features.core.engines.key_ranges import KeyRange
from tagcast.features.core.engines.query_engine import QueryEngine, write_file
from tagcast.features.ingest.sql_casts import day_literal, rows_where

EVENTS = "events"
"""In the folder of a log: its parts."""
MOST_PARTS = 8
MOST_APART = 0.1
"""Of all lines, in parts beside the largest: beyond it, as beyond so many parts, all become one."""


def parts_glob(folder: Path) -> str:
    """Return the pattern that the files of a log match, for DuckDB and ibis.

    Parameters
    ----------
    folder : Path
        Of the log.
    """
    return f"{escape(str(folder / EVENTS))}/*.parquet"


def parts_of(folder: Path) -> list[Path]:
    """Return the files of a log: part by part, and each of these by rising ids."""
    return sorted((folder / EVENTS).glob("*.parquet"))


def take_over(queries: QueryEngine, last: Path, folder: Path, replaced: Collection[date]) -> None:
    """Let ``folder`` hold the parts of ``last`` without some days; what stays whole is the same file, not a copy.

    Parameters
    ----------
    queries : QueryEngine
    last, folder : Path
        Of logs.
    replaced : collection of date
    """
    (folder / EVENTS).mkdir()
    files = parts_of(last)
    held = queries.each(_HeldDays(queries.duckdb), files) if replaced else [set[date]() for _ in files]
    cut = []
    for file, days in zip(files, held, strict=True):
        gone = days & set(replaced)
        if not gone:
            _link(file, folder / EVENTS / file.name)
        elif len(gone) < len(days):
            cut.append(file)
    there = exp.column("event_day").isin(*map(day_literal, sorted(replaced)))
    queries.each(_Without(queries.duckdb, folder, there), cut)


def leave_out(queries: QueryEngine, last: Path, folder: Path, gone: exp.Expr) -> None:
    """Let ``folder`` hold the parts of ``last`` without some lines; a file without any of them is the same file, not a copy.

    Parameters
    ----------
    queries : QueryEngine
    last, folder : Path
        Of logs.
    gone : exp.Expr
        True of the lines that are left out, never NULL.
    """
    (folder / EVENTS).mkdir()
    files = parts_of(last)
    held = queries.each(_Rows(queries.duckdb, gone), files)
    cut = []
    for file, (rows, theirs) in zip(files, held, strict=True):
        if not theirs:
            _link(file, folder / EVENTS / file.name)
        elif theirs < rows:
            cut.append(file)
    queries.each(_Without(queries.duckdb, folder, gone), cut)


def add_part(
    queries: QueryEngine, folder: Path, rows: exp.Select, columns: int, ranges: Sequence[KeyRange]
) -> list[Path]:
    """Write lines as a part of their own, a file a range; ranges without a line have none.

    Parameters
    ----------
    queries : QueryEngine
    folder : Path
        Of the log.
    rows : query
        Of days that no other part holds; over files that all see.
    columns : int
        How many it gives: a file is sorted by all, so that its bytes depend on its lines alone.
    ranges : sequence of KeyRange
    """
    (folder / EVENTS).mkdir(exist_ok=True)
    number = max(map(_number, parts_of(folder)), default=-1) + 1
    written = queries.each(_Part(queries.duckdb, folder, number, rows, columns), ranges)
    return [file for file in written if file is not None]


def merge_parts(queries: QueryEngine, folder: Path, columns: int) -> None:
    """Make one part of all where they are many, or hold much beside the largest."""
    import pyarrow.parquet as pq

    files = parts_of(folder)
    rows = [
        sum(pq.read_metadata(file).num_rows for file in of_part) for _, of_part in groupby(files, key=_number)
    ]
    if len(rows) <= MOST_PARTS and sum(rows) - max(rows, default=0) <= MOST_APART * sum(rows):
        return
    aside = folder / ".merged"
    aside.mkdir()
    every = exp.select("*").from_(scan(*files))
    merged = add_part(queries, aside, every, columns, queries.engine.ranges(files))
    shutil.rmtree(folder / EVENTS)
    if merged:
        (aside / EVENTS).rename(folder / EVENTS)
    shutil.rmtree(aside)


def count_profiles(queries: QueryEngine, folder: Path) -> int:
    """Return how many ids the lines of a log have."""
    files = parts_of(folder)
    return sum(queries.each(_Profiles(queries.duckdb, tuple(files)), queries.engine.ranges(files)))


def lines_of(folder: Path) -> exp.Select:
    """Return every line of a log."""
    return exp.select("*").from_(scan(*parts_of(folder)))


def scan(*parts: Path) -> exp.Expr:
    """Return what reads Parquet files of a log; their names are no patterns."""
    return exp.func("read_parquet", exp.array(*[exp.Literal.string(escape(str(part))) for part in parts]))


@dataclass(frozen=True)
class _Part:
    """Writes the lines of a range that belong to a part, sorted by all columns."""

    duckdb: DuckDbConfig
    folder: Path
    number: int
    rows: exp.Select
    columns: int

    def __call__(self, within: KeyRange) -> Path | None:
        several = "" if within.whole else f"-{within.number:05d}"
        target = self.folder / EVENTS / f"{self.number:05d}{several}.parquet"
        ordered = within.rows(self.rows.subquery("l")).order_by(*map(str, range(1, self.columns + 1)))
        with self.duckdb.opened() as connection:
            if write_file(connection, ordered, target, compression="zstd"):
                return target
        target.unlink(missing_ok=True)  # done twice, it may be gone
        return None


@dataclass(frozen=True)
class _Profiles:
    """Counts the ids of a range."""

    duckdb: DuckDbConfig
    files: tuple[Path, ...]

    def __call__(self, within: KeyRange) -> int:
        ids = exp.Count(this=exp.Distinct(expressions=[exp.column("profile_id")]))
        counted = exp.select(ids).from_(within.rows(scan(*self.files)).subquery("l"))
        with self.duckdb.opened() as connection:
            return int(connection.sql(counted.sql("duckdb")).fetchall()[0][0])


@dataclass(frozen=True)
class _HeldDays:
    """Returns the days of which a file holds lines."""

    duckdb: DuckDbConfig

    def __call__(self, file: Path) -> set[date]:
        days = exp.select("event_day").distinct().from_(scan(file))
        with self.duckdb.opened() as connection:
            return {day for (day,) in connection.sql(days.sql("duckdb")).fetchall()}


@dataclass(frozen=True)
class _Rows:
    """Counts the lines of a file, and those of a kind."""

    duckdb: DuckDbConfig
    kind: exp.Expr

    def __call__(self, file: Path) -> tuple[int, int]:
        counted = exp.select(exp.Count(this=exp.Star()), rows_where(self.kind.copy())).from_(scan(file))
        with self.duckdb.opened() as connection:
            rows, theirs = connection.sql(counted.sql("duckdb")).fetchall()[0]
        return int(rows), int(theirs)


@dataclass(frozen=True)
class _Without:
    """Writes a file of another log without some lines, in its order."""

    duckdb: DuckDbConfig
    folder: Path
    gone: exp.Expr

    def __call__(self, file: Path) -> None:
        rows = exp.select("*").from_(scan(file)).where(exp.not_(self.gone.copy()))
        with self.duckdb.opened() as connection:
            connection.execute("SET preserve_insertion_order = true")
            try:
                write_file(connection, rows, self.folder / EVENTS / file.name, compression="zstd")
            finally:
                connection.execute("SET preserve_insertion_order = false")


def _number(file: Path) -> int:
    """Return which part a file is of."""
    return int(file.stem.partition("-")[0])


def _link(file: Path, target: Path) -> None:
    try:
        os.link(file, target)
    except OSError:  # a file system without links
        shutil.copyfile(file, target)
