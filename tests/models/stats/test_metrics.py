"""Metrics against scikit-learn and closed forms."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm
from sklearn import metrics as reference
from sklearn.calibration import calibration_curve

from tagcast.models.estimators.rfm import RfmRanking, rfm_rank
from tagcast.models.stats import metrics
from tagcast.models.stats.observed_accuracy import promise_and_reality


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
    assert [b.predicted for b in bands] == [3, 2, 0]
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


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), tenths=st.integers(2, 40))
def test_calibration_bins_and_error_are_those_of_scikit_learns_curve(seed, tenths) -> None:
    rng = np.random.default_rng(seed)
    score = rng.permutation(np.linspace(0.01, 0.99, 10 * tenths)) ** 2
    y = (rng.random(len(score)) < score).astype("int8")
    observed, said = calibration_curve(y, score, n_bins=10, strategy="quantile")
    bins = metrics.calibration_bins(y, score)
    assert [b.n for b in bins] == [tenths] * 10
    assert [b.mean_score for b in bins] == pytest.approx(said.tolist())
    assert [b.observed for b in bins] == pytest.approx(observed.tolist())
    assert metrics.calibration_error(y, score) == pytest.approx(np.abs(said - observed).mean())


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_lift_is_what_random_order_within_ties_gives_on_average(seed) -> None:
    rng = np.random.default_rng(seed)
    score = rng.choice([0.1, 0.3, 0.4, 0.7], 100)
    y = (rng.random(100) < score).astype("int8")
    y[0] = 1
    drawn = []
    for _ in range(1500):
        order = rng.permutation(100)
        top = order[np.argsort(-score[order], kind="stable")][:10]
        drawn.append(y[top].mean() / y.mean())
    error = np.std(drawn) / np.sqrt(len(drawn))
    assert metrics.lift_at_10(y, score) == pytest.approx(np.mean(drawn), abs=5 * error + 1e-9)


@pytest.mark.parametrize(
    ("right", "cases", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_is_the_published_interval(right, cases, low, high) -> None:
    """Newcombe, Two-sided confidence intervals for the single proportion, Stat. Med. 17 (1998), table I, method 3."""
    found = metrics.wilson([right], [cases])
    assert [round(float(v[0]), 4) for v in found] == [low, round(right / cases, 4), high]


SAMPLES, SIZE = 120, 200
TOO_FEW = 0.95 - 0.03 - 3 * np.sqrt(0.95 * 0.05 / SAMPLES)
"""Percentile intervals of few cases are a little narrow (92 to 95 % are known); three standard errors of luck."""


def covered(truth: float, found: list[metrics.Estimate]) -> None:
    """Hold intervals of many samples against the truth, and their width against what the figure really spreads."""
    assert np.mean([e.low <= truth <= e.high for e in found]) >= TOO_FEW
    width = np.mean([e.high - e.low for e in found])
    # The spread of SAMPLES figures is itself known to one part in fifteen.
    assert width == pytest.approx(2 * 1.96 * np.std([e.value for e in found]), rel=0.2)


def test_intervals_cover_the_truth() -> None:
    """Scores that are right: their log loss and Brier score have closed forms, so has the AUC of two normals."""
    level = np.linspace(0.05, 0.95, 10_001)
    entropy = float(-(level * np.log(level) + (1 - level) * np.log1p(-level)).mean())
    truth = {"log_loss": entropy, "brier": float((level * (1 - level)).mean())}
    found: dict[str, list[metrics.Estimate]] = {"log_loss": [], "brier": [], "auc": []}
    rng = np.random.default_rng(1)
    for _ in range(SAMPLES):
        score = rng.uniform(0.05, 0.95, SIZE)
        y = (rng.random(SIZE) < score).astype("int8")
        for name, estimate in metrics.evaluate(y, score, rng, tuple(truth)).items():
            found[name].append(estimate)
        found["auc"].append(metrics.evaluate(y, rng.normal(1.2 * y), rng, ("auc",))["auc"])
    for name, value in {**truth, "auc": float(norm.cdf(1.2 / np.sqrt(2)))}.items():
        covered(value, found[name])


def test_intervals_of_a_paired_difference_cover_the_truth() -> None:
    """Two rankings that share half of their noise: what they share leaves the difference, and the interval."""
    truth = float(norm.cdf(1.2 / np.sqrt(2)) - norm.cdf(0.8 / np.sqrt(2)))
    found, alone = [], []
    rng = np.random.default_rng(1)
    for _ in range(SAMPLES):
        y = (rng.random(SIZE) < 0.4).astype("int8")
        shared = rng.normal(size=SIZE)
        a, b = (d * y + np.sqrt(0.8) * shared + np.sqrt(0.2) * rng.normal(size=SIZE) for d in (1.2, 0.8))
        found.append(metrics.paired_difference(y, a, b, "auc", rng))
        alone.append(metrics.evaluate(y, a, rng, ("auc",))["auc"])
    covered(truth, found)
    assert np.mean([e.high - e.low for e in found]) < 0.8 * np.sqrt(2) * np.mean(
        [e.high - e.low for e in alone]
    )


def test_the_rfm_rank_is_the_mean_of_pandas_percent_ranks() -> None:
    rng = np.random.default_rng(8)
    rfm = np.column_stack([rng.integers(1, 20, 90), rng.integers(1, 5, 90), rng.integers(0, 50, 90)]).astype(
        float
    )
    days = np.repeat(np.array(["2024-01-01", "2024-02-01"], "datetime64[D]"), 45)
    frame = pd.DataFrame(rfm * [-1, 1, 1]).assign(day=days)
    expected = frame.groupby("day").rank().mean(axis=1) - 0.5
    np.testing.assert_allclose(rfm_rank(rfm, days), expected / 45)
