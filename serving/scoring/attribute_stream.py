"""Attributes of profiles beside a snapshot: both come by rising id, memory holds a part."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

READ_ROWS = 100_000


class Attributes:
    """What is known of profiles beside their events.

    Parameters
    ----------
    file : Path, optional
        Parquet with ``profile_id``, one row each; None where there are no attributes.
    memory_limit : str
    """

    def __init__(self, file: Path | None, memory_limit: str) -> None:
        self._file = file
        self._memory_limit = memory_limit

    @property
    def kinds(self) -> dict[str, str]:
        """Each attribute's kind: ``text``, ``number`` or ``boolean``."""
        if self._file is None:
            return {}
        import pyarrow as pa
        import pyarrow.parquet as pq

        kinds = {pa.float64(): "number", pa.bool_(): "boolean"}
        return {
            f.name: kinds.get(f.type, "text") for f in pq.read_schema(self._file) if f.name != "profile_id"
        }

    def follow(self) -> AttributeStream:
        """Return the attributes from the first profile on."""
        return AttributeStream(self._file, self._memory_limit)


class AttributeStream:
    """One pass over the attributes; made by :meth:`Attributes.follow`."""

    def __init__(self, file: Path | None, memory_limit: str) -> None:
        self.names: list[str] = []
        if file is None:
            return
        import duckdb

        self._connection = duckdb.connect(config={"memory_limit": memory_limit})
        query = "SELECT * FROM read_parquet(?) WHERE profile_id IS NOT NULL ORDER BY profile_id"
        self._reader = self._connection.sql(query, params=[str(file)]).to_arrow_reader(READ_ROWS)
        self.names = [name for name in self._reader.schema.names if name != "profile_id"]
        self._held: pa.Table = self._reader.schema.empty_table()

    def of(self, ids: pa.StringArray) -> dict[str, pa.Array]:
        """Return by name the attributes of profiles, whose ``ids`` rise from call to call; null where one has none."""
        if not self.names:
            return {}
        import pyarrow as pa
        import pyarrow.compute as pc

        while not self._held.num_rows or pc.less(self._held.column("profile_id")[-1], ids[-1]).as_py():
            part = next(self._reader, None)
            if part is None:
                break
            self._held = pa.concat_tables([self._held, pa.Table.from_batches([part])])
        own = self._held.column("profile_id").combine_chunks()
        place = pc.index_in(ids, value_set=own)
        columns = {name: self._held.column(name).take(place).combine_chunks() for name in self.names}
        passed = pc.sum(pc.less_equal(own, ids[-1])).as_py() or 0
        self._held = self._held.slice(passed)
        return columns
