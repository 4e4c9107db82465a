"""Where a top share of everybody ends, however everybody is parted."""

from __future__ import annotations

import math
from fractions import Fraction

import duckdb
import pandas as pd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tagcast.features.compute.building.label_statements import top_share_cut

NETS = st.lists(st.sampled_from([-3.0, 0.0, 0.25, 0.1 + 0.2, 0.3, 7.5, 1e15]), min_size=1, max_size=40)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(nets=NETS, share=st.sampled_from(["0.01", "0.1", "0.25", "0.3", "1.0"]), parts=st.integers(1, 3))
def test_a_top_share_ends_with_the_last_one_inside(tmp_path, nets, share, parts) -> None:
    for part in range(3):
        own = pd.Series([net for net in nets[part::parts] if net > 0] if part < parts else [], dtype=float)
        sums = own.value_counts().rename_axis("net").rename("n").reset_index()
        sums.astype({"net": float, "n": int}).to_parquet(tmp_path / f"{part}.parquet", index=False)
    with duckdb.connect() as connection:
        cut = top_share_cut(connection, f"{tmp_path}/*.parquet", len(nets), float(share))
    last = sorted(nets, reverse=True)[math.ceil(len(nets) * Fraction(share)) - 1]
    assert [net >= cut and net > 0 for net in nets] == [net >= last and net > 0 for net in nets]
