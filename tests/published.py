"""Predicted tags in long form, as a run stages them."""

from __future__ import annotations

import pyarrow as pa

from serving.predictions import STAGED, column_name


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
