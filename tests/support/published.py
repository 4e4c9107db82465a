"""Predicted tags in long form, as a run stages them, and runs of them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pyarrow as pa

from tagcast.serving.publishing.publication import stage_run
from tagcast.serving.store.base import ProfileStore
from tagcast.serving.store.schema import PREDICTION_SCHEMA, STAGED, RunInfo, TagRun, column_name

NOW = datetime(2024, 5, 1, tzinfo=UTC)
TAGS = ("churn_risk", "interest.茶 & 'tea'")


def staged(base: pa.RecordBatch, *said: pa.RecordBatch) -> pa.RecordBatch:
    """Return profiles with the columns of each tag beside; profiles without a prediction have nulls there."""
    ids = base.column("profile_id").to_pylist()
    fields, columns = list(base.schema), list(base.columns)
    for batch in said:
        (tag,) = set(batch.column("tag").to_pylist())
        mine = {row["profile_id"]: row for row in batch.to_pylist()}
        for part, kind in STAGED.items():
            values = [mine.get(i, {}).get(part) for i in ids]
            plain = kind.value_type if pa.types.is_dictionary(kind) else kind
            column = pa.array(values, plain)
            if pa.types.is_dictionary(kind):
                words = column.unique().drop_null()
                codes = [None if v is None else words.to_pylist().index(v) for v in values]
                column = pa.DictionaryArray.from_arrays(pa.array(codes, kind.index_type), words)
            fields.append(pa.field(column_name(tag, part), kind))
            columns.append(column)
    return pa.record_batch(columns, schema=pa.schema(fields))


def said(rows: int, seed: int = 0, tag: str = TAGS[0]) -> pa.RecordBatch:
    rng = np.random.default_rng(seed)
    score = np.round(rng.random(rows), 2)
    columns = {
        "profile_id": [f"p{i:03d}" for i in range(rows)],
        "tag": [tag] * rows,
        "value": np.where(score > 0.5, "yes", "no"),
        "score": score,
        "lower": score * 0.9,
        "upper": np.minimum(1, score * 1.1),
        "confidence": np.where(score > 0.5, score * 0.9, 1 - np.minimum(1, score * 1.1)),
        "percentile": np.full(rows, np.nan),
        "band": np.where(score > 0.5, "high", "low"),
        "unknown_because": [None] * rows,
        "reasons": [[{"feature": "recency_days", "value": 3.0, "contribution": 0.5}]] * rows,
        "reasons_method": ["shap"] * rows,
        "model_version": ["1"] * rows,
        "as_of": [date(2024, 4, 30)] * rows,
        "scored_at": [NOW] * rows,
        "expires_at": [NOW + timedelta(days=30)] * rows,
    }
    return pa.record_batch(
        [pa.array(columns[f.name], f.type) for f in PREDICTION_SCHEMA], schema=PREDICTION_SCHEMA
    )


def people(rows: int) -> pa.RecordBatch:
    ids = [f"p{i:03d}" for i in range(rows)]
    return pa.record_batch(
        {"profile_id": ids, "city": ["Oslo", "Bergen"] * (rows // 2), "age": np.arange(rows) * 1.0}
    )


def run_info(run_id: str, population: int, tags=TAGS[:1]) -> RunInfo:
    one = [
        TagRun(
            t,
            "1",
            "Title",
            "标题",
            ("A", "B"),
            "crm",
            NOW + timedelta(days=30),
            ("low", "high"),
            population,
            "normal",
        )
        for t in tags
    ]
    return RunInfo(run_id, date(2024, 4, 30), NOW, tuple(one))


def publish(store: ProfileStore, run_id: str, rows: int = 100, seed: int = 0, keep: int = 5) -> None:
    with stage_run(store, run_id) as staging:
        staging.add(staged(people(rows), said(rows, seed)))
        staging.publish(run_info(run_id, rows), keep=keep)
