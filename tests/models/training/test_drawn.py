"""Learning from a draw: scores speak of the population, whatever was drawn more heavily."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression

from tagcast.models.calibration.binary_calibrator import Calibrator, score_curve
from tagcast.models.calibration.venn_abers import VennAbersTable
from tagcast.models.decisions.cases import Cases
from tagcast.models.decisions.flip_rates import flips
from tagcast.models.decisions.policy import learned_threshold, threshold_from_scores
from tagcast.models.decisions.thresholds import thresholds
from tagcast.models.definitions.loader import parse_definition
from tagcast.models.definitions.model_tag import PrecisionRule, ProfitRule, TopShareRule
from tagcast.models.estimators.bgnbd import BgNbdScorer
from tagcast.models.estimators.forest import ForestScorer, binned
from tagcast.models.estimators.logistic import fit_path
from tagcast.models.estimators.rfm import RfmRanking, RfmScorer, rfm_rank
from tagcast.models.evaluation.random_audiences import audience_promise
from tagcast.models.stats import draws
from tagcast.models.stats.draws import draw, quotas
from tagcast.models.training import tag_kind
from tagcast.models.training.validation_losses import (
    FoldLosses,
    case_losses,
    error_of_difference,
    learn_weights,
    mean_loss,
)
from tests.support.shop import CHURN
from tests.support.synthetic import shoppers, spenders

SPEND = """\
name: spend
title: {en: Spend}
description: {en: What will come}
path: [Tests, Spend]
owner: tests
population: {active_within_days: 90}
outcome: {kind: amount, horizon_days: 30, tiers: {low: 0, medium: 10, high: 100}}
feature_service: value
"""


def repeated(seed: int, n: int = 300, p: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return X, y, whole weights, and the place of each row as often as it counts."""
    rng = np.random.default_rng(seed)
    X = rng.gamma(1.0, 3.0, (n, p))
    y = (rng.random(n) < 1 / (1 + np.exp(2 - X[:, 0] / 2))).astype("int8")
    y[:2] = [0, 1]
    weight = rng.integers(1, 4, n).astype(float)
    return X, y, weight, np.repeat(np.arange(n), weight.astype(int))


def test_the_logistic_part_learns_a_weight_as_so_many_rows() -> None:
    X, y, weight, again = repeated(0)
    mine, same = fit_path(X, y, [1e6], weight=weight)[0], fit_path(X[again], y[again], [1e6])[0]
    assert mine.raw(X) == pytest.approx(same.raw(X), abs=1e-3)


def test_the_forest_learns_a_weight_as_so_many_rows() -> None:
    X, y, weight, again = repeated(1)
    X = np.minimum(np.floor(X), 4)  # the same bins for both
    params = {"num_leaves": 4, "min_child_samples": 1, "min_sum_hessian_in_leaf": 1e-3, "learning_rate": 0.1}
    mine = ForestScorer.fit(binned(X, y, weight=weight), params, 20, seed=0)[0]
    same = ForestScorer.fit(binned(X[again], y[again]), params, 20, seed=0)[0]
    assert mine.raw(X) == pytest.approx(same.raw(X), abs=1e-6)


def test_bgnbd_learns_a_weight_as_so_many_profiles() -> None:
    rng = np.random.default_rng(2)
    known = rng.uniform(30, 300, 200)
    bought = 1.0 + rng.poisson(known * 0.02)
    X = np.column_stack([bought, rng.uniform(0, 1, 200) * known, known])
    weight = rng.integers(1, 4, 200).astype(float)
    again = np.repeat(np.arange(200), weight.astype(int))
    fit = {"columns": (0, 1, 2), "first_counts": False, "horizon_days": 30, "buys": False}
    y = np.zeros(200, "int8")
    mine = BgNbdScorer.fit(X, y, np.ones(200, bool), weight=weight, **fit)
    same = BgNbdScorer.fit(X[again], y[again], np.ones(len(again), bool), **fit)
    assert mine.raw(X) == pytest.approx(same.raw(X), abs=1e-4)


