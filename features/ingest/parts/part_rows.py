"""The lines that a load writes: those that were read, those of the log before that are still there, and by which ranges."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from sqlglot import exp

from tagcast.features.core.engines.engine import Engine
from tagcast.features.core.engines.key_ranges import KeyRange, fewer_ranges
from tagcast.features.ingest.parts.layout import lines_of, parts_of, scan
from tagcast.features.ingest.parts.staging import LastLoad, Staged
from tagcast.features.ingest.sql_casts import day_literal
from tagcast.features.quality.source_spans import SourceSpan


@dataclass(frozen=True)
class PartRows:
    """The lines of days that a load writes.

    Parameters
    ----------
    staged : sequence of Staged
    spans : sequence of SourceSpan
        Lines outside of them are left out.
    columns : sequence of str
        Of the log.
    last : LastLoad or None
        Holds what was not read anew.
    replaced : collection of date
        Days that it does not hold any more, where there is one.
    """

    staged: Sequence[Staged]
    spans: Collection[SourceSpan]
    columns: Sequence[str]
    last: LastLoad | None
    replaced: Collection[date]

    @property
    def _kept(self) -> list[str]:
        return [one.source.name for one in self.staged if one.kept]

    @property
    def _read(self) -> list[Path]:
        return [file for one in self.staged for file in one.files]

    def query(self) -> exp.Select:
        """Return them as a query over files."""
        lines = [_placed(self._read, self.columns)] if self._read else []
        if self.last is not None and self._kept:
            lines.append(self._still_there(self.last.folder))
        rows = exp.select(*_named(self.columns)).from_(
            (exp.union(*lines, distinct=False) if len(lines) > 1 else lines[0]).subquery("l")
        )
        rows = rows.where(exp.or_(exp.false(), *map(_within, self.spans)))
        if self.last is None:
            return rows
        days = [*map(day_literal, sorted(self.replaced))]
        return rows.where(exp.column("event_day").isin(*days) if days else exp.false())

    def ranges(self, engine: Engine) -> tuple[KeyRange, ...]:
        """Return by which ranges they are written: of what was read, or of the last log where more of them lie there."""
        import pyarrow.parquet as pq

        held = self.last.content.digests if self.last is not None and self._kept else {}
        there = sum(held[day][0] for day in self.replaced if day in held)
        read = sum(pq.read_metadata(file).num_rows for file in self._read)
        if self.last is None or read >= there:
            return engine.ranges(self._read, "placed")
        every = engine.ranges(parts_of(self.last.folder))
        return fewer_ranges(every, there / self.last.content.rows)

    def _still_there(self, last: Path) -> exp.Select:
        """Return the lines of the last log that a load did not find gone."""
        old = exp.select(*_named(self.columns)).from_(lines_of(last).subquery("l"))
        old = old.where(exp.column("source").isin(*map(exp.Literal.string, self._kept)))
        gone = [file for one in self.staged for file in one.removed]
        # A line that stood twice and is gone once is still there. By ranges too: both sides are cut at the same ids.
        left = exp.except_(old, _placed(gone, self.columns), distinct=False)
        return exp.select(*_named(self.columns)).from_(left.subquery("l")) if gone else old


def _placed(files: Sequence[Path], columns: Sequence[str]) -> exp.Select:
    """Return the staged lines of whoever is known, in the columns of the log."""
    placed, time = exp.column("placed"), exp.column("event_time")
    lines = exp.select(
        *[
            exp.alias_(placed if c == "profile_id" else exp.column(c, quoted=True), c, quoted=True)
            for c in columns
        ]
    ).from_(scan(*files))
    return lines.where(placed.is_(exp.null()).not_(), time.is_(exp.null()).not_())


def _named(columns: Sequence[str]) -> list[exp.Column]:
    """Return columns of the log; one that a company names may be called as SQL calls something."""
    return [exp.column(name, quoted=True) for name in columns]


def _within(span: SourceSpan) -> exp.Expr:
    return exp.and_(
        exp.column("source").eq(exp.Literal.string(span.name)),
        exp.column("event_day").between(day_literal(span.first_day), day_literal(span.last_day)),
    )
