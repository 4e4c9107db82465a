"""Mapped lines of a source, written and counted, and refused where they are of no use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlglot import exp

from tagcast.features.core.duckdb import DuckDbConfig
from tagcast.features.core.engines.query_engine import QueryEngine, write_file
from tagcast.features.core.errors import DataError
from tagcast.features.core.messages import msg
from tagcast.features.core.schema.sources import Source
from tagcast.features.ingest.event_log_content import SourceCount
from tagcast.features.ingest.parts.mapped_lines import SourceQuery, read_beside, read_by
from tagcast.features.ingest.parts.marks import SourceMark
from tagcast.features.ingest.readers.csv_errors import explained
from tagcast.features.ingest.readers.nested.unnested_parts import use_called
from tagcast.features.ingest.readers.places import Places
from tagcast.features.ingest.readers.scans import parquet_scan, scan_only, scanned_files
from tagcast.features.ingest.readers.table_reader import Reader
from tagcast.features.ingest.suppression.left_out import SUPPRESSED, blanked
from tagcast.features.ingest.texts.formats import time_hint
from tagcast.features.ingest.texts.numbers import look_at_numbers, number_hint

MAX_UNPARSABLE_SHARE = 0.01
ROWS_OF_A_GROUP = 8_192
"""Of mapped lines that are read by ranges: few are read in vain at the borders of a range."""
BYTES_TOGETHER = 64 << 20
"""Of files that are mapped together: a million lines or two."""

_COUNTED = """SELECT count(*), 0, count(*) FILTER (profile_id IS NULL), count(*) FILTER (event_time IS NULL),
    count(*) FILTER (NOT matched), count(amount), min(unread_event_time), min(unread_amount) FROM read_parquet(?)"""
_COUNTED_BLANK = """SELECT count(*), count(*) FILTER (suppressed), count(*) FILTER (NOT suppressed AND profile_id IS NULL),
    count(*) FILTER (NOT suppressed AND event_time IS NULL), count(*) FILTER (NOT matched), count(amount), min(unread_event_time),
    min(unread_amount) FROM read_parquet(?)"""


@dataclass(frozen=True)
class MappedLines:
    """Lines of a source that were mapped: where they lie, what will be left out of the log, and examples of it."""

    files: tuple[Path, ...]
    count: SourceCount
    amounts: int = 0
    time: str | None = None
    amount: str | None = None

    @property
    def is_there(self) -> bool:
        """Whether they can still be read."""
        return bool(self.files) and all(file.is_file() for file in self.files)

    @classmethod
    def of(
        cls,
        queries: QueryEngine,
        reader: Reader,
        source: Source,
        query: SourceQuery | None,
        identity: exp.Expr | None,
        target: Path,
    ) -> MappedLines:
        """Write the lines of a query; none where there is no query.

        Parameters
        ----------
        queries : QueryEngine
        reader : Reader
        source : Source
        query : SourceQuery or None
        identity : query, optional
            Whom the ids of the sources belong to.
        target : Path
            What the files are called, but for a number.
        """
        by_ranges = queries.engine.elsewhere
        nothing = cls((), SourceCount(source.name, 0, 0, 0, 0, 0))
        if query is None:
            return nothing
        lines, where = query.placed(identity).copy(), f"sources.{source.name}"
        files = scanned_files(read_by(lines))
        if not files or not queries.sees(files):
            queries = queries.here
        beside = [part for part in read_beside(lines) if not queries.sees(scanned_files(part))]
        with reader.reading(where):
            _stage_beside(reader, beside, target)
        suppression = reader.places.suppression
        if suppression:
            listed = suppression.written(target.with_stem(f"{target.stem}-{SUPPRESSED}"))
            names = [*query.select.named_selects, "placed"]
            lines = blanked(lines, names, source.name, listed)
        options = {"row_group_size": ROWS_OF_A_GROUP} if by_ranges else {}
        work = _FileLines(
            queries.duckdb,
            lines.order_by("placed", "profile_id") if by_ranges else lines,
            source.name,
            source.timezone,
            reader.originals,
            target,
            options,
            bool(suppression),
        )
        # Equal lines count once across all files.
        together = not queries.engine.elsewhere or source.deduplicate
        items = list(enumerate([()] if together else _some_each(files)))
        found = nothing
        for mapped in queries.each(work, items):
            found = found.beside(mapped)
        if identity is not None:
            (unplaced,) = reader.connection.execute(
                "SELECT count(DISTINCT profile_id) FROM read_parquet(?) WHERE placed IS NULL",
                [[str(file) for file in found.files]],
            ).fetchall()[0]
            found = replace(found, count=replace(found.count, unplaced_ids=unplaced))
        return found

    def beside(self, other: MappedLines) -> MappedLines:
        """Return these and further lines of the source."""
        return MappedLines(
            (*self.files, *other.files),
            self.count.beside(other.count),
            self.amounts + other.amounts,
            _least(self.time, other.time),
            _least(self.amount, other.amount),
        )


@dataclass(frozen=True)
class _FileLines:
    """Writes and counts the lines of some files of a source.

    Parameters
    ----------
    duckdb : DuckDbConfig
    lines : exp.Select
        Those of all files.
    source, timezone : str
    originals : mapping of str to str
        What files are called in errors.
    target : Path
    options : mapping
        How they are written.
    suppressing : bool
        Whether lines of erased profiles are blank.
    """

    duckdb: DuckDbConfig
    lines: exp.Select
    source: str
    timezone: str
    originals: Mapping[str, str]
    target: Path
    options: Mapping[str, Any]
    suppressing: bool

    def __call__(self, item: tuple[int, Sequence[Path]]) -> MappedLines:
        """Map the files of an item; without any, all."""
        import duckdb

        number, files = item
        lines, target = self.lines, self.target.with_stem(f"{self.target.stem}-{number}")
        if files:
            lines = lines.copy()
            scan_only(read_by(lines), files)
        with self.duckdb.opened() as connection:
            use_called(connection, lines)
            connection.execute("SET TimeZone = ?", [self.timezone])
            try:
                write_file(connection, lines, target, **self.options)
            except duckdb.Error as error:
                raise explained(error, f"sources.{self.source}", self.originals) from error
            rows, blank, ids, times, matched, amounts, time, amount = connection.execute(
                _COUNTED_BLANK if self.suppressing else _COUNTED, [str(target)]
            ).fetchall()[0]
        count = SourceCount(self.source, rows, ids, times, 0, matched, blank)
        return MappedLines((target,), count, amounts, time, amount)


def _stage_beside(reader: Reader, tables: Sequence[exp.Subquery], target: Path) -> None:
    """Write tables that only this process sees beside ``target``, and let their lines be read there."""
    for number, table in enumerate(tables):
        copy = target.with_stem(f"{target.stem}-beside-{number}")
        lines = exp.select("*").from_(table.copy())
        write_file(reader.connection, lines, copy)
        table.this.replace(exp.select("*").from_(parquet_scan([copy])))


def _some_each(files: Sequence[Path]) -> list[list[Path]]:
    """Return the files a few together, where they are small."""
    groups: list[list[Path]] = []
    held = 0
    for file in files:
        size = file.stat().st_size
        if not groups or held + size > BYTES_TOGETHER:
            groups.append([])
            held = 0
        groups[-1].append(file)
        held += size
    return groups


def _least(one: str | None, other: str | None) -> str | None:
    return min((text for text in (one, other) if text is not None), default=None, key=str.encode)


@dataclass(frozen=True)
class MappedSource:
    """All lines of a source as one step of a command has mapped them, for the steps after it.

    Parameters
    ----------
    mark : SourceMark
        What the source looked like.
    query : SourceQuery
    lines : MappedLines
    """

    mark: SourceMark
    query: SourceQuery
    lines: MappedLines


def mapped_before(places: Places, source: Source, mark: SourceMark) -> MappedSource | None:
    """Return what a step before has mapped of a source that looks like ``mark``."""
    made = places.made.get(f"sources.{source.name}")
    return made if isinstance(made, MappedSource) and made.mark == mark and made.lines.is_there else None


def check_lines(
    reader: Reader, source: Source, query: SourceQuery, found: SourceCount, read: MappedLines, *, whole: bool
) -> None:
    """Refuse a source whose lines are of no use.

    Parameters
    ----------
    reader : Reader
    source : Source
    query : SourceQuery
        That mapped them.
    found : SourceCount
        Of all of its lines.
    read : MappedLines
        Those of them that this load has mapped.
    whole : bool
        Whether these are all.

    Raises
    ------
    DataError
        Naming the source, what was found and the hint.
    """
    name, connection = source.name, reader.connection
    if not found.rows:
        raise DataError(
            msg("sources.{name}: no rows were read: the source is empty, or where leaves nothing", name=name),
            hint=msg("check path and where"),
        )
    if found.missing_ids == found.rows:
        raise DataError(
            msg("sources.{name}: no row has a profile_id", name=name), hint=msg("check columns.profile_id")
        )
    if found.unparsable_times > found.rows * MAX_UNPARSABLE_SHARE:
        raise DataError(
            msg(
                "sources.{name}: event_time cannot be read in {unparsable_times:,} of {rows:,} rows, as in {example!r}",
                name=name,
                unparsable_times=found.unparsable_times,
                rows=found.rows,
                example=read.time or "",
            ),
            hint=time_hint(
                connection, query.texts.get("event_time"), source.timezone, found.unparsable_times
            ),
        )
    if whole and not read.amounts and ("amount" in source.columns or "amount" in source.derive):
        texts = query.texts.get("amount")
        raise DataError(
            msg(
                "sources.{name}: amount is a number on none of {rows:,} rows, as in {example!r}",
                name=name,
                rows=found.rows,
                example=read.amount or "",
            ),
            hint=number_hint(source, "amount", look_at_numbers(connection, texts) if texts else None),
        )
