"""From when to when each source reaches, its usual rhythm, and the lines that were left out for an implausible time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np

from tagcast.features.quality.plausible_days import plausible_days

LEAST_DAYS = 20
"""Days with events from which a rhythm can be seen."""
ENDED_DAYS = 180
"""A source that has been silent for so long is history: nobody waits for it."""
SUCCESSION_DAYS = 7
"""A source of the same events that begins so near to another's end continues it."""


@dataclass(frozen=True)
class LeftOut:
    """Lines of a source with an implausible time.

    Parameters
    ----------
    lines : int
    first_day, last_day : date
        Local days.
    """

    lines: int
    first_day: date
    last_day: date


@dataclass(frozen=True)
class SourceSpan:
    """The days of one source, without what was left out.

    Parameters
    ----------
    name : str
    events : tuple of str
        Names of its events, sorted.
    rows : int
        Lines kept.
    first_day, last_day : date
        Local days.
    longest_gap_days, usual_gap_days : int
        From one day with events to the next: the longest, and what 98 of 100 do not exceed; 0 where it has too few
        days for a rhythm.
    before, after : LeftOut or None
        Lines left out before the first and after the last day.
    ended : bool
        The configuration says that no more is to come.
    """

    name: str
    events: tuple[str, ...]
    rows: int
    first_day: date
    last_day: date
    longest_gap_days: int
    usual_gap_days: int
    before: LeftOut | None = None
    after: LeftOut | None = None
    ended: bool = False

    def silent_days(self, last_day: date) -> int:
        """Return the days up to ``last_day`` since its last event where that is unusual for it, else 0.

        Parameters
        ----------
        last_day : date
            The last day with events of any source.
        """
        days = (last_day - self.last_day).days
        unusual = self.usual_gap_days > 0 and days > max(3, self.longest_gap_days, 3 * self.usual_gap_days)
        return days if unusual and not self.ended else 0


def source_span(
    name: str, events: Iterable[str], lines: Mapping[date, int], *, ended: bool = False
) -> SourceSpan:
    """Return the span of a source.

    Parameters
    ----------
    name : str
    events : iterable of str
    lines : mapping of date to int
        Lines of each local day; at least one.
    ended : bool
    """
    first, last = plausible_days(lines)
    kept = sorted(day for day in lines if first <= day <= last)
    gaps = np.diff(np.array(kept, dtype="datetime64[D]")).astype(int)
    rhythm = len(kept) >= LEAST_DAYS
    return SourceSpan(
        name=name,
        events=tuple(sorted(events)),
        rows=sum(lines[day] for day in kept),
        first_day=first,
        last_day=last,
        longest_gap_days=int(gaps.max()) if rhythm else 0,
        usual_gap_days=int(np.quantile(gaps, 0.98, method="higher")) if rhythm else 0,
        before=_left_out({day: n for day, n in lines.items() if day < first}),
        after=_left_out({day: n for day, n in lines.items() if day > last}),
        ended=ended,
    )


def stopped(spans: Sequence[SourceSpan]) -> dict[str, int]:
    """Return the sources that have fallen silent against their rhythm while others went on, with the days since.

    Not those that the configuration says have ended, that have been silent for more than ``ENDED_DAYS``, or whose
    events another source went on with.
    """
    if not spans:
        return {}
    last_day = max(span.last_day for span in spans)
    found = {}
    for span in spans:
        days = span.silent_days(last_day)
        if 0 < days <= ENDED_DAYS and not any(_continues(other, span) for other in spans):
            found[span.name] = days
    return found


def observed_until(spans: Sequence[SourceSpan], last_day: date) -> date:
    """Return the first day that not every source reaches: what happened since is unknown, not silent."""
    silent = stopped(spans)
    return min([last_day, *(s.last_day for s in spans if s.name in silent)]) + timedelta(days=1)


def _continues(other: SourceSpan, span: SourceSpan) -> bool:
    near = abs((other.first_day - span.last_day).days) <= SUCCESSION_DAYS
    return near and set(span.events) <= set(other.events) and other.last_day > span.last_day


def _left_out(lines: Mapping[date, int]) -> LeftOut | None:
    return LeftOut(sum(lines.values()), min(lines), max(lines)) if lines else None


def span_from_json(kept: Mapping[str, Any]) -> SourceSpan:
    """Return what an event log's manifest holds of a source: a span with its dates as text."""

    def left_out(part: Mapping[str, Any] | None) -> LeftOut | None:
        if part is None:
            return None
        first, last = date.fromisoformat(part["first_day"]), date.fromisoformat(part["last_day"])
        return LeftOut(part["lines"], first, last)

    return SourceSpan(
        **{
            **kept,
            "events": tuple(kept["events"]),
            "first_day": date.fromisoformat(kept["first_day"]),
            "last_day": date.fromisoformat(kept["last_day"]),
            "before": left_out(kept["before"]),
            "after": left_out(kept["after"]),
        }
    )
