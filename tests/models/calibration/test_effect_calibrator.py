"""Calibrated effects: straight where the raw score is bent, and bounds that are floors for groups."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from tagcast.models.calibration.effect_calibrator import EffectCalibrator

DAY = date(2024, 4, 1)


def cases(n: int = 4000, days: int = 1, seed: int = 0, moves: float = 0.0):
    rng = np.random.default_rng(seed)
    raw, day = rng.normal(0.05, 0.04, n), rng.integers(0, days, n)
    effect = 0.06 + 0.5 * (raw - 0.05) + (moves * rng.normal(size=days))[day] + rng.normal(0, 0.4, n)
    return raw, effect, np.datetime64(DAY) + 30 * day.astype("timedelta64[D]"), np.arange(n).astype(str)


def test_the_slope_is_corrected_and_the_average_kept() -> None:
    raw, effect, day, who = cases(40_000)
    found = EffectCalibrator.fit(raw, effect, day, who)
    said = found.predict(raw, DAY)
    assert found.slope == pytest.approx(0.5, abs=0.15)
    assert said.score.mean() == pytest.approx(effect.mean())
    assert (said.lower < said.score).all()
    assert (said.upper > said.score).all()
    far = np.array([0.05, 0.25])
    error = found.predict(far, DAY).error
    assert error[1] > 2 * error[0], "bounds widen with the distance from the average score"


def test_floors_hold_nineteen_times_of_twenty() -> None:
    below = 0
    for seed in range(200):
        found = EffectCalibrator.fit(*cases(1500, seed=seed))
        members = np.random.default_rng(1000 + seed).normal(0.09, 0.02, 300)
        truth = float((0.06 + 0.5 * (members - 0.05)).mean())
        below += bool(found.predict(members, DAY).lower.mean() > truth)
    assert below <= 18, "1 of 20, and what chance adds to it"


def test_campaigns_that_differ_widen_the_bounds() -> None:
    alike = EffectCalibrator.fit(*cases(12_000, days=6))
    apart = EffectCalibrator.fit(*cases(12_000, days=6, moves=0.05))
    assert alike.between < 0.01**2 < apart.between
    assert len(apart.snapshots) == 6
    wide, narrow = (one.predict(np.array([0.05]), DAY).error[0] for one in (apart, alike))
    assert wide > 3 * narrow
    assert apart.predict(np.array([0.05]), DAY, 1.0).error[0] > wide, "a season that nobody has seen"


def test_the_mean_bound_of_a_group_lies_at_or_below_that_of_its_mean() -> None:
    found = EffectCalibrator.fit(*cases())
    raw = np.random.default_rng(2).normal(0.05, 0.2, 500)
    assert found.predict(raw, DAY).lower.mean() <= found.predict(np.array([raw.mean()]), DAY).lower[0]


def test_what_is_written_is_read_again_and_nonsense_is_refused() -> None:
    found = EffectCalibrator.fit(*cases())
    assert EffectCalibrator.from_json(json.loads(json.dumps(found.to_json()))) == found
    for wrong in ({"slope": float("nan")}, {"mean_error": 0.0}, {"between": -1.0}):
        with pytest.raises(ValueError, match=r"finite|below zero"):
            replace(found, **wrong)


def test_a_score_that_tells_nobody_apart_gives_the_average_to_all() -> None:
    raw, effect, day, who = cases()
    found = EffectCalibrator.fit(np.full_like(raw, 0.3), effect, day, who)
    assert found.predict(np.array([0.3]), DAY).score == pytest.approx(effect.mean())
