"""Buckets: which are fetched, and by how few conditions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagcast.features.ingest.readers.databases.buckets import (
    MOST_RANGES,
    NO_BUCKET,
    LineDigest,
    changed,
    label_text,
    ordered,
    ranges_of,
)

NUMBERS = st.sets(st.integers(-800, 20_000), max_size=300)


@given(NUMBERS, st.data())
def test_few_spans_hold_all_that_is_wanted(there, data) -> None:
    wanted = data.draw(st.sets(st.sampled_from(sorted(there)))) if there else set()
    spans = ranges_of({str(n) for n in wanted}, {str(n) for n in there} | {NO_BUCKET})
    assert len(spans) <= MOST_RANGES
    assert all(any(first <= n <= last for first, last in spans) for n in wanted)
    assert all(first in wanted and last in wanted for first, last in spans)
    if len(spans) < MOST_RANGES:
        assert {n for n in there if any(first <= n <= last for first, last in spans)} == wanted


def test_what_differs() -> None:
    before = {"1": (3, "a"), "2": (3, "b"), "3": (3, None), "9": (1, "z")}
    now = {"1": (3, "a"), "2": (4, "b"), "3": (3, None), "10": (1, "q"), NO_BUCKET: (1, "n")}
    assert changed(before, now) == ["2", "3", "10", NO_BUCKET]
    assert ordered(["10", "t2024", "9", "-5"]) == ["-5", "9", "10", "t2024"]
    assert [label_text(one) for one in (None, 7, 7.0, "7")] == [NO_BUCKET, "7", "7", "t7"]


def digest(*lines: tuple[object, ...]) -> str:
    counted = LineDigest()
    for line in lines:
        counted.step(*line)
    return counted.finalize()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ([(None,)], [("",)]),
        ([("a", "b")], [("ab", "")]),
        ([("a', 'b",)], [("a", "b")]),
        ([(1,)], [("1",)]),
        ([(b"a",)], [("a",)]),
        ([("x",)], [("x",), ("x",)]),
        ([("a", 1), ("b", 2)], [("a", 2), ("b", 1)]),
    ],
)
def test_lines_that_differ_have_another_digest(one, other) -> None:
    assert digest(*one) != digest(*other)
    assert digest(*one) == digest(*reversed(one))
