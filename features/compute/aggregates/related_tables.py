"""The tables that views of figures of what is related read: the other entity's snapshots at the same dates, and its log."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import TYPE_CHECKING

from tagcast.features.compute.aggregates.related_queries import log_table, snapshot_table
from tagcast.features.compute.building.range_tables import RangeTable

if TYPE_CHECKING:
    from tagcast.features.catalog.related.view import RelatedView
    from tagcast.features.compute.snapshots import Snapshots


def ensure_beside(view: RelatedView, beside: Snapshots, dates: Sequence[date]) -> None:
    """Build the other entity's snapshots that ``view`` is made of at ``dates``; before its first event there is none."""
    there = [as_of for as_of in dates if beside.events.first_day < as_of]
    if view.needed_views and there:
        beside.ensure(there, views=view.needed_views)


def tables_beside(view: RelatedView, beside: Snapshots, dates: Sequence[date]) -> Iterator[RangeTable]:
    """Yield the tables that ``view`` reads at ``dates``."""
    if not view.own:
        yield RangeTable(log_table(view), beside.events.glob, view.column)
    for place, as_of in enumerate(dates):
        for source in view.needed_views:
            name = snapshot_table(view, source, place)
            if beside.events.first_day < as_of:
                yield RangeTable(name, beside.pattern(source, as_of))
            else:
                columns = [one.partition(".")[2] for one, _ in view.absent if one.startswith(f"{source}.")]
                yield RangeTable(name, columns=tuple(columns))
