"""Signs of a leak: what one feature says alone, what its last day held, and how far scores have moved."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagcast.models.stats.leakage import LastDayLoss, last_day_losses, powers
from tagcast.models.stats.psi import KNOTS, knot_mass, mass_psi, psi, score_psi

NAN = math.nan
Y = np.array([0, 0, 0, 1, 1, 1], "int8")


@pytest.mark.parametrize(
    ("column", "auc"),
    [
        ([1, 2, 3, 4, 5, 6], 1.0),
        ([6, 5, 4, 3, 2, 1], 1.0),
        ([7, 7, 7, 7, 7, 7], 0.5),
        # Never closed an account / closed it: only being known says it all.
        ([NAN, NAN, NAN, 5, 9, 2], 1.0),
        ([5, 9, 2, NAN, NAN, NAN], 1.0),
        ([NAN] * 6, 0.5),
        # One of nine pairs stands the wrong way round.
        ([1, 2, 5, 4, 6, 7], 8 / 9),
        # Unknown ranks above all: 2 of 3 pairs, and twice 2 of 3 with a tie that counts half.
        ([1, 2, NAN, 3, NAN, NAN], (2 + 2.5 + 2.5) / 9),
    ],
)
def test_power_of_one_feature_whichever_way_it_points(column, auc) -> None:
    (found,) = powers(Y, np.array(column, float)[:, None], ["f"])
    assert found.auc == pytest.approx(auc)


def test_powers_come_strongest_first_and_need_both_outcomes() -> None:
    X = np.column_stack([[1, 1, 1, 1, 1, 1], [1, 2, 3, 4, 5, 6], [1, 2, 5, 4, 6, 7]]).astype(float)
    assert [p.feature for p in powers(Y, X, ["none", "all", "most"])] == ["all", "most", "none"]
    assert all(math.isnan(p.auc) for p in powers(np.ones(6, "int8"), X, ["a", "b", "c"]))


values = st.lists(st.one_of(st.floats(-1e6, 1e6), st.just(NAN)), min_size=8, max_size=40)


@given(values, st.data())
def test_power_is_between_chance_and_certainty_and_minds_neither_sign_nor_order(column, data) -> None:
    y = np.array(data.draw(st.lists(st.integers(0, 1), min_size=len(column), max_size=len(column))), "int8")
    y[:2] = 0, 1
    x = np.array(column)
    order = np.array(data.draw(st.permutations(range(len(column)))))
    (one,), (turned,), (mixed,) = (
        powers(y, x[:, None], ["f"]),
        powers(y, -x[:, None], ["f"]),
        powers(y[order], x[order][:, None], ["f"]),
    )
    assert 0.5 <= one.auc <= 1
    assert turned.auc == pytest.approx(one.auc)
    assert mixed.auc == pytest.approx(one.auc)


def test_what_a_last_day_held() -> None:
    whole = np.column_stack([[0, 0, 0, 1, 1, 1], [1, 2, 3, 4, 5, 6], [NAN, NAN, NAN, 1, 1, 1]]).astype(float)
    without = np.column_stack([[0, 0, 0, 0, 0, 0], [1, 2, 3, 4, 5, 6], [NAN] * 6]).astype(float)
    closed, honest, never = last_day_losses(Y, whole, without, ["closed", "honest", "never"])
    assert (closed.auc, closed.auc_without, closed.lost) == (1.0, 0.5, 1.0)
    assert (honest.auc, honest.lost) == (1.0, 0.0)
    assert never.lost == 1.0


def test_a_feature_that_points_the_other_way_without_its_last_day_has_lost_all() -> None:
    (found,) = last_day_losses(Y, np.arange(6.0)[:, None], -np.arange(6.0)[:, None], ["f"])
    assert (found.auc, found.auc_without, found.lost) == (1.0, 0.0, 1.0)
    assert LastDayLoss("better", 0.7, 0.8).lost == 0.0
    assert LastDayLoss("nothing", 0.5, 0.5).lost == 0.0


def test_psi_in_closed_form() -> None:
    half, tenth = np.array([0.5, 0.5]), np.array([0.9, 0.1])
    assert psi(half, tenth) == pytest.approx(0.4 * math.log(9))
    # Ten deciles against a population that moved up by one step in each half, worked by hand.
    found = np.array([0.08, 0.08, 0.08, 0.08, 0.08, 0.12, 0.12, 0.12, 0.12, 0.12])
    by_hand = 5 * (-0.02) * math.log(0.8) + 5 * 0.02 * math.log(1.2)
    assert psi(np.full(10, 0.1), found) == pytest.approx(by_hand)
    assert math.isfinite(psi(np.array([1.0, 0.0]), np.array([0.0, 1.0])))


shares = st.lists(st.integers(1, 1000), min_size=4, max_size=4).map(lambda n: np.array(n) / sum(n))


@given(shares, shares)
def test_psi_is_symmetric_and_zero_only_for_equal_shares(a, b) -> None:
    assert psi(a, a) == 0
    assert psi(a, b) == pytest.approx(psi(b, a))
    assert psi(a, b) >= 0


def probability(log_odds: object) -> np.ndarray:
    return 1 / (1 + np.exp(-np.asarray(log_odds, float)))


def test_psi_of_scores_in_closed_form() -> None:
    """Scores that lie on knots are whole; one halfway between two is half of each."""
    here = probability(np.repeat([0, 1], [500, 500]))
    assert score_psi(here, probability(np.repeat([0, 1], [800, 200]))) == pytest.approx(0.3 * math.log(4))
    quarter = probability(np.repeat([0.0, 0.5, 1.0], [500, 250, 250]))
    assert score_psi(here, quarter) == pytest.approx(0.125 * math.log(0.625 / 0.375))


def test_psi_of_normal_log_odds_is_what_theory_says() -> None:
    """For a normal that moves by d the index is d² over its variance, to which sharing between knots adds 1/6."""
    odds = np.random.default_rng(1).normal(0, 1.5, 200_000)
    expected = 0.45**2 / (1.5**2 + 1 / 6)
    assert score_psi(probability(odds), probability(odds + 0.45)) == pytest.approx(expected, rel=0.05)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=50), st.lists(st.floats(0, 1), min_size=1, max_size=50))
def test_psi_of_masses_is_that_of_the_scores(a, b) -> None:
    """So that the spread in a run's TagSummary, added up batch by batch, is that of its scores."""
    one, two = np.array(a), np.array(b)
    assert mass_psi(knot_mass(one), knot_mass(two)) == score_psi(one, two)
    parts = knot_mass(one[::2]) + knot_mass(one[1::2])
    assert parts.tolist() == knot_mass(one).tolist() == knot_mass(one[::-1]).tolist()
    assert knot_mass(one).sum() == pytest.approx(len(one))
    assert knot_mass(probability(KNOTS)) == pytest.approx(np.ones(len(KNOTS)))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=50), st.lists(st.floats(0, 1), min_size=1, max_size=50))
