"""What each source holds of each day, and how two loads differ in days that both hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tagcast.features.core.duckdb import DuckDbConfig
from tagcast.features.core.engines.query_engine import STAGED, QueryEngine, write_file
from tagcast.features.quality.source_spans import SourceSpan

if TYPE_CHECKING:
    from tagcast.features.core.schema.sources import Source

DAY_TOTALS = "days.parquet"
"""In the folder of an event log: a row a source and local day."""
LATE_DAYS = 3
"""Lines may come so many days late in a source without a rhythm of its own."""
SHOWN_DAYS = 3
KEPT_DAYS = 30
"""Days of new data for which a change stays on record in the event log."""

_CONTENT = (
    "event_time", "event", "amount", "quantity", "discount", "category", "item_id", "order_id", "channel", "is_return",
)  # fmt: skip
# Sums of hashes do not depend on the order of rows, and those of a load and of what it added are those of both together.
_TOTALS = """
SELECT source, event_day, event, count(*) AS lines, coalesce(sum(amount), 0) AS amount, sum(content::HUGEINT)::VARCHAR AS content,
       sum(ids::HUGEINT)::VARCHAR AS ids, count(placed) AS placed,
       coalesce(sum(whole::HUGEINT) FILTER (placed IS NOT NULL), 0)::VARCHAR AS whole
FROM (
    SELECT source, event_day, event, amount, placed, hash(*COLUMNS($content)) AS content,
           hash(event_time, event, order_id, profile_id) AS ids, hash(placed, event_hour, *COLUMNS($content)) AS whole
    FROM read_parquet($file) WHERE event_time IS NOT NULL AND profile_id IS NOT NULL
) GROUP BY source, event_day, event
"""
_COMPARED = """
CREATE OR REPLACE TEMP TABLE compared AS
WITH loads AS (
    SELECT 'before' AS load, * FROM read_parquet($before) WHERE source = $source
    UNION ALL SELECT 'now', * FROM read_parquet($now) WHERE source = $source
), days AS (
    SELECT load, event_day, sum(lines)::BIGINT AS lines, sum(amount) AS amount, sum(content::HUGEINT) AS content,
           CASE WHEN count(ids) = count(*) THEN sum(ids::HUGEINT) END AS ids, sum(placed)::BIGINT AS placed,
           sum(whole::HUGEINT) AS whole
    FROM loads GROUP BY load, event_day
)
SELECT event_day, b, n FROM (FROM days WHERE load = 'before') b FULL JOIN (FROM days WHERE load = 'now') n USING (event_day)
"""
_DIFFERENT = """
SELECT event_day, coalesce(b.lines, 0), coalesce(n.lines, 0), coalesce(b.amount, 0), coalesce(n.amount, 0),
       b.content IS NOT DISTINCT FROM n.content
FROM compared WHERE event_day BETWEEN ? AND ?
AND ((b.lines, b.amount, b.content) IS DISTINCT FROM (n.lines, n.amount, n.content) OR b.ids <> n.ids)
ORDER BY event_day
"""
_REPLACED = """
SELECT event_day FROM compared WHERE (b.placed, b.whole) IS DISTINCT FROM (n.placed, n.whole)
"""
_UNITED = """
SELECT source, event_day, event, sum(lines)::BIGINT AS lines, sum(amount) AS amount, sum(content::HUGEINT)::VARCHAR AS content,
       CASE WHEN count(ids) = count(*) THEN sum(ids::HUGEINT)::VARCHAR END AS ids, sum(placed)::BIGINT AS placed,
       sum(whole::HUGEINT)::VARCHAR AS whole
