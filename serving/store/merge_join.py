"""Two streams by rising id, read side by side: memory holds a part of each."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from tagcast.features.core.errors import StoreError
from tagcast.features.core.messages import Text, msg


class MergeJoin:
    """Rows of a stream, beside profiles that come by rising id.

    Parameters
    ----------
    batches : iterator of RecordBatch
        ``profile_id`` first, strictly rising from row to row and batch to batch.
    what : Message or str
        For messages.
    """

    def __init__(self, batches: Iterator[pa.RecordBatch], what: Text) -> None:
        self._batches = batches
        self._what = what
        self._held: pa.Table | None = None
        self._last: str | None = None

    def up_to(self, last: str | None) -> pa.Table | None:
        """Return the rows not yet given, up to the id ``last`` (None: all); None where the stream is empty."""
        parts = [self._held] if self._held is not None else []
        while last is None or self._last is None or self._last < last:
            batch = next(self._batches, None)
            if batch is None:
                break
            if batch.num_rows:
                self._check(batch.column(0))
                parts.append(pa.Table.from_batches([batch]))
        if not parts:
            return None
        table = pa.concat_tables(parts).unify_dictionaries().combine_chunks()
        rows = table.num_rows
        if last is not None:
            rows = pc.sum(pc.less_equal(table.column(0), last)).as_py() or 0
        self._held = table.slice(rows)
        return table.slice(0, rows)

    def _check(self, ids: pa.Array) -> None:
        first = str(ids[0])
        rising = pc.all(pc.greater(ids[1:], ids[:-1])).as_py() is not False
        if not rising or (self._last is not None and first <= self._last):
            raise StoreError(
                msg("{run} is not in the order of its ids, near {id!r}", run=self._what, id=first),
                hint=msg("publish again: {command}", command="tagcast score --all"),
            )
        self._last = str(ids[-1])


def places(ids: pa.Array, table: pa.Table) -> pa.Array:
    """Return where each of ``ids`` stands in ``table``, null where it does not."""
    return pc.index_in(ids, value_set=table.column(0).combine_chunks())
