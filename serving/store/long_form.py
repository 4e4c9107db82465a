"""Predicted tags in long form, a row a profile and tag, from the wide rows of a store."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tagcast.serving.store.base import StoreReader
from tagcast.serving.store.schema import PREDICTION_SCHEMA, RunInfo, TagRun, column_name

_OF_RUN = ("profile_id", "tag", "model_version", "as_of", "scored_at", "expires_at")
STORED_PARTS = tuple(f.name for f in PREDICTION_SCHEMA if f.name not in _OF_RUN)
"""Parts of a tag that the store holds for each profile."""


def predictions(reader: StoreReader, tag: str) -> pa.Table:
    """Return all predictions of one tag (:data:`tagcast.serving.store.schema.PREDICTION_SCHEMA`), by profile."""
    return pa.Table.from_batches(long_batches(reader, [tag]), schema=PREDICTION_SCHEMA)


def predictions_of(reader: StoreReader, profile_id: str) -> list[dict[str, Any]]:
    """Return all predictions for one profile, by tag; nothing where there is no such profile."""
    row = reader.row(profile_id)
    return [] if row is None else predictions_in(row, reader.manifest.run)


def predictions_in(
    row: Mapping[str, Any], run: RunInfo, only: Collection[str] | None = None
) -> list[dict[str, Any]]:
    """Return the predictions in a row of the wide table, by tag: all, or those of some tags."""
    return [
        {
            "profile_id": row["profile_id"],
            "tag": tag.tag,
            **{part: row[column_name(tag.tag, part)] for part in STORED_PARTS},
            "model_version": tag.model_version,
            "as_of": run.as_of,
            "scored_at": run.scored_at,
            "expires_at": tag.expires_at,
        }
        for tag in sorted(run.tags, key=lambda tag: tag.tag)
        if (only is None or tag.tag in only) and row[column_name(tag.tag, "value")] is not None
    ]


def long_batches(reader: StoreReader, tags: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Yield the predictions of ``tags``, by profile and tag; memory holds one batch."""
    wanted = sorted(tags)
    for batch in reader.stream([column_name(tag, part) for tag in wanted for part in STORED_PARTS]):
        yield _long(batch, reader.manifest.run, wanted)


def _long(batch: pa.RecordBatch, run: RunInfo, tags: Sequence[str]) -> pa.RecordBatch:
    about = {tag.tag: tag for tag in run.tags}
    parts, places = [], []
    for tag in tags:
        there = np.flatnonzero(
            pc.is_valid(batch.column(column_name(tag, "value"))).to_numpy(zero_copy_only=False)
        )
        parts.append(_of_tag(batch, run, about[tag], pa.array(there)))
        places.append(there)
    table = pa.Table.from_batches(parts, schema=PREDICTION_SCHEMA)
    order = np.argsort(np.concatenate(places), kind="stable") if places else np.empty(0, np.int64)
    found = table.take(pa.array(order)).combine_chunks().to_batches()
    return (
        found[0]
        if found
        else pa.record_batch([pa.array([], f.type) for f in PREDICTION_SCHEMA], schema=PREDICTION_SCHEMA)
    )


def _of_tag(batch: pa.RecordBatch, run: RunInfo, tag: TagRun, there: pa.Array) -> pa.RecordBatch:
    same = {
        "tag": tag.tag,
        "model_version": tag.model_version,
        "as_of": run.as_of,
        "scored_at": run.scored_at,
        "expires_at": tag.expires_at,
    }
    columns = []
    for field in PREDICTION_SCHEMA:
        if field.name in same:
            one = pa.array([same[field.name]], field.type)
            columns.append(one.take(pa.array(np.zeros(len(there), np.int64))))
            continue
        name = field.name if field.name == "profile_id" else column_name(tag.tag, field.name)
        column = batch.column(name).take(there)
        columns.append(column.cast(field.type) if column.type != field.type else column)
    return pa.record_batch(columns, schema=PREDICTION_SCHEMA)
