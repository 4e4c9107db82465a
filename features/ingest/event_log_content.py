"""What an event log holds, and how its content is named: the whole of it, and the part before a day."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import date
from hashlib import sha256
from typing import Any, Self

from tagcast.features.core.errors import DataError
from tagcast.features.core.home.layouts import EVENTS, KEY
from tagcast.features.core.messages import listed, msg
from tagcast.features.loads.day_totals import PastChange, change_from_json
from tagcast.features.loads.unchecked_days import UncheckedDays, unchecked_from_json
from tagcast.features.quality.source_spans import SourceSpan, observed_until, span_from_json, stopped

VIEWS = "views"
"""Folder of the tables of declared views."""
Digest = tuple[int, int]
"""Lines of a day, and the sum of their hashes."""


@dataclass(frozen=True)
class SourceCount:
    """What one source gave: lines read, and lines left out for want of an id, a time or a profile, or of erased profiles."""

    name: str
    rows: int
    missing_ids: int
    unparsable_times: int
    unplaced_ids: int
    unmatched: int
    suppressed: int = 0

    def beside(self, other: SourceCount | None) -> SourceCount:
        """Return what this and other lines of the source are together."""
        if other is None:
            return self
        names = [one.name for one in fields(self) if one.name != "name"]
        return replace(self, **{name: getattr(self, name) + getattr(other, name) for name in names})

    def without(self, other: SourceCount) -> SourceCount:
        """Return what is left of the lines when others are gone."""
        names = [one.name for one in fields(self) if one.name != "name"]
        return replace(self, **{name: getattr(self, name) - getattr(other, name) for name in names})


@dataclass(frozen=True)
class LogContent:
    """What an event log holds.

    Parameters
    ----------
    id : str
        Content id: the same events give the same id.
    rows, profiles : int
    first_day, last_day : date
        Local days of the first and the last event.
    events_from : dict of str to date
        Each event name and the day it is first seen.
    columns_from : dict of str to date
        Each optional column that holds something (``is_return`` where there are returns) and its first day.
    sources : tuple of SourceCount
    digests : dict of date to (int, int)
        What each local day holds: lines, and the sum of their hashes.
    spans : tuple of SourceSpan
        The days of each source, and its lines that were left out for an implausible time.
    readings : dict of str to str
        Digest of how each source is read: its days compare with those of a load that read it alike.
    changes : tuple of PastChange
        Days already loaded that were different in this load or one shortly before.
    views : dict of str to dict of date to (int, int)
        As ``digests``, of each view that the company declares, by the day that its rows were known from.
    late : dict of str to int
        Rows of such a view that were not there yet at a load after the day that they say to be known from.
    unchecked : tuple of UncheckedDays
        Days that the last load took for what they were.
    """

    id: str
    rows: int
    profiles: int
    first_day: date
    last_day: date
    events_from: dict[str, date]
    columns_from: dict[str, date]
    sources: tuple[SourceCount, ...]
    digests: dict[date, Digest] = field(default_factory=dict, kw_only=True)
    spans: tuple[SourceSpan, ...] = field(default=(), kw_only=True)
    readings: dict[str, str] = field(default_factory=dict, kw_only=True)
    changes: tuple[PastChange, ...] = field(default=(), kw_only=True)
    views: dict[str, dict[date, Digest]] = field(default_factory=dict, kw_only=True)
    late: dict[str, int] = field(default_factory=dict, kw_only=True)
    unchecked: tuple[UncheckedDays, ...] = field(default=(), kw_only=True)

    @property
    def observed_until(self) -> date:
        """The first day that not every source reaches: what happened since is unknown, not silent."""
        return observed_until(self.spans, self.last_day)

    def seen_until(self, whole: LogContent) -> Self:
        """Return it with the time of the log that it is part of: an entity without news is silent, not unknown."""
        return replace(self, spans=whole.spans, last_day=whole.last_day)

    @property
    def stopped(self) -> tuple[str, ...]:
        """Sources that have fallen silent against their rhythm while others went on, sorted."""
        return tuple(sorted(stopped(self.spans)))

    def resolve_as_of(self, as_of: date | None) -> date:
        """Return the day that training or scoring takes for today; None takes the first that not every source reaches.

        Raises
        ------
        DataError
            When it lies after the data: the days between are unknown, not silent.
        """
        as_of = as_of or self.observed_until
        if as_of > self.observed_until:
            if silent := self.stopped:
                raise DataError(
                    msg(
                        "{as_of} is after the data: {sources} stopped, so what happened from {observed_until} on is unknown",
                        as_of=as_of,
                        sources=listed(silent),
                        observed_until=self.observed_until,
                    ),
                    hint=msg(
                        "bring it up to date, use a date up to {observed_until}, or say ended = true in the source "
                        "if no more is to come",
                        observed_until=self.observed_until,
                    ),
                )
            raise DataError(
                msg(
                    "{as_of} is after the data: the last event is of {last_day}, so what happened since is unknown",
                    as_of=as_of,
                    last_day=self.last_day,
                ),
                hint=msg(
                    "use a date up to {observed_until}, or bring the source up to date",
                    observed_until=self.observed_until,
                ),
            )
        if as_of <= self.first_day:
            raise DataError(
                msg(
                    "{as_of} is not after the first event ({first_day})",
                    as_of=as_of,
                    first_day=self.first_day,
                ),
                hint=msg("use a later date"),
            )
        return as_of

    def id_before(self, as_of: date) -> str:
        """Return the content id of the events of local days before ``as_of``.

        It stays the same when a later day is added, and changes when a line of an earlier day is added, removed or
        altered in any column.
        """
        return content_id(digest for day, digest in self.digests.items() if day < as_of)

    def late_since(self, last: LogContent) -> dict[str, int]:
        """Return :attr:`late` where ``last`` was loaded before: what a view had of days before its last then is on record."""
        late = {}
        for view in sorted(self.views.keys() & last.views.keys()):
            before = last.views[view]
            past = [(day, rows) for day, (rows, _) in self.views[view].items() if day < last.last_day]
            added = sum(max(0, rows - before.get(day, (0, 0))[0]) for day, rows in past)
            late[view] = last.late.get(view, 0) + added
        return {view: rows for view, rows in late.items() if rows}

    def late_share(self, view: str) -> float:
        """Return which share of a declared view's rows is late; 0 of one that is over the events."""
        rows = sum(rows for rows, _ in self.views.get(view, {}).values())
        return self.late.get(view, 0) / rows if rows else 0.0

    def view_id_before(self, view: str, as_of: date) -> str:
        """Return the content id of the rows of a declared view that were known before ``as_of``.

        Raises
        ------
        DataError
            When the log holds no such view.
        """
        if view not in self.views:
            raise DataError(
                msg("the view {view} is not declared any more, and a model or a tag reads it", view=view),
                hint=msg("declare it again, or train the tags without it"),
            )
        return content_id(digest for day, digest in self.views[view].items() if day < as_of)

    @property
    def event_names(self) -> tuple[str, ...]:
        """Every event name, sorted."""
        return tuple(sorted(self.events_from))

    @property
    def has(self) -> tuple[str, ...]:
        """Optional columns that hold something, sorted."""
        return tuple(sorted(self.columns_from))

    def event_names_before(self, as_of: date) -> tuple[str, ...]:
        """Event names seen before ``as_of``: what training as of then may know of."""
        return tuple(sorted(name for name, first in self.events_from.items() if first < as_of))

    def has_before(self, as_of: date) -> tuple[str, ...]:
        """Optional columns that held something before ``as_of``."""
        return tuple(sorted(name for name, first in self.columns_from.items() if first < as_of))


