"""A table as DuckDB reads it: parts that differ in columns and types, united by name into one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

from sqlglot import exp

from tagcast.features.core.errors import DataError
from tagcast.features.core.messages import listed, msg
from tagcast.features.ingest.readers.nested.column_problems import ColumnProblem
from tagcast.features.ingest.readers.nested.value_paths import path_in, path_text
from tagcast.features.ingest.readers.scans import NOTHING, Part
from tagcast.features.ingest.sql_allow_list import suggest
from tagcast.features.ingest.sql_casts import NUMERIC, as_text, base_type

_MOST_NAMED = 3
FILES = "files"
"""What stands for a place in queries over it."""


@dataclass(frozen=True)
class Table:
    """A table that DuckDB can read, with its columns and their types.

    Parameters
    ----------
    relation : exp.Expr
    columns : dict of str to str
        Name to DuckDB type.
        A value inside of a column is a column too, named by its path, where it was needed.
    untyped : frozenset of str
        Columns that are text because nothing says what they are: those of a CSV or JSON file, and those that differ in
        kind from file to file.
    unread : frozenset of str
        Further columns that are there, and were not needed.
    problems : dict of str to ColumnProblem
        By lower-case name, why a needed column or path cannot be mapped.
    """

    relation: exp.Expr
    columns: dict[str, str]
    untyped: frozenset[str] = frozenset()
    unread: frozenset[str] = frozenset()
    problems: dict[str, ColumnProblem] = field(default_factory=dict)

    def find(self, name: str, where: str) -> str:
        """Return the column that the mapping calls ``name``.

        Raises
        ------
        DataError
            When there is none, or when it holds no plain values.
        """
        path = path_in(name)
        written = name if name in self.columns or path is None else path_text(path)
        problem = self.problems.get(written.lower())
        if problem is not None:
            raise DataError(msg("{where}: {problem}", where=where, problem=problem.text), hint=problem.hint)
        if written not in self.columns:
            raise DataError(
                msg("{where}: there is no column {name!r}", where=where, name=name),
                hint=suggest(name, [*self.columns, *sorted(self.unread)]),
            )
        return written

    def as_(self, alias: str) -> exp.Subquery:
        """Return the table under ``alias``; a bare function would lose it."""
        return exp.select("*").from_(self.relation.copy()).subquery(alias)


def united(
    reading: Callable[[str], AbstractContextManager[None]],
    connection: Any,
    parts: list[Part],
    where: str,
    needed: Collection[str],
    text: Collection[str],
    untyped: Collection[str] | None,
) -> Table:
    """Return one table of all parts.

    Parameters
    ----------
    reading : callable
        Turns what DuckDB raises into an error of the place.
    connection : duckdb.DuckDBPyConnection
    parts : list of Part
    where : str
        Names the place in errors.
    needed, text : collection of str
        Columns that every part has to have; those that are wanted as text.
    untyped : collection of str or None
        Columns that are text because nothing says what they are; None: every column is.
    """
    spelt: dict[str, str] = {}
    for part in parts:
        for name in part.columns:
            spelt.setdefault(name.lower(), name)
    _whole(parts, spelt, needed, where)
    wanted = {name.lower() for name in text}
    mixed: set[str] = set()
    selects = [exp.select().from_(part.relation) for part in parts]
    found = [{name.lower(): value for name, value in part.columns.items()} for part in parts]
    for key, name in spelt.items():
        kinds = {columns[key][1] for columns in found if key in columns} - {NOTHING}
        as_words = len(kinds) > 1 and (key in wanted or not all(base_type(kind) in NUMERIC for kind in kinds))
        if as_words:
            mixed.add(name)
        for select, columns in zip(selects, found, strict=True):
            value, kind = columns.get(key, (exp.null(), NOTHING))
            value = as_text(value, kind) if as_words and kind != NOTHING else value.copy()
            select.select(exp.alias_(value, name, quoted=True), copy=False)
    union: exp.Expr = selects[0]
    for select in selects[1:]:
        union = exp.union(union, select, distinct=False, copy=False)
    relation = exp.Subquery(this=union, alias=exp.TableAlias(this=exp.to_identifier(FILES)))
    with reading(where):
        described = connection.sql(exp.select("*").from_(relation).limit(0).sql("duckdb"))
    columns_of = dict(zip(described.columns, map(str, described.types), strict=True))
    return Table(relation, columns_of, frozenset(columns_of if untyped is None else {*untyped, *mixed}))


def _whole(parts: Sequence[Part], spelt: dict[str, str], needed: Collection[str], where: str) -> None:
    for name in needed:
        lacking = [p for p in parts if name.lower() not in {c.lower() for c in p.columns}]
        if lacking and len(lacking) < len(parts):
            files = [f.name for part in lacking for f in part.files]
            shown = [*files[:_MOST_NAMED], *(["…"] if len(files) > _MOST_NAMED else [])]
            raise DataError(
                msg(
                    "{where}: there is no column {name!r} in {files}, but in other files",
                    where=where,
                    name=spelt[name.lower()],
                    files=listed(shown),
                ),
                hint=msg("add the column to these files, or make a source of its own of them"),
            )
