"""Features are read batch by batch: memory does not grow with the file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tagcast.features.catalog.feature_set import PROFILE_VIEW, FeatureSet
from tagcast.features.compute.snapshot_reader import stream_views

FEATURES = FeatureSet.parse("7,30;amount;")
ROWS, GROUPS = 5_000, 60


def test_memory_holds_a_few_row_groups_not_the_file(tmp_path: Path) -> None:
    names = [f.name for f in FEATURES.features("profile_activity")]
    schema = pa.schema([("profile_id", pa.string()), *((n, pa.float64()) for n in names)])
    rng = np.random.default_rng(0)
    file = tmp_path / "profile_activity.parquet"
    with pq.ParquetWriter(file, schema) as writer:
        for k in range(GROUPS):
            ids = pa.array([f"p{k * ROWS + i:07d}" for i in range(ROWS)])
            writer.write_table(pa.table([ids, *(rng.random(ROWS) for _ in names)], schema=schema))
    before, most, rows = pa.total_allocated_bytes(), 0, 0
    for batch in stream_views({PROFILE_VIEW: [file]}, FEATURES, (), 2_000):
        most = max(most, pa.total_allocated_bytes() - before)
        rows += len(batch.profile_id)
    assert rows == ROWS * GROUPS
    assert most < file.stat().st_size / 5