def content_id(digests: Iterable[Digest]) -> str:
    """Return the name of the events whose days have these digests."""
    rows, hashes = 0, 0
    for count, total in digests:
        rows, hashes = rows + count, hashes + total
    return sha256(f"{rows}|{hashes}".encode()).hexdigest()[:16]


def content_text(content: LogContent) -> str:
    """Return what :func:`content_fields` reads, as JSON."""
    # What is written otherwise below is not copied first, day by day.
    fields = asdict(replace(content, digests={}, views={}))
    # JSON has no dates for keys, and few readers of it whole numbers beyond 53 bits.
    fields["digests"] = _written(content.digests)
    fields["views"] = {name: _written(days) for name, days in content.views.items()}
    fields[KEY] = EVENTS
    return json.dumps(fields, default=str, indent=1, ensure_ascii=False)


def content_fields(written: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a log's content from its manifest."""
    return {
        "id": written["id"],
        "rows": written["rows"],
        "profiles": written["profiles"],
        "first_day": date.fromisoformat(written["first_day"]),
        "last_day": date.fromisoformat(written["last_day"]),
        "events_from": {name: date.fromisoformat(day) for name, day in written["events_from"].items()},
        "columns_from": {name: date.fromisoformat(day) for name, day in written["columns_from"].items()},
        "sources": tuple(SourceCount(**s) for s in written["sources"]),
        "digests": _read(written["digests"]),
        "spans": tuple(span_from_json(s) for s in written["spans"]),
        "readings": written["readings"],
        "changes": tuple(change_from_json(c) for c in written["changes"]),
        "views": {name: _read(days) for name, days in written["views"].items()},
        "late": written.get("late", {}),
        "unchecked": tuple(unchecked_from_json(one) for one in written.get("unchecked", ())),
    }


def _written(digests: Mapping[date, Digest]) -> dict[str, list[Any]]:
    return {str(day): [rows, str(total)] for day, (rows, total) in digests.items()}


def _read(written: Mapping[str, Any]) -> dict[date, Digest]:
    return {date.fromisoformat(day): (rows, int(total)) for day, (rows, total) in written.items()}
