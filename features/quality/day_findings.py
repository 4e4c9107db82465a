"""Findings about days: implausible times, sources that stopped, days without events, times that are dates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING

from tagcast.features.core.duckdb import instant
from tagcast.features.core.messages import NOTHING, Message, Text, listed, msg
from tagcast.features.quality.finding import Finding, SourceColumns, lines_of, setting
from tagcast.features.quality.source_spans import ENDED_DAYS, LeftOut, SourceSpan, observed_until, stopped
from tagcast.features.quality.stretches import LEAST_EVENT_DAYS, Stretch, empty_stretches

if TYPE_CHECKING:
    from tagcast.features.quality.daily_counts import DailyCounts

MONTH_DAYS = 28
MIDNIGHT_SHARE = 0.99
SHOWN = 3


def span_findings(spans: Sequence[SourceSpan]) -> Iterator[Finding]:
    """Yield lines that were left out for their time, and sources that stopped."""
    for span in spans:
        if span.before is not None:
            message = msg(
                "{lines} lie before all others ({days}; the others begin {first_day}): they are left out",
                lines=lines_of(span.before.lines, _rows(span)),
                days=_between(span.before),
                first_day=span.first_day,
            )
            yield _implausible(span, message)
        if span.after is not None:
            message = msg(
                "{lines} lie after all others ({days}; the others end {last_day}): they are left out, and the data end {last_day}",
                lines=lines_of(span.after.lines, _rows(span)),
                days=_between(span.after),
                last_day=span.last_day,
            )
            yield _implausible(span, message)
    if not spans:
        return
    last_day = max(span.last_day for span in spans)
    silent = stopped(spans)
    for span in spans:
        where = f"sources.{span.name}"
        days = span.silent_days(last_day)
        if span.name in silent:
            yield Finding(
                "warning",
                "stopped",
                where,
                msg(
                    "no event since {last_day}, {days} days before the last of the other sources; its longest silence "
                    "before was {longest} days. Today is taken to be {observed_until}, the last day that all sources reach",
                    last_day=span.last_day,
                    days=days,
                    longest=span.longest_gap_days - 1,
                    observed_until=observed_until(spans, last_day),
                ),
                msg("bring it up to date; if no more is to come, say ended = true in the source"),
            )
        elif days > ENDED_DAYS:
            yield Finding(
                "note",
                "ended",
                where,
                msg("no event since {last_day}: it is taken to have ended", last_day=span.last_day),
                NOTHING,
            )


def gap_findings(days: Sequence[date]) -> Iterator[Finding]:
    """Yield long stretches without any event in any source.

    Parameters
    ----------
    days : sequence of date
        Days with events, rising.
    """
    empty = empty_stretches(days)
    if not empty:
        return
    longest = sorted(empty, key=lambda s: -s.length_days)[:SHOWN]
    shown = listed(
        msg("{first} to {last} ({days} days)", first=s.first_day, last=s.last_day, days=s.length_days)
        for s in sorted(longest, key=lambda s: s.first_day)
    )
    total = sum(s.length_days for s in empty)
    if any(s.length_days >= MONTH_DAYS for s in empty):
        message = msg("{total} days without any event, months among them: {shown}", total=total, shown=shown)
        hint = msg(
            "load them if they are missing; if it was closed, snapshots at which nobody can be active are left out, and "
            "snapshots: {{dates: […]}} in a tag's file chooses the days to learn from"
        )
        yield Finding("warning", "months_without_events", "sources", message, hint)
    else:
        message = msg("{total} days without any event: {shown}", total=total, shown=shown)
        hint = msg(
            "load them if they are missing; expected where it was closed. snapshots: {{dates: […]}} in a tag's file "
            "keeps their windows clear of them"
        )
        yield Finding("warning", "days_without_events", "sources", message, hint)


def empty_days_in(empty: Sequence[Stretch], first: date, horizon_days: int) -> int:
    """Return how many days without events the label window of a snapshot holds."""
    end = first + timedelta(days=horizon_days - 1)
    return sum(max(0, (min(end, s.last_day) - max(first, s.first_day)).days + 1) for s in empty)


def midnight_findings(
    counts: Sequence[DailyCounts], timezone: str, columns: SourceColumns
) -> Iterator[Finding]:
    """Yield sources all of whose times are midnight UTC in a project that lives elsewhere.

    West of UTC such a time is the evening of the day before.
    """
    for one in counts:
        lines, midnight = int(one.lines.sum()), int(one.midnight.sum())
        if len(one.days) < LEAST_EVENT_DAYS or midnight < MIDNIGHT_SHARE * lines:
            continue
        # Midnight UTC is before local midnight where the local day begins later.
        if instant(one.days[-1], timezone).hour in range(1, 13):
            yield Finding(
                "warning",
                "midnight_utc",
                f"sources.{one.source}",
                msg(
                    "{lines} are at midnight UTC: they look like dates, and in {timezone} they count as the day before",
                    lines=lines_of(midnight, lines),
                    timezone=timezone,
                ),
                msg(
                    "if they are dates, take them as such: remove event_time from columns and derive it, as in {example}",
                    example=setting(
                        "event_time",
                        f"CAST(CAST({columns.sql('event_time', one.source)} AS DATE) AS VARCHAR)",
                    ),
                ),
            )


def _implausible(span: SourceSpan, message: Message) -> Finding:
    return Finding(
        "warning",
        "implausible_times",
        f"sources.{span.name}",
        message,
        msg("correct them at the source; it may be a wrong clock, or a date that stands for none"),
    )


def _rows(span: SourceSpan) -> int:
    return span.rows + sum(part.lines for part in (span.before, span.after) if part is not None)


def _between(part: LeftOut) -> Text:
    if part.first_day == part.last_day:
        return str(part.first_day)
    return msg("{first} to {last}", first=part.first_day, last=part.last_day)
