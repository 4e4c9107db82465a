"""Views of snapshots built at several dates together, range by range, wherever the engine works."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from tagcast.features.compute.aggregates.related_tables import ensure_beside, tables_beside
from tagcast.features.compute.building.range_build import (
    BuildPlace,
    RangeBuild,
    WholeBuild,
    put_totals_together,
)
from tagcast.features.compute.building.range_tables import RangeTable, log_files
from tagcast.features.compute.building.snapshot_plan import snapshot_plan, split_plans, whole_queries
from tagcast.features.compute.dated_statements import EVENTS
from tagcast.features.core.duckdb import instant, memory_bytes
from tagcast.features.core.messages import msg

if TYPE_CHECKING:
    from tagcast.features.catalog.feature_set import FeatureSet
    from tagcast.features.compute.snapshots import Snapshots
    from tagcast.features.core.engines.engine import Engine, Progress
    from tagcast.features.core.engines.key_ranges import KeyRange

BYTES_OF_AN_EVENT = 250
"""Memory that a range takes for each of its events, five windows and both views of a shop: with less DuckDB spills, and may fail."""


class Events(Protocol):
    """What snapshots need of an event log."""

    def id_before(self, as_of: date) -> str:
        """Content id of the events of local days before ``as_of``."""
        ...

    @property
    def first_day(self) -> date:
        """Local day of the first event."""
        ...

    @property
    def glob(self) -> str:
        """Parquet files of the log."""
        ...

    def view_file(self, view: str) -> Path:
        """Table of a view that the company declares; DataError where the log has none."""
        ...

    def view_id_before(self, view: str, as_of: date) -> str:
        """Content id of the rows of such a view that were known before ``as_of``."""
        ...


@dataclass(frozen=True)
class Built:
    """What was built.

    Parameters
    ----------
    ranges : tuple of KeyRange
    sizes : dict
        Of each date and file: rows and bytes of each range.
    """

    ranges: tuple[KeyRange, ...]
    sizes: Mapping[date, Mapping[str, list[tuple[int, int]]]]


class Builder:
    """Builds the views of one feature set.

    Parameters
    ----------
    engine : Engine
    feature_set : FeatureSet
    events : Events
    timezone : str
        Whose midnight a date is.
    """

    def __init__(self, engine: Engine, feature_set: FeatureSet, events: Events, timezone: str) -> None:
        self._engine, self._feature_set, self._events, self._timezone = engine, feature_set, events, timezone

    def tables(
        self, views: Sequence[str], dates: Sequence[date], beside: Mapping[str, Snapshots]
    ) -> tuple[RangeTable, ...]:
        """Return the tables that ``views`` read; ``beside`` has the snapshots of other entities, which are built where they are not.

        All lie under names that whoever works on a range sees.
        """
        related = [view for view in self._feature_set.related if view.name in views]
        for view in related:
            ensure_beside(view, beside[view.name], dates)
        found = [RangeTable(EVENTS, self._events.glob, "profile_id")]
        found += [
            RangeTable(table.name, str(self._events.view_file(table.name)), "profile_id")
            for table in self._feature_set.tables
            if table.name in views
        ]
        for view in related:
            found += tables_beside(view, beside[view.name], dates)
        return tuple(found)

    def build(
        self, place: BuildPlace, views: Sequence[str], progress: Progress | None, done: int, total: int
    ) -> Built:
        """Write ``views`` at the dates of ``place``.

        Parameters
        ----------
        place : BuildPlace
        views : sequence of str
        progress : callable, optional
        done, total : int
            Dates that are done before, and those that are to be done in all.
        """
        files = log_files(self._events.glob)
        at_most = memory_bytes(place.tables.duckdb.memory_limit) // BYTES_OF_AN_EVENT
        ranges, columns = self._engine.ranges(files, at_most=at_most), _columns(files)
        dates, split = place.dates, len(ranges) > 1
        starts = tuple(instant(as_of, self._timezone) for as_of in dates)
        whole = whole_queries(columns, self._feature_set, dates, views) if split else {}
        if whole:
            items = [(view, number) for view in whole for number in range(len(dates))]
            self._engine.each(WholeBuild(place, whole), items, msg("snapshots"), progress)
        if split:
            plans = split_plans(columns, self._feature_set, dates, views)
        else:
            plans = (snapshot_plan(columns, self._feature_set, dates, views),)

        def step(number: int) -> None:
            if progress:
                progress(msg("snapshots"), done + number + 1, total)

        found: dict[date, dict[str, list[tuple[int, int]]]] = {as_of: {} for as_of in dates}
        here = None if split or self._engine.elsewhere else step
        for plan in plans:
            build = RangeBuild(place, plan, starts, tuple(view for view in whole if view in plan.files), here)
            built = self._engine.each(build, ranges, msg("snapshots"), progress)
            for as_of in dates:
                # All ranges come as far as the first date with any.
                plan.check([one.several.get(as_of, {}) for one in built])
            if split:
                with place.writing():
                    for folder in place.folders:
                        put_totals_together(folder, plan)
            for one in built:
                for as_of, written in one.sizes.items():
                    for name, size in written.items():
                        if name in views:
                            found[as_of].setdefault(name, []).append(size)
        return Built(ranges, found)


def _columns(files: Sequence[Path]) -> tuple[str, ...]:
    import pyarrow.parquet as pq

    return tuple(pq.read_schema(files[0]).names)
