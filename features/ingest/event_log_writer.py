"""Write the event log: stage each source, place ids on profiles, merge, sort, count.

Everything streams through DuckDB within the configured memory; nothing of a source is changed.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from sqlglot import exp

from tagcast.features.core.engines.engine import ONE_MACHINE, Engine
from tagcast.features.core.engines.query_engine import STAGED, QueryEngine
from tagcast.features.core.errors import DataError
from tagcast.features.core.messages import msg
from tagcast.features.core.settings import Settings
from tagcast.features.ingest.attributes.profiles import write_attributes
from tagcast.features.ingest.attributes.views import write_view_tables
from tagcast.features.ingest.event_log_content import VIEWS, LogContent, content_id
from tagcast.features.ingest.log_columns import column_kinds, log_columns
from tagcast.features.ingest.parts.facts import FACTS, read_facts, write_facts
from tagcast.features.ingest.parts.layout import (
    EVENTS,
    add_part,
    count_profiles,
    lines_of,
    merge_parts,
    take_over,
)
from tagcast.features.ingest.parts.marks import source_marks, unchecked_days, write_marks
from tagcast.features.ingest.parts.part_rows import PartRows
from tagcast.features.ingest.parts.staging import LastLoad, Staged, Stager, identity_query
from tagcast.features.ingest.readers.places import Places
from tagcast.features.ingest.readers.remote.fetched import Progress
from tagcast.features.ingest.readers.table_reader import Reader
from tagcast.features.ingest.suppression.left_out import without_erased
from tagcast.features.loads.day_totals import (
    DAY_TOTALS,
    lines_by_day,
    reading,
    replaced_days,
    write_day_totals,
)
from tagcast.features.loads.former_ids import PLACEMENTS
from tagcast.features.quality.source_spans import SourceSpan, source_span

MIN_PROFILES = 2


def write_log(
    settings: Settings,
    connection: Any,
    aside: Path,
    places: Places,
    progress: Progress,
    last: LastLoad | None = None,
    engine: Engine = ONE_MACHINE,
) -> LogContent:
    """Read every source, or what is new of it, and write the log (and ``profiles.parquet``) into ``aside``.

    Parameters
    ----------
    settings : Settings
    connection : duckdb.DuckDBPyConnection
        Without anything in it.
    aside : Path
    places : Places
        What the sources hold.
    progress : callable
        ``(stage, done, total)``.
    last : LastLoad, optional
        The log of the last load: what is as it was then is taken from there.
    engine : Engine
        Where lines are written, and counted.

    Raises
    ------
    ConfigError, DataError
        Naming the source, what was found and the hint.
    """
    reader = Reader(settings, connection, aside, places, progress)
    queries = QueryEngine.of(engine, settings, aside, msg("event log"), progress)
    columns = log_columns(settings)
    if last is not None and _kinds(connection, last.folder) != _expected(settings):
        last = None  # a source brought columns, or took them away
    marks = source_marks(settings, reader)
    stager = Stager(settings, reader, aside, marks, last, replace(queries, doing=msg("sources")))
    identity = identity_query(settings, reader)
    staged = stager.stage(identity, progress)
    progress(msg("event log"), 0, 1)
    spans = _totals(queries, connection, settings, aside, staged, last)
    if again := [one for one in staged if one.added and _begins_to_count(connection, one, spans, last)]:
        # Lines that were left out for an implausible time are in no log: they have to be read.
        staged = [stager.whole(one.source, identity) if one in again else one for one in staged]
        spans = _totals(queries, connection, settings, aside, staged, last)
    log = replace(
        _merge(queries, connection, aside, staged, spans, columns, last),
        readings={source.name: reading(source, settings.timezone) for source in settings.sources},
        unchecked=unchecked_days(settings, reader),
    )
    write_marks(aside, {one.source.name: one.mark for one in staged})
    if identity is not None:
        placed = exp.select("source", "source_id", exp.alias_(exp.column("placed"), "profile_id"))
        rows = without_erased(
            reader, placed.from_(exp.Subquery(this=identity.copy()).as_("i")), by_source=True
        )
        with reader.reading("identity"):
            connection.sql(rows.sql("duckdb")).write_parquet(str(aside / PLACEMENTS))
    write_attributes(settings, reader, aside / "profiles.parquet")
    log = replace(log, views=write_view_tables(settings, reader, aside / VIEWS))
    reader.check_unchanged()
    reader.sweep()
    reader.tidy()
    progress(msg("event log"), 1, 1)
    # Dots begin the names of what killed tasks have left.
    for leftover in (*aside.glob(f"{STAGED}*"), *aside.glob("text-*"), *aside.glob(f"{EVENTS}/.*")):
        shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink(missing_ok=True)
    return log


def _kinds(connection: Any, folder: Path) -> dict[str, str]:
    described = connection.sql(lines_of(folder).limit(0).sql("duckdb"))
    return dict(zip(described.columns, map(str, described.types), strict=True))


def _expected(settings: Settings) -> dict[str, str]:
    kinds = {name: kind.replace(" ", "") for name, kind in column_kinds(settings).items()}
    return {**kinds, "profile_id": "VARCHAR"}


def _totals(
    queries: QueryEngine,
    connection: Any,
    settings: Settings,
    aside: Path,
    staged: Sequence[Staged],
    last: LastLoad | None,
) -> dict[str, SourceSpan]:
    """Write what every source holds of each day and return from when to when each reaches."""
    target = aside / DAY_TOTALS
    write_day_totals(
        queries,
        connection,
        [file for one in staged for file in one.files],
        target,
        (*settings.numbers, *settings.words),
        removed=[file for one in staged for file in one.removed],
        last=None if last is None else last.folder / DAY_TOTALS,
        kept=[one.source.name for one in staged if one.kept],
    )
    found = {}
    for one in staged:
        lines, names = lines_by_day(connection, target, one.source.name)
        if lines:
            found[one.source.name] = source_span(one.source.name, names, lines, ended=one.source.ended)
    return found


def _begins_to_count(
    connection: Any, one: Staged, spans: dict[str, SourceSpan], last: LastLoad | None
) -> bool:
    """Return whether days that the last load left out as implausible have become plausible."""
    assert last is not None  # noqa: S101 - nothing is added to nothing
    name = one.source.name
    before = next((span for span in last.content.spans if span.name == name), None)
    if before is None:
        return True
    held, _ = lines_by_day(connection, last.folder / DAY_TOTALS, name)
    span = spans[name]
    return any(
        span.first_day <= day <= span.last_day and not before.first_day <= day <= before.last_day
        for day in held
    )


def _merge(
    queries: QueryEngine,
    connection: Any,
    aside: Path,
    staged: Sequence[Staged],
    spans: dict[str, SourceSpan],
    columns: Sequence[str],
    last: LastLoad | None,
) -> LogContent:
    """Write all lines with a plausible time as a log, from ``last`` what is as it was, and return what it holds."""
    replaced: set[date] = set()
    if last is not None:
        replaced = _replaced(connection, aside, [one.source.name for one in staged], spans, last)
        take_over(queries, last.folder, aside, replaced)
    rows = PartRows(staged, spans.values(), columns, last, replaced)
    written = add_part(queries, aside, rows.query(), len(columns), rows.ranges(queries.engine))
    facts = None if last is None else last.folder / FACTS
    write_facts(queries, connection, written, columns, aside / FACTS, last=facts, replaced=replaced)
    merge_parts(queries, aside, len(columns))
    return _content(queries, connection, aside, staged, spans)


def _replaced(
    connection: Any, aside: Path, names: Collection[str], spans: dict[str, SourceSpan], last: LastLoad
) -> set[date]:
    """Return the days whose lines are not those of the last log."""
    before, now = last.folder / DAY_TOTALS, aside / DAY_TOTALS
    gone = {span.name for span in last.content.spans} - set(names)
    replaced: set[date] = set()
    for name in {*names, *gone}:
        was = next((span for span in last.content.spans if span.name == name), None)
        span = spans.get(name)
        replaced |= replaced_days(connection, before, now, name)
        days = {*lines_by_day(connection, before, name)[0], *lines_by_day(connection, now, name)[0]}
        replaced |= {day for day in days if _holds(was, day) != _holds(span, day)}
    return replaced


def _holds(span: SourceSpan | None, day: date) -> bool:
    return span is not None and span.first_day <= day <= span.last_day


def _content(
    queries: QueryEngine,
    connection: Any,
    folder: Path,
    staged: Sequence[Staged],
    spans: dict[str, SourceSpan],
) -> LogContent:
    """Return what the log in ``folder`` holds.

    Raises
    ------
    DataError
        When it holds nothing, or one profile alone.
    """
    facts = read_facts(connection, folder / FACTS)
    if not facts.digests:
        raise DataError(
            msg("no event has both a profile and a time"),
            hint=msg("check the columns, the identity table and where"),
        )
    profiles = count_profiles(queries, folder)
    if profiles < MIN_PROFILES:
        raise DataError(
            msg("there is one profile only in all sources"),
            hint=msg("check columns.profile_id: it has to tell customers apart"),
        )
    return LogContent(
        id=content_id(facts.digests.values()),
        rows=sum(rows for rows, _ in facts.digests.values()),
        profiles=profiles,
        first_day=min(facts.digests),
        last_day=max(facts.digests),
        events_from=facts.events_from,
        columns_from=facts.columns_from,
        sources=tuple(one.count for one in staged),
        digests=facts.digests,
        spans=tuple(spans.values()),
    )
