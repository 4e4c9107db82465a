"""The lines of the sources, mapped and counted: of each source all of them, those of new files, or none where nothing is new."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlglot import exp

from tagcast.features.core.errors import DataError, TagcastError
from tagcast.features.core.messages import Text, msg
from tagcast.features.core.schema.sources import Source
from tagcast.features.core.settings import Settings
from tagcast.features.ingest.event_log_content import LogContent, SourceCount
from tagcast.features.ingest.parts.mapped_lines import SourceQuery
from tagcast.features.ingest.parts.marks import SourceMark
from tagcast.features.ingest.readers.scans import column
from tagcast.features.ingest.readers.table_reader import Reader
from tagcast.features.ingest.source_query import source_query
from tagcast.features.ingest.sql_casts import as_key
from tagcast.features.ingest.texts.formats import time_hint
from tagcast.features.ingest.texts.numbers import look_at_numbers, number_hint

MAX_UNPARSABLE_SHARE = 0.01
Progress = Callable[[Text, int, int], None]


@dataclass(frozen=True)
class LastLoad:
    """The event log of the last load, on which this one can build.

    Parameters
    ----------
    folder : Path
    content : LogContent
    marks : dict of str to SourceMark
    """

    folder: Path
    content: LogContent
    marks: Mapping[str, SourceMark]

    def count(self, source: str) -> SourceCount | None:
        """Return what a source gave then."""
        return next((one for one in self.content.sources if one.name == source), None)


@dataclass(frozen=True)
class Staged:
    """A source as this load found it.

    Parameters
    ----------
    source : Source
    mark : SourceMark
    count : SourceCount
    file : Path or None
        Lines that were read; None where nothing is new.
    added : bool
        Whether its lines of the last load are still there, beside those that were read.
    """

    source: Source
    mark: SourceMark
    count: SourceCount
    file: Path | None
    added: bool

    @property
    def kept(self) -> bool:
        """Whether its lines of the last load are still there."""
        return self.added or self.file is None


class Stager:
    """Reads the sources of a project.

    Parameters
    ----------
    settings : Settings
    reader : Reader
    aside : Path
        Folder for what is read.
    marks : mapping of str to SourceMark
        Of all sources now.
    last : LastLoad, optional
    """

    def __init__(
        self,
        settings: Settings,
        reader: Reader,
        aside: Path,
        marks: Mapping[str, SourceMark],
        last: LastLoad | None,
    ) -> None:
        self._settings, self._reader, self._aside = settings, reader, aside
        self._marks, self._last = marks, last
        self._files = 0

    def stage(self, identity: exp.Expr | None, progress: Progress) -> list[Staged]:
        """Read what is new of every source.

        Parameters
        ----------
        identity : query, optional
            Whom the ids of the sources belong to.
        progress : callable

        Raises
        ------
        ConfigError, DataError
            Naming the source, what was found and the hint.
        """
        sources = self._settings.sources
        # Every source is opened before any is read: a wrong column is reported at once.
        opened = [self._opened(source) for source in sources]
        found = []
        for number, (source, query) in enumerate(zip(sources, opened, strict=True)):
            progress(msg("sources"), number, len(sources))
            found.append(self._staged(source, query, identity))
        progress(msg("sources"), len(sources), len(sources))
        return found

    def whole(self, source: Source, identity: exp.Expr | None) -> Staged:
        """Read every line of a source, whatever the last load held of it."""
        return self._staged(source, (source_query(source, self._settings, self._reader), False), identity)

    def _opened(self, source: Source) -> tuple[SourceQuery, bool] | None:
        """Return what reads a source, and whether of its new files alone; None where nothing is new."""
        mark, last = self._marks[source.name], self._last
        before = last.marks.get(source.name) if last is not None else None
        if last is not None and before is not None and last.count(source.name) is not None:
            if mark.is_as(before):
                return None
            files = mark.added_since(before)
            # Equal lines count once across all files; and how many ids are nobody's is counted over all.
            if files and not source.deduplicate and self._settings.identity is None:
                query = self._of_new(source, files)
                if query is not None and query.shape == before.shape:
                    return query, True
        return source_query(source, self._settings, self._reader), False

    def _of_new(self, source: Source, files: Collection[str]) -> SourceQuery | None:
        """Return what reads new files; None where they cannot be read by themselves."""
        try:
            return source_query(source, self._settings, self._reader, files)
        except TagcastError:
            return None  # all files together may tell what these alone do not, or why they cannot be read

    def _staged(
        self, source: Source, opened: tuple[SourceQuery, bool] | None, identity: exp.Expr | None
    ) -> Staged:
        mark = self._marks[source.name]
        before = self._last.count(source.name) if self._last is not None else None
        if opened is None:
            assert before is not None and self._last is not None  # noqa: S101, PT018 - _opened has looked
            return Staged(source, self._last.marks[source.name], before, None, added=False)
        query, added = opened
        target = self._aside / f"stage-{self._files}.parquet"
        self._files += 1
        count = _write(self._reader, source, query, identity, target, before if added else None)
        return Staged(source, mark.shaped(query.shape), count, target, added)


def identity_query(settings: Settings, reader: Reader) -> exp.Expr | None:
    """Return ``source, source_id, placed`` of the identity table, None where there is none.

    Raises
    ------
    DataError
        When a source id belongs to more than one profile.
    """
    if settings.identity is None:
        return None
    place = settings.identity
    names = {"source": place.source, "source_id": place.source_id, "placed": place.profile_id}
    table = reader.open(place, "identity", set(names.values()), set(names.values()))
    found = {alias: table.find(name, "identity") for alias, name in names.items()}
    picked = exp.select(
        *[exp.alias_(as_key(column(c), table.columns[c]), a) for a, c in found.items()]
    ).distinct()
    query = picked.from_(table.relation)
    known = exp.select("*").from_(query.subquery("i")).where("source IS NOT NULL AND source_id IS NOT NULL")
    keys = exp.select("source", "source_id").from_(known.subquery("i")).group_by("source", "source_id")
    twice = exp.select(exp.Count(this=exp.Star())).from_(keys.having("count(*) > 1").subquery("k"))
    with reader.reading("identity"):
        (several,) = reader.connection.execute(twice.sql("duckdb")).fetchall()[0]
    if several:
        raise DataError(
            msg("identity: {several:,} source ids belong to more than one profile", several=several),
            hint=msg("give each source id one profile_id"),
        )
    return query


def _write(
    reader: Reader,
    source: Source,
    query: SourceQuery,
    identity: exp.Expr | None,
    target: Path,
    before: SourceCount | None,
) -> SourceCount:
    """Write a source's lines and count what will be left out of the log, beside what there was ``before``."""
    name, connection = source.name, reader.connection
    placed = exp.select("e.*").from_(query.select.subquery("e", copy=False), copy=False)
    if identity is None:
        placed = placed.select(exp.alias_(exp.column("profile_id", "e"), "placed"))
    else:
        same = exp.and_(
            exp.column("source", "e").eq(exp.column("source", "i")),
            exp.column("profile_id", "e").eq(exp.column("source_id", "i")),
        )
        table = exp.select("*").from_(exp.Subquery(this=identity.copy())).subquery("i")
        placed = placed.select("i.placed").join(table, on=same, join_type="left")
    connection.execute("SET TimeZone = ?", [source.timezone])
    with reader.reading(f"sources.{name}"):
        connection.sql(placed.sql("duckdb")).write_parquet(str(target))
    *counts, amounts, time, amount = connection.execute(
        """SELECT count(*), count(*) FILTER (profile_id IS NULL), count(*) FILTER (event_time IS NULL),
                  count(DISTINCT profile_id) FILTER (placed IS NULL), count(*) FILTER (NOT matched),
                  count(amount), min(unread_event_time), min(unread_amount)
           FROM read_parquet(?)""",
        [str(target)],
    ).fetchall()[0]
    found = SourceCount(name, *counts).beside(before)
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
                example=time or "",
            ),
            hint=time_hint(connection, query.texts.get("event_time"), source.timezone),
        )
    if before is None and not amounts and ("amount" in source.columns or "amount" in source.derive):
        texts = query.texts.get("amount")
        raise DataError(
            msg(
                "sources.{name}: amount is a number on none of {rows:,} rows, as in {example!r}",
                name=name,
                rows=found.rows,
                example=amount or "",
            ),
            hint=number_hint(source, "amount", look_at_numbers(connection, texts) if texts else None),
        )
    return found
