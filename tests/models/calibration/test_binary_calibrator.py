"""Venn-Abers tables against brute force, and the promise they make."""

from __future__ import annotations

import json
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression

from tagcast.models.calibration.binary_calibrator import Calibrator, score_curve
from tagcast.models.calibration.binary_drift import KEPT, SPREAD, STEP_DAYS, Drift, follow
from tagcast.models.calibration.venn_abers import VennAbersTable
from tagcast.models.stats.numerics import CLIP
from tagcast.models.stats.season_coverage import NEAR_DAYS, unseen_days, unseen_share

DAY = np.datetime64("2024-01-01")
LATER = date(2024, 6, 1)


def brute_force(scores: np.ndarray, y: np.ndarray, s: float) -> tuple[float, float]:
    """Isotonic regression with (s, 0) and with (s, 1) added, read off at s: the definition."""
    both = []
    for label in (0, 1):
        fitted = IsotonicRegression(increasing=True).fit(np.append(scores, s), np.append(y, label))
        both.append(float(np.clip(fitted.predict([s])[0], CLIP, 1 - CLIP)))
    return both[0], both[1]


@settings(max_examples=150, deadline=None)
@given(
    cases=st.lists(st.tuples(st.integers(-8, 8), st.integers(0, 1)), min_size=1, max_size=25),
    asked=st.lists(st.integers(-36, 36).map(lambda n: n / 4), min_size=1, max_size=6),
)
def test_tables_are_the_definition(cases, asked) -> None:
    """Scores on a grid: scikit-learn takes scores that are almost equal for the same."""
    scores = np.array([float(s) for s, _ in cases])
    y = np.array([label for _, label in cases])
    p0, p1 = VennAbersTable.fit(scores, y).predict(np.array(asked))
    for place, s in enumerate(asked):
        assert (p0[place], p1[place]) == pytest.approx(brute_force(scores, y, s), abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(60, 400), days=st.integers(1, 4))
def test_bounds_hold_the_score_and_rise_with_it(seed, n, days) -> None:
    rng = np.random.default_rng(seed)
    raw = rng.normal(size=n) * 2
    y = (rng.random(n) < 1 / (1 + np.exp(-raw))).astype("int8")
    y[:2] = [0, 1]
    calibrator = Calibrator.fit(raw, y, DAY + np.arange(n) % days * 30)
    asked = np.sort(rng.normal(size=200) * 4)
    score, lower, upper = calibrator.predict(asked, LATER)
    assert ((lower <= score) & (score <= upper)).all()
    assert (np.diff(score) >= 0).all()
    assert (np.diff(lower) >= -1e-15).all()
    assert (np.diff(upper) >= -1e-15).all()
    assert (score > 0).all()
    assert (score < 1).all()
    again = Calibrator.from_json(json.loads(json.dumps(calibrator.to_json())))
    np.testing.assert_array_equal(np.array(again.predict(asked, LATER)), np.array((score, lower, upper)))


def test_the_order_of_cases_does_not_matter() -> None:
    rng = np.random.default_rng(1)
    raw, y, days = (
        rng.normal(size=500),
        rng.integers(0, 2, 500).astype("int8"),
        DAY + rng.integers(0, 3, 500) * 30,
    )
    order = rng.permutation(500)
    one, two = Calibrator.fit(raw, y, days), Calibrator.fit(raw[order], y[order], days[order])
    assert one.to_json() == two.to_json()


def test_a_drift_is_followed_and_forgotten() -> None:
    """What the last months showed moves the score; the longer ago, the less, and the wider the bounds."""
    rng = np.random.default_rng(2)
    raw = rng.normal(size=12_000)
    month = np.arange(12_000) % 4
    y = (rng.random(12_000) < 1 / (1 + np.exp(-(raw - 0.4)))).astype("int8")
    calibrator = Calibrator.fit(raw, y, DAY + month * 30)
    last = date(2024, 1, 1) + timedelta(days=90)
    soon, late = (calibrator.predict(np.zeros(1), last + timedelta(days=d)) for d in (30, 360))
    truth = 1 / (1 + np.exp(0.4))
    assert truth - 0.01 < soon.score[0] < 0.47
    assert late.score[0] == pytest.approx(0.5, abs=0.005)
    assert late.score[0] - late.lower[0] > soon.score[0] - soon.lower[0]
    assert late.upper[0] - late.score[0] > soon.upper[0] - soon.score[0]
    unseen = calibrator.predict(np.zeros(1), last + timedelta(days=30), unseen=1.0)
    assert unseen.score == soon.score
    assert unseen.lower[0] < soon.lower[0]


def test_the_first_step_of_the_filter_is_ridge_regression() -> None:
    """One snapshot: shift and slope are the penalised logistic regression of y on raw, offset by raw."""
    from scipy.optimize import minimize

    rng = np.random.default_rng(5)
    raw = rng.normal(size=800)
    y = (rng.random(800) < 1 / (1 + np.exp(-1.2 * raw - 0.3))).astype("int8")

    def loss(u: np.ndarray) -> float:
        z = raw + u[0] + u[1] * raw
        return float((np.logaddexp(0, z) - y * z).sum() + (u**2 / (2 * np.square(SPREAD))).sum())

    ((drift, _),) = follow(raw, y, np.full(800, DAY))
    np.testing.assert_allclose(drift.mean, minimize(loss, np.zeros(2), tol=1e-12).x, atol=1e-5)


