"""What comes as Arrow, staged as Parquet: one batch at a time is in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from tagcast.features.core.errors import DataError
from tagcast.features.core.messages import msg
from tagcast.features.core.raw_errors import raw_text
from tagcast.features.ingest.readers.wanted import Wanted

if TYPE_CHECKING:
    import pyarrow as pa


_GROUP_ROWS = 122_880
"""Of the file that is written: so many lines are in memory at most, beside a batch."""
NOTHING_WANTED = "__none"
"""A column that stands for lines of which nothing is wanted: they are counted all the same."""


class ArrowTable(Protocol):
    """A table that comes as Arrow."""

    @property
    def label(self) -> str:
        """What errors call it."""

    @property
    def schema(self) -> pa.Schema:
        """All of its columns."""

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Return the lines, some of the columns alone."""


def stage_arrow(
    table: ArrowTable, target: Path, wanted: Wanted, where: str, beside: Mapping[str, str | None]
) -> frozenset[str]:
    """Write what is wanted of ``table`` to a Parquet file, and return the names of its other columns.

    Parameters
    ----------
    table : ArrowTable
    target : Path
    wanted : Wanted
    where : str
        Names the place in errors.
    beside : mapping of str to str or None
        What the folders of its file say of each line.

    Raises
    ------
    DataError
        When it cannot be read, or holds what Parquet cannot.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        schema = table.schema
        names = [name for name in schema.names if name not in beside]
        chosen = wanted.among(names)
        kept = _schema(schema, chosen)
        full = kept
        for name in beside:
            full = full.append(pa.field(name, pa.string()))
        if not full.names:
            full = pa.schema([pa.field(NOTHING_WANTED, pa.null())])
        with pq.ParquetWriter(target, full) as writer:
            for batch in table.batches(chosen):
                arrays = [_array(batch.column(name), kept.field(name).type) for name in chosen]
                arrays += [pa.array([value] * batch.num_rows, pa.string()) for value in beside.values()]
                if not arrays:
                    arrays = [pa.nulls(batch.num_rows)]
                writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=full), _GROUP_ROWS)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DataError(
            msg("{where}: {file} cannot be read: {reason}", where=where, file=table.label, reason=raw_text(error)),
            hint=msg("check that it is whole and of this format"),
        ) from error  # fmt: skip
    return frozenset(names) - frozenset(chosen)


def _schema(schema: pa.Schema, chosen: Sequence[str]) -> pa.Schema:
    import pyarrow as pa

    return pa.schema([pa.field(name, _plain(schema.field(name).type)) for name in chosen])


def _plain(kind: pa.DataType) -> pa.DataType:
    """Return the type under which a column is stored: what stands for the same value in Parquet."""
    import pyarrow as pa

    if pa.types.is_dictionary(kind):
        return _plain(kind.value_type)
    if isinstance(kind, pa.ExtensionType | pa.BaseExtensionType):
        return _plain(kind.storage_type)
    if pa.types.is_string_view(kind):
        return pa.string()
    if pa.types.is_binary_view(kind):
        return pa.binary()
    return kind


def _array(values: Any, kind: pa.DataType) -> Any:
    import pyarrow as pa

    if isinstance(values, pa.ExtensionArray):
        values = values.storage
    return values if values.type == kind else values.cast(kind)
