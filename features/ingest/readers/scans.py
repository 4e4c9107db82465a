"""What DuckDB scans: Parquet and CSV files as relations, with nothing left to be guessed."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from glob import escape
from pathlib import Path
from typing import Any

from sqlglot import exp

from tagcast.features.ingest.readers.csv_dialect import Dialect

NOTHING = '"NULL"'
"""DuckDB's type of a column that holds no value."""
_ESCAPED = re.compile(r"\[([*?[])\]")


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


def scanned_files(relation: exp.Expr) -> list[Path]:
    """Return the files that are scanned in a relation, each once."""
    names = dict.fromkeys(str(name.this) for scan in _scanned(relation) for name in scan.expressions)
    return [Path(_ESCAPED.sub(r"\1", name)) for name in names]


def scan_only(relation: exp.Expr, files: Collection[Path]) -> None:
    """Let a relation have the lines of some of its files, in the columns and types that all of them have together."""
    wanted = {escape(str(file)) for file in files}
    for scan in _scanned(relation):
        here = [name for name in scan.expressions if name.this in wanted]
        call = scan.parent
        scan.set("expressions", here or scan.expressions[:1])
        if not here and call is not None:
            # What lies in other files still decides which types the columns have together.
            call.replace(exp.select("*").from_(call.copy()).limit(0).subquery("nothing"))


def _scanned(relation: exp.Expr) -> list[exp.Array]:
    return [
        names
        for names in relation.find_all(exp.Array)
        if isinstance(names.parent, exp.ReadCSV | exp.ReadParquet)
    ]


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