FROM (
    SELECT * FROM read_parquet($added) WHERE $adds
    UNION ALL BY NAME SELECT * FROM read_parquet($last) WHERE list_contains($kept, source)
    UNION ALL BY NAME SELECT source, event_day, event, -lines AS lines, -amount AS amount, (-content::HUGEINT)::VARCHAR AS content,
        (-ids::HUGEINT)::VARCHAR AS ids, -placed AS placed, (-whole::HUGEINT)::VARCHAR AS whole
    FROM read_parquet($removed) WHERE $removes
) GROUP BY source, event_day, event HAVING sum(lines) > 0 ORDER BY source, event_day, event
"""


# Of lines that were taken out of a log by the profile alone, nobody knows what ids their sources had.
_ODD_IDS = """
SELECT * REPLACE (CASE WHEN (source, event_day) NOT IN (SELECT DISTINCT (source, event_day) FROM read_parquet($touched)) THEN ids END AS ids)
FROM read_parquet($totals) ORDER BY source, event_day, event
"""


@dataclass(frozen=True)
class DayChange:
    """One day of a source: its lines and the sum of their amounts, in the load before and in this one."""

    day: date
    lines_before: int
    lines: int
    amount_before: float
    amount: float


@dataclass(frozen=True)
class PastChange:
    """Days of a source that were loaded before and were different in a later load.

    Parameters
    ----------
    source : str
    found_on : date
        Last day of the data when it was found.
    first_day, last_day : date
        Of the days that are different.
    days : int
        How many are.
    fewer, more : int
        Lines that are missing on days with fewer, and new on days with more.
    amount_before, amount : float
        Sum of the amounts of these days.
    ids_only : bool
        Whether nothing but the ids in the lines is different.
    largest : tuple of DayChange
        The days of the largest differences in lines, then in amount; in order of time.
    """

    source: str
    found_on: date
    first_day: date
    last_day: date
    days: int
    fewer: int
    more: int
    amount_before: float
    amount: float
    ids_only: bool
    largest: tuple[DayChange, ...]


def reading(source: Source, timezone: str) -> str:
    """Return a digest of how a source is read, wherever it lies: read otherwise, the same lines are others."""
    import duckdb

    mapping = source.model_dump_json(exclude={"path", "url", "ended", "loaded_at"})
    # DuckDB keeps its hash functions within a version alone.
    return sha256(f"{mapping}|{timezone}|{duckdb.__version__}".encode()).hexdigest()[:16]


def write_day_totals(
    queries: QueryEngine,
    connection: Any,
    added: Sequence[Path],
    target: Path,
    further: Sequence[str] = (),
    *,
    removed: Sequence[Path] = (),
    last: Path | None = None,
    kept: Sequence[str] = (),
) -> None:
    """Write the totals of all lines, whoever they belong to today: accounts that are merged change no day.

    Parameters
    ----------
    queries : QueryEngine
        Counts file by file.
    connection : duckdb.DuckDBPyConnection
    added : sequence of Path
        The lines of each source as they were read.
    target : Path
    further : sequence of str
        Columns that the sources add to the event log.
    removed : sequence of Path
        Such lines of the last load that are gone.
    last : Path, optional
        The totals of the last load.
    kept : sequence of str
        Sources whose lines of then are still there, but for those that were removed.
    """
    count = _FileTotals(queries.duckdb, target.parent, (*_CONTENT, *further))
    files = queries.each(count, [*added, *removed])
    known = [last] if last is not None else []
    sides = {"added": files[: len(added)], "removed": files[len(added) :], "last": known}
    # A side without a file reads those of another, and none of their lines.
    read = {name: [str(file) for file in side or files or known] for name, side in sides.items()}
    given = {**read, "kept": list(kept), "adds": bool(added), "removes": bool(removed)}
    connection.sql(_UNITED, params=given).write_parquet(str(target))


def forget_ids(connection: Any, totals: Path, touched: Path) -> None:
    """Let nothing be said of the ids of days on which lines were taken out without what their sources knew them by.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
    totals : Path
        Of :func:`write_day_totals`.
    touched : Path
        The lines.
    """
    write_file(connection, _ODD_IDS, totals, params={"totals": str(totals), "touched": str(touched)})


@dataclass(frozen=True)
class _FileTotals:
    """Writes the totals of a file of lines."""

    duckdb: DuckDbConfig
    folder: Path
    content: tuple[str, ...]

    def __call__(self, file: Path) -> Path:
        target = self.folder / f"{STAGED}totals-{file.name}"
        given = {"file": str(file), "content": list(self.content)}
        with self.duckdb.opened() as connection:
            write_file(connection, _TOTALS, target, params=given)
        return target


def lines_by_day(connection: Any, totals: Path, source: str) -> tuple[dict[date, int], tuple[str, ...]]:
    """Return the lines of a source that belong to somebody, by local day, and the names of their events, sorted."""
    rows = connection.execute(
        "SELECT event_day, event, placed FROM read_parquet(?) WHERE source = ? AND placed > 0",
        [str(totals), source],
    ).fetchall()
    lines: dict[date, int] = {}
    for day, _, placed in rows:
        lines[day] = lines.get(day, 0) + placed
    return lines, tuple(sorted({event for _, event, _ in rows if event is not None}))


def replaced_days(connection: Any, before: Path, now: Path, source: str) -> set[date]:
    """Return the days of a source whose lines in the event log are not those of the load before."""
    _compare(connection, before, now, source)
    return {day for (day,) in connection.execute(_REPLACED).fetchall()}


def _compare(connection: Any, before: Path, now: Path, source: str) -> None:
    connection.execute(_COMPARED, {"before": str(before), "now": str(now), "source": source})


def past_changes(
    connection: Any, before: Path, now: Path, spans: Sequence[SourceSpan], spans_before: Sequence[SourceSpan]
) -> tuple[PastChange, ...]:
    """Return the days already loaded that are different, a change for each source that has any.

    Late lines of a source's newest days are usual. So is a source that always holds the same number of days: what it no
    longer holds at its beginning is not a change while its end moves on as far.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
    before, now : Path
        Files of :func:`write_day_totals`.
    spans, spans_before : sequence of SourceSpan
        Of the sources that are read in the same way in both loads.
    """
    known = {span.name: span for span in spans_before}
    found_on = max((span.last_day for span in spans), default=date.min)
    found = []
    for span in spans:
        was = known.get(span.name)
        if was is None:
            continue
        dropped, added = span.first_day - was.first_day, span.last_day - was.last_day
        moves_on = timedelta(0) < dropped <= added
        _compare(connection, before, now, span.name)
        # Cut off by the hour, its first day is not whole either.
        first = span.first_day + timedelta(days=1) if moves_on else was.first_day
        rows = connection.execute(_DIFFERENT, [first, was.last_day]).fetchall()
        newest = was.last_day - timedelta(days=max(LATE_DAYS, 3 * was.usual_gap_days))
        different = [
            (DayChange(day, lines_before, lines, float(amount_before), float(amount)), same)
            for day, lines_before, lines, amount_before, amount, same in rows
        ]
        days = [(one, same) for one, same in different if one.day <= newest or one.lines <= one.lines_before]
        if days:
            found.append(_change(span.name, found_on, days))
    return tuple(found)


def _change(source: str, found_on: date, days: Sequence[tuple[DayChange, bool]]) -> PastChange:
    each = [day for day, _ in days]
    by_size = sorted(each, key=lambda d: (-abs(d.lines - d.lines_before), -abs(d.amount - d.amount_before)))
    return PastChange(
        source=source,
        found_on=found_on,
        first_day=each[0].day,
        last_day=each[-1].day,
        days=len(each),
        fewer=sum(max(0, d.lines_before - d.lines) for d in each),
        more=sum(max(0, d.lines - d.lines_before) for d in each),
        amount_before=sum(d.amount_before for d in each),
        amount=sum(d.amount for d in each),
        ids_only=all(same for _, same in days),
        largest=tuple(sorted(by_size[:SHOWN_DAYS], key=lambda d: d.day)),
    )


def still_on_record(changes: Sequence[PastChange], last_day: date) -> tuple[PastChange, ...]:
    """Return the changes that were found within the last ``KEPT_DAYS`` of the data."""
    return tuple(one for one in changes if (last_day - one.found_on).days <= KEPT_DAYS)


def change_from_json(kept: Mapping[str, Any]) -> PastChange:
    """Return what an event log's manifest holds of a change: its dates are text there."""
    days = tuple(DayChange(**{**day, "day": date.fromisoformat(day["day"])}) for day in kept["largest"])
    dated = {name: date.fromisoformat(kept[name]) for name in ("found_on", "first_day", "last_day")}
    return replace(PastChange(**{**kept, **dated}), largest=days)