def test_rfm_ranks_among_those_that_rows_stand_for() -> None:
    X, y, weight, again = repeated(3)
    day = np.full(len(y), np.datetime64("2025-01-01"))
    assert rfm_rank(X, day, weight)[again] == pytest.approx(rfm_rank(X[again], day[again]))
    predicted = RfmRanking.fit(X, y, day, weight).predict(X, day, weight)
    assert np.average(predicted, weights=weight) == pytest.approx(y[again].mean(), abs=0.05)
    scored = RfmScorer.fit(X, y, (0, 1, 2), weight).raw(X)
    assert np.average(1 / (1 + np.exp(-scored)), weights=weight) == pytest.approx(y[again].mean(), abs=0.05)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_losses_of_weights_are_those_of_repeated_rows(seed) -> None:
    _, y, weight, again = repeated(seed, 60)
    raw = np.random.default_rng(seed).normal(size=(60, 2))
    mine, same = case_losses(y, raw[:, 0], weight), case_losses(y[again], raw[again, 0])
    assert mean_loss([mine]) == pytest.approx(mean_loss([same]))
    other, alike = case_losses(y, raw[:, 1], weight), case_losses(y[again], raw[again, 1])
    assert error_of_difference([mine], [other]) >= error_of_difference([same], [alike])
    home = np.array([0.5, 0.5])
    learned = learn_weights([raw], [y], home, [weight])
    assert learned == pytest.approx(learn_weights([raw[again]], [y[again]], home), abs=0.011)
    ones = [FoldLosses(fold.loss, np.ones(60)) for fold in (mine, other)]
    plain = [FoldLosses(fold.loss) for fold in (mine, other)]
    assert error_of_difference(ones[:1], ones[1:]) == pytest.approx(error_of_difference(plain[:1], plain[1:]))


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), each=st.sampled_from([1.0, 7.0, 33.3]))
def test_calibration_by_even_weights_is_that_of_the_rows(seed, each) -> None:
    rng = np.random.default_rng(seed)
    raw = rng.normal(size=200)
    y = (rng.random(200) < 1 / (1 + np.exp(-raw))).astype("int8")
    mine, plain = VennAbersTable.fit(raw, y, np.full(200, each)), VennAbersTable.fit(raw, y)
    asked = rng.normal(size=50)
    assert np.array(mine.predict(asked)) == pytest.approx(np.array(plain.predict(asked)), abs=2e-3)
    assert np.array(score_curve(raw, y, np.full(200, each))) == pytest.approx(
        np.array(score_curve(raw, y)), abs=0.02
    )


def test_bounds_of_weighted_cases_hold_weighted_isotonic_regression() -> None:
    rng = np.random.default_rng(4)
    raw = rng.normal(size=3_000)
    y = (rng.random(3_000) < 1 / (1 + np.exp(3 - raw))).astype("int8")
    weight = np.where(y == 1, 1.0, rng.uniform(5, 15, 3_000))
    p0, p1 = VennAbersTable.fit(raw, y, weight).predict(raw)
    curve = IsotonicRegression().fit(raw, y, sample_weight=weight).predict(raw)
    inside = curve > 1e-4
    assert (p0[inside] <= curve[inside] + 1e-3).all()
    assert (curve[inside] <= p1[inside] + 1e-3).all()


def test_scores_calibrated_on_a_heavy_draw_speak_of_the_population() -> None:
    rng = np.random.default_rng(5)
    raw = rng.normal(-3.5, 1.0, 60_000)
    y = (rng.random(60_000) < 1 / (1 + np.exp(-raw - 0.3))).astype("int8")
    day = np.full(60_000, np.datetime64("2025-01-01"))
    rows = np.flatnonzero((y == 1) | (rng.random(60_000) < 0.05))
    weight = np.where(y[rows] == 1, 1.0, 20.0)
    when = date(2025, 1, 1)
    whole = Calibrator.fit(raw, y, day)
    drawn = Calibrator.fit(raw[rows], y[rows], day[rows], weight)
    blind = Calibrator.fit(raw[rows], y[rows], day[rows])
    middle = np.array([-3.0])  # shift and slope alone are hard to separate
    assert drawn.drift.corrected(middle) == pytest.approx(whole.drift.corrected(middle), abs=0.08)
    assert drawn.drift.covariance[0, 0] > whole.drift.covariance[0, 0]  # fewer were looked at
    rate = y.mean()
    assert drawn.predict(raw, when).score.mean() == pytest.approx(
        whole.predict(raw, when).score.mean(), rel=0.05
    )
    assert drawn.predict(raw, when).lower.mean() < rate
    assert abs(blind.predict(raw, when).score.mean() - rate) > 0.15 * rate


