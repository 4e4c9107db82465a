"""Attributes of profiles beside a snapshot: both come by rising id, memory holds a part."""

from __future__ import annotations

from glob import escape
from pathlib import Path
from typing import TYPE_CHECKING

from sqlglot import exp

from tagcast.features.core.engines.key_ranges import EVERYONE, KeyRange

if TYPE_CHECKING:
    import pyarrow as pa

    from tagcast.features.core.messages import Text
    from tagcast.serving.scoring.related_tags import RelatedTags

READ_ROWS = 100_000


class Attributes:
    """What is known of profiles beside their events.

    Parameters
    ----------
    file : Path, optional
        Parquet with ``profile_id``, one row each; None where there are no attributes.
    memory_limit : str
    beside : RelatedTags, optional
        What tags of other entities say of them.
    """

    def __init__(self, file: Path | None, memory_limit: str, beside: RelatedTags | None = None) -> None:
        self._file = file
        self._memory_limit = memory_limit
        self._beside = beside

    @property
    def kinds(self) -> dict[str, str]:
        """Each attribute's kind: ``text``, ``number``, ``boolean`` or ``date``."""
        beside = {} if self._beside is None else self._beside.kinds
        if self._file is None:
            return beside
        import pyarrow.parquet as pq

        return {f.name: _kind(f.type) for f in pq.read_schema(self._file) if f.name != "profile_id"} | beside

    @property
    def unknown(self) -> list[Text]:
        """Of what other entities say: what nobody knows as of this day, and why."""
        return [] if self._beside is None else self._beside.unknown

    @property
    def runs(self) -> list[str]:
        """The runs of other entities that they come from."""
        return [] if self._beside is None else self._beside.runs

    def together(self) -> Attributes:
        """Return all of them in one file: a value that any process can read."""
        if self._beside is None:
            return self
        return Attributes(self._beside.joined_to(self._file), self._memory_limit)

    def follow(self, within: KeyRange = EVERYONE) -> AttributeStream:
        """Return the attributes of those in a range, from the first on."""
        file = self._file if self._beside is None else self._beside.joined_to(self._file)
        return AttributeStream(file, self._memory_limit, within)


class AttributeStream:
    """One pass over the attributes; made by :meth:`Attributes.follow`."""

    def __init__(self, file: Path | None, memory_limit: str, within: KeyRange) -> None:
        self.names: list[str] = []
        if file is None:
            return
        import duckdb

        self._connection = duckdb.connect(config={"memory_limit": memory_limit})
        rows = exp.func("read_parquet", exp.Literal.string(escape(str(file))))
        query = within.rows(rows).where("profile_id IS NOT NULL").order_by("profile_id")
        # Dates go on as text such as 2026-01-31: every store, file and page holds it, and it sorts by time.
        dates = [name for name, kind in Attributes(file, memory_limit).kinds.items() if kind == "date"]
        if dates:
            columns = [exp.column(exp.to_identifier(name, quoted=True)) for name in dates]
            written = [exp.alias_(exp.cast(c, "VARCHAR"), c.name, quoted=True) for c in columns]
            query.set("expressions", [exp.Star(replace=written)])
        self._reader = self._connection.sql(query.sql("duckdb")).to_arrow_reader(READ_ROWS)
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


def _kind(stored: pa.DataType) -> str:
    import pyarrow as pa

    if pa.types.is_date(stored) or pa.types.is_timestamp(stored):
        return "date"
    return {pa.float64(): "number", pa.bool_(): "boolean"}.get(stored, "text")
