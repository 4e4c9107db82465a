"""What DuckDB scans: Parquet and CSV files as relations, with nothing left to be guessed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from glob import escape
from pathlib import Path
from typing import Any

from sqlglot import exp

from tagcast.features.ingest.readers.csv_dialect import Dialect

NOTHING = '"NULL"'
"""DuckDB's type of a column that holds no value."""


def column(name: str, table: str | None = None) -> exp.Column:
    """Return a quoted column."""
    return exp.column(exp.to_identifier(name, quoted=True), table=exp.to_identifier(table) if table else None)


@dataclass
class Part:
    """Files that are alike in columns and types.

    Parameters
    ----------
    relation : exp.Expr
        What reads them.
    columns : dict of str to (exp.Expr, str)
        Name to expression and DuckDB type.
    files : list of Path
    types : dict of str to DuckDBPyType
        Of the columns of Parquet, whose structures are looked into.
    unnested : tuple of str
        Keys of the list of which each line holds an element; none where nothing was unnested.
    """

    relation: exp.Expr
    columns: dict[str, tuple[exp.Expr, str]]
    files: list[Path] = field(default_factory=list)
    types: dict[str, Any] = field(default_factory=dict)
    unnested: tuple[str, ...] = ()


def alike(parts: Sequence[Part]) -> list[Part]:
    """Return parts of Parquet of equal columns and types as one."""
    groups: dict[tuple[tuple[str, str], ...], Part] = {}
    for part in parts:
        key = tuple((name, kind) for name, (_, kind) in part.columns.items())
        if key in groups:
            groups[key].files.extend(part.files)
        else:
            groups[key] = part
    for part in groups.values():
        part.relation = parquet_scan(part.files)
    return list(groups.values())


def parquet_scan(files: Sequence[Path]) -> exp.Expr:
    """Return what reads Parquet files."""
    # The names are files, not patterns. Folders such as day=2026-01-05 give text, as they stand.
    every = exp.array(*[exp.Literal.string(escape(str(f))) for f in files])
    options = [_option("binary_as_string", True), _option("hive_types_autocast", False)]
    return exp.func("read_parquet", every, *options)


def csv_part(dialect: Dialect, files: Sequence[Path], packed: str | None) -> Part:
    """Return CSV files that are written alike, every column as text."""
    every = exp.array(*[exp.Literal.string(escape(str(f))) for f in files])
    plain = [f"c{number}" for number in range(len(dialect.names))]
    types = exp.Struct(
        expressions=[
            exp.PropertyEQ(this=exp.Literal.string(name), expression=exp.Literal.string("VARCHAR"))
            for name in plain
        ]
    )
    # Nothing is left to DuckDB's sniffer: from a sample it takes a later line for the header, and drops those before.
    options: dict[str, exp.Expr | str | bool | int] = {
        "auto_detect": False, "columns": types, "header": dialect.header, "skip": dialect.skip, "delim": dialect.separator,
        "quote": dialect.quote, "escape": dialect.escape, "compression": packed or "none",
    }  # fmt: skip
    relation = exp.func("read_csv", every, *[_option(name, value) for name, value in options.items()])
    columns: dict[str, tuple[exp.Expr, str]] = {
        name: (column(c), "VARCHAR") for name, c in zip(dialect.names, plain, strict=True)
    }  # fmt: skip
    return Part(relation, columns)


def _option(name: str, value: exp.Expr | str | bool | int) -> exp.PropertyEQ:
    given = value if isinstance(value, exp.Expr) else exp.convert(value)
    return exp.PropertyEQ(this=exp.to_identifier(name), expression=given)
