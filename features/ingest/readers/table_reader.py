"""The places of a configuration, opened as tables that DuckDB reads: columns by name, types by union over all files."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sqlglot import exp

from tagcast.features.core.errors import DataError
from tagcast.features.core.messages import listed, msg
from tagcast.features.core.schema.sources import Place
from tagcast.features.core.settings import Settings
from tagcast.features.ingest.readers.csv_dialect import Dialect, as_utf8, dialect_of
from tagcast.features.ingest.readers.csv_errors import explained
from tagcast.features.ingest.readers.database import stage_database
from tagcast.features.ingest.readers.files import data_files, file_kind
from tagcast.features.ingest.readers.nested.column_problems import ColumnProblem
from tagcast.features.ingest.readers.nested.json_files import LINE_DIGEST, JsonStage
from tagcast.features.ingest.readers.nested.structures import with_paths
from tagcast.features.ingest.readers.nested.value_paths import path_in, path_text
from tagcast.features.ingest.readers.scans import NOTHING, Part, alike, column, csv_part, parquet_scan
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


class Reader:
    """Opens the places of a configuration for one DuckDB connection.

    Parameters
    ----------
    settings : Settings
    connection : duckdb.DuckDBPyConnection
    staging : Path
        Where database tables, and texts that are not UTF-8, are stored while they are read.
    """

    def __init__(self, settings: Settings, connection: Any, staging: Path) -> None:
        self.settings = settings
        self.connection = connection
        self.staging = staging
        self._staged = 0
        self._originals: dict[str, str] = {}

    def open(
        self,
        place: Place,
        where: str,
        needed: Collection[str],
        text: Collection[str] = (),
        *,
        whole: bool = False,
        files: Collection[Path] | None = None,
    ) -> Table:
        """Return ``place`` as a table.

        Parameters
        ----------
        place : Place
        where : str
            Names the place in errors.
        needed : collection of str
            Columns, in any case; of a database nothing else is fetched.
        text : collection of str
            Those of them that are wanted as text, whatever types the files give them.
        whole : bool
            Fetch all columns: whole lines are compared.
        files : collection of Path, optional
            Of its files those that are read; all by default.

        Raises
        ------
        DataError
            When it is missing, empty, or cannot be read, or when some of its files lack a needed column.
        """
        if place.url is not None:
            target = self._stage("database")
            label = f"{self.settings.path.name}: {where}"
            untyped, problems = stage_database(
                place, target, label, folder=self.settings.folder, needed=needed, whole=whole
            )
            parts = [self._parquet([f], where) for f in sorted(target.glob("*.parquet"))]
            return replace(self._united(alike(parts), where, (), text, untyped), problems=problems)
        path = self.settings.resolve(place.path or "", where)
        there = data_files(path, where, self.settings.path.name)
        files = there if files is None else [file for file in there if file in files]
        kinds = {place.format or file_kind(f, where): f for f in files}
        if len(kinds) > 1:
            raise DataError(
                msg(
                    "{where}: {files} are of different kinds",
                    where=where,
                    files=listed(f.name for f in kinds.values()),
                ),
                hint=msg("make a source of each kind"),
            )
        if "json" in kinds:
            return self._json(files, where, place.encoding, needed, whole=whole)
        if "csv" in kinds:
            parts = self._csv_parts(files, where, place.encoding, needed)
        else:
            parts = alike([self._parquet([f], where) for f in files])
        with self.reading(where):
            named, problems, texts = with_paths(self.connection, parts, needed)
        table = self._united(parts, where, named, text, None if "csv" in kinds else texts)
        return replace(table, problems=problems)

    def _json(
        self, files: Sequence[Path], where: str, encoding: str | None, needed: Collection[str], *, whole: bool
    ) -> Table:
        target = self._stage("text").with_suffix(".parquet")
        staged = JsonStage(files, target, where, encoding).stage(needed, whole=whole)
        part = self._parquet([target], where)
        part.columns = {name: (column(c), "VARCHAR") for name, c in staged.columns.items()}
        if whole:
            # Equal lines are equal in what is not mapped too.
            part.columns[LINE_DIGEST] = column(LINE_DIGEST), "VARCHAR"
        table = self._united([part], where, (), (), None)
        columns = {name: kind for name, kind in table.columns.items() if name in staged.columns}
        return replace(
            table,
            columns=columns,
            untyped=frozenset(columns),
            unread=staged.names - columns.keys(),
            problems=staged.problems,
        )

    def _stage(self, name: str) -> Path:
        self._staged += 1
        return self.staging / f"{name}-{self._staged}"

    def _csv_parts(
        self, files: Sequence[Path], where: str, encoding: str | None, needed: Collection[str]
    ) -> list[Part]:
        groups: dict[Dialect, list[Path]] = {}
        for file in files:
            groups.setdefault(dialect_of(file, where, encoding, needed), []).append(file)
        parts = []
        for dialect, same in groups.items():
            read = same
            if dialect.encoding.lower().replace("_", "-") not in {"utf-8", "utf8", "utf-8-sig"}:
                read = []
                for file in same:
                    copy = as_utf8(file, dialect, self._stage("text").with_suffix(".csv"), where)
                    self._originals[str(copy)] = file.name
                    read.append(copy)
            parts.append(csv_part(dialect, read, packed=dialect.packed if read is same else None))
            parts[-1].files = same
        return parts

    def _parquet(self, files: list[Path], where: str) -> Part:
        import duckdb

        relation = parquet_scan(files)
        try:
            described = self.connection.sql(exp.select("*").from_(relation).limit(0).sql("duckdb"))
        except duckdb.Error as error:
            raise DataError(
                msg(
                    "{where}: {path} cannot be read as {format}", where=where, path=files[0], format="Parquet"
                ),
                hint=msg("check that the file is whole and of this format"),
            ) from error
        names = zip(described.columns, map(str, described.types), strict=True)
        types = dict(zip(described.columns, described.types, strict=True))
        return Part(relation, {name: (column(name), kind) for name, kind in names}, files, types)

    def _united(
        self,
        parts: list[Part],
        where: str,
        needed: Collection[str],
        text: Collection[str],
        untyped: Collection[str] | None,
    ) -> Table:
        """Return one table of all parts; ``untyped`` None: every column is."""
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
            as_words = len(kinds) > 1 and (
                key in wanted or not all(base_type(kind) in NUMERIC for kind in kinds)
            )
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
        with self.reading(where):
            described = self.connection.sql(exp.select("*").from_(relation).limit(0).sql("duckdb"))
        columns_of = dict(zip(described.columns, map(str, described.types), strict=True))
        return Table(relation, columns_of, frozenset(columns_of if untyped is None else {*untyped, *mixed}))

    @contextmanager
    def reading(self, where: str) -> Iterator[None]:
        """Turn what DuckDB raises while rows are read into one error that names file, line and cause."""
        import duckdb

        try:
            yield
        except duckdb.Error as error:
            raise explained(error, where, self._originals) from error


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
