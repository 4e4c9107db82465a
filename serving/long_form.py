"""Predicted tags in long form, a row a profile and tag, from the wide rows of a store."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from sqlglot import exp

from serving.predictions import PREDICTION_SCHEMA, RunInfo, TagRun, column_name
from serving.profile_store import StoreReader

_OF_RUN = ("profile_id", "tag", "model_version", "as_of", "scored_at", "expires_at")
KEPT_PARTS = tuple(f.name for f in PREDICTION_SCHEMA if f.name not in _OF_RUN)
"""Parts of a tag that the store keeps of each profile."""


def predictions(reader: StoreReader, tag: str) -> pa.Table:
    """Return all that one tag says (:data:`serving.predictions.PREDICTION_SCHEMA`), by profile."""
    return pa.Table.from_batches(long_batches(reader, [tag]), schema=PREDICTION_SCHEMA)


def predictions_of(
    reader: StoreReader, profile_id: str, only: Collection[str] | None = None
) -> list[dict[str, Any]]:
    """Return what is said of one profile, by tag: by all tags, or by some."""
    tags = [tag.tag for tag in reader.manifest.run.tags if only is None or tag.tag in only]
    found = []
    # One row of hundreds of tags is more than some stores give at once.
    for start in range(0, len(tags), 50):
        part = tags[start : start + 50]
        query = exp.select("profile_id", *_columns(part), copy=False).from_("profiles", copy=False)
        query = query.where(exp.column("profile_id").eq(exp.Literal.string(profile_id)), copy=False)
        for batch in reader.query(query):
            found += _long(batch, reader.manifest.run, part).to_pylist()
    return sorted(found, key=lambda row: str(row["tag"]))


def long_batches(reader: StoreReader, tags: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Yield what ``tags`` say, by profile and tag; memory holds one batch."""
    wanted = sorted(tags)
    for batch in reader.stream([column_name(tag, part) for tag in wanted for part in KEPT_PARTS]):
        yield _long(batch, reader.manifest.run, wanted)


def _columns(tags: Sequence[str]) -> list[exp.Column]:
    return [
        exp.column(exp.to_identifier(column_name(tag, part), quoted=True))
        for tag in tags
        for part in KEPT_PARTS
    ]


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
