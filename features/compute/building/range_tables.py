"""The tables that the statements of a snapshot read: Parquet files, of everybody or of a range of ids."""

from __future__ import annotations

import glob
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlglot import exp

from tagcast.features.compute.building.statements import named
from tagcast.features.compute.dated_statements import DIALECT
from tagcast.features.core.duckdb import DuckDbConfig
from tagcast.features.core.engines.key_ranges import KeyRange


@dataclass(frozen=True)
class RangeTable:
    """A table by its name in statements.

    Parameters
    ----------
    name : str
    files : str or None
        Pattern of the Parquet files that hold it; None: it has no rows.
    key : str or None
        Column of the ids that a range is of; None: everybody's rows are read in each range.
    columns : tuple of str
        Numbers of a table without rows, beside the id.
    """

    name: str
    files: str | None = None
    key: str | None = None
    columns: tuple[str, ...] = ()

    def open(self, connection: Any, within: KeyRange) -> None:
        """Make it in a DuckDB connection: a view of what lies in the files of a range."""
        if self.files is None:
            connection.execute(_empty(self.name, self.columns).sql(DIALECT))
            return
        # A folder called as_of=… is no column of what lies in it.
        plain = exp.EQ(this=exp.column("hive_partitioning"), expression=exp.false())
        files = exp.func("read_parquet", exp.Literal.string(self.files), plain)
        rows = exp.select("*").from_(files) if self.key is None else within.rows(files, self.key)
        made = exp.Create(this=named(self.name), kind="VIEW", expression=rows, replace=True)
        connection.execute(made.sql(DIALECT))


@dataclass(frozen=True)
class RangeTables:
    """What statements over a range read, and the DuckDB that reads it.

    Parameters
    ----------
    tables : tuple of RangeTable
    duckdb : DuckDbConfig
    """

    tables: tuple[RangeTable, ...]
    duckdb: DuckDbConfig

    @contextmanager
    def opened(self, within: KeyRange) -> Iterator[Any]:
        """Yield a DuckDB connection with the tables of a range."""
        with self.duckdb.opened() as connection:
            for table in self.tables:
                table.open(connection, within)
            yield connection


def log_files(pattern: str) -> list[Path]:
    """Return the files of the event log, whose row groups say where ranges may begin."""
    return sorted(map(Path, glob.glob(pattern)))  # noqa: PTH207 - a pattern of an absolute name


def _empty(name: str, columns: Sequence[str]) -> exp.Create:
    kinds = {"profile_id": "VARCHAR", **dict.fromkeys(columns, "DOUBLE")}
    defined = [
        exp.ColumnDef(this=exp.to_identifier(column, quoted=True), kind=exp.DataType.build(kind))
        for column, kind in kinds.items()
    ]
    target = exp.Schema(this=named(name), expressions=defined)
    return exp.Create(this=target, kind="TABLE")
