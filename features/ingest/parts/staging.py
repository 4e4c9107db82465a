"""The lines of the sources, mapped and counted: of each source all of them, those of new files, or none where nothing is new."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlglot import exp

from tagcast.features.core.engines.query_engine import STAGED, QueryEngine
from tagcast.features.core.errors import DataError, TagcastError
from tagcast.features.core.messages import msg
from tagcast.features.core.schema.sources import Source
from tagcast.features.core.settings import Settings
from tagcast.features.ingest.event_log_content import LogContent, SourceCount
from tagcast.features.ingest.parts.counted_lines import MappedLines, check_lines, mapped_before
from tagcast.features.ingest.parts.mapped_lines import SourceQuery
from tagcast.features.ingest.parts.marks import SourceMark
from tagcast.features.ingest.readers.remote.fetched import Progress
from tagcast.features.ingest.readers.scans import column
from tagcast.features.ingest.readers.table_reader import Reader
from tagcast.features.ingest.source_query import needed_columns, source_query
from tagcast.features.ingest.sql_casts import as_key


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
class _Opened:
    """What reads a source: of what is new alone where ``added``, beside lines that are gone."""

    query: SourceQuery | None
    added: bool = False
    removed: SourceQuery | None = None
    lines: MappedLines | None = None
    """What it gives, where a step before has read it."""


@dataclass(frozen=True)
class Staged:
    """A source as this load found it.

    Parameters
    ----------
    source : Source
    mark : SourceMark
    count : SourceCount
    files : tuple of Path
        Lines that were read; none where nothing is new.
    added : bool
        Whether its lines of the last load are still there, beside those that were read.
    removed : tuple of Path
        Of its lines of the last load, those that are not there any more.
    """

    source: Source
    mark: SourceMark
    count: SourceCount
    files: tuple[Path, ...]
    added: bool
    removed: tuple[Path, ...] = ()

    @property
    def kept(self) -> bool:
        """Whether its lines of the last load are still there."""
        return self.added or not self.files


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
    queries : QueryEngine
        For what is read.
    """

    def __init__(
        self,
        settings: Settings,
        reader: Reader,
        aside: Path,
        marks: Mapping[str, SourceMark],
        last: LastLoad | None,
        queries: QueryEngine,
    ) -> None:
        self._queries = queries
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
        return self._staged(source, self._all_of(source), identity)

    def _opened(self, source: Source) -> _Opened | None:
        """Return what reads a source; None where nothing is new."""
        mark, last = self._marks[source.name], self._last
        before = last.marks.get(source.name) if last is not None else None
        if last is not None and before is not None and last.count(source.name) is not None:
            if mark.is_as(before):
                return None
            differs = mark.since(before)
            known = mapped_before(self._reader.places, source, mark)
            # Equal lines count once across all files; and how many ids are nobody's is counted over all.
            if differs and known is None and not source.deduplicate and self._settings.identity is None:
                opened = self._of_difference(source, *differs)
                queries = [] if opened is None else [one for one in (opened.query, opened.removed) if one]
                if queries and all(one.shape == before.shape for one in queries):
                    return opened
        return self._all_of(source)

    def _all_of(self, source: Source) -> _Opened:
        known = mapped_before(self._reader.places, source, self._marks[source.name])
        if known is not None:
            return _Opened(known.query, lines=known.lines)
        return _Opened(source_query(source, self._settings, self._reader))

    def _of_difference(
        self, source: Source, new: Mapping[str, str], gone: Mapping[str, str]
    ) -> _Opened | None:
        """Return what reads the lines that are new and those that are gone; None where they cannot be read by themselves."""
        if gone and (source.url is None or not self._still_there(source, gone)):
            return None
        try:
            read = [
                source_query(source, self._settings, self._reader, only) if only else None
                for only in (new, gone)
            ]
        except TagcastError:
            return None  # all lines together may tell what these alone do not, or why they cannot be read
        return _Opened(read[0], added=True, removed=read[1])

    def _still_there(self, source: Source, gone: Mapping[str, str]) -> bool:
        needed, _ = needed_columns(source, self._settings)
        where = f"sources.{source.name}"
        return self._reader.fetched(source, where, needed, whole=source.deduplicate).holds(gone)

    def _staged(self, source: Source, opened: _Opened | None, identity: exp.Expr | None) -> Staged:
        mark = self._marks[source.name]
        before = self._last.count(source.name) if self._last is not None else None
        if opened is None:
            assert before is not None and self._last is not None  # noqa: S101, PT018 - _opened has looked
            return Staged(source, self._last.marks[source.name], before, (), added=False)
        query = opened.query or opened.removed
        assert query is not None  # noqa: S101 - something differs
        read = opened.lines or self._mapped(source, opened.query, identity)
        removed = self._mapped(source, opened.removed, identity)
        count = read.count.beside(before).without(removed.count) if opened.added else read.count
        check_lines(self._reader, source, query, count, read, whole=not opened.added)
        return Staged(source, mark.shaped(query.shape), count, read.files, opened.added, removed.files)

    def _mapped(self, source: Source, query: SourceQuery | None, identity: exp.Expr | None) -> MappedLines:
        self._files += 1
        target = self._aside / f"{STAGED}{self._files}.parquet"
        return MappedLines.of(self._queries, self._reader, source, query, identity, target)


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