def decided(seed: int = 6, n: int = 400) -> tuple[Cases, Cases]:
    """Return weighted cases of two snapshots, and the same with each row as often as it counts."""
    rng = np.random.default_rng(seed)
    score = rng.random(n).round(3)
    y = (rng.random(n) < score).astype("int8")
    weight = rng.integers(1, 6, n).astype(float)
    days = np.repeat(np.array(["2025-01-01", "2025-02-01"], "datetime64[D]"), n // 2)
    ids = np.array([f"p{i % (n // 2):04d}" for i in range(n)])
    cases = Cases(ids, days, y, score, score * 0.9, np.minimum(1, score * 1.1), weight=weight)
    again = np.repeat(np.arange(n), weight.astype(int))
    arrays = (getattr(cases, name)[again] for name in ("profile_id", "as_of", "y", "score", "lower", "upper"))
    return cases, Cases(*arrays)


RULES = [
    TopShareRule(rule="top_share", share=0.13),
    ProfitRule(rule="profit", benefit=10, cost=3, capacity=70),
    ProfitRule(rule="profit", benefit=10, cost=9, capacity=5_000),
]


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_a_rule_chooses_as_many_of_the_population(rule) -> None:
    cases, same = decided()
    mine = threshold_from_scores(rule, cases.score, cases.weight)
    assert (
        (cases.weight[cases.score >= mine]).sum()
        == (same.score >= threshold_from_scores(rule, same.score)).sum()
    )


def test_a_precision_is_that_of_the_population() -> None:
    cases, same = decided()
    rule = PrecisionRule(rule="precision", precision=0.8)
    mine = learned_threshold(rule, cases.y, cases.score, cases.weight)
    assert mine == pytest.approx(learned_threshold(rule, same.y, same.score), abs=0.01)


def test_the_table_of_thresholds_speaks_of_the_population() -> None:
    cases, same = decided()
    definition = parse_definition(CHURN, "churn")
    mine, plain = (
        thresholds(definition, 0.5, cases),
        thresholds(definition, 0.5, replace(same, profile_id=np.arange(len(same.y)).astype(str))),
    )
    assert mine["cases"] == plain["cases"]
    assert mine["base_rate"] == pytest.approx(plain["base_rate"])
    for row, twin in zip(mine["thresholds"], plain["thresholds"], strict=True):
        assert (row["size"], row["unknown"]) == (twin["size"], twin["unknown"])
        assert row["precision"] == pytest.approx(twin["precision"])
        assert row["recall"] == pytest.approx(twin["recall"])
        assert row["high"] - row["low"] >= twin["high"] - twin["low"] - 1e-12
    assert mine["stability"][0]["predicted"] == plain["stability"][0]["predicted"]


def test_who_is_drawn_at_two_snapshots_stands_for_those_that_are_not() -> None:
    rng = np.random.default_rng(7)
    ids = np.array([f"c{i}" for i in range(40_000)])
    value = rng.choice(np.array(["yes", "no"], object), (2, len(ids)))

    def place(day: date) -> np.ndarray:
        digests = [hashlib.md5(f"{day} {who}".encode(), usedforsecurity=False).digest() for who in ids]
        return np.array([int.from_bytes(digest[:4]) for digest in digests]) / 2**32

    drawn = [place(day) < share for day, share in ((date(2025, 1, 1), 0.2), (date(2025, 2, 1), 0.3))]
    some = [(ids[d], v[d]) for d, v in zip(drawn, value, strict=True)]
    weights = [np.full(d.sum(), 1 / share) for d, share in zip(drawn, (0.2, 0.3), strict=True)]
    pairs, changed = flips(some, weights)
    assert pairs == pytest.approx(len(ids), rel=0.05)
    assert changed / pairs == pytest.approx(0.5, abs=0.03)


def test_audiences_of_weighted_rows_are_judged_as_those_of_the_population() -> None:
    import pandas as pd

    rng = np.random.default_rng(8)
    n = 4_000
    confidence = rng.uniform(0.6, 0.95, n)
    right = rng.random(n) < confidence
    value = np.full(n, "yes", object)
    X = pd.DataFrame({"a": rng.normal(size=n), "b": rng.normal(size=n)})
    heavy = np.where(right, 1.0, 30.0)  # wrong ones stand for many: the promise is broken
    even = np.full(n, 3.0)
    percentile = rng.uniform(0, 100, n)
    y = np.where(right, "yes", "no").astype(object)

    def broken(weight: np.ndarray | None) -> float:
        return audience_promise(
            X, None, value, confidence, percentile, y, audiences=60, weight=weight
        ).broken_share

    assert broken(heavy) > 0.95
    assert abs(broken(even) - broken(None)) < 0.05


def drawn_of(frame, *, by_outcome: bool) -> draws.Drawn:
    as_of = frame.as_of.astype(object)
    counts = Counter(zip(as_of.tolist(), frame.y.tolist(), strict=True))
    place = np.random.default_rng(0).permutation(len(as_of))
    return draw(place, as_of, frame.y, quotas(counts, by_outcome=by_outcome))


@pytest.fixture(scope="module")
def rare() -> tuple:
    """Training on all of a population with a rare outcome, and on a draw that takes all of it and few of the others."""
    frame, split, chance = shoppers(profiles=4_000)
    y = (np.random.default_rng(9).random(len(chance)) < 0.06 * (1 - chance)).astype("int8")
    frame = replace(frame, y=y)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(draws, "MOST_ROWS", 2_000)
        patch.setattr(draws, "MODEL_ROWS", 3_000)
        found = drawn_of(frame, by_outcome=True)
    rows = np.isin(np.arange(len(y)), found.rows)
    some = replace(frame.only(rows), weight=found.weight)
    definition = parse_definition(CHURN, "churn")

    def train(what):
        return tag_kind.train(definition, what, split, feature_set="7,30;amount;", trials=2)

    return frame, split, some, train(frame), train(some), train


@pytest.mark.slow
def test_mean_score_stays_at_the_rate_of_the_population(rare) -> None:
    frame, split, some, whole, drawn, train = rare
    rows = frame.as_of == np.datetime64(split.test)
    rate = frame.y[rows].mean()
    assert some.y.mean() > 5 * rate
    score = drawn.model.predict(frame.X[rows], split.test).score
    assert score.mean() == pytest.approx(rate, rel=0.15)
    assert drawn.model.base_rate == pytest.approx(frame.y.mean())
    assert drawn.references.keys() == whole.references.keys()
    assert drawn.test["base_rate"]["log_loss"].value == pytest.approx(
        whole.test["base_rate"]["log_loss"].value
    )
    loss, best = (r.test["tagcast"]["log_loss"] for r in (drawn, whole))
    assert loss.value == pytest.approx(best.value, abs=0.004)
    assert loss.low < best.value < loss.high
    blind = train(replace(some, weight=None)).model.predict(frame.X[rows], split.test).score
    assert blind.mean() > 3 * rate


@pytest.mark.slow
def test_a_draw_is_written_down(rare) -> None:
    frame, _, some, whole, drawn, _ = rare
    (note,) = [str(n) for n in drawn.notes if "draw" in str(n)]
    assert f"{len(some.y):,} of {len(frame.y):,} rows" in note
    assert not [n for n in whole.notes if "draw" in str(n)]
    assert some.stands_for == len(frame.y)
    assert drawn.cases["train_yes"] == whole.cases["train_yes"]  # all of the rare ones


@pytest.mark.slow
def test_an_amount_learns_from_an_even_draw() -> None:
    frame, split, mean = spenders(profiles=3_000)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(draws, "MOST_ROWS", 2_000)
        patch.setattr(draws, "MODEL_ROWS", 6_000)
        found = drawn_of(frame, by_outcome=False)
    rows = np.isin(np.arange(len(frame.y)), found.rows)
    some = replace(frame.only(rows), weight=found.weight)
    definition = parse_definition(SPEND, "spend")
    result = tag_kind.train(definition, some, split, feature_set="30,90;amount;", trials=2)
    at = frame.as_of == np.datetime64(split.test)
    assert result.model.predict(frame.X[at], split.test).score.mean() == pytest.approx(
        mean[at].mean(), rel=0.15
    )
    assert result.test_scores.size == pytest.approx(at.sum())
