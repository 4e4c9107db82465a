"""Lifts on plain arrays: against statsmodels, and what has to hold whatever the numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagcast.models.stats.lift.estimates import adjusted_difference, few_outcomes, lift_at_end
from tagcast.models.stats.lift.power import planned_variance, smallest_lift
from tagcast.models.stats.lift.sample_ratio import sample_ratio
from tagcast.models.stats.lift.sequence import lift_so_far


def campaign(seed: int, n: int = 900, base: float = 0.3, lift: float = 0.1, share: float = 0.2):
    """Outcomes, arms and scores of a made campaign."""
    rng = np.random.default_rng(seed)
    score = rng.beta(3 * base, 3 * (1 - base), n)
    arm = np.ones(n, bool)
    arm[rng.permutation(n)[: round(n * share)]] = False
    return (rng.random(n) < np.clip(score + lift * arm, 0, 1)).astype(float), arm, score


def test_adjusted_by_the_score_it_is_the_interacted_regression_with_hc3() -> None:
    from scipy.stats import t
    from statsmodels import api

    y, arm, score = campaign(1)
    second = np.random.default_rng(9).normal(size=len(y)) + y
    columns = np.column_stack([score, second])
    off = columns - columns.mean(axis=0)
    design = api.add_constant(np.column_stack([arm, off, off * arm[:, None]]).astype(float))
    fit = api.OLS(y, design).fit(cov_type="HC3")
    found = adjusted_difference(y, arm, columns)
    assert found.value == pytest.approx(fit.params[1], rel=1e-9)
    assert found.variance == pytest.approx(fit.bse[1] ** 2, rel=1e-9)
    # The interval: that standard error, and degrees of freedom after Welch and Satterthwaite from a regression an arm.
    parts = []
    for one in (arm, ~arm):
        alone = api.OLS(y[one], api.add_constant(off[one])).fit(cov_type="HC3")
        parts.append((alone.bse[0] ** 2, alone.df_resid))
    freedom = sum(v for v, _ in parts) ** 2 / sum(v**2 / d for v, d in parts)
    lift = lift_at_end(y, arm, columns)
    assert lift.high - lift.low == pytest.approx(2 * t.ppf(0.975, freedom) * fit.bse[1], rel=1e-9)
    assert lift.method == "adjusted"


@pytest.mark.parametrize(("given_yes", "held_yes"), [(3, 1), (30, 9), (0, 0), (400, 100), (395, 100)])
def test_of_few_outcomes_it_is_newcombes_interval(given_yes, held_yes) -> None:
    from statsmodels.stats import proportion

    y = np.r_[np.arange(400) < given_yes, np.arange(100) < held_yes].astype(float)
    found = lift_at_end(y, np.arange(500) < 400, np.arange(500.0))
    low, high = proportion.confint_proportions_2indep(given_yes, 400, held_yes, 100, method="newcomb")
    assert (found.low, found.high) == (pytest.approx(low, abs=1e-6), pytest.approx(high, abs=1e-6))
    assert found.method == "newcombe"
    assert (found.mean_given, found.mean_held_out) == (given_yes / 400, held_yes / 100)


def test_ten_outcomes_of_either_kind_in_each_arm_are_enough() -> None:
    arm = np.arange(500) < 400
    for held_yes, few in ((9, True), (10, False), (90, False), (91, True)):
        y = np.r_[np.arange(400) < 200, np.arange(100) < held_yes].astype(float)
        assert few_outcomes(y, arm) is few
    assert not few_outcomes(np.full(500, 2.5), arm), "amounts are never counted"


amounts = st.floats(-1e3, 1e3, allow_nan=False, width=32)


@given(
    st.lists(st.tuples(amounts, st.booleans(), amounts), min_size=30, max_size=60),
    amounts,
    st.floats(0.1, 50),
)
@settings(deadline=None)
def test_a_lift_moves_with_its_unit_and_turns_with_its_arms(rows, shift, factor) -> None:
    y, arm, x = (np.array(column) for column in zip(*rows, strict=True))
    arm[:2], arm[2:4] = True, False
    y = y + 0.5  # an outcome of zeros and ones would be counted
    plain = lift_at_end(y, arm, x)
    scaled = lift_at_end(factor * y + shift, arm, x)
    turned = lift_at_end(y, ~arm, x)
    other = lift_at_end(y, arm, 3 * x + 7)
    size = 1e-6 * (1 + abs(y).max()) * factor
    for name in ("lift", "low", "high"):
        if not (few_outcomes(factor * y + shift, arm) or few_outcomes(y, arm)):
            assert getattr(scaled, name) == pytest.approx(factor * getattr(plain, name), rel=1e-4, abs=size)
    assert turned.lift == pytest.approx(-plain.lift, abs=1e-9 + 1e-9 * abs(plain.lift))
    assert (turned.low, turned.high) == (pytest.approx(-plain.high), pytest.approx(-plain.low))
    assert other.lift == pytest.approx(plain.lift, rel=1e-4, abs=1e-3)
    assert plain.low <= plain.lift <= plain.high


@given(st.permutations(range(40)))
@settings(max_examples=20, deadline=None)
def test_the_order_of_members_changes_nothing(order) -> None:
    y, arm, score = campaign(3, n=40, share=0.5)
    order = np.array(order)
    one, other = lift_at_end(y, arm, score), lift_at_end(y[order], arm[order], score[order])
    assert (other.lift, other.low, other.high) == pytest.approx((one.lift, one.low, one.high))


def test_what_says_nothing_of_an_arm_is_left_out() -> None:
    y, arm, score = campaign(4)
    constant = np.ones(len(y))
    alone = lift_at_end(y, arm, score)
    assert lift_at_end(y, arm, np.column_stack([constant, score, 2 * score + 1])) == alone
    assert lift_at_end(y, arm, constant) == lift_at_end(y, arm)
    small = arm | (np.arange(len(y)) >= 20)  # fewer than ten held out bear no line
    assert (~small).sum() < 10
    assert lift_at_end(2 * y, small, score) == lift_at_end(2 * y, small)


def test_a_score_that_explains_a_quarter_saves_an_eighth_of_the_width() -> None:
    y, arm, score = campaign(5, n=20_000, lift=0.0)
    bare, with_score = lift_at_end(y, arm), lift_at_end(y, arm, score)
    assert (with_score.high - with_score.low) / (bare.high - bare.low) < 0.88


def test_looked_at_daily_a_campaign_without_effect_is_hardly_ever_taken_for_one() -> None:
    """Forty campaigns of thirty days: where one look a day at 95 % would find some dozen, the sequence finds two at most."""
    found, naive = 0, 0
    for seed in range(40):
        y, arm, score = campaign(seed, n=2_000, lift=0.0)
        day = np.where(y > 0, np.random.default_rng(100 + seed).integers(1, 31, len(y)), 99)
        looks = [(day <= d).astype(float) for d in range(1, 31)]
        found += any(lift_so_far(one, arm, planned_variance(score), 30, score).decided for one in looks)
        naive += any(lift_at_end(one, arm, score).decided for one in looks)
    assert found <= 2
    assert naive >= 5


def test_a_sequence_closes_in_and_is_wider_than_one_look() -> None:
    y, arm, score = campaign(6, n=20_000, lift=0.1)
    plan = planned_variance(score)
    at_end, so_far = lift_at_end(y, arm, score), lift_so_far(y, arm, plan, 30, score)
    assert so_far.lift == at_end.lift
    assert 1.4 < (so_far.high - so_far.low) / (at_end.high - at_end.low) < 1.7
    assert so_far.decided
    assert so_far.method == "sequence"
    few = lift_so_far((np.arange(len(y)) < 12).astype(float), arm, plan, 30, score)
    one_look = lift_at_end((np.arange(len(y)) < 12).astype(float), arm, score)
    assert few.method == "newcombe"
    assert few.high - few.low > one_look.high - one_look.low


def test_nobody_in_an_arm_is_no_campaign() -> None:
    with pytest.raises(ValueError, match="0 held out"):
        lift_at_end(np.ones(5), np.ones(5, bool))
    with pytest.raises(ValueError, match="one length"):
        lift_at_end(np.ones(5), np.ones(4, bool))


def test_the_smallest_lift_is_seen_in_four_campaigns_of_five() -> None:
    least = smallest_lift(2_000, 0.2, planned_variance(np.full(2_000, 0.3)))
    seen = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        arm = rng.permutation(2_000) >= 400
        seen += lift_at_end((rng.random(2_000) < 0.3 + least * arm).astype(float), arm).low > 0
    assert 0.7 < seen / 200 < 0.9
    ratio = smallest_lift(638, 0.3, 0.2) / smallest_lift(638, 0.1, 0.2)
    assert ratio == pytest.approx(2 / 3, abs=0.02)  # 9 points with a tenth are 6 with three tenths
    assert smallest_lift(10, 0.1, 0.25) is None
    assert smallest_lift(100, 0.0, 0.25) is None


def test_arms_that_are_not_what_was_drawn_raise_an_alarm() -> None:
    sound = sample_ratio([10, 11, 9], [100, 100, 100], 0.1)
    assert not sound.alarm
    assert sound.share == pytest.approx(0.1)
    assert sample_ratio([60], [1_000], 0.1).alarm, "40 of 100 held out are gone"
    assert sample_ratio([30, 0, 0], [100, 100, 100], 0.1).alarm, "all of one stratum"
    assert not sample_ratio([0], [0], 0.1).alarm
    assert sample_ratio([1], [2], 0.5).probability == 1.0
    assert math.isclose(sample_ratio([0], [10], 0.5).probability, 2 * 2 / 2**10)
    odd = sum(
        sample_ratio(np.random.default_rng(k).binomial(200, 0.1, 10), np.full(10, 200), 0.1).probability
        < 0.05
        for k in range(300)
    )
    assert odd <= 30
