"""What an event log holds of each local day: counted when its lines are written, added up for the whole."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from sqlglot import exp

from tagcast.features.core.duckdb import DuckDbConfig
from tagcast.features.core.engines.query_engine import STAGED, QueryEngine, write_file
from tagcast.features.ingest.event_log_content import Digest
from tagcast.features.ingest.parts.layout import scan
from tagcast.features.ingest.sql_casts import day_literal

FACTS = "facts.parquet"
"""In the folder of a log: a row a day and event."""
OPTIONAL_COLUMNS = ("amount", "quantity", "discount", "category", "item_id", "order_id", "channel")
_RETURNED = "is_return"


@dataclass(frozen=True)
class LogFacts:
    """What a log holds.

    Parameters
    ----------
    digests : dict of date to (int, int)
        Lines of each day, and the sum of their hashes.
    events_from : dict of str to date
        Each event name and the day it is first seen, sorted.
    columns_from : dict of str to date
        Each optional column that holds something, and its first day.
    """

    digests: dict[date, Digest]
    events_from: dict[str, date]
    columns_from: dict[str, date]


def write_facts(
    queries: QueryEngine,
    connection: Any,
    counted: Sequence[Path],
    columns: Sequence[str],
    target: Path,
    *,
    last: Path | None = None,
    replaced: Collection[date] = (),
) -> None:
    """Write the facts of every day.

    Parameters
    ----------
    queries : QueryEngine
        Counts file by file.
    connection : duckdb.DuckDBPyConnection
    counted : sequence of Path
        Files with every line of the days that were written; none where no line is left of them.
    columns : sequence of str
        Of the log.
    target : Path
    last : Path, optional
        The facts of the log before, which hold the other days.
    replaced : collection of date
        The days that they do not hold any more.
    """
    files = queries.each(_FileFacts(queries.duckdb, target.parent, tuple(columns)), counted)
    found = [_added_up(scan(*files))] if files else []
    if last is not None:
        there = exp.select("*").from_(scan(last))
        gone = exp.column("event_day").isin(*map(day_literal, sorted(replaced)))
        found.append(there.where(exp.not_(gone)) if replaced else there)
    rows = found[0] if len(found) == 1 else exp.union(*found, distinct=False)
    ordered = exp.select("*").from_(rows.subquery("f")).order_by("event_day", "event")
    connection.sql(ordered.sql("duckdb")).write_parquet(str(target))


def read_facts(connection: Any, file: Path) -> LogFacts:
    """Return what :func:`write_facts` wrote."""
    names = ["event_day", "event", "lines", "digest", *OPTIONAL_COLUMNS, _RETURNED]
    rows = connection.sql(exp.select(*names).from_(scan(file)).order_by("event_day").sql("duckdb")).fetchall()
    digests: dict[date, Digest] = {}
    events_from: dict[str, date] = {}
    columns_from: dict[str, date] = {}
    for day, event, lines, digest, *filled in rows:
        before = digests.get(day, (0, 0))
        digests[day] = before[0] + lines, before[1] + int(digest)
        if event is not None:
            events_from.setdefault(event, day)
        for name, there in zip((*OPTIONAL_COLUMNS, _RETURNED), filled, strict=True):
            if there:
                columns_from.setdefault(name, day)
    return LogFacts(digests, dict(sorted(events_from.items())), columns_from)


@dataclass(frozen=True)
class _FileFacts:
    """Counts the lines of a file."""

    duckdb: DuckDbConfig
    folder: Path
    columns: tuple[str, ...]

    def __call__(self, file: Path) -> Path:
        target = self.folder / f"{STAGED}facts-{file.name}"
        with self.duckdb.opened() as connection:
            write_file(connection, _counts(scan(file), self.columns), target)
        return target


def _added_up(counts: exp.Expr) -> exp.Select:
    """Return the facts of files together: no line is in two of them."""
    lines = exp.cast(exp.Sum(this=exp.column("lines")), "BIGINT")
    digest = exp.Sum(this=exp.cast(exp.column("digest"), "HUGEINT", dialect="duckdb"))
    found = exp.select(
        "event_day",
        "event",
        exp.alias_(lines, "lines"),
        exp.alias_(exp.cast(digest, "VARCHAR"), "digest"),
        *[
            exp.alias_(exp.Anonymous(this="bool_or", expressions=[exp.column(name)]), name)
            for name in (*OPTIONAL_COLUMNS, _RETURNED)
        ],
    )
    return found.from_(counts).group_by("event_day", "event")


def _counts(lines: exp.Expr, columns: Sequence[str]) -> exp.Select:
    hashed = exp.Anonymous(this="hash", expressions=[exp.column(c, quoted=True) for c in columns])
    # A sum of hashes does not depend on the order of rows, and counts a line twice that stands twice.
    digest = exp.cast(exp.Sum(this=exp.cast(hashed, "HUGEINT", dialect="duckdb")), "VARCHAR")
    filled = [
        exp.alias_(exp.GT(this=exp.Count(this=exp.column(name)), expression=exp.Literal.number(0)), name)
        for name in OPTIONAL_COLUMNS
    ]
    counted = exp.select(
        "event_day",
        "event",
        exp.alias_(exp.Count(this=exp.Star()), "lines"),
        exp.alias_(digest, "digest"),
        *filled,
        exp.alias_(exp.Anonymous(this="bool_or", expressions=[exp.column(_RETURNED)]), _RETURNED),
    )
    return counted.from_(lines).group_by("event_day", "event")
