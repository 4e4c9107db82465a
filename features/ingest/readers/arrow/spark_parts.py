"""What a task of Spark does with the lines of a table: it writes them to a Parquet file of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from tagcast.features.ingest.readers.arrow.arrow_stage import stage_arrow
from tagcast.features.ingest.readers.wanted import Wanted

if TYPE_CHECKING:
    import pyarrow as pa

PART_ANSWER = "file string, lines bigint"
_EVERY = Wanted(frozenset(), whole=True)


@dataclass(frozen=True)
class PartWriter:
    """Writes the lines of a partition, where there are some, and says how its file is called.

    Spark's own writer would write times as the session's configuration says, which is not ours to change.

    Parameters
    ----------
    folder : str
    names : tuple of str
        Of the columns: those of the batches are plain ones, for pyspark takes dots and quotes in a name for more than a name.
    where : str
        Names the place in errors.
    """

    folder: str
    names: tuple[str, ...]
    where: str

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Write ``batches`` aside, and give the file its name once it is whole."""
        import pyarrow as pa
        from pyspark import TaskContext

        named = (batch.rename_columns(list(self.names)) for batch in batches if batch.num_rows)
        lines = _Lines(self.where, named)
        if lines.is_empty:
            return
        task = TaskContext.get()
        # A task may be done twice: its number gives the order of files, the rest a name of its own.
        name = f"{task.partitionId() if task else 0:06d}-{uuid4().hex[:12]}.parquet"
        aside = Path(self.folder, f".{name}")
        stage_arrow(lines, aside, _EVERY, self.where, {})
        aside.rename(aside.with_name(name))
        yield pa.record_batch(
            [pa.array([name], pa.string()), pa.array([lines.count], pa.int64())], names=["file", "lines"]
        )


class _Lines:
    """The batches of a partition as a table; they come once."""

    def __init__(self, label: str, batches: Iterator[pa.RecordBatch]) -> None:
        self.label, self.count = label, 0
        first = next(batches, None)
        self.is_empty = first is None
        self._batches = batches if first is None else chain([first], batches)
        self._first = first

    @property
    def schema(self) -> pa.Schema:
        assert self._first is not None  # noqa: S101 - nobody asks an empty one
        return self._first.schema

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        for batch in self._batches:
            self.count += batch.num_rows
            yield batch
