"""The places of a configuration, opened as tables that DuckDB reads: columns by name, types by union over all files."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from glob import escape
from pathlib import Path
from typing import Any

from sqlglot import exp

from tagcast.features.core.errors import DataError
from tagcast.features.core.messages import listed, msg
from tagcast.features.core.settings import Settings
from tagcast.features.core.settings_schema import Place
from tagcast.features.ingest.readers.csv_dialect import Dialect, as_utf8, dialect_of
from tagcast.features.ingest.readers.csv_errors import explained
from tagcast.features.ingest.readers.database import stage_database
from tagcast.features.ingest.readers.files import data_files, file_kind
from tagcast.features.ingest.sql_casts import NUMERIC, as_text, base_type

_MOST_NAMED = 3
_NOTHING = '"NULL"'
"""DuckDB's type of a column that holds no value."""


def column(name: str, table: str | None = None) -> exp.Column:
    """Return a quoted column."""
    return exp.column(exp.to_identifier(name, quoted=True), table=exp.to_identifier(table) if table else None)


@dataclass(frozen=True)
class Table:
    """A table that DuckDB can read, with its columns and their types.

    Parameters
    ----------
    relation : exp.Expr
    columns : dict of str to str
        Name to DuckDB type.
    untyped : frozenset of str
        Columns that are text because nothing says what they are: those of a CSV file, and those that differ in kind
        from file to file.
    """

    relation: exp.Expr
    columns: dict[str, str]
    untyped: frozenset[str] = frozenset()

    def as_(self, alias: str) -> exp.Subquery:
        """Return the table under ``alias``; a bare function would lose it."""
        return exp.select("*").from_(self.relation.copy()).subquery(alias)


@dataclass
class _Part:
    """Files that are alike in columns and types: what reads them, and each column's expression and type."""

    relation: exp.Expr
    columns: dict[str, tuple[exp.Expr, str]]
    files: list[Path] = field(default_factory=list)


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

        Raises
        ------
        DataError
            When it is missing, empty, or cannot be read, or when some of its files lack a needed column.
        """
        if place.url is not None:
            target = self._stage("database")
            label = f"{self.settings.path.name}: {where}"
            wanted = None if whole else needed
            untyped = stage_database(place, target, label, folder=self.settings.folder, needed=wanted)
            parts = [self._parquet([f], where) for f in sorted(target.glob("*.parquet"))]
            return self._united(_alike(parts), where, str(target), (), text, untyped)
        path = self.settings.resolve(place.path or "", where)
        files = data_files(path, where, self.settings.path.name)
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
        if "csv" in kinds:
            parts = self._csv_parts(files, where, place.encoding, needed)
        else:
            parts = _alike([self._parquet([f], where) for f in files])
            for part in parts:
                part.relation = _read_parquet(part.files)
        return self._united(parts, where, path, needed, text, None if "csv" in kinds else ())

    def _stage(self, name: str) -> Path:
        self._staged += 1
        return self.staging / f"{name}-{self._staged}"

    def _csv_parts(
        self, files: Sequence[Path], where: str, encoding: str | None, needed: Collection[str]
    ) -> list[_Part]:
        groups: dict[Dialect, list[Path]] = {}
        for file in files:
            groups.setdefault(dialect_of(file, where, encoding, needed), []).append(file)
        parts = []
        for dialect, alike in groups.items():
            read = alike
            if dialect.encoding.lower().replace("_", "-") not in {"utf-8", "utf8", "utf-8-sig"}:
                read = []
                for file in alike:
                    copy = as_utf8(file, dialect, self._stage("text").with_suffix(".csv"), where)
                    self._originals[str(copy)] = file.name
                    read.append(copy)
            parts.append(_csv_part(dialect, read, packed=dialect.packed if read is alike else None))
            parts[-1].files = alike
        return parts

    def _parquet(self, files: list[Path], where: str) -> _Part:
        import duckdb

        relation = _read_parquet(files)
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
        return _Part(relation, {name: (column(name), kind) for name, kind in names}, files)

    def _united(
        self,
        parts: list[_Part],
        where: str,
        path: str,
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
            kinds = {columns[key][1] for columns in found if key in columns} - {_NOTHING}
            as_words = len(kinds) > 1 and (
                key in wanted or not all(base_type(kind) in NUMERIC for kind in kinds)
            )
            if as_words:
                mixed.add(name)
            for select, columns in zip(selects, found, strict=True):
                value, kind = columns.get(key, (exp.null(), _NOTHING))
                value = as_text(value, kind) if as_words and kind != _NOTHING else value.copy()
                select.select(exp.alias_(value, name, quoted=True), copy=False)
        union: exp.Expr = selects[0]
        for select in selects[1:]:
            union = exp.union(union, select, distinct=False, copy=False)
        relation = exp.Subquery(this=union, alias=exp.TableAlias(this=exp.to_identifier("files")))
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


def _alike(parts: Sequence[_Part]) -> list[_Part]:
    """Return parts of equal columns and types as one."""
    groups: dict[tuple[tuple[str, str], ...], _Part] = {}
    for part in parts:
        key = tuple((name, kind) for name, (_, kind) in part.columns.items())
        if key in groups:
            groups[key].files.extend(part.files)
        else:
            groups[key] = part
    for part in groups.values():
        part.relation = _read_parquet(part.files)
    return list(groups.values())


def _whole(parts: Sequence[_Part], spelt: dict[str, str], needed: Collection[str], where: str) -> None:
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


def _read_parquet(files: Sequence[Path]) -> exp.Expr:
    # The names are files, not patterns. Folders such as day=2026-01-05 give text, as they stand.
    every = exp.array(*[exp.Literal.string(escape(str(f))) for f in files])
    options = [_option("binary_as_string", True), _option("hive_types_autocast", False)]
    return exp.func("read_parquet", every, *options)


def _csv_part(dialect: Dialect, files: Sequence[Path], packed: str | None) -> _Part:
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
    return _Part(relation, columns)


def _option(name: str, value: exp.Expr | str | bool | int) -> exp.PropertyEQ:
    given = value if isinstance(value, exp.Expr) else exp.convert(value)
    return exp.PropertyEQ(this=exp.to_identifier(name), expression=given)
