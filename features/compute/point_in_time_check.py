"""Features counted a second time, from the times of events: what a snapshot should hold, and what is too late.

Snapshots are built from whole local days. Here the same features come from events whose *time* is before
the moment, so a day that does not agree with its time, a partition written by something else, or a row
stamped later shows as a difference.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from glob import escape
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from tagcast.features.catalog.feature_set import PROFILE_VIEW, FeatureSet
from tagcast.features.compute.aggregates.related_queries import log_table, snapshot_table
from tagcast.features.compute.levels import parquet
from tagcast.features.compute.snapshots import Snapshots
from tagcast.features.core.duckdb import instant
from tagcast.features.core.messages import msg

if TYPE_CHECKING:
    import pandas as pd

    from tagcast.features.catalog.related.view import RelatedView

WANTED = "wanted_entities"
"""What those that features are asked for are called in the database."""


class Recount:
    """Features at a date, from the event log and nothing else, stored as Parquet while it is open.

    Parameters
    ----------
    engine : ibis connection
        To DuckDB.
    events : ibis table
        The event log.
    timezone : str
        Whose midnight ``as_of`` is.
    folder : Path
        Where the counts are stored; the caller removes it.
    view_file : callable
        Gives the table of a view that the company declares, with what is known before a day.
    others : callable, optional
        Gives the recount of another entity, of whose features views are made, by its name.
    """

    def __init__(
        self,
        engine: Any,
        events: Any,
        timezone: str,
        folder: Path,
        view_file: Callable[[str, date], Path],
        others: Callable[[str], Recount] | None = None,
    ) -> None:
        self._others = others
        self._view_file = view_file
        self._engine = engine
        self._events = events
        self._timezone = timezone
        self._folder = folder

    def rows(
        self,
        chosen: Sequence[str],
        feature_set: FeatureSet,
        as_of: date,
        entities: pd.DataFrame,
        *,
        without_days: int = 0,
        drawn: bool = False,
    ) -> pd.DataFrame:
        """Return the features of ``entities`` at ``as_of``.

        Parameters
        ----------
        chosen : sequence of str
            Views, or single features of them.
        feature_set : FeatureSet
        as_of : date
        entities : DataFrame
            The keys of the views, each once.
        without_days : int
            Leave out the events of so many last days before ``as_of``; recencies are still counted to
            ``as_of``.
        drawn : bool
            Whether the entities are some of a population's: then the events of the others are not counted, where a view
            needs them for nothing.

        Returns
        -------
        DataFrame
            A row for each of ``entities`` in their order: the chosen features as float64. What has no
            event holds the value that its declaration gives.
        """
        joined, views = entities, feature_set.views_of(chosen)
        of_all = {other for view in views for other in feature_set.beside(view)}
        for view, own in views.items():
            # Features of a pair tell how often a category is bought by everybody, and read those of everybody.
            some = drawn and view == PROFILE_VIEW and view not in of_all
            only = entities[["profile_id"]].drop_duplicates() if some else None
            file = self.counted(view, feature_set, as_of, without_days, only)
            keys = list(own)
            # Without the stamps, which every view has: they would take one another's names.
            columns_there = [*keys, *(f.name for f in feature_set.features(view))]
            view_columns = _read(self._engine.con, file, columns_there, entities[keys].drop_duplicates())
            joined = joined.merge(view_columns, on=keys, how="left", validate="many_to_one")
        columns, titles = list(feature_set.names(chosen)), feature_set.titles()
        filled = {n: titles[n].absent for n in columns if titles[n].absent is not None}
        return joined[columns].astype("float64").fillna(filled)

    def late_events(self, dates: Sequence[date]) -> int:
        """Return how many events count as before one of ``dates`` by their day, but not by their time."""
        import ibis

        events, late = self._events, ibis.literal(False)
        for as_of in dates:
            starts_at = instant(as_of, self._timezone).replace(tzinfo=None)
            late = late | ((events.event_day < as_of) & (events.event_time >= ibis.literal(starts_at)))
        return int(events.filter(late).count().execute())

    def counted(
        self,
        view: str,
        feature_set: FeatureSet,
        as_of: date,
        without_days: int,
        only: pd.DataFrame | None = None,
    ) -> Path:
        """Return one view at ``as_of`` as Parquet, counted where it was not yet; parameters as of :meth:`rows`."""
        import ibis

        from tagcast.features.compute.building.snapshot_plan import snapshot_plan
        from tagcast.features.compute.dated_statements import EVENTS

        whose = "" if only is None else sha256("\n".join(only["profile_id"]).encode()).hexdigest()[:16]
        file = self._folder / f"{feature_set.id}-{view}{whose}-{as_of}-{without_days}.parquet"
        if not file.exists():
            # First of all: counting what it is made of counts over tables of the same names.
            for related in (one for one in feature_set.related if one.name == view):
                self._open_beside(related, as_of, without_days)
            files = {
                other: self.counted(other, feature_set, as_of, without_days)
                for other in feature_set.beside(view)
            }
            last, known = self.events_before(as_of, without_days)
            if only is not None:
                wanted = self._folder / f"wanted-{whose}.parquet"
                only.to_parquet(wanted, index=False)
                known = known.semi_join(self._engine.read_parquet(str(wanted)), "profile_id")
            self._engine.create_view(EVENTS, known, overwrite=True)
            if view in {own.name for own in feature_set.tables}:
                table = self._engine.read_parquet(self._view_file(view, as_of - timedelta(days=without_days)))
                at = table.known_at
                table = table.filter(at.isnull() | (at < ibis.literal(last)))
                self._engine.create_view(view, table, overwrite=True)
            plan, engine = snapshot_plan(known.columns, feature_set, [as_of], [view]), self._engine.con
            try:
                plan.share(engine, [as_of])
                starts_at = instant(as_of, self._timezone)
                plan.check([plan.write(engine, [as_of], as_of, starts_at, {**files, view: file})])
            finally:
                plan.forget(engine)
        return file

    def events_before(self, as_of: date, without_days: int) -> tuple[datetime, Any]:
        """Return when the last days begin that are left out, and the events before."""
        import ibis

        last = instant(as_of - timedelta(days=without_days), self._timezone).replace(tzinfo=None)
        return last, self._events.filter(self._events.event_time < ibis.literal(last))

    def _open_beside(self, view: RelatedView, as_of: date, without_days: int) -> None:
        """Make the tables that a view of figures of another entity reads, counted as this one counts."""
        if self._others is None:
            raise ValueError(f"{view.name} is made of features of {view.entity}: give others")
        other, features = self._others(view.entity), FeatureSet.parse(view.source)
        for source in view.needed_views:
            table = self._engine.read_parquet(str(other.counted(source, features, as_of, without_days)))
            self._engine.create_view(snapshot_table(view, source, 0), table, overwrite=True)
        if not view.own:
            self._engine.create_view(
                log_table(view), other.events_before(as_of, without_days)[1], overwrite=True
            )


def _read(connection: Any, file: Path, columns: Sequence[str], wanted: pd.DataFrame) -> pd.DataFrame:
    """Return columns of a stored view, of the entities ``wanted`` alone; as SQL, since ibis compiles longer than it reads."""
    import pyarrow as pa

    connection.register(WANTED, pa.Table.from_pandas(wanted, preserve_index=False))
    rows = exp.select(*(exp.column(name, quoted=True) for name in columns)).from_(parquet(escape(str(file))))
    query = rows.join(WANTED, using=list(wanted.columns), join_type="semi").sql("duckdb")
    try:
        found: pd.DataFrame = connection.sql(query).to_arrow_table().to_pandas()
    finally:
        connection.unregister(WANTED)
    return found


def late_rows(snapshots: Snapshots, dates: Sequence[date]) -> int:
    """Return how many rows of the snapshots at ``dates`` are stamped later than their ``as_of``, counted range by range."""
    ranges: dict[str, list[tuple[Path, datetime]]] = {}
    for as_of in dates:
        starts_at = instant(as_of, snapshots.timezone)
        for view in snapshots.feature_set.views:
            for file in snapshots.files(view, as_of):
                ranges.setdefault(file.name, []).append((file, starts_at))
    return sum(snapshots.engine.each(_late_rows, list(ranges.values()), msg("late rows")))


def _late_rows(files: Sequence[tuple[Path, datetime]]) -> int:
    """Return how many rows of some files are stamped later than each begins."""
    import duckdb

    late = 0
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for file, starts_at in files:
            ((found,),) = connection.execute(
                """SELECT count(*) FROM read_parquet($file)
                   WHERE event_timestamp > $starts_at OR created_timestamp > $starts_at""",
                {"file": escape(str(file)), "starts_at": starts_at},
            ).fetchall()
            late += int(found)
    return late
