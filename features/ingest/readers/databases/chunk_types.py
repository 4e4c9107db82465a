"""Values of a driver as Arrow, chunk by chunk: what no plain type holds becomes text, so that the mapping decides its worth."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tagcast.features.ingest.readers.databases.buckets import LABEL, WHOLE, label_text

if TYPE_CHECKING:
    import pyarrow as pa

_EXACT_IN_DOUBLE = 2**53
EXACT = (38, 10)
"""Digits of the type that holds a driver's exact numbers, and those behind the point."""


def as_arrow(values: Sequence[Any]) -> tuple[pa.Array, bool]:
    """Return a column as Arrow, and whether it is of numbers that only text holds.

    Parameters
    ----------
    values : sequence
        As a driver gives them. What is of several kinds, or of one that has no plain type, becomes text.
    """
    import pyarrow as pa

    kinds = {type(v) for v in values if v is not None}
    if not kinds:
        return pa.nulls(len(values)), False
    if kinds <= {int, float, Decimal}:
        return _numbers(values, kinds)
    if kinds <= {str} or kinds in ({bool}, {date}):
        return pa.array(values), False
    if kinds == {datetime} and len({v.tzinfo is None for v in values if v is not None}) == 1:
        return pa.array(values), False
    return pa.array([None if v is None else words(v) for v in values]), False


def chunk_of(
    rows: Sequence[Any],
    names: Sequence[str],
    kept: Sequence[int],
    conversions: Mapping[int, Callable[[Any], Any]],
    label: int | None,
) -> tuple[pa.RecordBatch, list[str]]:
    """Return lines of a driver as Arrow with their buckets, and the names of the columns of numbers that became text.

    Parameters
    ----------
    rows : sequence
    names : sequence of str
        Of all columns of the rows.
    kept : sequence of int
        Positions of those that are read.
    conversions : mapping of int to callable
        What is made of the values of some positions.
    label : int or None
        Of the one that holds the bucket.
    """
    import pyarrow as pa

    columns, as_words = [], []
    for n in kept:
        values = [row[n] for row in rows]
        if n in conversions:
            values = list(map(conversions[n], values))
        array, were_numbers = as_arrow(values)
        columns.append(array)
        if were_numbers:
            as_words.append(names[n])
    labels = [WHOLE] * len(rows) if label is None else [label_text(row[label]) for row in rows]
    columns.append(pa.array(labels, pa.string()))
    return pa.RecordBatch.from_arrays(columns, names=[*(names[n] for n in kept), LABEL]), as_words


def write_chunks(
    chunks: Iterable[tuple[pa.RecordBatch, Iterable[str]]], target: Path
) -> tuple[int, frozenset[str]]:
    """Write chunks to Parquet files in ``target``, another one where the types differ from those before.

    Read by name together, the files have the types that hold all of it.

    Parameters
    ----------
    chunks : iterable of (pyarrow.RecordBatch, iterable of str)
        With the names of the columns of numbers that became text.
    target : Path
        A folder that is not there yet.

    Returns
    -------
    int
        Lines.
    frozenset of str
        All names that came with the chunks.
    """
    import pyarrow.parquet as pq

    target.mkdir()
    writer: pq.ParquetWriter | None = None
    files = rows = 0
    as_words: set[str] = set()
    try:
        for batch, names in chunks:
            as_words.update(names)
            rows += batch.num_rows
            if writer is None or batch.schema != writer.schema:
                if writer is not None:
                    writer.close()
                writer = pq.ParquetWriter(target / f"part-{files:05d}.parquet", batch.schema)
                files += 1
            writer.write_batch(batch)
    finally:
        if writer is not None:
            writer.close()
    return rows, frozenset(as_words)


def _numbers(values: Sequence[Any], kinds: set[type]) -> tuple[pa.Array, bool]:
    import pyarrow as pa

    # A driver's exact numbers differ in digits from chunk to chunk; one wide type holds them all.
    kind = pa.decimal128(*EXACT) if Decimal in kinds else (pa.float64() if float in kinds else pa.int64())
    inexact = float in kinds and any(isinstance(v, int) and abs(v) > _EXACT_IN_DOUBLE for v in values)
    if not (inexact or (Decimal in kinds and float in kinds)):
        try:
            return pa.array(values, type=kind), False
        except (pa.ArrowException, ArithmeticError, TypeError, ValueError):
            pass
    return pa.array([None if v is None else words(v) for v in values]), True


def words(value: Any) -> str | None:
    """Return a value as text: structures as JSON, bytes as the text they hold."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return None if value.is_nan() else format(value, "f")
    if isinstance(value, dict | list | tuple):
        return json.dumps(value, default=str, ensure_ascii=False)
    if isinstance(value, bytes | bytearray | memoryview):
        held = bytes(value)
        try:
            return held.decode("utf-8")
        except UnicodeDecodeError:
            return held.hex()
    return _clock(value) if isinstance(value, timedelta) else str(value)


def _clock(value: timedelta) -> str:
    """Return what MySQL calls a time as it shows it: hours may be many, and less than none."""
    seconds, micros = divmod(abs(value) // timedelta(microseconds=1), 1_000_000)
    minutes, seconds = divmod(seconds, 60)
    shown = f"{minutes // 60:02d}:{minutes % 60:02d}:{seconds:02d}" + (f".{micros:06d}" if micros else "")
    return f"-{shown}" if value < timedelta() else shown
