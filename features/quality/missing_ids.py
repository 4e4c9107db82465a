"""Lines without an id from a day on: a file that calls its id otherwise is no crowd of guests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from sqlglot import exp

from tagcast.features.core.messages import msg
from tagcast.features.quality.finding import Finding, lines_of
from tagcast.features.quality.stretches import blind_stretches

MOST = 0.5
MUCH = 0.2
LONG_DAYS = 7


def missing_id_findings(connection: Any, lines: exp.Select, where: str) -> Iterator[Finding]:
    """Yield stretches of days on which most lines have no id, and a warning where most of all lines have none.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
    lines : sqlglot expression
        A source's lines in the event log's columns, before anything is left out.
    where : str
        Names the source.
    """
    counted = exp.select(
        "event_day", exp.Count(this=exp.Star()), exp.Count(this=exp.column("profile_id"))
    ).from_(lines.subquery("e"))
    counted = counted.where(exp.column("event_day").is_(exp.null()).not_()).group_by("1").order_by("1")
    rows = connection.sql(counted.sql("duckdb")).fetchall()
    if not rows:
        return
    days, total, known = zip(*rows, strict=True)
    totals, ids = np.array(total, dtype=np.int64), np.array(known, dtype=np.int64)
    hint = msg(
        "another file or system may call its id otherwise: derive it, as in {example}, or leave the lines out: where = …",
        example='profile_id = "COALESCE(customer_id, client_id)"',
    )
    stretches = blind_stretches(days, totals, ids)
    for stretch in stretches:
        of_those = lines_of(stretch.lines, stretch.total)
        message = (
            msg(
                "{lines} have no profile_id since {first}; they are left out",
                lines=of_those,
                first=stretch.first_day,
            )
            if stretch.open_end
            else msg(
                "{lines} have no profile_id from {first} to {last}; they are left out",
                lines=of_those,
                first=stretch.first_day,
                last=stretch.last_day,
            )
        )
        # A short hole long ago costs little; a source that goes on without ids, or lost much, is not ready.
        much = stretch.open_end or stretch.length_days >= LONG_DAYS or stretch.lines >= MUCH * totals.sum()
        yield Finding("error" if much else "warning", "missing_ids", where, message, hint)
    lost, rows_total = int(totals.sum() - ids.sum()), int(totals.sum())
    if not stretches and MOST * rows_total < lost < rows_total:
        message = msg(
            "{lines} have no profile_id: most of the source is left out", lines=lines_of(lost, rows_total)
        )
        yield Finding("warning", "missing_ids", where, message, hint)
