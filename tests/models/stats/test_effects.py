"""Figures of effects: pseudo-outcomes, best linear predictor, Qini curve, floors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagcast.models.stats.effects import (
    LinearEffect,
    area,
    between,
    effect_bins,
    evaluate_effects,
    floors,
    pseudo_outcomes,
    qini,
)

ONE_DAY = np.datetime64("2024-04-01")


def rows(n: int, seed: int):
    rng = np.random.default_rng(seed)
    score = rng.normal(0.05, 0.05, n).round(3)
    return score, score + rng.normal(0, 0.5, n), rng


def test_with_exact_arms_the_mean_is_the_difference_of_the_arms() -> None:
    rng = np.random.default_rng(0)
    treated = (rng.random(500) < 0.3).astype(float)
    y = (rng.random(500) < 0.2 + 0.1 * treated).astype(float)
    with_it, without = y[treated == 1].mean(), y[treated == 0].mean()
    found = pseudo_outcomes(
        y, treated, np.full(500, treated.mean()), np.full(500, with_it), np.full(500, without)
    )
    assert found.mean() == pytest.approx(with_it - without)


def test_a_wrong_outcome_model_does_no_harm_where_the_propensity_is_right() -> None:
    rng = np.random.default_rng(1)
    n = 200_000
    share = rng.uniform(0.2, 0.8, n)
    treated = (rng.random(n) < share).astype(float)
    y = (rng.random(n) < 0.3 * share + 0.1 * treated).astype(float)  # likelier where approached more often
    wrong = np.full(n, 0.5)
    found = pseudo_outcomes(y, treated, share, wrong, wrong)
    assert found.mean() == pytest.approx(0.1, abs=4 * found.std() / n**0.5)
    assert y[treated == 1].mean() - y[treated == 0].mean() > 0.12


def test_the_best_linear_predictor_is_least_squares_with_robust_errors() -> None:
    score, effect, _ = rows(400, 2)
    effect = effect * (1 + 3 * np.abs(score))
    found = LinearEffect.fit(score, effect, np.full(400, ONE_DAY), np.arange(400).astype(str))
    design = np.column_stack([np.ones(400), score - score.mean()])
    solved, *_ = np.linalg.lstsq(design, effect, rcond=None)
    bread = np.linalg.inv(design.T @ design)
    spread = bread @ (design * (effect - design @ solved)[:, None] ** 2).T @ design @ bread
    assert (found.mean, found.slope) == pytest.approx(solved)
    assert found.slope_error == pytest.approx(spread[1, 1] ** 0.5, rel=1e-6)


def test_rows_of_one_profile_are_not_taken_for_independent() -> None:
    score, effect, _ = rows(200, 3)
    twice = LinearEffect.fit(
        *(np.tile(a, 2) for a in (score, effect)), np.full(400, ONE_DAY), np.tile(np.arange(200), 2)
    )
    once = LinearEffect.fit(score, effect, np.full(200, ONE_DAY), np.arange(200))
    assert twice.slope_error == pytest.approx(once.slope_error)
    assert twice.mean_error == pytest.approx(once.mean_error)


def test_a_score_that_only_tells_days_apart_finds_no_difference_between_people() -> None:
    rng = np.random.default_rng(4)
    day = np.repeat(np.array(["2024-04-01", "2024-05-01"], "datetime64[D]"), 2000)
    score = (day == day[0]) * 0.2 + rng.normal(0, 0.01, 4000)
    effect = (day == day[0]) * 0.2 + rng.normal(0, 0.3, 4000)
    found = LinearEffect.fit(score, effect, day, np.arange(4000))
    assert abs(found.slope) < 3 * found.slope_error


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(-5, 5)), min_size=2, max_size=40), st.randoms())
@settings(max_examples=80, deadline=None)
def test_the_area_is_that_of_the_curve_whatever_the_order(pairs, random) -> None:
    score, effect = (np.array(part, float) for part in zip(*pairs, strict=True))
    share, gained = qini(score, effect)
    assert gained[-1] == pytest.approx(effect.mean())
    # By hand: approach all of a score or more, and see what it gains.
    for s, g in zip(share[1:], gained[1:], strict=True):
        (least,) = [k for k in np.unique(score) if np.isclose((score >= k).mean(), s)]
        assert g == pytest.approx(effect[score >= least].sum() / len(effect))
    mixed = list(range(len(pairs)))
    random.shuffle(mixed)
    assert area(score[mixed], effect[mixed]) == pytest.approx(area(score, effect))


def test_a_score_that_ranks_nobody_has_no_area() -> None:
    assert area(np.full(10, 0.3), np.arange(10.0)) == 0


def test_figures_hold_what_was_planted_and_no_order_changes_them() -> None:
    score, effect, rng = rows(5000, 5)
    day, who = np.full(5000, ONE_DAY), np.arange(5000).astype(str)
    figures = evaluate_effects(score, score - 0.02, effect, 2 * score, day, np.random.default_rng(0), who)
    assert figures["slope"].low < 0.5 < figures["slope"].high, "the raw score says twice the effect"
    assert figures["effect"].low < 0.05 < figures["effect"].high
    assert figures["area"].low > 0 > figures["effect_loss"].high
    assert figures["floor_margin"].value == pytest.approx(effect.mean() - score.mean() + 0.02)
    order = rng.permutation(5000)
    mixed = (a[order] for a in (score, score - 0.02, effect, 2 * score, day))
    assert evaluate_effects(*mixed, np.random.default_rng(0), who[order]) == figures


def test_the_variance_between_days_is_found_and_none_where_there_is_none() -> None:
    rng = np.random.default_rng(6)
    day = np.repeat(np.arange(40), 500)
    moves = rng.normal(0, 0.05, 40)[day]
    noise = rng.normal(0, 0.3, len(day))
    assert between(moves + noise, day) == pytest.approx(0.05**2, rel=0.5)
    assert between(noise, day) < 0.01**2
    assert between(noise, np.zeros(len(day))) == 0


def test_bins_and_floors_hold_means_beside_what_was_measured() -> None:
    score, effect, _ = rows(1000, 7)
    assert sum(b.n for b in effect_bins(score, score - 0.1, effect)) == 1000
    sure = np.linspace(0, 1, 1000)
    everyone, some, none = floors(score - 0.1, effect, sure > 0.1, sure, (0.0, 0.9, 1.1))
    assert everyone.predicted == int((sure > 0.1).sum())
    assert some.share_right == pytest.approx(effect[sure >= 0.9].mean())
    assert some.mean_confidence == pytest.approx((score[sure >= 0.9] - 0.1).mean())
    assert (none.predicted, np.isnan(none.share_right)) == (0, True)
