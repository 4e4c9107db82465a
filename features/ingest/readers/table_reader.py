"""The places of a configuration, opened as tables that DuckDB reads: columns by name, types by union over all files."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from sqlglot import exp

from tagcast.features.core.errors import DataError
from tagcast.features.core.messages import msg
from tagcast.features.core.schema.sources import Place
from tagcast.features.core.settings import Settings
from tagcast.features.ingest.readers.arrow.arrow_files import arrow_table
from tagcast.features.ingest.readers.arrow.arrow_stage import NOTHING_WANTED, ArrowTable, stage_arrow
from tagcast.features.ingest.readers.arrow.spark_tables import SparkTable
from tagcast.features.ingest.readers.csv_dialect import Dialect, as_utf8, dialect_of
from tagcast.features.ingest.readers.csv_errors import explained
from tagcast.features.ingest.readers.databases.pieces import Fetched
from tagcast.features.ingest.readers.databases.scanned import keep_needed, parts_of
from tagcast.features.ingest.readers.files import changed_while_read, kind_of
from tagcast.features.ingest.readers.nested.json_files import LINE_DIGEST, JsonStage
from tagcast.features.ingest.readers.nested.structures import with_paths
from tagcast.features.ingest.readers.nested.unnested_parts import HIDDEN, unnest_parts
from tagcast.features.ingest.readers.partitions import shared_values, values_beside, values_in_path
from tagcast.features.ingest.readers.places import Places
from tagcast.features.ingest.readers.remote.fetched import Progress, unwatched
from tagcast.features.ingest.readers.scans import Part, alike, column, csv_part, parquet_scan
from tagcast.features.ingest.readers.table import Table, united
from tagcast.features.ingest.readers.units import FileListing, Listing, TableListing
from tagcast.features.ingest.readers.wanted import Wanted


class Reader:
    """Opens the places of a configuration for one DuckDB connection.

    Parameters
    ----------
    settings : Settings
    connection : duckdb.DuckDBPyConnection
    staging : Path
        Where texts that are not UTF-8 are stored while they are read, and what comes as Arrow.
    places : Places
        What the places hold.
    progress : callable, optional
        ``(stage, done, total)`` while files and lines are fetched.
    """

    def __init__(
        self,
        settings: Settings,
        connection: Any,
        staging: Path,
        places: Places,
        progress: Progress = unwatched,
    ) -> None:
        self.settings = settings
        self.connection = connection
        self.staging = staging
        self.places = places
        self._progress = progress
        self._staged = 0
        self._originals: dict[str, str] = {}
        self._read: dict[str, tuple[FileListing, set[str]]] = {}
        self._united = partial(united, self.reading, connection)

    def listing(self, place: Place, where: str) -> Listing | None:
        """Return what a place was made of when this was first asked, None of a database; all of it is read as of then."""
        return self.places.listing(place, where)

    def open(
        self,
        place: Place,
        where: str,
        needed: Collection[str],
        text: Collection[str] = (),
        *,
        whole: bool = False,
        only: Mapping[str, str] | None = None,
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
        only : mapping of str to str, optional
            Of the units of its listing, or of the buckets of a database, those that are read, by their marks; all by default.

        Raises
        ------
        DataError
            When it is missing, empty, or cannot be read, or when some of its files lack a needed column.
        """
        if place.url is not None:
            return self._from_database(place, where, needed, text, whole=whole, only=only)
        listing = self.listing(place, where)
        assert listing is not None  # noqa: S101 - None is a database
        names = listing.units if only is None else only
        wanted = Wanted(frozenset({*needed, *([place.unnest] if place.unnest else ())}), whole)
        tables: dict[str, ArrowTable] = {}
        further = frozenset[str]()
        if isinstance(listing, TableListing):
            tables[where], paths, kind = listing.table(names), [], "arrow"
        elif isinstance(listing, SparkTable):
            paths = self.places.written(listing, where, names, wanted, self._progress)
            kind, further = "parquet", listing.unread(wanted)
        else:
            self._read.setdefault(where, (listing, set()))[1].update(names)
            paths = listing.local(names, self._progress)
            kind = kind_of(place, paths, where)
        if kind == "json":
            return self._json(paths, where, place, needed, whole=whole)
        if kind in {"arrow", "orc"}:
            for path in paths:
                tables[str(path)] = arrow_table(path, kind, self._stage("text"), where)
            parts, further = self._arrow_parts(tables, where, wanted)
        elif kind == "csv":
            parts = self._csv_parts(paths, where, place.encoding, needed)
        else:
            parts = alike([self._parquet([f], where) for f in paths])
        with self.reading(where):
            if place.unnest is not None:
                unnest_parts(self.connection, parts, place.unnest, where, whole=whole)
            named, problems, texts = with_paths(self.connection, parts, needed)
        table = self._united(parts, where, named, text, None if kind == "csv" else texts)
        columns = {name: kind for name, kind in table.columns.items() if name not in HIDDEN}
        untyped = frozenset(table.untyped - HIDDEN)
        return replace(table, columns=columns, untyped=untyped, problems=problems, unread=further)

    def check_unchanged(self) -> None:
        """Raise DataError where a file that was read is not any more what it was when the places were listed."""
        for where, (listing, names) in self._read.items():
            changed = listing.changed(names & listing.units.keys())
            if changed is not None:
                raise changed_while_read(changed, where)

    @property
    def is_unchanged(self) -> bool:
        """Whether every file that was read is still what it was when the places were listed."""
        try:
            self.check_unchanged()
        except DataError:
            return False
        return True

    def tidy(self) -> None:
        """Remove what is kept of databases and no load needs any more."""
        self.places.tidy()

    def sweep(self) -> None:
        """Remove what was fetched for these places before, and is not named any more; when nobody else reads it."""
        for listing, _ in self._read.values():
            listing.sweep()

    @property
    def originals(self) -> Mapping[str, str]:
        """Files that were written anew in UTF-8, to the names of those they were made of."""
        return self._originals

    def _arrow_parts(
        self, tables: Mapping[str, ArrowTable], where: str, wanted: Wanted
    ) -> tuple[list[Part], frozenset[str]]:
        beside = values_beside(tables)
        originals: dict[Path, Path] = {}
        unread: set[str] = set()
        parts = []
        for name, table in tables.items():
            target = self._stage("text").with_suffix(".parquet")
            unread |= stage_arrow(table, target, wanted, where, beside[name])
            originals[target] = Path(table.label)
            parts.append(self._parquet([target], where))
        united_parts = alike(parts)
        for part in united_parts:
            part.files = [originals[file] for file in part.files]
            part.columns.pop(NOTHING_WANTED, None)
        return united_parts, frozenset(unread)

    def fetched(self, place: Place, where: str, needed: Collection[str], *, whole: bool = False) -> Fetched:
        """Return what is kept of a database's place, as it is now: the server is asked once.

        Parameters
        ----------
        place, where, needed, whole
            As of :meth:`open`.
        """
        progress = partial(self._progress, msg("days of {where}", where=where))
        return self.places.fetched(place, where, needed, whole=whole, progress=progress)

    def _from_database(
        self,
        place: Place,
        where: str,
        needed: Collection[str],
        text: Collection[str],
        *,
        whole: bool,
        only: Mapping[str, str] | None,
    ) -> Table:
        fetched = self.fetched(place, where, needed, whole=whole)
        parts = parts_of(fetched, only, lambda file: self._parquet([file], where))
        with self.reading(where):
            _named, problems, texts = with_paths(self.connection, parts, needed)
        if not whole:
            keep_needed(parts, needed, texts)
        table = self._united(parts, where, (), text, {*fetched.untyped, *texts})
        return replace(table, problems=problems)

    def _json(
        self, files: Sequence[Path], where: str, place: Place, needed: Collection[str], *, whole: bool
    ) -> Table:
        target = self._stage("text").with_suffix(".parquet")
        beside = values_beside([str(file) for file in files])
        stage = JsonStage(files, target, where, place.encoding, unnest=place.unnest, beside=beside)
        staged = stage.stage(needed, whole=whole)
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
                    # In folders of the same names: they may say something of the lines.
                    folder = self._stage("text").joinpath(*(n for n in file.parts[:-1] if n.count("=") == 1))
                    folder.mkdir(parents=True)
                    copy = as_utf8(file, dialect, folder / "text.csv", where)
                    self._originals[str(copy)] = file.name
                    read.append(copy)
            part = csv_part(dialect, read, packed=dialect.packed if read is same else None)
            for name in shared_values({str(file): values_in_path(str(file)) for file in read}):
                part.columns[name] = column(name), "VARCHAR"
            part.files = same
            parts.append(part)
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

    @contextmanager
    def reading(self, where: str) -> Iterator[None]:
        """Turn what DuckDB raises while rows are read into one error that names file, line and cause."""
        import duckdb

        try:
            yield
        except duckdb.Error as error:
            raise explained(error, where, self._originals) from error
