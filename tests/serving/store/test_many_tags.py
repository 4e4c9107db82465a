"""Hundreds of tags with names of any kind: both stores take them, and every filter finds the same profiles in both."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagcast.serving.audiences.queries import count, member_query
from tagcast.serving.profiles.profile_query import profile
from tagcast.serving.publishing.publication import stage_run
from tagcast.serving.store.schema import column_name
from tests.support.published import NOW, people, run_info, said, staged
from tests.support.stores import KINDS, make_store

pytestmark = [pytest.mark.xdist_group("many-tags"), pytest.mark.postgres]

MANY, ROWS = 600, 120
NAMES = [f"兴趣.这是一个名字很长的标签，超过六十三个字节 {k:03d}" for k in range(MANY)]


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    """Both stores with the same 600 tags: six that differ, each under a hundred names."""
    base = people(ROWS)
    six = [staged(base, said(ROWS, seed, "x")) for seed in range(6)]
    fields, columns = list(base.schema), list(base.columns)
    for k, name in enumerate(NAMES):
        one = six[k % 6]
        for field, column in zip(one.schema, one.columns, strict=True):
            if field.name.startswith("x:"):
                fields.append(pa.field(column_name(name, field.name[2:]), field.type))
                columns.append(column)
    batch = pa.record_batch(columns, schema=pa.schema(fields))
    run = run_info("many", ROWS)
    tags = tuple(replace(run.tags[0], tag=name) for name in NAMES)
    made = {}
    for kind in KINDS:
        made[kind] = make_store(kind, tmp_path_factory.mktemp(kind))
        with stage_run(made[kind], "many") as staging:
            staging.add(batch)
            staging.publish(replace(run, tags=tags), keep=1)
    return made


def condition(k: int, part: str, number: float) -> str:
    name = f'"{NAMES[k]}"'
    if part == "value":
        return f"{name} = '{'yes' if number > 0.5 else 'no'}'"
    if part == "band":
        return f"{name}.band IN ('{'high' if number > 0.5 else 'low'}')"
    if part == "null":
        return f"{name}.unknown_because IS NULL"
    return f"NOT {name}.{part} < {number:.3f}"


conditions = st.lists(
    st.builds(
        condition,
        st.integers(0, MANY - 1),
        st.sampled_from(["value", "band", "null", "score", "confidence", "percentile", "lower", "upper"]),
        st.floats(0, 1),
    ),
    min_size=1,
    max_size=4,
)


@given(conditions, st.sampled_from([" AND ", " OR "]), st.booleans())
@settings(max_examples=25, deadline=None)
def test_filters_agree_across_stores(stores, conditions, joined, attribute) -> None:
    text = joined.join([*conditions, *(["city = 'Oslo'"] if attribute else [])])
    found = []
    for store in stores.values():
        with store.reader() as reader:
            members = (
                reader.query(member_query(reader, text, NOW)).read_all().column("profile_id").to_pylist()
            )
            counted = count(reader, text, NOW)
            assert counted.members == len(members)
            found.append((members, counted.mean_confidence))
    (members, sure), (others, also) = found
    assert members == others
    assert {k: v and round(v, 9) for k, v in sure.items()} == {k: v and round(v, 9) for k, v in also.items()}


def test_one_profile_has_them_all(stores) -> None:
    views = []
    for store in stores.values():
        with store.reader() as reader:
            views.append(profile(reader, "p007"))
    assert len(views[0].predictions) == MANY
    assert views[0] == views[1]
    assert np.isfinite([p["percentile"] for p in views[0].predictions]).all()
