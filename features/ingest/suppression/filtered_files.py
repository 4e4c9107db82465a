"""Parquet files without the rows of some ids: each is written anew beside itself and takes its own place."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from tagcast.features.core.engines.aside import Aside

if TYPE_CHECKING:
    import pyarrow as pa


def without_ids(file: Path, ids: Collection[str], columns: Iterable[str] = ("profile_id",)) -> int:
    """Take the rows out of a file in which one of some columns holds one of some ids, and return how many they were.

    What lies beside the rows stays: their order, the schema, its metadata, the groups. A file that holds none of them is left as it is.

    Parameters
    ----------
    file : Path
    ids : collection of str
    columns : iterable of str
        Those that the file does not have, or that are no text, hold nobody.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    wanted = pa.array(sorted(ids), pa.string())
    with pq.ParquetFile(file, pre_buffer=False) as held:
        schema = held.schema_arrow
        named = [one for one in columns if one in schema.names and _is_text(schema.field(one).type)]
        if not named or not _holds(held, named, wanted):
            return 0
        codec = held.metadata.row_group(0).column(0).compression.lower()
        gone = 0
        with Aside(file) as aside:
            with pq.ParquetWriter(
                aside.path, schema, compression="none" if codec == "uncompressed" else codec
            ) as writer:
                for number in range(held.num_row_groups):
                    rows = held.read_row_group(number)
                    staying = rows.filter(_invert(_theirs(rows, named, wanted)))
                    gone += rows.num_rows - staying.num_rows
                    writer.write_table(staying)
            aside.finish()
    return gone


def rows_of(file: Path, ids: Collection[str], columns: Iterable[str] = ("profile_id",)) -> pa.Table:
    """Return the rows of a file in which one of some columns holds one of some ids."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    wanted = pa.array(sorted(ids), pa.string())
    with pq.ParquetFile(file, pre_buffer=False) as held:
        schema = held.schema_arrow
        named = [one for one in columns if one in schema.names and _is_text(schema.field(one).type)]
        found = [schema.empty_table()]
        if named and _holds(held, named, wanted):
            for batch in held.iter_batches():
                rows = pa.Table.from_batches([batch])
                found.append(rows.filter(_theirs(rows, named, wanted)))
    return pa.concat_tables(found)


def _holds(held: object, columns: list[str], wanted: pa.Array) -> bool:
    import pyarrow as pa
    import pyarrow.compute as pc

    batches = held.iter_batches(columns=columns)  # type: ignore[attr-defined] # pyarrow's own stubs lack it
    return any(pc.any(_theirs(pa.Table.from_batches([batch]), columns, wanted)).as_py() for batch in batches)


def _theirs(rows: pa.Table, columns: list[str], wanted: pa.Array) -> pa.ChunkedArray:
    import pyarrow as pa
    import pyarrow.compute as pc

    found = [
        pc.fill_null(pc.is_in(rows.column(one).cast(pa.string()), wanted), fill_value=False)
        for one in columns
    ]
    theirs = found[0]
    for other in found[1:]:
        theirs = pc.or_(theirs, other)
    return theirs


def _invert(flags: pa.ChunkedArray) -> pa.ChunkedArray:
    import pyarrow.compute as pc

    return pc.invert(flags)


def _is_text(kind: pa.DataType) -> bool:
    import pyarrow as pa

    word = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(word) or pa.types.is_large_string(word))
