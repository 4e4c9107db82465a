"""Metrics against scikit-learn and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from models import metrics
from models.promise import promise_and_reality
from models.rfm import RfmRanking, rfm_rank


def cases(seed: int, n: int = 200) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    score = np.round(rng.random(n), 2).clip(0.01, 0.99)
    y = (rng.random(n) < score).astype("int8")
    y[:2] = [0, 1]
    return y, score


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(20, 300))
def test_metrics_are_scikit_learns(seed, n) -> None:
    y, score = cases(seed, n)
    assert metrics.auc(y, score) == pytest.approx(reference.roc_auc_score(y, score))
    assert metrics.average_precision(y, score) == pytest.approx(reference.average_precision_score(y, score))
    assert metrics.log_loss(y, score) == pytest.approx(reference.log_loss(y, score))
    assert metrics.brier(y, score) == pytest.approx(reference.brier_score_loss(y, score))


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_a_weight_is_a_row_that_stands_so_often(seed) -> None:
    y, score = cases(seed, 60)
    weight = np.random.default_rng(seed).integers(0, 4, 60).astype(float)
    weight[:2] = 1
    for name, function in metrics.METRICS.items():
        repeated = function(np.repeat(y, weight.astype(int)), np.repeat(score, weight.astype(int)), None)
        assert function(y, score, weight) == pytest.approx(repeated), name


def test_lift_and_calibration_error_by_hand() -> None:
    score = np.arange(1, 101) / 101
    y = np.zeros(100, "int8")
    y[90:] = 1
    assert metrics.lift_at_10(y, score) == pytest.approx(10)
    same = np.full(100, 0.3)
    assert metrics.calibration_error(y, same) == pytest.approx(0.2)
    assert metrics.lift_at_10(y, same) == pytest.approx(1)


def test_intervals_hold_the_figure_and_are_the_same_for_a_seed() -> None:
    y, score = cases(7, 500)
    one = metrics.evaluate(y, score, np.random.default_rng(0))
    order = np.random.default_rng(1).permutation(500)
    two = metrics.evaluate(y[order], score[order], np.random.default_rng(0))
    for name, estimate in one.items():
        assert estimate.low < estimate.high
        if name != "calibration_error":  # resampling adds noise that this error counts
            assert estimate.low <= estimate.value <= estimate.high
        assert two[name].value == pytest.approx(estimate.value)
        assert two[name].low == pytest.approx(estimate.low)
    gap = metrics.paired_difference(y, score, score, "auc", np.random.default_rng(0))
    assert (gap.value, gap.low, gap.high) == (0, 0, 0)


def test_promise_and_reality_by_hand() -> None:
    value = np.array(["yes", "no", "unknown", "yes"], dtype=object)
    bands = promise_and_reality(
        np.array([1, 0, 1, 0]), value, np.array([0.9, 0.8, 0.95, 0.6]), (0.6, 0.8, 0.99)
    )
    assert [b.said for b in bands] == [3, 2, 0]
    assert bands[0].share_right == pytest.approx(2 / 3)
    assert bands[1].mean_confidence == pytest.approx(0.85)
    assert np.isnan(bands[2].share_right)


def test_the_rfm_ranking_points_the_way_the_labels_do() -> None:
    rng = np.random.default_rng(3)
    recency, days = rng.integers(1, 90, 400).astype(float), np.full(400, np.datetime64("2024-01-01"))
    rfm = np.column_stack([recency, 90 - recency, 100 - recency])
    churned = (rng.random(400) < recency / 90).astype("int8")
    ranking = RfmRanking.fit(rfm, churned, days)
    assert metrics.auc(churned, ranking.predict(rfm, days)) > 0.7
    assert rfm_rank(
        np.array([[1.0, 5, 5], [9.0, 1, 1], [np.nan, np.nan, np.nan]]), days[:3]
    ).argsort().tolist() == [2, 1, 0]
