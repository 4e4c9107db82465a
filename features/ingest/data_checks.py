"""The source part of `tagcast check`: what is in the sources, and what of it would spoil a model."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date
from functools import cache, partial
from typing import Any

from sqlglot import exp

from tagcast.features.catalog.feature_set import PURCHASE
from tagcast.features.core.duckdb import instant, spilling
from tagcast.features.core.engines.engine import ONE_MACHINE, Engine
from tagcast.features.core.engines.query_engine import QueryEngine
from tagcast.features.core.errors import TagcastError
from tagcast.features.core.messages import msg
from tagcast.features.core.settings import Settings
from tagcast.features.ingest.event_log_content import SourceCount
from tagcast.features.ingest.event_log_writer import MIN_PROFILES
from tagcast.features.ingest.log_columns import converted_columns, log_columns, number_columns
from tagcast.features.ingest.parts.counted_lines import MappedLines, MappedSource
from tagcast.features.ingest.parts.layout import scan
from tagcast.features.ingest.parts.marks import source_mark
from tagcast.features.ingest.parts.staging import identity_query
from tagcast.features.ingest.readers.places import Places
from tagcast.features.ingest.readers.table_reader import Reader
from tagcast.features.ingest.source_findings import SourceReport, findings_of, strange_findings
from tagcast.features.ingest.source_query import source_query
from tagcast.features.ingest.sql_casts import rows_where
from tagcast.features.ingest.suppression.left_out import SUPPRESSED
from tagcast.features.ingest.texts.formats import time_hint
from tagcast.features.ingest.texts.numbers import doubtful_numbers, look_at_numbers, number_hint
from tagcast.features.quality.finding import Finding
from tagcast.features.quality.missing_ids import missing_id_findings

_COUNTED = tuple(
    f.name for f in fields(SourceReport) if f.name not in {"name", "unread", "unplaced_ids", "suppressed"}
)


@dataclass(frozen=True)
class Readiness:
    """All sources, and what was found."""

    sources: tuple[SourceReport, ...]
    findings: tuple[Finding, ...]


def examine(
    settings: Settings,
    *,
    places: Places | None = None,
    now: date | None = None,
    engine: Engine = ONE_MACHINE,
) -> Readiness:
    """Read every source through DuckDB and count; nothing is written but scratch files, and what is fetched of databases.

    The lines that were mapped are handed on by ``places``: the event log is made of them.

    Parameters
    ----------
    settings : Settings
    places : Places, optional
        What the sources hold, for the steps that come after.
    now : date, optional
        Events at or after this day count as future; None: none do.
    engine : Engine
        Where the event log will be written.
    """
    places = places or Places(settings)
    places.clear()
    scratch = places.scratch
    reports: list[SourceReport] = []
    findings: list[Finding] = []
    with spilling(settings, scratch) as connection:
        reader = Reader(settings, connection, scratch, places)
        queries = QueryEngine.of(engine, settings, scratch, msg("sources"), None)
        identity = cache(partial(identity_query, settings, reader))
        for number, source in enumerate(settings.sources):
            where = f"sources.{source.name}"
            try:
                query = source_query(source, settings, reader)
                target = scratch / f"lines-{number}.parquet"
                lines = MappedLines.of(queries, reader, source, query, identity(), target)
                read = exp.select("*").from_(scan(*lines.files))
                if lines.count.suppressed:
                    read = read.where(exp.not_(exp.column(SUPPRESSED)))
                report = _report(lines.count, read, connection, settings, now)
                with reader.reading(where):
                    numbers = {
                        name: look_at_numbers(connection, query.texts[name])
                        for name in number_columns(settings)
                        if name in query.texts
                    }
                places.made[where] = MappedSource(source_mark(source, settings, reader), query, lines)
            except TagcastError as error:
                findings.append(Finding("error", error.code, where, error.message, error.hint))
                continue
            reports.append(report)
            named = list(missing_id_findings(connection, read, where)) if report.missing_ids else []
            codes = {finding.code for finding in named}
            mapped = {*source.columns, *source.derive}
            hints = {
                n: number_hint(source, n, numbers.get(n)) for n in number_columns(settings) if n in mapped
            }
            if report.unparsable_times:
                times = query.texts.get("event_time")
                hints["event_time"] = time_hint(connection, times, source.timezone, report.unparsable_times)
            rest = findings_of(report, where, mapped, hints)
            findings.extend([*named, *(finding for finding in rest if finding.code not in codes)])
            findings.extend(doubtful_numbers(source, numbers, where))
            findings.extend(strange_findings(query.strange, where))
        if not reader.is_unchanged:
            places.clear()
    if (
        reports
        and not any(f.level == "error" for f in findings)
        and max(r.profiles for r in reports) < MIN_PROFILES
    ):
        message, hint = msg("there is one profile only"), msg("check columns.profile_id")
        findings.append(Finding("error", "one_profile", "sources", message, hint))
    if any(f.level == "error" for f in findings):
        places.forget()
    return Readiness(tuple(reports), tuple(findings))


def _report(
    count: SourceCount,
    read: exp.Select,
    connection: Any,
    settings: Settings,
    now: date | None,
) -> SourceReport:
    lines = read.subquery("e")
    time, amount, category = exp.column("event_time"), exp.column("amount"), exp.column("category")
    zero = exp.Literal.number(0)
    future: exp.Expr = exp.false()
    if now is not None:
        local_now = instant(now, settings.timezone).replace(tzinfo=None).isoformat(sep=" ")
        future = exp.GTE(this=time, expression=exp.cast(exp.Literal.string(local_now), "TIMESTAMP"))

    converted = converted_columns(settings)
    everything = exp.Tuple(expressions=[exp.column(c, quoted=True) for c in log_columns(settings)])
    returned = exp.column("is_return")
    counted = exp.select(
        exp.Count(this=exp.Star()),
        exp.Count(this=exp.Distinct(expressions=[exp.column("profile_id")])),
        exp.Min(this=time),
        exp.Max(this=time),
        rows_where(exp.column("profile_id").is_(exp.null())),
        rows_where(time.copy().is_(exp.null())),
        rows_where(future),
        exp.Count(this=exp.Star()) - exp.Count(this=exp.Distinct(expressions=[everything])),
        rows_where(amount.is_(exp.null())),
        rows_where(exp.and_(amount.is_(exp.null()), exp.column("event").eq(exp.Literal.string(PURCHASE)))),
        rows_where(amount.eq(zero)),
        rows_where(exp.and_(amount < zero, exp.not_(returned))),
        rows_where(returned),
        exp.Count(this=exp.Distinct(expressions=[category])),
        rows_where(category.is_(exp.null())),
        rows_where(exp.not_(exp.column("matched"))),
        *[exp.Count(this=exp.column(f"unread_{name}")) for name in converted],
        *[exp.Min(this=exp.column(f"unread_{name}")) for name in converted],
    ).from_(lines)
    row = connection.sql(counted.sql("duckdb")).fetchall()[0]
    counts: dict[str, Any] = dict(zip(_COUNTED, row[: len(_COUNTED)], strict=True))
    unread = zip(converted, row[len(_COUNTED) : -len(converted)], row[-len(converted) :], strict=True)
    examples = {column: (lines, example) for column, lines, example in unread if lines}
    counts |= {"unplaced_ids": count.unplaced_ids, "suppressed": count.suppressed}
    return SourceReport(name=count.name, unread=examples, **counts)
