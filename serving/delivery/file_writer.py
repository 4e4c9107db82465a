"""Arrow batches to an exported file, whole or not at all."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from io import RawIOBase
from pathlib import Path
from typing import IO, Any

from tagcast.features.core.errors import StoreError
from tagcast.features.core.messages import msg
from tagcast.features.core.raw_errors import reason_of

_INVISIBLE = "\\s\u00a0\u200b\u2060\u3000\ufeff"
_SIGNS = "=@+\\-\u2212\uff1d\uff20\uff0b\uff0d\ufe66\ufe6b\ufe62\ufe63"
_FORMULA = f"^(?:[\\t\\r\\n]|[{_INVISIBLE}]*[{_SIGNS}])"
"""What a spreadsheet may take for a formula: the signs also in full width and small, behind blanks that it drops, and a
cell that begins with a break, which some split there."""
_SIGNED_NUMBER = "^ *[+-][0-9][0-9.,]*$"


@dataclass(frozen=True)
class Written:
    """How many rows a file holds, and the SHA-256 of its bytes."""

    rows: int
    sha256: str


def write_batches(rows: Any, path: Path) -> int:
    """Write Arrow batches to ``path`` by its suffix, aside first; return the number of rows."""
    with written(rows.schema, rows, path, path.suffix.removeprefix(".")) as file:
        return file.rows


@contextmanager
def written(schema: Any, batches: Iterable[Any], to: Path | IO[bytes], kind: str) -> Iterator[Written]:
    """Write Arrow batches to a file or stream; a file gets its name only where the block ends well.

    Parameters
    ----------
    schema : pa.Schema
    batches : iterable of pa.RecordBatch
    to : Path or binary stream
    kind : {"csv", "parquet"}

    Raises
    ------
    StoreError
        For another kind of file, or when it cannot be written.
    """
    if kind not in {"csv", "parquet"}:
        name = to.name if isinstance(to, Path) else f"a file of kind {kind!r}"
        raise StoreError(
            msg("cannot write {file!r}: unknown kind of file", file=name),
            hint=msg("give a name that ends in .csv or .parquet"),
        )
    if not isinstance(to, Path):
        yield _write(schema, batches, to, kind)
        return
    aside = to.with_name(f".{to.name}.part")
    try:
        with _failures(to), aside.open("wb") as file:
            found = _write(schema, batches, file, kind)
        yield found
        with _failures(to):
            aside.replace(to)
    finally:
        aside.unlink(missing_ok=True)


def _write(schema: Any, batches: Iterable[Any], to: IO[bytes], kind: str) -> Written:
    import pyarrow.csv as pc
    import pyarrow.parquet as pq

    sink, rows = _Hashed(to), 0
    writer: Any = pc.CSVWriter if kind == "csv" else pq.ParquetWriter
    with writer(sink, _heads(schema) if kind == "csv" else schema) as file:
        for batch in batches:
            file.write_batch(_unformulated(batch) if kind == "csv" else batch)
            rows += batch.num_rows
    return Written(rows, sink.hash.hexdigest())


def _unformulated(batch: Any) -> Any:
    """Put a ``'`` before texts that a spreadsheet would take for formulas; numbers with a sign stay."""
    import pyarrow as pa
    import pyarrow.compute as pc

    columns = []
    for column in batch.columns:
        if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
            columns.append(column)
            continue
        marked = pc.match_substring_regex(column, _FORMULA)
        number = pc.match_substring_regex(column, _SIGNED_NUMBER)
        columns.append(
            pc.if_else(
                pc.and_not(marked, number),
                pc.replace_substring_regex(column, "^", "'", max_replacements=1),
                column,
            )
        )
    return pa.record_batch(columns, schema=_heads(batch.schema))


def _heads(schema: Any) -> Any:
    """Return a schema whose names are texts like those below them: a column is called as its source calls it."""
    import pyarrow as pa

    return pa.schema(
        [
            field.with_name(f"'{field.name}" if re.match(_FORMULA, field.name) else field.name)
            for field in schema
        ]
    )


class _Hashed(RawIOBase):
    """A stream that hashes what passes through it, and leaves the stream behind it open."""

    def __init__(self, stream: IO[bytes]) -> None:
        super().__init__()
        self._stream = stream
        self._place = 0
        self.hash = sha256()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.hash.update(data)
        self._stream.write(data)
        self._place += memoryview(data).nbytes
        return memoryview(data).nbytes

    def tell(self) -> int:
        return self._place


@contextmanager
def _failures(path: Path) -> Iterator[None]:
    import pyarrow as pa

    try:
        yield
    except (OSError, pa.ArrowException) as error:
        raise StoreError(
            msg("{file} cannot be written: {reason}", file=path, reason=reason_of(error)),
            hint=msg("check the folder, its rights and the free space"),
        ) from error
