"""A run of which somebody may see some profiles only: every question to it is one about those."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from tagcast.features.core.engines.key_ranges import EVERYONE, KeyRange
from tagcast.serving.store.base import StoreReader

if TYPE_CHECKING:
    import pyarrow as pa

_TABLE = "profiles"


class LimitedReader:
    """A reader that shows the profiles that meet a condition, as if the run held no others.

    Parameters
    ----------
    reader : StoreReader
        Of the whole run.
    condition : sqlglot expression
        TRUE for who is shown, FALSE or NULL for the others.
    shown : str
        Names the condition, for what is remembered of it.
    profiles, sample_rows : int
        How many are shown, of the run and of its sample.
    """

    def __init__(
        self, reader: StoreReader, condition: exp.Expr, shown: str, profiles: int, sample_rows: int
    ) -> None:
        self._reader = reader
        self._condition = condition
        self.shown = shown
        self.sample_rows = sample_rows
        # Its other counts are of everybody: who asks for them here meets nothing rather than them.
        self.manifest = replace(reader.manifest, profiles=profiles, predictions=0, tags={}, transitions={})

    def query(self, select: exp.Select, *, sample: bool = False) -> pa.RecordBatchReader:
        """Return the answer to ``select`` over who is shown."""
        return self._reader.query(self._limited(select), sample=sample and self.sample_rows > 0)

    def figures(self, select: exp.Select, *, sample: bool = False) -> Mapping[str, Any]:
        """Return the only row of an answer over who is shown."""
        return self._reader.figures(self._limited(select), sample=sample and self.sample_rows > 0)

    def row(self, profile_id: str) -> Mapping[str, Any] | None:
        """Return the columns of one profile; None for one that is not shown, as for one that is not there."""
        return self._if_shown(profile_id, self._reader.row(profile_id))

    def facts_of(self, profile_id: str) -> Mapping[str, Any] | None:
        """Return the facts of one profile, as :meth:`row` does its columns."""
        return self._if_shown(profile_id, self._reader.facts_of(profile_id))

    def _if_shown(self, profile_id: str, found: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
        if found is None:
            return None
        same = exp.column("profile_id").eq(exp.Literal.string(profile_id))
        query = self._limited(exp.select("profile_id").from_(_TABLE).where(same))
        return found if self._reader.query(query).read_all().num_rows else None

    def stream(self, columns: Sequence[str], within: KeyRange = EVERYONE) -> Iterator[pa.RecordBatch]:
        """Yield ``profile_id`` and ``columns`` of who is shown by rising id, or of those in a range."""
        quoted = [exp.column(exp.to_identifier(name, quoted=True)) for name in columns]
        select = exp.select("profile_id", *quoted).from_(_TABLE).where(*within.conditions())
        yield from self.query(select.order_by("profile_id"))

    def let_go(self) -> None:
        """Let go of the last answer, read or not."""
        self._reader.let_go()

    def _limited(self, select: exp.Select) -> exp.Select:
        """Return a question with the condition wherever it reads profiles."""
        limited = select.copy()
        tables = [table for table in limited.find_all(exp.Table) if table.name == _TABLE]
        for part in list(limited.find_all(exp.Select)):
            source = part.args.get("from_")
            if source is not None and source.this in tables:
                tables = [table for table in tables if table is not source.this]
                part.where(self._condition.copy(), copy=False)
        if tables:
            raise AssertionError("a question that joins profiles cannot be limited")
        return limited
