"""Write the event log: stage each source, place ids on profiles, merge, sort, count.

Everything streams through DuckDB within the configured memory; nothing of a source is changed.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from sqlglot import exp

from tagcast.features.core.errors import DataError
from tagcast.features.core.messages import Text, msg
from tagcast.features.core.schema.sources import Source
from tagcast.features.core.settings import Settings
from tagcast.features.ingest.attributes.profiles import write_attributes
from tagcast.features.ingest.attributes.views import write_view_tables
from tagcast.features.ingest.event_log_content import VIEWS, Digest, LogContent, SourceCount, content_id
from tagcast.features.ingest.log_columns import log_columns
from tagcast.features.ingest.readers.scans import column
from tagcast.features.ingest.readers.table_reader import Reader
from tagcast.features.ingest.source_query import SourceQuery, source_query
from tagcast.features.ingest.sql_casts import as_key
from tagcast.features.ingest.texts.formats import time_hint
from tagcast.features.ingest.texts.numbers import look_at_numbers, number_hint
from tagcast.features.loads.day_totals import DAY_TOTALS, reading, write_day_totals
from tagcast.features.loads.former_ids import PLACEMENTS
from tagcast.features.quality.source_spans import SourceSpan, source_span

OPTIONAL_COLUMNS = ("amount", "quantity", "discount", "category", "item_id", "order_id", "channel")
MAX_UNPARSABLE_SHARE = 0.01
MIN_PROFILES = 2


def write_log(
    settings: Settings, connection: Any, aside: Path, progress: Callable[[Text, int, int], None]
) -> LogContent:
    """Read every source and write ``events.parquet`` (and ``profiles.parquet``) into ``aside``.

    Parameters
    ----------
    settings : Settings
    connection : duckdb.DuckDBPyConnection
        Without anything in it.
    aside : Path
    progress : callable
        ``(stage, done, total)``.

    Raises
    ------
    ConfigError, DataError
        Naming the source, what was found and the hint.
    """
    reader = Reader(settings, connection, aside)
    # Every source is opened before any is read: a wrong column is reported at once.
    queries = [source_query(source, settings, reader) for source in settings.sources]
    identity = identity_query(settings, reader)
    counts = []
    for number, (source, query) in enumerate(zip(settings.sources, queries, strict=True)):
        progress(msg("sources"), number, len(queries))
        counts.append(
            _stage(
                reader,
                source,
                query,
                identity,
                aside / f"stage-{number}.parquet",
            )
        )
    progress(msg("sources"), len(queries), len(queries))
    progress(msg("event log"), 0, 1)
    spans = [
        _span(connection, source, aside / f"stage-{number}.parquet")
        for number, source in enumerate(settings.sources)
    ]
    log = replace(
        _merge(connection, aside, spans, tuple(counts), log_columns(settings)),
        readings={source.name: reading(source, settings.timezone) for source in settings.sources},
    )
    staged = [aside / f"stage-{number}.parquet" for number in range(len(queries))]
    write_day_totals(connection, staged, aside / DAY_TOTALS, (*settings.numbers, *settings.words))
    if identity is not None:
        placed = exp.select("source", "source_id", exp.alias_(exp.column("placed"), "profile_id"))
        rows = placed.from_(exp.Subquery(this=identity.copy()).as_("i"))
        with reader.reading("identity"):
            connection.sql(rows.sql("duckdb")).write_parquet(str(aside / PLACEMENTS))
    write_attributes(settings, reader, aside / "profiles.parquet")
    log = replace(log, views=write_view_tables(settings, reader, aside / VIEWS))
    progress(msg("event log"), 1, 1)
    for leftover in (*aside.glob("stage-*"), *aside.glob("database-*"), *aside.glob("text-*")):
        shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink(missing_ok=True)
    return log


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


def _stage(
    reader: Reader, source: Source, query: SourceQuery, identity: exp.Expr | None, target: Path
) -> SourceCount:
    """Write one source's lines and count what will be left out of the log."""
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
    found = SourceCount(name, *counts)
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
    if not amounts and ("amount" in source.columns or "amount" in source.derive):
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


