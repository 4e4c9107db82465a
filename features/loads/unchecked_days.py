"""Days of a source that a load took for what they were, because no row of theirs was loaded since; a later load compares all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from tagcast.features.core.messages import msg, nmsg
from tagcast.features.quality.finding import Finding


@dataclass(frozen=True)
class UncheckedDays:
    """What a load did not compare of a source.

    Parameters
    ----------
    source : str
    column : str
        That says when a row was loaded.
    days : int
        In UTC, as the database holds them.
    first_day, last_day : date or None
        None where their names are no days.
    rows : int
    since : date
        No row of theirs was loaded on this day or later.
    compared_on : date
        When all rows of the source were compared.
    """

    source: str
    column: str
    days: int
    first_day: date | None
    last_day: date | None
    rows: int
    since: date
    compared_on: date


def unchecked_findings(unchecked: Iterable[UncheckedDays]) -> Iterator[Finding]:
    """Yield a note for each source of which a load compared some days alone."""
    for one in unchecked:
        between = (
            msg(" ({first} to {last})", first=one.first_day, last=one.last_day)
            if one.first_day is not None
            else ""
        )
        yield Finding(
            "note",
            "days_not_checked",
            f"sources.{one.source}",
            nmsg(
                "{n:,} day{between} with {rows:,} rows was not compared: no row of it was loaded since {since}; all days were "
                "compared on {compared_on}",
                "{n:,} days{between} with {rows:,} rows were not compared: no row of theirs was loaded since {since}; all days "
                "were compared on {compared_on}",
                one.days,
                between=between,
                rows=one.rows,
                since=one.since,
                compared_on=one.compared_on,
            ),
            msg(
                "a row that is changed without a new {column} is seen once all days are compared again, after a week",
                column=one.column,
            ),
        )


def unchecked_from_json(kept: Mapping[str, Any]) -> UncheckedDays:
    """Return what an event log's manifest holds: its dates are text there."""
    names = ("first_day", "last_day", "since", "compared_on")
    dated = {name: None if kept[name] is None else date.fromisoformat(kept[name]) for name in names}
    return UncheckedDays(**{**kept, **dated})
