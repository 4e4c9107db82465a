"""Venn-Abers tables against brute force, and the promise they make."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression

from models.calibration import CLIP, Calibrator, VennAbersTable

DAY = np.datetime64("2024-01-01")


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
    score, lower, upper = calibrator.predict(asked)
    assert ((lower <= score) & (score <= upper)).all()
    assert (np.diff(score) >= 0).all()
    assert (np.diff(lower) >= -1e-15).all()
    assert (score > 0).all()
    assert (score < 1).all()
    again = Calibrator.from_json(json.loads(json.dumps(calibrator.to_json())))
    np.testing.assert_array_equal(np.array(again.predict(asked)), np.array((score, lower, upper)))


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


def test_the_worst_snapshot_bounds_the_confidence() -> None:
    """Where one past month was worse than the others, the bounds follow that month."""
    rng = np.random.default_rng(2)
    raw = rng.normal(size=6000)
    month = np.arange(6000) % 3
    chance = 1 / (1 + np.exp(-(raw - np.where(month == 2, 1.0, 0.0))))
    y = (rng.random(6000) < chance).astype("int8")
    _, lower, upper = Calibrator.fit(raw, y, DAY + month * 30).predict(np.array([1.0]))
    assert lower[0] <= 0.55
    assert upper[0] >= 0.70


def test_the_promise_is_kept_on_new_cases() -> None:
    """Mean confidence of random audiences is a floor on the share that turns out right."""
    rng = np.random.default_rng(4)
    raw = rng.normal(size=9000) * 1.5
    y = (rng.random(9000) < 1 / (1 + np.exp(-1.3 * raw))).astype("int8")
    calibrator = Calibrator.fit(raw[:6000], y[:6000], DAY + np.arange(6000) % 3 * 30)
    score, lower, upper = calibrator.predict(raw[6000:])
    yes = score >= 0.5
    confidence, right = np.where(yes, lower, 1 - upper), (y[6000:] == 1) == yes
    broken = 0
    for _ in range(500):
        audience = rng.choice(3000, 400, replace=False)
        gap = confidence[audience].mean() - right[audience].mean()
        broken += gap > 2 * np.sqrt(right[audience].mean() * (1 - right[audience].mean()) / 400)
    assert broken <= 10
    assert right.mean() - confidence.mean() < 0.06
