"""The tables that views of figures of what is related read: the other entity's snapshots at the same dates, and its log."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from tagcast.features.compute.aggregates.related_queries import log_table, snapshot_table
from tagcast.features.compute.dated_statements import DIALECT

if TYPE_CHECKING:
    from tagcast.features.catalog.related.view import RelatedView
    from tagcast.features.compute.snapshots import Snapshots


def ensure_beside(view: RelatedView, beside: Snapshots, dates: Sequence[date]) -> None:
    """Build the other entity's snapshots that ``view`` is made of at ``dates``; before its first event there is none."""
    there = [as_of for as_of in dates if beside.events.first_day < as_of]
    if view.needed_views and there:
        beside.ensure(there, views=view.needed_views)


def open_beside(connection: Any, view: RelatedView, beside: Snapshots, dates: Sequence[date]) -> None:
    """Make the tables that ``view`` reads at ``dates``; ``connection`` is ibis's to DuckDB."""
    if not view.own:
        connection.read_parquet(beside.events.glob, table_name=log_table(view))
    for place, as_of in enumerate(dates):
        for source in view.needed_views:
            name = snapshot_table(view, source, place)
            if beside.events.first_day < as_of:
                connection.read_parquet(beside.path(source, as_of), table_name=name)
            else:
                columns = [one.partition(".")[2] for one, _ in view.absent if one.startswith(f"{source}.")]
                connection.con.execute(_empty(name, columns).sql(DIALECT))


def _empty(name: str, columns: Sequence[str]) -> exp.Create:
    kinds = {"profile_id": "VARCHAR", **dict.fromkeys(columns, "DOUBLE")}
    defined = [
        exp.ColumnDef(this=exp.to_identifier(column, quoted=True), kind=exp.DataType.build(kind))
        for column, kind in kinds.items()
    ]
    target = exp.Schema(this=exp.table_(name, quoted=True), expressions=defined)
    return exp.Create(this=target, kind="TABLE")
