"""Files of Arrow, of which Feather is one, and of ORC: batch by batch, whether they are packed or written as a stream."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tagcast.features.core.errors import DataError
from tagcast.features.core.messages import msg
from tagcast.features.core.raw_errors import raw_text
from tagcast.features.ingest.readers.arrow.arrow_stage import ArrowTable
from tagcast.features.ingest.readers.files import compression

if TYPE_CHECKING:
    import pyarrow as pa

_FILE_MAGIC, _OLD_FEATHER = b"ARROW1", b"FEA1"
_END = b"\0\0\0\0"
"""What a stream ends with."""


def arrow_table(file: Path, kind: str, unpacked: Path, where: str) -> ArrowTable:
    """Return an Arrow or ORC file as a table.

    Parameters
    ----------
    file : Path
    kind : {"arrow", "orc"}
    unpacked : Path
        Where a packed one is unpacked.
    where : str
        Names the place in errors.

    Raises
    ------
    DataError
        When it is of the first version of Feather, or damaged.
    """
    import pyarrow as pa

    try:
        plain = _unpacked(file, unpacked)
        with plain.open("rb") as handle:
            head = handle.read(8)
            handle.seek(-min(len(_END), plain.stat().st_size), 2)
            tail = handle.read()
        if head.startswith(_OLD_FEATHER):
            raise DataError(
                msg("{where}: {file} is of the first version of Feather, which is not read", where=where, file=file.name),
                hint=msg("write it again with a newer library, or as Parquet"),
            )  # fmt: skip
        if kind == "orc":
            return _Orc(file.name, plain)
        if head.startswith(_FILE_MAGIC):
            return _ArrowFile(file.name, plain)
        if tail != _END:
            # Arrow takes a stream that breaks off between two batches for a shorter one.
            raise EOFError("it breaks off")
        return _ArrowStream(file.name, plain)
    except (pa.ArrowException, OSError, EOFError) as error:
        raise DataError(
            msg("{where}: {file} cannot be read: {reason}", where=where, file=file.name, reason=raw_text(error)),
            hint=msg("check that it is whole and of this format"),
        ) from error  # fmt: skip


def _unpacked(file: Path, target: Path) -> Path:
    import pyarrow as pa

    packed = compression(file)
    if packed is None:
        return file
    with pa.input_stream(str(file), compression=packed) as stream, target.open("wb") as out:
        shutil.copyfileobj(stream, out, 1 << 20)
    return target


class _ArrowFile:
    """The file format, which can be read anywhere."""

    def __init__(self, label: str, file: Path) -> None:
        import pyarrow as pa

        self.label, self._file = label, file
        with pa.memory_map(str(file)) as source:
            self.schema = pa.ipc.open_file(source).schema

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        with pa.memory_map(str(self._file)) as source:
            reader = pa.ipc.open_file(source, options=_only(self.schema, columns))
            for number in range(reader.num_record_batches):
                yield reader.get_batch(number)


class _ArrowStream:
    """The streaming format, which is read from its beginning."""

    def __init__(self, label: str, file: Path) -> None:
        import pyarrow as pa

        self.label, self._file = label, file
        with pa.OSFile(str(file)) as source:
            self.schema = pa.ipc.open_stream(source).schema

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        with pa.OSFile(str(self._file)) as source:
            yield from pa.ipc.open_stream(source, options=_only(self.schema, columns))


def _only(schema: pa.Schema, columns: Sequence[str]) -> Any:
    import pyarrow as pa

    # None are all to Arrow: a column that nobody asks for counts the lines.
    wanted = [schema.get_field_index(name) for name in columns] or [0]
    return pa.ipc.IpcReadOptions(included_fields=wanted)


class _Orc:
    """Stripe by stripe."""

    def __init__(self, label: str, file: Path) -> None:
        from pyarrow import orc

        self.label, self._orc = label, orc.ORCFile(file)
        self.schema = self._orc.schema

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        for number in range(self._orc.nstripes):
            yield self._orc.read_stripe(number, columns=list(columns) or self.schema.names[:1])