def test_psi_of_any_scores_is_finite_and_knows_no_order(a, b) -> None:
    one, two = np.array(a), np.array(b)
    found = score_psi(one, two)
    assert math.isfinite(found)
    assert found >= 0
    assert found == score_psi(one[::-1], two[::-1])
    assert score_psi(one, one) == 0


def test_what_counts_as_moved() -> None:
    rng = np.random.default_rng(0)
    scores = rng.beta(1, 6, 3000)
    odds = np.log(scores / (1 - scores))
    assert score_psi(scores, rng.beta(1, 6, 3000)) < 0.02, "chance is no change"
    assert score_psi(scores, probability(odds + math.log(1.2))) < 0.1
    assert score_psi(scores, probability(odds + math.log(3))) > 0.25
    assert score_psi(scores, np.full(3000, scores.mean())) > 0.25, "a model that says the same of everyone"
    assert score_psi(scores, 1 - scores) > 1
    assert math.isnan(score_psi(scores, scores[:0]))


def test_crowds_of_almost_equal_scores_may_move_a_little() -> None:
    """Calibration gives many profiles the same score; the next training gives them another nearby."""
    crowds = np.repeat([0.05, 0.11, 0.2, 0.35, 0.5, 0.8, 0.95], [400, 900, 100, 300, 50, 800, 30])
    odds = np.log(crowds / (1 - crowds))
    for step in (-0.05, 0.05):
        assert score_psi(crowds, probability(odds + step)) < 0.02


def test_few_scores_are_not_change() -> None:
    rng = np.random.default_rng(2)
    small = [score_psi(rng.beta(1, 4, 100), rng.beta(1, 4, 100)) for _ in range(200)]
    assert np.quantile(small, 0.95) < 0.2
