"""Parquet files that are sorted by id, read batch by batch: all of them, or the rows of a range of ids."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tagcast.features.core.engines.key_ranges import KeyRange
from tagcast.features.core.errors import DataError
from tagcast.features.core.messages import Message, msg
from tagcast.features.core.raw_errors import reason_of

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow.parquet import FileMetaData


def read_batches(
    files: Sequence[Path], keys: Sequence[str], columns: Sequence[str], batch_rows: int, within: KeyRange
) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a view whose ids are in a range; of what holds none of them nothing but the footer is read."""
    import pyarrow.parquet as pq

    for path in files:
        # Read ahead, Arrow would keep the bytes of the whole file until the end.
        with _read_errors(path), pq.ParquetFile(path, pre_buffer=False) as file:
            _check(path, file.schema_arrow, keys, columns)
            groups = None if within.whole else _groups(file.metadata, keys[0], within)
            for batch in file.iter_batches(batch_rows, row_groups=groups, columns=[*keys, *columns]):
                kept = batch if within.whole else _within(batch, within)
                if kept.num_rows:
                    yield kept


def rows_below(files: Sequence[Path], key: str, border: str | None) -> int:
    """Return how many rows have a ``key`` below ``border``, none where it is None; ids are read where no footer says it."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    if border is None:
        return 0
    below = 0
    for path in files:
        with _read_errors(path), pq.ParquetFile(path, pre_buffer=False) as file:
            _check(path, file.schema_arrow, [key], [])
            place = file.schema_arrow.get_field_index(key)
            for number in _groups(file.metadata, key, KeyRange(0, None, border)):
                group = file.metadata.row_group(number)
                said = group.column(place).statistics
                if said is not None and said.has_min_max and said.max.encode() < border.encode():
                    below += int(group.num_rows)
                else:
                    ids = file.read_row_group(number, columns=[key]).column(0)
                    below += int(pc.sum(pc.less(ids, border)).as_py() or 0)
    return below


def even(batches: Iterator[pa.RecordBatch], rows: int) -> Iterator[pa.RecordBatch]:
    """Yield batches of so many rows each, wherever files end: those of other feature sets go side by side with them."""
    import pyarrow as pa

    held: list[pa.RecordBatch] = []
    for batch in batches:
        held.append(batch)
        while (there := sum(part.num_rows for part in held)) >= rows:
            joined = held[0] if len(held) == 1 else pa.concat_batches(held)
            yield joined.slice(0, rows)
            held = [joined.slice(rows)] if there > rows else []
    if held:
        yield pa.concat_batches(held)


def _groups(footer: FileMetaData, key: str, within: KeyRange) -> list[int]:
    """Return the row groups in which an id of a range may stand."""
    place, found = footer.schema.to_arrow_schema().get_field_index(key), []
    for number in range(footer.num_row_groups):
        said = footer.row_group(number).column(place).statistics
        known = said is not None and said.has_min_max
        if within.meets(said.min if known else None, said.max if known else None):
            found.append(number)
    return found


def _within(batch: pa.RecordBatch, within: KeyRange) -> pa.RecordBatch:
    """Return those of rows by rising id that are in a range."""
    import pyarrow.compute as pc

    def below(border: str | None, otherwise: int) -> int:
        # Bytes of UTF-8 have the order of the letters.
        return otherwise if border is None else int(pc.sum(pc.less(batch.column(0), border)).as_py() or 0)

    first = below(within.first, 0)
    return batch.slice(first, below(within.end, batch.num_rows) - first)


@contextmanager
def _read_errors(file: Path) -> Iterator[None]:
    import pyarrow as pa

    try:
        yield
    except (OSError, pa.ArrowException) as error:
        raise DataError(
            msg("{file} is damaged: {reason}", file=file, reason=reason_of(error)), hint=_rebuild(file)
        ) from error


def _rebuild(file: Path) -> Message:
    return msg("delete the folder {folder}: it is built again", folder=file.parent.parent)


def _check(file: Path, schema: pa.Schema, keys: Sequence[str], features: Sequence[str]) -> None:
    """Refuse a table that lost a column, or has one of another type."""
    import pyarrow as pa

    for names, is_key in ((keys, True), (features, False)):
        for name in names:
            place = schema.get_field_index(name)
            kind = schema.field(place).type if place >= 0 else None
            text = kind is not None and (pa.types.is_string(kind) or pa.types.is_large_string(kind))
            if kind is None or not (text if is_key else kind == pa.float64()):
                wanted = msg("texts") if is_key else msg("numbers")
                found = msg("there is none") if kind is None else msg("found {type}", type=str(kind))
                raise DataError(
                    msg(
                        "{file}: the column {column} should hold {wanted}, {found}",
                        file=file,
                        column=name,
                        wanted=wanted,
                        found=found,
                    ),
                    hint=_rebuild(file),
                )
