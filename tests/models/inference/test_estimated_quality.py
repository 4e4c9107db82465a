"""What calibrated scores say of themselves: held to sums over all pairs, to draws of outcomes, and to any split into batches."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import precision_score, recall_score, roc_auc_score

from tagcast.models.inference.estimated_quality import EstimatedQuality, ScoreCounts, estimated_quality

NO_DRIFT = np.eye(2) * 1e-12


def counted(score: np.ndarray, yes: np.ndarray) -> ScoreCounts:
    counts = ScoreCounts()
    counts.add(score, yes)
    return counts


@pytest.fixture(scope="module")
def scores() -> np.ndarray:
    rng = np.random.default_rng(5)
    return 1 / (1 + np.exp(-rng.normal(-1.5, 1.4, 4_000)))


def test_each_profile_counts_as_p_of_a_yes_and_the_rest_of_a_no(scores) -> None:
    yes = scores >= 0.5
    found = estimated_quality(counted(scores, yes), 1.0, 0.0, NO_DRIFT, 0)
    outcomes = np.r_[np.ones(len(scores)), np.zeros(len(scores))]
    weight = np.r_[scores, 1 - scores]
    expected = roc_auc_score(outcomes, np.r_[scores, scores], sample_weight=weight)
    assert found.auc.value == pytest.approx(expected, abs=1e-4)
    assert found.precision.value == pytest.approx(scores[yes].mean(), abs=1e-3)
    assert found.recall.value == pytest.approx(scores[yes].sum() / scores.sum(), abs=1e-3)
    assert found.rate.value == pytest.approx(scores.mean(), abs=1e-3)


def test_intervals_are_those_of_outcomes_that_are_drawn(scores) -> None:
    yes = scores >= 0.5
    found = estimated_quality(counted(scores, yes), 1.0, 0.0, NO_DRIFT, 0)
    rng = np.random.default_rng(9)
    came = (rng.random((600, len(scores))) < scores).astype(int)
    for name, measure in (
        ("auc", lambda y: roc_auc_score(y, scores)),
        ("precision", lambda y: precision_score(y, yes)),
        ("recall", lambda y: recall_score(y, yes)),
        ("rate", np.mean),
    ):
        drawn = [measure(y) for y in came]
        one = getattr(found, name)
        assert np.quantile(drawn, 0.025) == pytest.approx(one.low, abs=0.1 * (one.high - one.low)), name
        assert np.quantile(drawn, 0.975) == pytest.approx(one.high, abs=0.1 * (one.high - one.low)), name


def test_an_unsure_slope_makes_the_auc_unsure_and_an_unsure_shift_the_rate(scores) -> None:
    counts = counted(scores, scores >= 0.5)
    plain = estimated_quality(counts, 1.0, 0.0, NO_DRIFT, 0)
    shifted = estimated_quality(counts, 1.0, 0.0, np.diag([0.04, 1e-9]), 0)
    tilted = estimated_quality(counts, 1.0, 0.0, np.diag([1e-9, 0.04]), 0)

    def width(found: EstimatedQuality, name: str) -> float:
        one = getattr(found, name)
        return one.high - one.low

    assert width(shifted, "rate") > 3 * width(plain, "rate")
    assert width(tilted, "auc") > 2 * width(plain, "auc")
    assert width(shifted, "auc") < 1.5 * width(plain, "auc")


def test_where_nobody_is_called_yes_there_is_no_precision(scores) -> None:
    found = estimated_quality(counted(scores, scores > 2), 1.0, 0.0, NO_DRIFT, 0)
    assert found.precision is None
    assert found.recall is None
    assert EstimatedQuality.from_json(found.to_json()) == found
    assert estimated_quality(ScoreCounts(), 1.0, 0.0, NO_DRIFT, 0) is None


CHANCE = st.one_of(st.floats(0, 1), st.just(float("nan")))


@settings(max_examples=60, deadline=None)
@given(st.lists(CHANCE, min_size=2, max_size=40), st.integers(0, 40), st.randoms(use_true_random=False))
def test_batches_add_up_in_any_order(score, cut, random) -> None:
    every = np.array(score)
    yes = every >= 0.5
    order = list(range(len(every)))
    random.shuffle(order)
    first, second = order[:cut], order[cut:]
    parts = counted(every[second], yes[second]) + counted(every[first], yes[first])
    whole = counted(every, yes)
    assert (parts.every == whole.every).all()
    assert (parts.yes == whole.yes).all()
    found = estimated_quality(parts, 0.8, 0.1, np.diag([0.02, 0.01]), 3)
    assert found == estimated_quality(whole, 0.8, 0.1, np.diag([0.02, 0.01]), 3)
    if found is not None:
        for one in (found.auc, found.rate):
            assert 0 <= one.low <= one.high <= 1
