"""One profile of a DuckDB file: where it lies, and the statement that reads it.

DuckDB keeps the least and greatest id of each group of rows, by their first 8 bytes only: ids that begin alike
(``customer-0000001``) would be looked for among all. The table lies by rising id, so every 2,048th id, in memory,
shows where to search.
"""

from __future__ import annotations

from bisect import bisect_right
from threading import Lock
from typing import Any

from sqlglot import exp

STEP = 2_048
"""Rows between landmarks: what DuckDB reads at once."""


class RowIndex:
    """Every 2,048th id of a table that lies by rising id; read by the first caller, for all."""

    def __init__(self) -> None:
        self._ids: list[str] | None = None
        self._lock = Lock()

    def before(self, connection: Any, profile_id: str) -> int:
        """Return the row number from which on ``profile_id`` lies within the next :data:`STEP` rows, if anywhere."""
        with self._lock:
            if self._ids is None:
                row = exp.column("rowid")
                each = exp.select("profile_id").from_("profiles").where((row % STEP).eq(0)).order_by(row)
                self._ids = [found[0] for found in connection.execute(each.sql("duckdb")).fetchall()]
        return max(0, bisect_right(self._ids, profile_id) - 1) * STEP


def row_statement(profile_id: str, first: int | None = None) -> str:
    """Return the statement for all columns of a profile, which lies within :data:`STEP` rows from ``first`` on.

    The values stand in it as literals, which sqlglot escapes: for a parameter DuckDB plans the statement a second time, and
    half of what a profile of a hundred columns takes is planning.
    """
    wanted: exp.Expr = exp.column("profile_id").eq(exp.Literal.string(profile_id))
    if first is not None:
        low, high = (exp.Literal.number(place) for place in (first, first + STEP - 1))
        wanted = exp.And(this=exp.Between(this=exp.column("rowid"), low=low, high=high), expression=wanted)
    # Given as trees: names in text would be parsed each time.
    everything = exp.select(exp.Star(), copy=False).from_(
        exp.Table(this=exp.to_identifier("profiles")), copy=False
    )
    return everything.where(wanted, copy=False).sql("duckdb", copy=False)
