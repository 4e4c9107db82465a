"""What `tagcast promise` found is kept for the pages of the tags."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from tagcast.registry.governance.observed_accuracy import (
    by_week,
    kept_weeks,
    observed_promises,
    promise_rows,
    record_promises,
)
from tagcast.registry.state.database import State

MAY, DUE = date(2026, 5, 1), date(2026, 5, 31)
METRICS = {
    "promise_0_predicted": 9.0,
    "promise_0_promised": 0.7,
    "promise_0_right": 0.75,
    "promise_60_predicted": 0.0,
}


@pytest.fixture
def state(tmp_path) -> State:
    return State(f"sqlite:///{tmp_path / 'registry.db'}", "shop")


def rows(**changes):
    found = promise_rows("churn_risk", 2, MAY, DUE, METRICS, observed=True)
    return [replace(row, **changes) for row in found]


def test_levels_come_from_the_metrics_of_a_version() -> None:
    assert [(r.at_least, r.predicted, r.promised, r.right) for r in rows()] == [
        (0.0, 9, 0.7, 0.75), (0.6, 0, None, None), (0.8, 0, None, None), (0.9, 0, None, None)
    ]  # fmt: skip


def test_what_was_observed_is_kept_for_good_whatever_a_second_look_finds(state) -> None:
    record_promises(state, rows(observed=False))
    assert observed_promises(state, "churn_risk") == []
    record_promises(state, [*rows(), *rows(tag="another")])
    record_promises(state, [*rows(right=0.8), *rows(as_of=date(2026, 6, 1), version=3)])
    kept = observed_promises(state, "churn_risk")
    assert [(r.as_of, r.version) for r in kept] == [(date(2026, 6, 1), 3)] * 4 + [(MAY, 2)] * 4
    assert kept[4:] == rows()
    assert [r.as_of for r in observed_promises(state, "churn_risk", since=date(2026, 6, 1))] == [
        date(2026, 6, 1)
    ] * 4


@pytest.mark.parametrize(
    ("right", "promised", "is_broken"),
    [(0.9, 0.8, False), (0.78, 0.8, False), (0.6, 0.8, True), (0.8, 0.8, False)],
    ids=["more than promised", "missed by chance", "missed", "just so"],
)
def test_a_promise_is_broken_where_fewer_were_right_by_more_than_chance(right, promised, is_broken) -> None:
    row = replace(rows()[0], predicted=200, promised=promised, right=right)
    assert (row.is_broken, row.is_kept) == (is_broken, not is_broken)
    assert row.interval[0] < right < row.interval[1]


def test_a_week_is_the_mean_of_its_runs_and_no_more_exact_than_the_largest() -> None:
    monday = date(2026, 5, 4)
    runs = [
        replace(rows()[0], as_of=monday + timedelta(days=n), predicted=size, promised=promised, right=right)
        for n, size, promised, right in ((0, 100, 0.8, 0.9), (6, 300, 0.6, 0.5), (7, 50, 0.9, 0.4))
    ]
    first, second = by_week(reversed(runs))
    assert (first.as_of, first.predicted) == (monday, 300)
    assert (first.promised, first.right) == (pytest.approx(0.65), pytest.approx(0.6))
    assert first.interval == replace(runs[1], right=first.right).interval
    assert (second.as_of, second.is_broken, first.is_broken) == (monday + timedelta(days=7), True, False)
    assert str(kept_weeks([first, second])) == "kept in 1 of 2 weeks"
    assert by_week([replace(rows()[0], promised=None, right=None, predicted=0)]) == []
