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
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from tagcast.features.catalog.aggregate_views import AggregateView
from tagcast.features.catalog.feature_set import FeatureSet
from tagcast.features.catalog.related.view import RelatedView
from tagcast.features.catalog.sql_views import SqlView
from tagcast.features.compute.aggregates.queries import aggregate_plan, file_parameter
from tagcast.features.compute.aggregates.related_queries import related_rows
from tagcast.features.compute.dated_statements import (
    DIALECT,
    STANDS_FOR_LAST,
    Statement,
    dated_statement,
)
from tagcast.features.compute.view_queries import attribute_rows, check_one_row, running, sql_rows

if TYPE_CHECKING:
    from ibis import Schema


@dataclass(frozen=True)
class SnapshotPlan:
    """How the snapshots at some dates are built.

    Parameters
    ----------
    shared : tuple of Statement
        Run once, before everything else.
    at : tuple of (before, written)
        Of each date in turn: statements, and the statement of each view (parameters ``starts_at`` and ``path``).
    tables : tuple of str
        What all of them make.
    queries : dict of str to SqlView
        Of the views, those that a query of the company's own makes: checked once it was run.
    beside : dict of str to tuple of str
        Of views that are made of features of others: those others.
    """

    shared: tuple[Statement, ...]
    at: tuple[tuple[tuple[Statement, ...], dict[str, Statement]], ...]
    tables: tuple[str, ...]
    queries: Mapping[str, SqlView]
    beside: Mapping[str, tuple[str, ...]]

    def share(self, connection: Any, dates: Sequence[date]) -> None:
        """Compute what all dates share; ``connection`` (DuckDB) keeps it, on disk beyond its memory."""
        for statement in self.shared:
            statement.run(connection, max(dates))

    def forget(self, connection: Any) -> None:
        """Remove what :meth:`share` and :meth:`write` made, as far as they came."""
        for table in self.tables:
            connection.execute(f"DROP TABLE IF EXISTS {_named(table).sql(DIALECT)}")  # a name of our own

    def write(
        self,
        connection: Any,
        dates: Sequence[date],
        as_of: date,
        starts_at: datetime,
        files: dict[str, Path],
    ) -> None:
        """Write the views at ``as_of``, one of ``dates``, as Parquet; each row is stamped ``starts_at``.

        ``files`` has the file of each view, and of each whose features one of them is made of.
        """
        before, written = self.at[list(dates).index(as_of)]
        for statement in before:
            statement.run(connection, max(dates))
        for view, statement in written.items():
            query = self.queries.get(view)
            read = {file_parameter(other): escape(str(files[other])) for other in self.beside.get(view, ())}
            with running(view) if query else nullcontext():
                statement.run(connection, max(dates), starts_at=starts_at, path=str(files[view]), **read)
            if query:
                check_one_row(connection, query, files[view])


def snapshot_plan(
    schema: Schema, feature_set: FeatureSet, dates: Sequence[date], views: Sequence[str] | None = None
) -> SnapshotPlan:
    """Return the plan for ``views`` (default: all) at ``dates``.

    It reads a table :data:`EVENTS` of ``schema``, and of each view that the company declares one called like it
    (:func:`tagcast.features.compute.view_queries.attribute_rows`), or those of
    :mod:`tagcast.features.compute.aggregates.related_queries`.
    """
    there = tuple(view for view in feature_set.views if views is None or view in views)
    return _plan(schema, feature_set, tuple((max(dates) - d).days for d in dates), there)


@lru_cache(maxsize=32)
def _plan(
    schema: Schema, feature_set: FeatureSet, back: tuple[int, ...], views: tuple[str, ...]
) -> SnapshotPlan:
    dates = [STANDS_FOR_LAST - timedelta(days=n) for n in back]
    notes = _Notes()
    there = {view.name: view for view in (*feature_set.shipped, *feature_set.own) if view.name in views}
    beside = {name: others for name in there if (others := feature_set.beside(name))}
    before: list[tuple[Statement, ...]] = [() for _ in dates]
    written: list[dict[str, Statement]] = [{} for _ in dates]
    shared: tuple[Statement, ...] = ()
    # What is made of features of others comes after them.
    for name in sorted(there, key=beside.__contains__):
        view = there[name]
        if isinstance(view, AggregateView):
            plan = aggregate_plan(view, list(schema), dates)
            for table, query in plan.shared.items():
                notes.create(table, query)
            shared += notes.taken()
            for place, tables in enumerate(plan.before):
                for table, query in tables.items():
                    notes.create(table, query, again=True)
                before[place] += notes.taken()
            rows = plan.at
        elif isinstance(view, SqlView):
            rows = tuple(sql_rows(view, list(schema), as_of) for as_of in dates)
        elif isinstance(view, RelatedView):
            rows = tuple(related_rows(view, as_of, place) for place, as_of in enumerate(dates))
        else:
            rows = tuple(attribute_rows(view, as_of) for as_of in dates)
        for place, query in enumerate(rows):
            written[place][name] = _written(query, view.keys)
    queries = {name: view for name, view in there.items() if isinstance(view, SqlView)}
    at = tuple(zip(before, written, strict=True))
    return SnapshotPlan(shared, at, tuple(notes.tables), queries, beside)


class _Notes:
    """Notes how tables are made."""

    def __init__(self) -> None:
        self._noted: list[Statement] = []
        self.tables: dict[str, None] = {}

    def create(self, name: str, query: exp.Query, *, again: bool = False) -> None:
        """Note how a table is made from a query; ``again`` where it takes the place of an earlier one."""
        made = exp.Create(this=_named(name), kind="TABLE", expression=query, replace=again)
        self._noted.append(dated_statement(made))
        self.tables[name] = None

    def taken(self) -> tuple[Statement, ...]:
        """Return what was noted since the last time."""
        noted, self._noted = tuple(self._noted), []
        return noted


def _written(query: exp.Query, keys: Sequence[str]) -> Statement:
    """Return the statement that writes the rows of a view in the order of its keys."""
    stamp = exp.cast(exp.Placeholder(this="starts_at"), "TIMESTAMPTZ")
    stamps = [exp.alias_(stamp.copy(), name) for name in ("event_timestamp", "created_timestamp")]
    rows = exp.select("*", *stamps).from_(query.subquery("features", copy=False), copy=False)
    options = {"FORMAT": "parquet", "COMPRESSION": "zstd"}
    return dated_statement(
        exp.Copy(
            this=rows.order_by(*(exp.column(key, quoted=True) for key in keys), copy=False).subquery(
                copy=False
            ),
            kind=False,
            files=[exp.Placeholder(this="path")],
            params=[
                exp.CopyParameter(this=exp.var(name), expression=exp.var(value))
                for name, value in options.items()
            ],
        )
    )


def _named(table: str) -> exp.Table:
    return exp.table_(table, quoted=True)
