"""The parts of an amount tag one by one: metrics, tables, drift, confidence, own spend, outcome, gate."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import date, timedelta

import ibis
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr
from sklearn.metrics import mean_absolute_error, root_mean_squared_error

from tagcast.features.compute.labels import Eligibility, OutcomeRule, outcome_of, population
from tagcast.features.entities.pair import Pair
from tagcast.models.calibration.amount_calibrator import AmountCalibrator, tier_of
from tagcast.models.calibration.amount_drift import SPREAD, AmountDrift, expected_and_seen
from tagcast.models.calibration.binary_drift import KEPT
from tagcast.models.calibration.conformal_tables import AmountTables
from tagcast.models.estimators.amount_regressor import AmountRegressor, OwnSpend
from tagcast.models.evaluation.evidence import Evidence
from tagcast.models.stats.amount_metrics import (
    confusion,
    evaluate_points,
    evaluate_tiers,
    mae,
    paired_points,
    rmse,
    spearman,
)
from tagcast.models.stats.psi import amount_odds, score_psi
from tagcast.registry.gates.change_checks import ChampionEvidence, NotCompared
from tagcast.registry.gates.gate import SharedEvidence, evaluate_gate
from tagcast.registry.gates.gate_kinds import GATE_KINDS
from tagcast.registry.gates.leak_checks import LeakEvidence
from tests.support.shop import AMOUNT, write_log
from tests.support.synthetic import decided

STARTS = (0.0, 20.0, 60.0)


def cases(n: int = 4000, seed: int = 0, *, days: int = 1, shift: float = 0.0):
    """Return predictions that are right on average, amounts with many zeros, and their snapshots."""
    rng = np.random.default_rng(seed)
    mu = rng.lognormal(3, 1, n)
    none = rng.random(n) < 0.8 / (1 + mu / 10)
    day = rng.integers(0, days, n)
    factor = np.exp(shift * rng.normal(size=days))[day]
    amount = np.where(none, 0.0, mu / (1 - 0.8 / (1 + mu / 10)) * rng.gamma(3, 1 / 3, n)) * factor
    return mu, amount, np.datetime64("2024-01-01") + 30 * day.astype("timedelta64[D]")


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.integers(1, 3)), min_size=3, max_size=30))
@settings(max_examples=60, deadline=None)
def test_point_metrics_are_those_of_sklearn_and_scipy_and_weights_are_repetitions(rows) -> None:
    amount, score, times = (np.array(part, float) for part in zip(*rows, strict=True))
    many_amount, many_score = (np.repeat(part, times.astype(int)) for part in (amount, score))
    assert mae(amount, score, times) == pytest.approx(mean_absolute_error(many_amount, many_score))
    assert rmse(amount, score, times) == pytest.approx(root_mean_squared_error(many_amount, many_score))
    mine = spearman(amount, score, times)
    if len(set(amount)) > 1 and len(set(score)) > 1:
        assert mine == pytest.approx(spearmanr(many_amount, many_score).statistic)
    else:
        assert np.isnan(mine)


def test_figures_of_what_was_said_by_hand() -> None:
    amount = np.array([0.0, 10.0, 30.0, 100.0])
    tier, true = np.array([0, 1, 1, 2]), tier_of(amount, np.array(STARTS))
    found = evaluate_tiers(
        amount, np.zeros(4), np.array([5.0, 5.0, 50.0, 90.0]), tier, true, np.array([0.9, 0.5, 0.6, 0.6]),
        np.random.default_rng(0),
    )  # fmt: skip
    assert {name: round(e.value, 6) for name, e in found.items()} == {
        "coverage": 0.5, "width": 37.5, "tier_accuracy": 0.75, "mean_confidence": 0.65, "promise_margin": 0.1,
    }  # fmt: skip
    assert all(e.low <= e.value <= e.high for e in found.values())
    assert confusion(tier, true, 3) == [[1, 0, 0], [1, 1, 0], [0, 0, 1]]


def test_a_paired_difference_is_that_of_the_figures_and_rows_may_come_in_any_order() -> None:
    mu, amount, _ = cases(500)
    other = mu * 1.5
    rng = np.random.default_rng
    pair = paired_points(amount, mu, other, rng(1))
    a, b = evaluate_points(amount, mu, rng(1)), evaluate_points(amount, other, rng(1))
    order = rng(2).permutation(500)
    for name, difference in pair.items():
        assert difference.value == pytest.approx(a[name].value - b[name].value)
    again = paired_points(amount[order], mu[order], other[order], rng(1))
    assert again["mae"].low == pytest.approx(pair["mae"].low)


@pytest.mark.parametrize("seed", range(3))
def test_intervals_hold_four_of_five_in_every_part_of_the_population(seed) -> None:
    mu, amount, _ = cases(6000, seed)
    new, truth, _ = cases(6000, seed + 100)
    low, high = AmountTables.fit(mu, amount).interval(new)
    inside = (truth >= low) & (truth <= high)
    assert inside.mean() == pytest.approx(0.8, abs=0.02)
    fifth = np.searchsorted(np.quantile(new, [0.2, 0.4, 0.6, 0.8]), new)
    for k in range(5):
        assert inside[fifth == k].mean() == pytest.approx(0.8, abs=0.05)
    assert (low >= 0).all()
    assert (low <= high).all()


def test_chances_of_tiers_are_probabilities_that_come_true() -> None:
    mu, amount, _ = cases(8000)
    new, truth, _ = cases(8000, 1)
    chances = AmountTables.fit(mu, amount).tiers(new, np.array(STARTS))
    np.testing.assert_allclose(chances.sum(axis=1), 1)
    assert ((chances >= 0) & (chances <= 1)).all()
    true = tier_of(truth, np.array(STARTS))
    for k in range(3):
        assert chances[:, k].mean() == pytest.approx((true == k).mean(), abs=0.02)
        high = chances[:, k] > 0.7
        assert not high.any() or (true[high] == k).mean() == pytest.approx(chances[high, k].mean(), abs=0.04)


@given(st.floats(1e-3, 1e6), st.integers(0, 5))
@settings(max_examples=25, deadline=None)
def test_another_currency_changes_nothing_but_the_numbers(rate, seed) -> None:
    mu, amount, _ = cases(800, seed)
    new = np.linspace(0, 300, 50)
    one, two = AmountTables.fit(mu, amount), AmountTables.fit(mu * rate, amount * rate)
    for a, b in zip(one.interval(new), two.interval(new * rate), strict=True):
        np.testing.assert_allclose(a * rate, b, rtol=1e-6, atol=1e-6 * rate)
    np.testing.assert_allclose(
        one.tiers(new, np.array(STARTS)), two.tiers(new * rate, np.array(STARTS) * rate), atol=0.011
    )


def test_tables_do_not_depend_on_the_order_of_cases_and_come_back_from_json() -> None:
    mu, amount, _ = cases(1500)
    order = np.random.default_rng(0).permutation(len(mu))
    tables = AmountTables.fit(mu, amount)
    assert tables.to_json() == AmountTables.fit(mu[order], amount[order]).to_json()
    again = AmountTables.from_json(json.loads(json.dumps(tables.to_json())))
    np.testing.assert_array_equal(again.interval(mu)[1], tables.interval(mu)[1])
    with pytest.raises(ValueError, match="have to rise"):
        replace(tables, middles=tables.middles[::-1].copy())
    flat = AmountTables.fit(np.zeros(100), np.arange(100.0))
    assert len(flat.middles) == 1
    assert np.isfinite(flat.interval(np.array([0.0, 1.0, 1e9]))).all()


def test_drift_follows_a_month_in_which_everybody_spends_more() -> None:
    mu, amount, day = cases(6000, days=3)
    amount = np.where(day == day.max(), amount * 1.5, amount)
    (first, _, _), _, (_, last, rows) = expected_and_seen(mu, amount, day)
    assert first.mean == 0
    assert last.mean == pytest.approx(np.log(amount[rows].sum() / mu[rows].sum()), abs=0.05)
    soon, late = (last.ahead(last.day + timedelta(days=d)) for d in (30, 300))
    assert soon.mean == pytest.approx(KEPT * last.mean)
    assert abs(late.mean) < 0.01
    assert last.variance < soon.variance < late.variance <= SPREAD**2 / (1 - KEPT**2) + 1e-9
    assert last.ahead(last.day, unseen=1.0).variance > soon.variance
    assert AmountDrift.from_json(json.loads(json.dumps(last.to_json()))) == last
    nothing = soon.seen(np.ones(5), np.zeros(5), last.day)
    assert np.isfinite(nothing.mean)


def test_confidence_is_a_floor_and_not_far_below() -> None:
    mu, amount, day = cases(12_000, days=6, shift=0.1)
    test = day == day.max()
    calibrator = AmountCalibrator.fit(mu[~test], amount[~test], day[~test], STARTS)
    said = calibrator.predict(mu[test], day.max().item())
    right = said.tier == tier_of(amount[test], np.array(STARTS))
    assert right.mean() - 0.1 < said.confidence.mean() < right.mean() + 0.02
    assert (said.lower <= said.score).all()
    assert (said.score <= said.upper).all()
    np.testing.assert_array_equal(said.tier, said.chances.argmax(axis=1))
    later = calibrator.predict(mu[test], date(2026, 1, 1), unseen=1.0)
    assert (later.upper - later.lower).mean() > (said.upper - said.lower).mean()
    assert later.confidence.mean() < said.confidence.mean()
    again = AmountCalibrator.from_json(json.loads(json.dumps(calibrator.to_json())))
    np.testing.assert_array_equal(again.predict(mu, date(2025, 1, 1)).confidence, calibrator.predict(mu, date(2025, 1, 1)).confidence)  # fmt: skip


def test_one_snapshot_is_enough_for_tables() -> None:
    mu, amount, day = cases(400)
    said = AmountCalibrator.fit(mu, amount, day, STARTS).predict(mu, date(2024, 3, 1))
    assert np.isfinite(said.confidence).all()


def test_own_spend_finds_the_weights_and_its_contributions_add_up() -> None:
    rng = np.random.default_rng(0)
    X = rng.gamma(1, 50, (500, 3))
    X[::7, 0] = np.nan
    amount = 0.3 * np.nan_to_num(X[:, 0]) + 0.5 * X[:, 2] + 4
    own = OwnSpend.fit(X, amount, (0, 2))
    np.testing.assert_allclose(np.exp(own.log(X)), amount, rtol=1e-6)
    offset = own.log(X) - own.contributions(X).sum(axis=1)
    assert np.ptp(offset) < 1e-9
    assert OwnSpend.fit(X, amount, ()).columns == ()


def test_references_answer_what_they_say() -> None:
    X = np.array([[90.0], [np.nan], [-30.0]])
    rate = AmountRegressor("own_rate", 7.0, column=0, per_horizon=30 / 90)
    np.testing.assert_allclose(rate.predicted(X), [30, 7, 0])
    np.testing.assert_allclose(AmountRegressor("mean", 7.0).predicted(X), 7)
    assert AmountRegressor("mean", 7.0).used_features == frozenset()
    with pytest.raises(ValueError, match="without a forest"):
        AmountRegressor("log1p", 7.0)


def test_net_spend_is_never_below_zero_and_returns_are_subtracted(tmp_path) -> None:
    def line(
        who: str, at: str, price: float, kind: str = "tea", *, returned: bool = False
    ) -> dict[str, object]:
        return {
            "customer": who, "at": pd.Timestamp(at), "price": price, "units": 1, "off": 0.0, "kind": kind,
            "sku": "s", "order_no": at, "returned": returned,
        }  # fmt: skip

    rows = [
        *(line(who, "2024-01-05", 10) for who in "abcd"),
        line("a", "2024-02-01", 12.5), line("a", "2024-02-02", 7, "coffee"), line("a", "2024-03-02", 99),
        line("b", "2024-02-03", 5), line("b", "2024-02-04", -9, returned=True),
        line("c", "2024-02-10", 20), line("c", "2024-02-11", -4.25, returned=True),
    ]  # fmt: skip
    log = write_log(tmp_path, pd.DataFrame(rows))
    events = ibis.duckdb.connect().read_parquet(log.glob)
    for pair, amounts in ((None, [19.5, 0, 15.75, 0]), (Pair("category", "coffee"), [7, 0, 0, 0])):
        rule = OutcomeRule("amount", 30, pair=pair)
        everyone = population(events, date(2024, 2, 1), Eligibility())
        got = outcome_of(events, everyone, date(2024, 2, 1), rule, observed_until=date(2024, 4, 1)).execute()
        assert got["amount"].tolist() == amounts
        assert got["y"].tolist() == [int(a > 0) for a in amounts]
        assert got["amount"].dtype == "float64"


def test_psi_of_amounts_is_small_for_the_same_and_large_for_tenfold() -> None:
    mu, _, _ = cases(2000)
    other, _, _ = cases(2000, 1)
    middle = float(np.median(mu))
    same, tenfold = (score_psi(amount_odds(mu, middle), amount_odds(x, middle)) for x in (other, 10 * mu))
    assert same < 0.02
    assert tenfold > 1
    assert np.isfinite(score_psi(amount_odds(mu, middle), amount_odds(np.zeros(50), middle)))


@dataclass(frozen=True)
class Figure:
    value: float
    low: float
    high: float


NOTHING = NotCompared("nothing yet", expected=True)
GOOD = {
    "mae": Figure(71, 68, 74), "rmse": Figure(103, 98, 108), "coverage": Figure(0.79, 0.78, 0.81),
    "promise_margin": Figure(0.02, 0.0, 0.04), "baseline_mae": 72, "baseline_rmse": 107,
    "mae_minus_baseline": Figure(-1, -2, 0.2), "rmse_minus_baseline": Figure(-4, -6, -2), "train_yes": 900,
    "train_no": 90, "test_yes": 300, "test_no": 30,
}  # fmt: skip
AROUND = SharedEvidence(LeakEvidence((), (), 0, 0, [], []), champion=NOTHING, last_run=NOTHING)
WORSE = Figure(3, 1, 5)


def evidence(**figures) -> Evidence:
    """Return figures like those of GOOD as a training leaves them."""
    return Evidence(
        test={
            "tagcast": {name: figures[name] for name in ("mae", "rmse", "coverage", "promise_margin")},
            "baseline": {name: Figure(figures[f"baseline_{name}"], 0, 0) for name in ("mae", "rmse")},
        },
        differences={"baseline": {name: figures[f"{name}_minus_baseline"] for name in ("mae", "rmse")}},
        references={"baseline": "own spend rate"},
        cases={name: figures[name] for name in ("train_yes", "train_no", "test_yes", "test_no")},
        decided=decided(AMOUNT),
    )


@pytest.mark.parametrize(
    ("change", "outcome_of"),
    [
        ({}, {"beats_baseline": "pass", "covers": "pass", "keeps_promise": "pass", "enough_data": "pass"}),
        ({"train_yes": 199}, {"enough_data": "fail"}),
        ({"rmse_minus_baseline": WORSE, "mae_minus_baseline": Figure(-2, -3, -1)}, {"beats_baseline": "pass"}),
        ({"rmse_minus_baseline": WORSE}, {"beats_baseline": "warn"}),
        ({"rmse_minus_baseline": WORSE, "mae_minus_baseline": WORSE}, {"beats_baseline": "fail"}),
        ({"coverage": Figure(0.74, 0.7, 0.78)}, {"covers": "warn"}),
        ({"coverage": Figure(0.93, 0.92, 0.94)}, {"covers": "warn"}),
        ({"coverage": Figure(0.93, 0.92, 0.94), "test_no": 3000}, {"covers": "pass"}),
        ({"coverage": Figure(float("nan"), 0, 0)}, {"covers": "warn"}),
        ({"promise_margin": Figure(-0.03, -0.05, -0.01)}, {"keeps_promise": "warn"}),
        (
            {"champion": ChampionEvidence(2, 100, 110, Figure(10, 5, 15), date(2024, 1, 1), date(2024, 2, 1), "RMSE")},
            {"beats_champion": "fail"},
        ),
    ],
)  # fmt: skip
def test_the_gate_of_an_amount(change, outcome_of) -> None:
    around = {name: change[name] for name in change if hasattr(AROUND, name)}
    own = {name: change[name] for name in change if name not in around}
    assert set(own) <= set(GOOD)
    report = evaluate_gate(GATE_KINDS["amount"], evidence(**{**GOOD, **own}), replace(AROUND, **around))
    found = {check.name: check for check in report.checks}
    assert {name: found[name].outcome for name in outcome_of} == outcome_of
    assert report.passed == ("fail" not in outcome_of.values())
    json.dumps(report.as_dict(), allow_nan=False)
    if "champion" in change:
        assert str(found["beats_champion"].text).startswith(
            "RMSE 110.000 against 100.000 for the champion, version 2"
        )
