"""Scored profiles with their attributes, as the profile store takes them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.workspace import Workspace

if TYPE_CHECKING:
    import pyarrow as pa

READ_ROWS = 100_000


def with_attributes(workspace: Workspace, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yield scored batches with the attributes of their profiles after the id; null where a profile has none.

    Both sides come by rising id and are read side by side.
    """
    file = workspace.events.profiles_path
    if file is None:
        yield from batches
        return
    attributes = _Attributes(file, workspace.settings.memory_limit)
    for batch in batches:
        yield attributes.beside(batch)


class _Attributes:
    """Attributes by rising id, a part at a time.

    Parameters
    ----------
    file : Path
        Parquet with ``profile_id``, one row each.
    memory_limit : str
    """

    def __init__(self, file: Path, memory_limit: str) -> None:
        import duckdb

        self._connection = duckdb.connect(config={"memory_limit": memory_limit})
        query = "SELECT * FROM read_parquet(?) WHERE profile_id IS NOT NULL ORDER BY profile_id"
        self._reader = self._connection.sql(query, params=[str(file)]).to_arrow_reader(READ_ROWS)
        self._names = [name for name in self._reader.schema.names if name != "profile_id"]
        self._held: pa.Table = self._reader.schema.empty_table()

    def beside(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return ``batch`` with the attributes of its profiles."""
        import pyarrow as pa
        import pyarrow.compute as pc

        ids = batch.column("profile_id")
        while not self._held.num_rows or pc.less(self._held.column("profile_id")[-1], ids[-1]).as_py():
            part = next(self._reader, None)
            if part is None:
                break
            self._held = pa.concat_tables([self._held, pa.Table.from_batches([part])])
        own = self._held.column("profile_id").combine_chunks()
        place = pc.index_in(ids, value_set=own)
        columns = [self._held.column(name).take(place).combine_chunks() for name in self._names]
        passed = pc.sum(pc.less_equal(own, ids[-1])).as_py() or 0
        self._held = self._held.slice(passed)
        fields = [batch.schema.field(0), *(self._reader.schema.field(name) for name in self._names)]
        return pa.record_batch(
            [ids, *columns, *batch.columns[1:]], schema=pa.schema([*fields, *list(batch.schema)[1:]])
        )
