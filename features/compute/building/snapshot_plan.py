"""The statements that build snapshots, put together once for all days that lie alike.

Putting the expressions together and turning them into SQL takes long beside the building of a small snapshot. What the
statements say depends on the features and on how far the snapshots lie from one another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from glob import escape
from pathlib import Path
from typing import Any

from sqlglot import exp

from tagcast.features.catalog.aggregate_views import AggregateView
from tagcast.features.catalog.feature_set import FeatureSet, OwnView
from tagcast.features.catalog.related.view import RelatedView
from tagcast.features.catalog.sql_views import SqlView
from tagcast.features.compute.aggregates.derived import is_paced
from tagcast.features.compute.aggregates.queries import (
    TOTALS,
    AggregatePlan,
    aggregate_plan,
    file_parameter,
    totals_parameter,
)
from tagcast.features.compute.aggregates.related_queries import related_rows
from tagcast.features.compute.building.statements import Notes, copied, named, written
from tagcast.features.compute.dated_statements import DIALECT, STANDS_FOR_LAST, Statement
from tagcast.features.compute.view_queries import (
    attribute_rows,
    by_key,
    refused_rows,
    running,
    several_rows,
    sql_rows,
)


@dataclass(frozen=True)
class SnapshotPlan:
    """How views of the snapshots at some dates are built.

    Parameters
    ----------
    shared : tuple of Statement
        Run once, before everything else.
    at : tuple of (before, written)
        Of each date in turn: statements, and the statement of each file (parameters ``starts_at`` and ``path``): views, and totals
        (:func:`tagcast.features.compute.aggregates.queries.totals_parameter`).
    tables : tuple of str
        What all of them make.
    queries : dict of str to SqlView
        Of the views, those that a query of the company's own makes: checked once it was run.
    reads : dict of str to tuple of str
        Of each file: the views whose features it is made of, and the totals.
    """

    shared: tuple[Statement, ...]
    at: tuple[tuple[tuple[Statement, ...], Mapping[str, Statement]], ...]
    tables: tuple[str, ...]
    queries: Mapping[str, SqlView]
    reads: Mapping[str, tuple[str, ...]]

    @property
    def files(self) -> tuple[str, ...]:
        """What is written at each date, in order."""
        return tuple(self.at[0][1])

    def share(self, connection: Any, dates: Sequence[date]) -> None:
        """Compute what all dates share; ``connection`` (DuckDB) keeps it, on disk beyond its memory."""
        for statement in self.shared:
            statement.run(connection, max(dates))

    def forget(self, connection: Any) -> None:
        """Remove what :meth:`share` and :meth:`write` made, as far as they came."""
        for table in self.tables:
            connection.execute(f"DROP TABLE IF EXISTS {named(table).sql(DIALECT)}")  # a name of our own

    def write(
        self,
        connection: Any,
        dates: Sequence[date],
        as_of: date,
        starts_at: datetime,
        files: Mapping[str, Path],
    ) -> dict[str, int]:
        """Write the files at ``as_of``, one of ``dates``, as Parquet; each row is stamped ``starts_at``.

        ``files`` has each file that is written, and each that one of them is made of; of totals a pattern may stand for several.

        Returns
        -------
        dict of str to int
            Of views whose query gave several rows of one entity: of how many. Where there are any, the files are of no use
            (:meth:`check`).
        """
        several = {}
        before, statements = self.at[list(dates).index(as_of)]
        for statement in before:
            statement.run(connection, max(dates))
        for name, statement in statements.items():
            query = self.queries.get(name)
            read = {_parameter(other): _pattern(files[other]) for other in self.reads.get(name, ())}
            with running(name) if query else nullcontext():
                statement.run(connection, max(dates), starts_at=starts_at, path=str(files[name]), **read)
            if query and (many := several_rows(connection, query, files[name])):
                several[name] = many
        return several

    def check(self, several: Sequence[Mapping[str, int]]) -> None:
        """Refuse queries that gave several rows of one entity, as :meth:`write` returned it for some ranges of them; DataError."""
        for name, query in self.queries.items():
            if many := sum(of_range.get(name, 0) for of_range in several):
                raise refused_rows(query, many)


def snapshot_plan(
    columns: Sequence[str], feature_set: FeatureSet, dates: Sequence[date], views: Sequence[str] | None = None
) -> SnapshotPlan:
    """Return the plan for ``views`` (default: all) at ``dates``, of all events at once.

    It reads a table :data:`EVENTS` of ``columns``, and of each view that the company declares one called like it
    (:func:`tagcast.features.compute.view_queries.attribute_rows`), or those of
    :mod:`tagcast.features.compute.aggregates.related_queries`.
    """
    there = tuple(view for view in feature_set.views if views is None or view in views)
    return _plan(tuple(columns), feature_set, _back(dates), there, None)


def split_plans(
    columns: Sequence[str], feature_set: FeatureSet, dates: Sequence[date], views: Sequence[str]
) -> tuple[SnapshotPlan, ...]:
    """Return the plans for ``views`` at ``dates`` of events that are read range by range, in the order of what needs what.

    Each is carried out for all ranges before the next: totals of all ranges tell the pace of everybody. Tables are those of
    :func:`snapshot_plan`, of one range; in place of a view that is not :func:`by_key`, a table called like it with its rows.
    """
    there = tuple(view for view in feature_set.views if view in views)
    last = max(_step(feature_set, view) for view in there)
    return tuple(_plan(tuple(columns), feature_set, _back(dates), there, step) for step in range(last + 1))


def whole_queries(
    columns: Sequence[str], feature_set: FeatureSet, dates: Sequence[date], views: Sequence[str]
) -> dict[str, tuple[Statement, ...]]:
    """Return the views whose queries need all events at once, and of each date the statement that writes their rows (parameter ``path``)."""
    found = {}
    for view in feature_set.own:
        if view.name in views and isinstance(view, SqlView) and not by_key(view, list(columns)):
            days = [STANDS_FOR_LAST - timedelta(days=n) for n in _back(dates)]
            found[view.name] = tuple(
                copied(sql_rows(view, list(columns), as_of).subquery(copy=False)) for as_of in days
            )
    return found


def _back(dates: Sequence[date]) -> tuple[int, ...]:
    return tuple((max(dates) - day).days for day in dates)


def _step(feature_set: FeatureSet, name: str) -> int:
    """Return in which step a view is written, where ranges are read one by one: after those that it is made of and all totals."""
    view = next(view for view in (*feature_set.shipped, *feature_set.own) if view.name == name)
    return _first_step(feature_set, name) + int(isinstance(view, AggregateView) and is_paced(view))


def _first_step(feature_set: FeatureSet, name: str) -> int:
    return max((_step(feature_set, other) for other in feature_set.beside(name)), default=0)


@lru_cache(maxsize=32)
def _plan(
    columns: tuple[str, ...],
    feature_set: FeatureSet,
    back: tuple[int, ...],
    views: tuple[str, ...],
    step: int | None,
) -> SnapshotPlan:
    """Return a plan; ``step`` is one of those in which ranges are read, None where all events are at once."""
    dates = [STANDS_FOR_LAST - timedelta(days=n) for n in back]
    put = _Put(columns, dates, split=step is not None)
    there = {view.name: view for view in (*feature_set.shipped, *feature_set.own) if view.name in views}
    # What is made of features of others comes after them.
    for name in sorted(there, key=lambda name: bool(feature_set.beside(name))):
        if step is None or _step(feature_set, name) == step:
            put.view(there[name], feature_set.beside(name))
    for name, view in there.items():
        first = _first_step(feature_set, name)
        if step == first and isinstance(view, AggregateView) and is_paced(view):
            put.totals(view, feature_set.beside(name))
    return put.plan()


class _Put:
    """Puts the statements of views together.

    Parameters
    ----------
    columns : sequence of str
        Of the event log.
    dates : sequence of date
    split : bool
        Whether the events are those of some.
    """

    def __init__(self, columns: Sequence[str], dates: Sequence[date], *, split: bool) -> None:
        self._columns, self._dates, self._split = list(columns), dates, split
        self._notes = Notes()
        self._shared: tuple[Statement, ...] = ()
        self._before: list[tuple[Statement, ...]] = [() for _ in dates]
        self._written: list[dict[str, Statement]] = [{} for _ in dates]
        self._queries: dict[str, SqlView] = {}
        self._reads: dict[str, tuple[str, ...]] = {}

    def plan(self) -> SnapshotPlan:
        """Return what was put together."""
        at = tuple(zip(self._before, self._written, strict=True))
        return SnapshotPlan(self._shared, at, tuple(self._notes.tables), self._queries, self._reads)

    def view(self, view: OwnView, beside: Sequence[str]) -> None:
        """Add what writes a view."""
        rows: Sequence[exp.Select]
        if isinstance(view, AggregateView):
            split = self._split and is_paced(view)
            plan = aggregate_plan(view, self._columns, self._dates, "given" if split else "own")
            rows = self._prepared(plan)
            self._reads[view.name] = (*beside, *([totals_parameter(view.name)] if split else []))
        elif isinstance(view, SqlView):
            self._queries[view.name] = view
            split = self._split and not by_key(view, self._columns)
            given = exp.select("*").from_(named(view.name))
            rows = [given if split else sql_rows(view, self._columns, as_of) for as_of in self._dates]
        elif isinstance(view, RelatedView):
            rows = [related_rows(view, as_of, place) for place, as_of in enumerate(self._dates)]
        else:
            rows = [attribute_rows(view, as_of) for as_of in self._dates]
        for place, query in enumerate(rows):
            self._written[place][view.name] = written(query, view.keys)

    def totals(self, view: AggregateView, beside: Sequence[str]) -> None:
        """Add what writes the totals of a view."""
        name = totals_parameter(view.name)
        plan = aggregate_plan(view, self._columns, self._dates, "totals")
        for place, query in enumerate(self._prepared(plan)):
            self._written[place][name] = copied(query.subquery(copy=False))
        self._reads[name] = tuple(beside)

    def _prepared(self, plan: AggregatePlan) -> tuple[exp.Select, ...]:
        for table, query in plan.shared.items():
            self._notes.create(table, query)
        self._shared += self._notes.taken()
        for place, tables in enumerate(plan.before):
            for table, query in tables.items():
                self._notes.create(table, query, again=True)
            self._before[place] += self._notes.taken()
        return plan.at


def _parameter(file: str) -> str:
    """Return the parameter of a file that others are made of: totals are called like theirs."""
    return file if file.startswith(TOTALS) else file_parameter(file)


def _pattern(file: Path) -> str:
    """Return what reads a file, or several whose names differ where ``*`` stands."""
    return f"{escape(str(file.parent))}/{file.name}"
