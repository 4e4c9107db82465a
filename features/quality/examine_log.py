"""Examine an event log as of a day: every finding, from a few passes of DuckDB over it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tagcast.features.core.duckdb import silence
from tagcast.features.quality.amount_findings import amount_findings, unknown_amounts
from tagcast.features.quality.daily_counts import daily_counts
from tagcast.features.quality.day_findings import gap_findings, midnight_findings, span_findings
from tagcast.features.quality.name_findings import event_findings
from tagcast.features.quality.profile_findings import beginning_findings, id_findings, meeting_findings
from tagcast.features.quality.rename_findings import Word, ended, item_findings, rename_findings, words
from tagcast.features.quality.stretches import Stretch, empty_stretches

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tagcast.features.quality.finding import Finding, SourceColumns
    from tagcast.features.quality.source_spans import SourceSpan


@dataclass(frozen=True)
class LogQuality:
    """What is odd in an event log, for people and for the tags that it concerns.

    Parameters
    ----------
    findings : tuple of Finding
    empty : tuple of Stretch
        Unusual stretches without any event.
    unknown_spend : tuple of Stretch
        Stretches in which most purchases of a source have no amount.
    ended_categories : mapping of str to date
        Categories that ended against their rhythm, and their last day.
    has_purchases : bool
    """

    findings: tuple[Finding, ...] = ()
    empty: tuple[Stretch, ...] = ()
    unknown_spend: tuple[Stretch, ...] = ()
    ended_categories: Mapping[str, date] = field(default_factory=dict)
    has_purchases: bool = True


def examine_log(
    events: str,
    spans: Sequence[SourceSpan],
    as_of: date,
    *,
    timezone: str,
    columns: SourceColumns,
    attributes: Path | None = None,
    memory_limit: str = "2GB",
    scratch: Path | None = None,
) -> LogQuality:
    """Return what is odd in the events before ``as_of``.

    Parameters
    ----------
    events : str
        The event log's Parquet file.
    spans : sequence of SourceSpan
        As the event log keeps them.
    as_of : date
    timezone : str
        Of the project.
    columns : SourceColumns
        With ``event`` where a source takes its event names from a column.
    attributes : Path, optional
        Parquet file of profiles, by ``profile_id``.
    memory_limit : str
    scratch : Path, optional
        Where DuckDB may spill.
    """
    import duckdb

    mapped = any("event" in names for names in columns.by_source.values())
    config: dict[str, Any] = {"memory_limit": memory_limit}
    if scratch is not None:
        config["temp_directory"] = str(scratch)
    with duckdb.connect(config=config) as connection:
        silence(connection)
        counts = daily_counts(connection, events, as_of)
        lines: dict[date, int] = {}
        for one in counts:
            for day, n in zip(one.days, one.lines.tolist(), strict=True):
                lines[day] = lines.get(day, 0) + n
        days = sorted(lines)
        connection.execute(
            """CREATE TEMP TABLE profile_counts AS
               SELECT profile_id, count(*) AS lines, min(event_day) AS first_day
               FROM read_parquet(?) WHERE event_day < ? GROUP BY profile_id""",
            [events, as_of],
        )
        known: dict[Any, tuple[Word, ...]] = words(connection, events, as_of)
        findings = [
            *span_findings(spans),
            *gap_findings(days),
            *midnight_findings(counts, timezone, columns),
            *amount_findings(counts, columns),
            *id_findings(connection, columns),
            *beginning_findings(connection, lines),
            *meeting_findings(connection, events, attributes, as_of),
            *event_findings(known["event"], columns, mapped=mapped),
            *(rename_findings(known, days[-1], columns) if days else ()),
            *item_findings(connection, events, as_of),
        ]
    return LogQuality(
        tuple(findings),
        empty_stretches(days),
        tuple(stretch for one in counts for stretch in unknown_amounts(one)),
        {word.text: word.last_day for word in ended(known["category"], days[-1])} if days else {},
        any(word.text == "purchase" for word in known["event"]),
    )


def spend_gaps(events: str, as_of: date, *, memory_limit: str = "2GB") -> tuple[Stretch, ...]:
    """Return the stretches before ``as_of`` in which most purchases of a source have no amount, though they usually do.

    Parameters
    ----------
    events : str
        The event log's Parquet file.
    as_of : date
    memory_limit : str
    """
    import duckdb

    with duckdb.connect(config={"memory_limit": memory_limit}) as connection:
        silence(connection)
        counts = daily_counts(connection, events, as_of)
    return tuple(stretch for one in counts for stretch in unknown_amounts(one))
