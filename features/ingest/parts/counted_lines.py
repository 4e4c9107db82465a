"""Mapped lines of a source, written and counted, and refused where they are of no use."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlglot import exp

from tagcast.features.core.engines.query_engine import QueryEngine
from tagcast.features.core.errors import DataError
from tagcast.features.core.messages import msg
from tagcast.features.core.schema.sources import Source
from tagcast.features.ingest.event_log_content import SourceCount
from tagcast.features.ingest.parts.mapped_lines import SourceQuery
from tagcast.features.ingest.parts.marks import SourceMark
from tagcast.features.ingest.readers.places import Places
from tagcast.features.ingest.readers.table_reader import Reader
from tagcast.features.ingest.texts.formats import time_hint
from tagcast.features.ingest.texts.numbers import look_at_numbers, number_hint

MAX_UNPARSABLE_SHARE = 0.01
ROWS_OF_A_GROUP = 8_192
"""Of mapped lines that are read by ranges: few are read in vain at the borders of a range."""


@dataclass(frozen=True)
class MappedLines:
    """Lines of a source that were mapped: where they lie, what will be left out of the log, and examples of it."""

    files: tuple[Path, ...]
    count: SourceCount
    amounts: int = 0
    time: str | None = None
    amount: str | None = None

    @property
    def is_there(self) -> bool:
        """Whether they can still be read."""
        return bool(self.files) and all(file.is_file() for file in self.files)

    @classmethod
    def of(
        cls,
        queries: QueryEngine,
        reader: Reader,
        source: Source,
        query: SourceQuery | None,
        identity: exp.Expr | None,
        target: Path,
    ) -> MappedLines:
        """Write the lines of a query; none where there is no query.

        Parameters
        ----------
        queries : QueryEngine
        reader : Reader
        source : Source
        query : SourceQuery or None
        identity : query, optional
            Whom the ids of the sources belong to.
        target : Path
        """
        name, connection = source.name, reader.connection
        if query is None:
            return cls((), SourceCount(name, 0, 0, 0, 0, 0))
        connection.execute("SET TimeZone = ?", [source.timezone])
        with reader.reading(f"sources.{name}"):
            # Whoever works on ranges reads their rows alone where files are sorted.
            lines, options = _placed(query, identity), {}
            if queries.engine.elsewhere:
                lines, options = lines.order_by("placed"), {"row_group_size": ROWS_OF_A_GROUP}
            connection.sql(lines.sql("duckdb")).write_parquet(str(target), **options)
        *counts, amounts, time, amount = connection.execute(
            """SELECT count(*), count(*) FILTER (profile_id IS NULL), count(*) FILTER (event_time IS NULL),
                      count(DISTINCT profile_id) FILTER (placed IS NULL), count(*) FILTER (NOT matched),
                      count(amount), min(unread_event_time), min(unread_amount)
               FROM read_parquet(?)""",
            [str(target)],
        ).fetchall()[0]
        return cls((target,), SourceCount(name, *counts), amounts, time, amount)


@dataclass(frozen=True)
class MappedSource:
    """All lines of a source as one step of a command has mapped them, for the steps after it.

    Parameters
    ----------
    mark : SourceMark
        What the source looked like.
    query : SourceQuery
    lines : MappedLines
    """

    mark: SourceMark
    query: SourceQuery
    lines: MappedLines


def mapped_before(places: Places, source: Source, mark: SourceMark) -> MappedSource | None:
    """Return what a step before has mapped of a source that looks like ``mark``."""
    made = places.made.get(f"sources.{source.name}")
    return made if isinstance(made, MappedSource) and made.mark == mark and made.lines.is_there else None


def _placed(query: SourceQuery, identity: exp.Expr | None) -> exp.Select:
    """Return the lines of a query and, as ``placed``, whom each belongs to."""
    lines = exp.select("e.*").from_(query.select.subquery("e", copy=False), copy=False)
    if identity is None:
        return lines.select(exp.alias_(exp.column("profile_id", "e"), "placed"), copy=False)
    same = exp.and_(
        exp.column("source", "e").eq(exp.column("source", "i")),
        exp.column("profile_id", "e").eq(exp.column("source_id", "i")),
    )
    table = exp.select("*").from_(exp.Subquery(this=identity.copy())).subquery("i")
    return lines.select("i.placed", copy=False).join(table, on=same, join_type="left", copy=False)


def check_lines(
    reader: Reader, source: Source, query: SourceQuery, found: SourceCount, read: MappedLines, *, whole: bool
) -> None:
    """Refuse a source whose lines are of no use.

    Parameters
    ----------
    reader : Reader
    source : Source
    query : SourceQuery
        That mapped them.
    found : SourceCount
        Of all of its lines.
    read : MappedLines
        Those of them that this load has mapped.
    whole : bool
        Whether these are all.

    Raises
    ------
    DataError
        Naming the source, what was found and the hint.
    """
    name, connection = source.name, reader.connection
    if not found.rows:
        raise DataError(
            msg("sources.{name}: no rows were read: the source is empty, or where leaves nothing", name=name),
            hint=msg("check path and where"),
        )
    if found.missing_ids == found.rows:
        raise DataError(
            msg("sources.{name}: no row has a profile_id", name=name), hint=msg("check columns.profile_id")
        )
    if found.unparsable_times > found.rows * MAX_UNPARSABLE_SHARE:
        raise DataError(
            msg(
                "sources.{name}: event_time cannot be read in {unparsable_times:,} of {rows:,} rows, as in {example!r}",
                name=name,
                unparsable_times=found.unparsable_times,
                rows=found.rows,
                example=read.time or "",
            ),
            hint=time_hint(
                connection, query.texts.get("event_time"), source.timezone, found.unparsable_times
            ),
        )
    if whole and not read.amounts and ("amount" in source.columns or "amount" in source.derive):
        texts = query.texts.get("amount")
        raise DataError(
            msg(
                "sources.{name}: amount is a number on none of {rows:,} rows, as in {example!r}",
                name=name,
                rows=found.rows,
                example=read.amount or "",
            ),
            hint=number_hint(source, "amount", look_at_numbers(connection, texts) if texts else None),
        )