def test_a_curve_for_rankings_rises_and_is_calibrated() -> None:
    rng = np.random.default_rng(6)
    rank = rng.random(5000)
    y = (rng.random(5000) < rank**2).astype("int8")
    knots, log_odds = score_curve(rank, y)
    assert (np.diff(log_odds) > 0).all()
    middle = 1 / (1 + np.exp(-np.interp([0.3, 0.6, 0.9], knots, log_odds)))
    np.testing.assert_allclose(middle, [0.09, 0.36, 0.81], atol=0.05)


@pytest.mark.parametrize(
    ("snapshots", "as_of", "horizon", "share"),
    [
        ([date(2021, 1, 1), date(2021, 4, 1)], date(2021, 4, 20), 15, 0.0),  # the month after
        ([date(2021, 1, 1), date(2021, 4, 1)], date(2021, 9, 1), 30, 1.0),
        ([date(2020, 9, 5), date(2021, 4, 1)], date(2021, 9, 1), 30, 0.0),  # a year ago
        ([date(2021, 11, 1)], date(2021, 12, 15), 60, 14 / 60),  # over the turn of the year
    ],
)
def test_unseen_seasons(snapshots, as_of, horizon, share) -> None:
    assert unseen_share(snapshots, as_of, horizon) == pytest.approx(share, abs=0.02)


def test_the_promise_is_kept_on_new_cases() -> None:
    """Mean confidence of random audiences is a floor on the share that turns out right."""
    rng = np.random.default_rng(4)
    raw = rng.normal(size=9000) * 1.5
    y = (rng.random(9000) < 1 / (1 + np.exp(-1.3 * raw))).astype("int8")
    calibrator = Calibrator.fit(raw[:6000], y[:6000], DAY + np.arange(6000) % 3 * 30)
    score, lower, upper = calibrator.predict(raw[6000:], date(2024, 3, 31))
    yes = score >= 0.5
    confidence, right = np.where(yes, lower, 1 - upper), (y[6000:] == 1) == yes
    broken = 0
    for _ in range(500):
        audience = rng.choice(3000, 400, replace=False)
        gap = confidence[audience].mean() - right[audience].mean()
        broken += gap > 2 * np.sqrt(right[audience].mean() * (1 - right[audience].mean()) / 400)
    assert broken <= 10
    assert right.mean() - confidence.mean() < 0.08


def test_a_drift_ahead_is_the_autoregression_step_by_step() -> None:
    mean, covariance = np.array([0.4, -0.2]), np.array([[0.02, 0.004], [0.004, 0.01]])
    drift = Drift(LATER, mean, covariance)
    for steps in range(1, 6):
        mean = KEPT * mean
        covariance = KEPT**2 * covariance + np.diag(np.square(SPREAD))
        ahead = drift.ahead(LATER + timedelta(days=STEP_DAYS * steps))
        np.testing.assert_allclose(ahead.mean, mean)
        np.testing.assert_allclose(ahead.covariance, covariance)
    far = drift.ahead(LATER + timedelta(days=9000))
    np.testing.assert_allclose(far.covariance, np.diag(np.square(SPREAD)) / (1 - KEPT**2), atol=1e-12)


def test_the_spread_of_a_drift_is_that_of_its_draws() -> None:
    drift = Drift(LATER, np.array([0.3, 0.1]), np.array([[0.02, 0.004], [0.004, 0.01]]))
    drawn = np.random.default_rng(3).multivariate_normal(drift.mean, drift.covariance, 200_000)
    raw = np.array([-2.0, 0.0, 1.5])
    odds = raw + drawn[:, :1] + drawn[:, 1:] * raw
    np.testing.assert_allclose(drift.corrected(raw), odds.mean(axis=0), atol=0.005)
    np.testing.assert_allclose(drift.spread(raw), odds.std(axis=0), rtol=0.01)


@pytest.mark.parametrize(("starts", "horizon"), [(["2021-03-01"], 180), (["2020-11-15", "2021-05-01"], 40)])
def test_unseen_stretches_are_the_days_counted_one_by_one(starts, horizon) -> None:
    snapshots = [date.fromisoformat(s) for s in starts]
    labelled = {(s + timedelta(days=k)).timetuple().tm_yday - 1 for s in snapshots for k in range(horizon)}
    unseen = {d for d in range(365) if all(min(abs(d - s), 365 - abs(d - s)) > NEAR_DAYS for s in labelled)}
    names = [f"{date(2021, 1, 1) + timedelta(days=d):%-d %b}" for d in range(365)]
    named = set()
    for first, last in unseen_days(snapshots, horizon):
        start, end = names.index(first), names.index(last)
        named |= {d % 365 for d in range(start, end + 1 + 365 * (end < start))}
    assert named == unseen
    for as_of in (date(2022, 1, 1), date(2022, 6, 20), date(2022, 10, 3)):
        window = [(as_of + timedelta(days=k)).timetuple().tm_yday - 1 for k in range(horizon)]
        share = np.mean([day in unseen for day in window])
        assert unseen_share(snapshots, as_of, horizon) == pytest.approx(share)
