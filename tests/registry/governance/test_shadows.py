"""How a challenger stands beside the champion: over all judged runs, no more exact than one of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from tagcast.registry.governance.observed_metrics import MetricRow, observed_metrics, record_metrics
from tagcast.registry.governance.shadows import Comparison, Standing, comparisons, record_comparisons
from tagcast.registry.state.database import State

DAY = date(2026, 8, 1)


def run(day: int, difference: float = -0.011, half: float = 0.006, people: int = 100) -> Comparison:
    as_of = DAY + timedelta(days=day)
    return Comparison(
        "churn", as_of, as_of + timedelta(days=30), 3, 4, "log_loss", people, 0.412, 0.412 + difference, difference,
        difference - half, difference + half,
    )  # fmt: skip


def standing(*runs: Comparison) -> Standing:
    return Standing("churn", 4, 3, DAY, runs)


def test_it_is_said_in_a_sentence() -> None:
    assert str(standing().message) == "version 4 in the shadow since 2026-08-01: no window has closed yet"
    five = standing(*(run(day) for day in (0, 7, 14, 21, 40)))
    assert str(five.message) == (
        "version 4 in the shadow since 2026-08-01: log loss .401 against .412 of the champion over 5 runs (−.011, −.017 to −.005)"
    )


def test_more_runs_of_the_same_people_are_no_more_exact_and_count_by_people() -> None:
    mean, low, high = standing(run(0, -0.02, 0.004, 300), run(1, 0.02, 0.012, 100)).difference
    assert mean == pytest.approx(-0.01)
    assert (high - mean, mean - low) == (pytest.approx(0.006), pytest.approx(0.006))


@pytest.mark.parametrize(
    ("runs", "is_better"),
    [
        ([run(0), run(10), run(30)], True),
        ([run(0), run(10), run(29)], False),
        ([run(0), run(30)], False),
        ([run(0, half=0.012), run(10, half=0.012), run(30, half=0.012)], False),
        ([run(0, 0.011), run(10, 0.011), run(30, 0.011)], False),
    ],
    ids=["over windows apart", "all windows overlap", "too few runs", "by chance", "worse"],
)
def test_better_is_beyond_chance_over_windows_apart(runs, is_better) -> None:
    assert standing(*runs).is_better is is_better


def test_what_was_measured_is_kept_for_good(tmp_path) -> None:
    state = State(f"sqlite:///{tmp_path / 'registry.db'}", "shop")
    record_comparisons(state, [run(7), run(0)])
    record_comparisons(state, [replace(run(0), difference=1.0), replace(run(0), metric="auc")])
    assert comparisons(state, "churn") == [replace(run(0), metric="auc"), run(0), run(7)]
    row = MetricRow("churn", DAY, 3, "auc", 100, 0.8, 0.7, 0.9, 0.82, 0.8, 0.84)
    record_metrics(state, [row])
    record_metrics(state, [replace(row, value=0.5), replace(row, as_of=DAY + timedelta(days=1))])
    assert observed_metrics(state, "churn") == [replace(row, as_of=DAY + timedelta(days=1)), row]
    assert observed_metrics(state, "churn", since=DAY + timedelta(days=2)) == []
