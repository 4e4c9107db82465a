"""The source part of `tagcast check`: what is in the sources, and what of it would spoil a model."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import date, datetime
from pathlib import Path
from typing import Any

from sqlglot import exp

from tagcast.features.catalog.feature_set import PURCHASE
from tagcast.features.core.duckdb import instant
from tagcast.features.core.errors import TagcastError
from tagcast.features.core.messages import NOTHING, Message, msg
from tagcast.features.core.raw_errors import reason_of
from tagcast.features.core.settings import Settings
from tagcast.features.core.warnings_filter import silence
from tagcast.features.ingest.event_log_writer import (
    AMOUNT_HINT,
    MAX_UNPARSABLE_SHARE,
    MIN_PROFILES,
    TIME_HINT,
    identity_query,
)
from tagcast.features.ingest.source_query import EVENT_LOG_COLUMNS, Reader, source_query
from tagcast.features.quality.finding import Finding
from tagcast.features.quality.missing_ids import missing_id_findings

MANY = 0.05
"""Share of lines from which something left out or doubtful is worth a warning."""


@dataclass(frozen=True)
class SourceReport:
    """What one source holds; times are UTC.

    Parameters
    ----------
    rows, profiles : int
        Lines after ``where``, and distinct ids.
    first_time, last_time : datetime or None
    missing_ids, unparsable_times, future_times : int
        Lines; future is at or after ``now``.
    duplicates : int
        Lines beyond the first of those alike in every column of the event log.
    missing_amounts, purchases_without_amount, zero_amounts, negative_amounts, returns : int
        Lines; a negative amount that is no return is doubtful.
    categories, missing_categories : int
        Distinct categories; lines without one.
    unmatched : int
        Lines whose key a dimension table does not have.
    unplaced_ids : int
        Ids that the identity table does not know.
    """

    name: str
    rows: int
    profiles: int
    first_time: datetime | None
    last_time: datetime | None
    missing_ids: int
    unparsable_times: int
    future_times: int
    duplicates: int
    missing_amounts: int
    purchases_without_amount: int
    zero_amounts: int
    negative_amounts: int
    returns: int
    categories: int
    missing_categories: int
    unmatched: int
    unplaced_ids: int


_COUNTED = tuple(f.name for f in fields(SourceReport) if f.name not in {"name", "unplaced_ids"})


@dataclass(frozen=True)
class Readiness:
    """All sources, and what was found."""

    sources: tuple[SourceReport, ...]
    findings: tuple[Finding, ...]


def examine(settings: Settings, *, now: date | None = None) -> Readiness:
    """Read every source through DuckDB and count; nothing is written but scratch files.

    Parameters
    ----------
    settings : Settings
    now : date, optional
        Events at or after this day count as future; None: none do.
    """
    import duckdb

    reports: list[SourceReport] = []
    findings: list[Finding] = []
    with tempfile.TemporaryDirectory(prefix="tagcast-check-") as scratch:
        config: dict[str, Any] = {
            "memory_limit": settings.memory_limit,
            "temp_directory": str(Path(scratch) / "spill"),
        }
        with duckdb.connect(config=config) as connection:
            silence(connection)
            reader = Reader(settings, connection, Path(scratch))
            for source in settings.sources:
                where = f"sources.{source.name}"
                try:
                    query = source_query(source, settings, reader)
                    connection.execute("SET TimeZone = ?", [source.timezone])
                    report = _report(
                        source.name, query, identity_query(settings, reader), connection, settings, now
                    )
                except TagcastError as error:
                    findings.append(Finding("error", error.code, where, error.message, error.hint))
                    continue
                except duckdb.Error as error:
                    message = msg("cannot be read: {reason}", reason=reason_of(error))
                    hint = msg("check the file, and the expressions of the configuration")
                    findings.append(Finding("error", "unreadable", where, message, hint))
                    continue
                reports.append(report)
                if report.missing_ids:
                    findings.extend(missing_id_findings(connection, query, where))
                findings.extend(_findings(report, where, {*source.columns, *source.derive}))
    if (
        reports
        and not any(f.level == "error" for f in findings)
        and max(r.profiles for r in reports) < MIN_PROFILES
    ):
        message, hint = msg("there is one profile only"), msg("check columns.profile_id")
        findings.append(Finding("error", "one_profile", "sources", message, hint))
    return Readiness(tuple(reports), tuple(findings))


def _report(
    name: str,
    query: exp.Select,
    identity: exp.Expr | None,
    connection: Any,
    settings: Settings,
    now: date | None,
) -> SourceReport:
    lines = query.subquery("e")
    time, amount, category = exp.column("event_time"), exp.column("amount"), exp.column("category")
    zero = exp.Literal.number(0)
    future: exp.Expr = exp.false()
    if now is not None:
        local_now = instant(now, settings.timezone).replace(tzinfo=None).isoformat(sep=" ")
        future = exp.GTE(this=time, expression=exp.cast(exp.Literal.string(local_now), "TIMESTAMP"))

    def lines_where(condition: exp.Expr) -> exp.Expr:
        return exp.Filter(this=exp.Count(this=exp.Star()), expression=exp.Where(this=condition))

    everything = exp.Tuple(expressions=[exp.column(c) for c in EVENT_LOG_COLUMNS])
    returned = exp.column("is_return")
    counted = exp.select(
        exp.Count(this=exp.Star()),
        exp.Count(this=exp.Distinct(expressions=[exp.column("profile_id")])),
        exp.Min(this=time),
        exp.Max(this=time),
        lines_where(exp.column("profile_id").is_(exp.null())),
        lines_where(time.copy().is_(exp.null())),
        lines_where(future),
        exp.Count(this=exp.Star()) - exp.Count(this=exp.Distinct(expressions=[everything])),
        lines_where(amount.is_(exp.null())),
        lines_where(exp.and_(amount.is_(exp.null()), exp.column("event").eq(exp.Literal.string(PURCHASE)))),
        lines_where(amount.eq(zero)),
        lines_where(exp.and_(amount < zero, exp.not_(returned))),
        lines_where(returned),
        exp.Count(this=exp.Distinct(expressions=[category])),
        lines_where(category.is_(exp.null())),
        lines_where(exp.not_(exp.column("matched"))),
    ).from_(lines)
    row = connection.sql(counted.sql("duckdb")).fetchall()[0]
    unplaced = 0
    if identity is not None:
        known = (
            exp.select("source_id")
            .from_(exp.Subquery(this=identity).as_("i"))
            .where(exp.column("source").eq(exp.Literal.string(name)))
        )
        strange = exp.column("profile_id").isin(query=known)
        ids = exp.select(exp.Count(this=exp.Distinct(expressions=[exp.column("profile_id")]))).from_(
            lines.copy()
        )
        unplaced = connection.sql(ids.where(exp.not_(strange)).sql("duckdb")).fetchall()[0][0]
    counts: dict[str, Any] = dict(zip(_COUNTED, row, strict=True))
    return SourceReport(name=name, unplaced_ids=unplaced, **counts)


def _findings(r: SourceReport, where: str, mapped: set[str]) -> Iterator[Finding]:
    def share(lines: int) -> Message:
        return msg(
            "{lines:,} of {rows:,} lines ({share:.1%})", lines=lines, rows=r.rows, share=lines / r.rows
        )

    def error(code: str, message: Message, hint: Message) -> Finding:
        return Finding("error", code, where, message, hint)

    def warning(code: str, message: Message, hint: Message) -> Finding:
        return Finding("warning", code, where, message, hint)

    if not r.rows:
        yield error(
            "no_rows",
            msg("no rows: the source is empty, or where leaves nothing"),
            msg("check path and where"),
        )
        return
    if r.missing_ids == r.rows:
        yield error("no_ids", msg("no line has a profile_id"), msg("check columns.profile_id"))
    elif r.missing_ids:
        yield warning(
            "missing_ids",
            msg("{lines} have no profile_id and are left out", lines=share(r.missing_ids)),
            msg("expected where guests buy; else check columns.profile_id"),
        )
    if r.unparsable_times > r.rows * MAX_UNPARSABLE_SHARE:
        message = msg("event_time cannot be read in {lines}", lines=share(r.unparsable_times))
        yield error("unreadable_times", message, TIME_HINT)
    elif r.unparsable_times:
        yield warning(
            "unreadable_times",
            msg("event_time cannot be read in {lines}; they are left out", lines=share(r.unparsable_times)),
            msg("fix them at the source"),
        )
    if r.future_times:
        message = msg(
            "{lines} lie at or after the day of training; they are not read", lines=share(r.future_times)
        )
        yield Finding("note", "future_times", where, message, NOTHING)
    if r.duplicates > r.rows * 0.001:
        yield warning(
            "duplicates",
            msg("{lines} stand twice", lines=share(r.duplicates)),
            msg("deduplicate = true, if they are no separate sales"),
        )
    if "amount" in mapped and r.missing_amounts == r.rows:
        yield error(
            "no_amounts", msg("amount is a number on none of {rows:,} lines", rows=r.rows), AMOUNT_HINT
        )
    elif "amount" in mapped and r.purchases_without_amount:  # What is no purchase need not have one.
        yield warning(
            "missing_amounts",
            msg("{lines} have no amount", lines=share(r.purchases_without_amount)),
            msg("check columns.amount"),
        )
    if r.negative_amounts:
        yield warning(
            "negative_amounts",
            msg("{lines} have a negative amount and are no return", lines=share(r.negative_amounts)),
            msg("say which lines are: returns = …"),
        )
    if r.zero_amounts > r.rows * MANY:
        yield warning(
            "zero_amounts",
            msg("{lines} have an amount of zero", lines=share(r.zero_amounts)),
            msg("leave out what is no purchase: where = …"),
        )
    if "category" in mapped and r.missing_categories > r.rows * MANY:
        yield warning(
            "missing_categories",
            msg("{lines} have no category", lines=share(r.missing_categories)),
            msg("check the join that brings it"),
        )
    elif r.unmatched:
        yield warning(
            "unmatched",
            msg("{lines} match no line of a dimension table", lines=share(r.unmatched)),
            msg("complete the dimension table"),
        )
    if r.unplaced_ids:
        yield warning(
            "unplaced_ids",
            msg("{ids:,} ids are not in the identity table; their events are left out", ids=r.unplaced_ids),
            msg("complete it"),
        )
