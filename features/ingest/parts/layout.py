"""The files of an event log's lines: parts, each of whole local days, sorted by profile and time.

One part holds nearly everything: features are counted by profile, and lines that lie by day instead cost them 1.7 times as
much. Days that were added or have changed since lie in parts of their own, until they are many.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection
from datetime import date
from glob import escape
from pathlib import Path
from typing import Any

from sqlglot import exp

from tagcast.features.ingest.sql_casts import day_literal

EVENTS = "events"
"""In the folder of a log: its parts."""
MOST_PARTS = 8
MOST_APART = 0.1
"""Of all lines, in parts beside the largest: beyond it, as beyond so many parts, all become one."""


def parts_glob(folder: Path) -> str:
    """Return the pattern that the parts of a log match, for DuckDB and ibis.

    Parameters
    ----------
    folder : Path
        Of the log.
    """
    return f"{escape(str(folder / EVENTS))}/*.parquet"


def parts_of(folder: Path) -> list[Path]:
    """Return the parts of a log, in order of name."""
    return sorted((folder / EVENTS).glob("*.parquet"))


def take_over(connection: Any, last: Path, folder: Path, replaced: Collection[date]) -> None:
    """Let ``folder`` hold the parts of ``last`` without some days; what stays whole is the same file, not a copy.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
    last, folder : Path
        Of logs.
    replaced : collection of date
    """
    held = _days(connection, last)
    (folder / EVENTS).mkdir()
    for part in parts_of(last):
        target = folder / EVENTS / part.name
        gone = sorted(held[part] & set(replaced))
        if not gone:
            _link(part, target)
        elif len(gone) < len(held[part]):
            there = exp.column("event_day").isin(*map(day_literal, gone))
            rows = exp.select("*").from_(scan(part)).where(exp.not_(there))
            _write_in_order(connection, rows, target)


def add_part(connection: Any, folder: Path, rows: exp.Select, columns: int) -> Path | None:
    """Write lines as a part of their own; None where there are none.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
    folder : Path
        Of the log.
    rows : query
        Of days that no other part holds.
    columns : int
        How many it gives: the part is sorted by all, so that its bytes depend on the lines alone.
    """
    import pyarrow.parquet as pq

    (folder / EVENTS).mkdir(exist_ok=True)
    numbers = [int(part.stem) for part in parts_of(folder)]
    target = folder / EVENTS / f"{max(numbers, default=-1) + 1:05d}.parquet"
    ordered = rows.order_by(*(str(position + 1) for position in range(columns)))
    connection.sql(ordered.sql("duckdb")).write_parquet(str(target), compression="zstd")
    if pq.read_metadata(target).num_rows:
        return target
    target.unlink()
    return None


def merge_parts(connection: Any, folder: Path, columns: int) -> None:
    """Make one part of all where they are many, or hold much beside the largest."""
    import pyarrow.parquet as pq

    parts = parts_of(folder)
    rows = [pq.read_metadata(part).num_rows for part in parts]
    if len(parts) <= MOST_PARTS and sum(rows) - max(rows, default=0) <= MOST_APART * sum(rows):
        return
    aside = folder / ".merged"
    aside.mkdir()
    merged = add_part(connection, aside, exp.select("*").from_(scan(*parts)), columns)
    shutil.rmtree(folder / EVENTS)
    if merged is not None:
        (folder / EVENTS).mkdir()
        merged.rename(folder / EVENTS / "00000.parquet")
    shutil.rmtree(aside)


def lines_of(folder: Path) -> exp.Select:
    """Return every line of a log."""
    return exp.select("*").from_(scan(*parts_of(folder)))


def _days(connection: Any, folder: Path) -> dict[Path, set[date]]:
    held: dict[Path, set[date]] = {}
    for part in parts_of(folder):
        days = exp.select("event_day").distinct().from_(scan(part))
        held[part] = {day for (day,) in connection.sql(days.sql("duckdb")).fetchall()}
    return held


def scan(*parts: Path) -> exp.Expr:
    """Return what reads Parquet files of a log; their names are no patterns."""
    return exp.func("read_parquet", exp.array(*[exp.Literal.string(escape(str(part))) for part in parts]))


def _link(part: Path, target: Path) -> None:
    try:
        os.link(part, target)
    except OSError:  # a file system without links
        shutil.copyfile(part, target)


def _write_in_order(connection: Any, rows: exp.Select, target: Path) -> None:
    connection.execute("SET preserve_insertion_order = true")
    try:
        connection.sql(rows.sql("duckdb")).write_parquet(str(target), compression="zstd")
    finally:
        connection.execute("SET preserve_insertion_order = false")
