"""A table in several files, read from one id to another, is those rows of the whole table, in batches of one size."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from tagcast.features.compute.sorted_files import even, read_batches, rows_below
from tagcast.features.core.engines.key_ranges import KeyRange

IDS = [f"p{k // 2:03d}" for k in range(60)]  # two rows each, as of pairs
ID = st.none() | st.sampled_from(["", "p", "p000", "p007", "p0070", "p012", "p029", "p030", "客"])


@given(
    cuts=st.lists(st.integers(0, 60), max_size=4).map(sorted),
    group=st.integers(1, 25),
    rows=st.integers(1, 40),
    first=ID,
    end=ID,
    statistics=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_a_range_of_ids_is_those_rows(tmp_path_factory, cuts, group, rows, first, end, statistics) -> None:
    if first is not None and end is not None:
        first, end = sorted([first, end])
    folder = tmp_path_factory.mktemp("files")
    table = pa.table({"profile_id": IDS, "x": [float(k) for k in range(60)]})
    files = []
    for number, (low, high) in enumerate(zip([0, *cuts], [*cuts, 60], strict=True)):
        files.append(folder / f"{number}.parquet")
        pq.write_table(table[low:high], files[-1], row_group_size=group, write_statistics=statistics)
    wanted = [k for k, one in enumerate(IDS) if (first or "") <= one and (end is None or one < end)]
    read = read_batches(files, ["profile_id"], ["x"], rows, KeyRange(0, first, end))
    batches = list(even(read, rows))
    assert [x for batch in batches for x in batch.column("x").to_pylist()] == wanted
    assert all(batch.num_rows == rows for batch in batches[:-1])
    assert all(0 < batch.num_rows <= rows for batch in batches[-1:])
    assert rows_below(files, "profile_id", first) == sum(one < (first or "") for one in IDS)