def _span(connection: Any, source: Source, staged: Path) -> SourceSpan | None:
    """Return from when to when a source reaches, None where no line of it can be used."""
    rows = connection.execute(
        """SELECT event_day, count(*), list(DISTINCT event) FROM read_parquet(?)
           WHERE placed IS NOT NULL AND event_time IS NOT NULL GROUP BY event_day""",
        [str(staged)],
    ).fetchall()
    if not rows:
        return None
    names = {name for *_, found in rows for name in found if name is not None}
    return source_span(source.name, names, {day: n for day, n, _ in rows}, ended=source.ended)


def _merge(
    connection: Any,
    aside: Path,
    spans: Sequence[SourceSpan | None],
    sources: tuple[SourceCount, ...],
    columns: Sequence[str],
) -> LogContent:
    """Write all staged lines with a plausible time as one sorted log and return what it holds."""
    staged = exp.func(
        "read_parquet",
        exp.array(*[exp.Literal.string(str(aside / f"stage-{n}.parquet")) for n in range(len(spans))]),
    )
    known = [span for span in spans if span is not None]
    plausible = [
        exp.and_(
            exp.column("source").eq(exp.Literal.string(span.name)),
            exp.column("event_day").between(_day(span.first_day), _day(span.last_day)),
        )
        for span in known
    ]
    placed, time = exp.column("placed"), exp.column("event_time")
    lines = exp.select(
        *[exp.alias_(placed if c == "profile_id" else exp.column(c), c) for c in columns]
    ).from_(staged)
    lines = lines.where(placed.is_(exp.null()).not_(), time.is_(exp.null()).not_())
    lines = lines.where(exp.or_(exp.false(), *plausible))
    # Sorted by every column: the file's bytes depend on the events alone, not on how they arrived.
    lines = lines.order_by(*[str(position + 1) for position in range(len(columns))])
    target = str(aside / "events.parquet")
    connection.sql(lines.sql("duckdb")).write_parquet(target, compression="zstd")
    rows, profiles, first, last, returned = connection.execute(
        """SELECT count(*), count(DISTINCT profile_id), min(event_day), max(event_day),
                  min(event_day) FILTER (is_return) FROM read_parquet(?)""",
        [target],
    ).fetchall()[0]
    names = connection.execute(
        "SELECT event, min(event_day) FROM read_parquet(?) WHERE event IS NOT NULL GROUP BY event ORDER BY event",
        [target],
    ).fetchall()
    if not rows:
        raise DataError(
            msg("no event has both a profile and a time"),
            hint=msg("check the columns, the identity table and where"),
        )
    if profiles < MIN_PROFILES:
        raise DataError(
            msg("there is one profile only in all sources"),
            hint=msg("check columns.profile_id: it has to tell customers apart"),
        )
    log = exp.func("read_parquet", exp.Literal.string(target))
    day = exp.Min(this=exp.column("event_day"))
    there = [exp.Where(this=exp.column(c).is_(exp.null()).not_()) for c in OPTIONAL_COLUMNS]
    filled = [exp.Filter(this=day.copy(), expression=condition) for condition in there]
    days = connection.sql(exp.select(*filled).from_(log).sql("duckdb")).fetchall()[0]
    filled_from = dict(zip((*OPTIONAL_COLUMNS, "is_return"), (*days, returned), strict=True))
    digests = _digests(connection, log, columns)
    return LogContent(
        id=content_id(digests.values()),
        rows=rows,
        profiles=profiles,
        first_day=first,
        last_day=last,
        events_from=dict(names),
        columns_from={name: day for name, day in filled_from.items() if day is not None},
        sources=sources,
        digests=digests,
        spans=tuple(known),
    )


def _day(day: date) -> exp.Expr:
    return exp.cast(exp.Literal.string(day.isoformat()), "DATE")


def _digests(connection: Any, log: exp.Expr, columns: Sequence[str]) -> dict[date, Digest]:
    """Return what each local day of the log holds, as a number of lines and a sum of their hashes."""
    hashed = exp.Anonymous(this="hash", expressions=[exp.column(c) for c in columns])
    # A sum of hashes does not depend on the order of rows, and counts a line twice that stands twice.
    content = exp.cast(exp.Sum(this=exp.cast(hashed, "HUGEINT", dialect="duckdb")), "VARCHAR")
    counted = exp.Count(this=exp.Star())
    days = exp.select("event_day", counted, content).from_(log).group_by("event_day").order_by("event_day")
    found = connection.sql(days.sql("duckdb")).fetchall()
    return {day: (rows, int(digest)) for day, rows, digest in found}
