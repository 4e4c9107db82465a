"""One profile of a run: where it lies, and the statement that reads it.

DuckDB keeps the least and greatest id of each group of rows, by their first 8 bytes only: ids that begin alike
(``customer-0000001``) would be looked for among all. The table lies by rising id, so every 2,048th id, in memory,
shows where to search.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from threading import Lock
from typing import Any

from sqlglot import exp

STEP = 2_048
"""Rows between landmarks: what DuckDB reads at once."""
Place = tuple[str, int]
"""The catalog of a part, and a row number in it."""


class RowIndex:
    """Every 2,048th id of tables that lie by rising id, one after the other; read by the first caller, for all.

    Parameters
    ----------
    catalogs : sequence of str
        Where the table ``profiles`` of each part of a run is, in the order of their ids.
    """

    def __init__(self, catalogs: Sequence[str]) -> None:
        self._catalogs = catalogs
        self._ids: list[str] | None = None
        self._places: list[Place] = []
        self._lock = Lock()

    def before(self, connection: Any, profile_id: str) -> Place:
        """Return the part, and the row number from which on ``profile_id`` lies within the next :data:`STEP` rows, if anywhere."""
        with self._lock:
            if self._ids is None:
                self._ids = self._read(connection)
        if not self._ids:
            return self._catalogs[0], 0
        return self._places[max(0, bisect_right(self._ids, profile_id) - 1)]

    def _read(self, connection: Any) -> list[str]:
        row = exp.column("rowid")
        ids: list[str] = []
        for catalog in self._catalogs:
            each = exp.select("profile_id", row).from_(exp.table_("profiles", catalog))
            each = each.where((row % STEP).eq(0)).order_by(row)
            for found, place in connection.execute(each.sql("duckdb")).fetchall():
                ids.append(found)
                self._places.append((catalog, place))
        return ids


def row_statement(
    profile_id: str, place: Place | None = None, *, only: Sequence[str] = (), but: Sequence[str] = ()
) -> str:
    """Return the statement for the columns of a profile, which lies within :data:`STEP` rows from ``place`` on.

    Without ``only`` it is for all columns ``but`` some.

    The values stand in it as literals, which sqlglot escapes: for a parameter DuckDB plans the statement a second time, and
    half of what a profile of a hundred columns takes is planning.
    """
    wanted: exp.Expr = exp.column("profile_id").eq(exp.Literal.string(profile_id))
    # Given as trees: names in text would be parsed each time.
    table = exp.Table(this=exp.to_identifier("profiles"))
    if place is not None:
        catalog, first = place
        table.set("db", exp.to_identifier(catalog))
        low, high = (exp.Literal.number(row) for row in (first, first + STEP - 1))
        wanted = exp.And(this=exp.Between(this=exp.column("rowid"), low=low, high=high), expression=wanted)
    star = exp.Star(except_=[exp.to_identifier(name, quoted=True) for name in but]) if but else exp.Star()
    named: list[exp.Expr] = [exp.column(exp.to_identifier(name, quoted=True)) for name in only]
    everything = exp.select(*(named or [star]), copy=False).from_(table, copy=False)
    return everything.where(wanted, copy=False).sql("duckdb", copy=False)
