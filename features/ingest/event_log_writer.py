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

from tagcast.features.core.errors import DataError
from tagcast.features.core.messages import msg
from tagcast.features.core.settings import Settings
from tagcast.features.ingest.attributes.profiles import write_attributes
from tagcast.features.ingest.attributes.views import write_view_tables
from tagcast.features.ingest.event_log_content import VIEWS, LogContent, content_id
from tagcast.features.ingest.log_columns import column_kinds, log_columns
from tagcast.features.ingest.parts.facts import FACTS, read_facts, write_facts
from tagcast.features.ingest.parts.layout import add_part, lines_of, merge_parts, parts_glob, scan, take_over
from tagcast.features.ingest.parts.marks import source_marks, unchecked_days, write_marks
from tagcast.features.ingest.parts.staging import LastLoad, Staged, Stager, identity_query
from tagcast.features.ingest.readers.places import Places
from tagcast.features.ingest.readers.remote.fetched import Progress
from tagcast.features.ingest.readers.table_reader import Reader
from tagcast.features.ingest.sql_casts import day_literal
from tagcast.features.loads.day_totals import (
    DAY_TOTALS,
    lines_by_day,
    reading,
    replaced_days,
    unite_totals,
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

    Raises
    ------
    ConfigError, DataError
        Naming the source, what was found and the hint.
    """
    reader = Reader(settings, connection, aside, places, progress)
    columns = log_columns(settings)
    if last is not None and _kinds(connection, last.folder) != _expected(settings):
        last = None  # a source brought columns, or took them away
    marks = source_marks(settings, reader)
    stager = Stager(settings, reader, aside, marks, last)
    identity = identity_query(settings, reader)
    staged = stager.stage(identity, progress)
    progress(msg("event log"), 0, 1)
    spans = _totals(connection, settings, aside, staged, last)
    if again := [one for one in staged if one.added and _begins_to_count(connection, one, spans, last)]:
        # Lines that were left out for an implausible time are in no log: they have to be read.
        staged = [stager.whole(one.source, identity) if one in again else one for one in staged]
        spans = _totals(connection, settings, aside, staged, last)
    log = replace(
        _merge(connection, aside, staged, spans, columns, last),
        readings={source.name: reading(source, settings.timezone) for source in settings.sources},
        unchecked=unchecked_days(settings, reader),
    )
    write_marks(aside, {one.source.name: one.mark for one in staged})
    if identity is not None:
        placed = exp.select("source", "source_id", exp.alias_(exp.column("placed"), "profile_id"))
        rows = placed.from_(exp.Subquery(this=identity.copy()).as_("i"))
        with reader.reading("identity"):
            connection.sql(rows.sql("duckdb")).write_parquet(str(aside / PLACEMENTS))
    write_attributes(settings, reader, aside / "profiles.parquet")
    log = replace(log, views=write_view_tables(settings, reader, aside / VIEWS))
    reader.check_unchanged()
    reader.sweep()
    reader.tidy()
    progress(msg("event log"), 1, 1)
    for leftover in (*aside.glob("stage-*"), *aside.glob("text-*")):
        shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink(missing_ok=True)
    return log


def _kinds(connection: Any, folder: Path) -> dict[str, str]:
    described = connection.sql(lines_of(folder).limit(0).sql("duckdb"))
    return dict(zip(described.columns, map(str, described.types), strict=True))


def _expected(settings: Settings) -> dict[str, str]:
    kinds = {name: kind.replace(" ", "") for name, kind in column_kinds(settings).items()}
    return {**kinds, "profile_id": "VARCHAR"}


def _totals(
    connection: Any, settings: Settings, aside: Path, staged: Sequence[Staged], last: LastLoad | None
) -> dict[str, SourceSpan]:
    """Write what every source holds of each day and return from when to when each reaches."""
    files = [one.file for one in staged if one.file is not None]
    gone = [one.removed for one in staged if one.removed is not None]
    kept = [one.source.name for one in staged if one.kept]
    target = aside / DAY_TOTALS
    further = (*settings.numbers, *settings.words)
    if last is None or not kept:
        write_day_totals(connection, files, target, further)
    elif not files and not gone:
        shutil.copyfile(last.folder / DAY_TOTALS, target)
    else:
        sides = []
        for read, name in ((files, "added"), (gone, "removed")):
            side = aside / f"stage-{name}.parquet"
            if read:
                write_day_totals(connection, read, side, further)
            sides.append(side if read else None)
        unite_totals(connection, last.folder / DAY_TOTALS, kept, target, *sides)
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
    connection: Any,
    aside: Path,
    staged: Sequence[Staged],
    spans: dict[str, SourceSpan],
    columns: Sequence[str],
    last: LastLoad | None,
) -> LogContent:
    """Write all lines with a plausible time as a log, from ``last`` what is as it was, and return what it holds."""
    kept = [one.source.name for one in staged if one.kept]
    files = [one.file for one in staged if one.file is not None]
    lines = [_placed(files, columns)] if files else []
    replaced: set[date] = set()
    if last is not None:
        replaced = _replaced(connection, aside, [one.source.name for one in staged], spans, last)
        take_over(connection, last.folder, aside, replaced)
    if last is not None and kept:
        lines.append(_still_there(last.folder, staged, kept, columns))
    rows = exp.select(*_named(columns)).from_(
        (exp.union(*lines, distinct=False) if len(lines) > 1 else lines[0]).subquery("l")
    )
    rows = rows.where(exp.or_(exp.false(), *(_within(span) for span in spans.values())))
    if last is not None:
        rows = rows.where(
            exp.column("event_day").isin(*map(day_literal, sorted(replaced))) if replaced else exp.false()
        )
    part = add_part(connection, aside, rows, len(columns))
    written = [part] if part is not None else []
    facts = None if last is None else last.folder / FACTS
    write_facts(connection, written, columns, aside / FACTS, last=facts, replaced=replaced)
    merge_parts(connection, aside, len(columns))
    return _content(connection, aside, staged, spans)


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


def _placed(files: Sequence[Path], columns: Sequence[str]) -> exp.Select:
    """Return the staged lines of whoever is known, in the columns of the log."""
    read = scan(*files)
    placed, time = exp.column("placed"), exp.column("event_time")
    lines = exp.select(
        *[
            exp.alias_(placed if c == "profile_id" else exp.column(c, quoted=True), c, quoted=True)
            for c in columns
        ]
    ).from_(read)
    return lines.where(placed.is_(exp.null()).not_(), time.is_(exp.null()).not_())


def _named(columns: Sequence[str]) -> list[exp.Column]:
    """Return columns of the log; one that a company names may be called as SQL calls something."""
    return [exp.column(name, quoted=True) for name in columns]


def _still_there(
    last: Path, staged: Sequence[Staged], kept: Sequence[str], columns: Sequence[str]
) -> exp.Select:
    """Return the lines of the last log that a load did not find gone."""
    old = exp.select(*_named(columns)).from_(lines_of(last).subquery("l"))
    old = old.where(exp.column("source").isin(*map(exp.Literal.string, kept)))
    gone = [one.removed for one in staged if one.removed is not None]
    # A line that stood twice and is gone once is still there.
    left = exp.except_(old, _placed(gone, columns), distinct=False)
    return exp.select(*_named(columns)).from_(left.subquery("l")) if gone else old


def _within(span: SourceSpan) -> exp.Expr:
    return exp.and_(
        exp.column("source").eq(exp.Literal.string(span.name)),
        exp.column("event_day").between(day_literal(span.first_day), day_literal(span.last_day)),
    )


def _content(
    connection: Any, folder: Path, staged: Sequence[Staged], spans: dict[str, SourceSpan]
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
    counted = "SELECT count(DISTINCT profile_id) FROM read_parquet(?)"
    ((profiles,),) = connection.execute(counted, [parts_glob(folder)]).fetchall()
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
