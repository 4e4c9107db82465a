"""A run, or a part of one, as a DuckDB file: a row a profile, a column for each part of each tag, sorted by profile."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from sqlglot import exp

from tagcast.features.core.engines.aside import Aside
from tagcast.features.core.home.replaced_files import sync
from tagcast.models.filters.fields import UNKNOWN
from tagcast.serving.store.schema import RunInfo, column_name

ROW_GROUPS = (122_880, 65_536, 32_768, 16_384, 8_192, 4_096, 2_048)
"""Rows that DuckDB may lay out together, each thread a group of its own; it takes the first by default."""
LEAST_MEMORY = 256 * 10**6
"""Bytes that DuckDB is given for a run, or one row group more than it has threads. With more it would only keep blocks in
memory that are on the disk already, and five million profiles would take a third more than one million."""
PARTS = ("value", "unknown_because", "score", "confidence", "percentile", "lower", "upper", "band")


def write_snapshot(
    file: Path,
    run: RunInfo,
    schema: pa.Schema,
    batches: Iterator[pa.RecordBatch],
    scratch: Path,
    memory_limit: str,
) -> None:
    """Write ``batches`` to ``file`` as the table ``profiles``.

    Parameters
    ----------
    file : Path
        Not there yet.
    run : RunInfo
    schema : Schema
    batches : iterator of RecordBatch
        By rising id.
    scratch : Path
        Where DuckDB may spill.
    memory_limit : str
        For DuckDB, which is given less where the rows are narrow.
    """
    import duckdb

    reader = pa.RecordBatchReader.from_batches(schema, batches)
    config: Any = {"memory_limit": memory_limit, "temp_directory": str(scratch / "spill")}
    with duckdb.connect(config=config) as connection:
        rows = spare_memory(connection, len(schema.names))
        connection.execute(f"ATTACH ? AS store (ROW_GROUP_SIZE {rows})", [str(file)])
        connection.execute("USE store")
        connection.register("staged", reader)
        table = exp.Create(this=exp.to_table("profiles"), kind="TABLE", expression=_wide(run, schema))
        connection.execute(table.sql("duckdb", copy=False))
        connection.unregister("staged")
        connection.execute("CHECKPOINT store")


@dataclass(frozen=True)
class WriteSnapshotPart:
    """Writes one part of a run, in any process that sees the files; twice at the same time, too.

    Parameters
    ----------
    run : RunInfo
    schema : Schema
    memory_limit : str
        For DuckDB.
    """

    run: RunInfo
    schema: pa.Schema
    memory_limit: str

    def __call__(self, file: Path, batches: Iterator[pa.RecordBatch], scratch: Path) -> None:
        """Write ``batches``, by rising id, to ``file``; nothing is there before it is whole and on the disk.

        Parameters
        ----------
        file : Path
            In the folder of the writer that holds the store's lock.
        batches : iterator of RecordBatch
        scratch : Path
            Of its own, where DuckDB may spill; may be on a disk of this machine alone.
        """
        with Aside(file) as aside:
            write_snapshot(aside.path, self.run, self.schema, batches, scratch, self.memory_limit)
            sync(aside.path)
            aside.finish()


def spare_memory(connection: Any, columns: int) -> int:
    """Lower the memory limit to what a table of so many columns is written with as fast as with more.

    Returns
    -------
    int
        Rows of a group: fewer where groups of so many columns would not fit into the limit.
    """
    query = "SELECT current_setting('memory_limit'), current_setting('threads')"
    ((limit, threads),) = connection.execute(query).fetchall()
    number, unit = limit.split()
    most = float(number) * 1024 ** ["bytes", "KiB", "MiB", "GiB", "TiB"].index(unit)
    row = (threads + 1) * columns * 8  # of each group under way, and one more
    rows = next((n for n in ROW_GROUPS if 2 * n * row <= most), ROW_GROUPS[-1])
    enough = max(LEAST_MEMORY, ROW_GROUPS[0] * row)
    if enough < most:
        connection.execute(f"SET memory_limit = '{enough} bytes'")
    return rows


def _quoted(name: str) -> exp.Column:
    return exp.column(exp.to_identifier(name, quoted=True))


def _literal(value: str) -> exp.Literal:
    return exp.Literal.string(value)


def _wide(run: RunInfo, schema: pa.Schema) -> exp.Select:
    """Return the query for the columns of ``profiles``."""
    columns: list[exp.Expr] = [_quoted(name) for name in schema.names if ":" not in name]
    for tag in run.tags:
        words = {"value": (*tag.values, UNKNOWN), "band": tag.bands}
        for part in (*PARTS, "reasons", "reasons_method"):
            column: exp.Expr = _quoted(column_name(tag.tag, part))
            if part in words:
                kind = exp.DataType.build("ENUM", expressions=[_literal(w) for w in words[part]])
                column = exp.TryCast(this=column, to=kind)  # a word of no tag is counted by the checks
            columns.append(exp.alias_(column, column_name(tag.tag, part), quoted=True))
    return exp.select(*columns, copy=False).from_("staged", copy=False)
