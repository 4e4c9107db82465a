"""What calibrates a case knows nothing of the case's own snapshot, and nothing after the day it is asked for."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from tagcast.models.calibration.amount_calibrator import AmountCalibrator, likeliest_tiers
from tagcast.models.calibration.binary_calibrator import Calibrator

STARTS = (0.0, 100.0)
SNAPSHOTS = [np.datetime64("2024-03-01"), np.datetime64("2024-03-31")]
SPENT_NEXT = date(2024, 4, 30)


def shoppers(cases: int = 1200, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Predictions from 10 to 1,000 around the border of 100, and how far one amount lies from what is predicted."""
    rng = np.random.default_rng(seed)
    return np.exp(rng.uniform(np.log(10), np.log(1000), cases)), np.exp(rng.normal(0, 0.3, cases))


def test_no_snapshot_explains_its_own_tiers() -> None:
    """Amounts of one snapshot change what is expected at the other, and nothing of what is expected at itself."""
    predicted, noise = shoppers()
    snapshot = np.repeat(SNAPSHOTS, 1200)
    both = np.tile(predicted, 2)
    amount = np.tile(predicted * noise, 2)
    turned = amount.copy()
    turned[:1200] = 100.0**2 / amount[:1200]  # the first snapshot, the wrong way round
    (chance, tier), (after, tier_after) = (
        likeliest_tiers(both, came, snapshot, np.array(STARTS)) for came in (amount, turned)
    )
    first = snapshot == SNAPSHOTS[0]
    np.testing.assert_array_equal(chance[first], after[first])
    np.testing.assert_array_equal(tier[first], tier_after[first])
    assert (tier[~first] != tier_after[~first]).mean() > 0.8
    alone, _ = likeliest_tiers(both[first], turned[first], snapshot[first], np.array(STARTS))
    assert (alone != chance[first]).any(), "a first snapshot has only itself"


def test_a_tier_that_both_snapshots_confirm_is_sure() -> None:
    predicted, noise = shoppers()
    fitted = AmountCalibrator.fit(
        np.tile(predicted, 2), np.tile(predicted * noise, 2), np.repeat(SNAPSHOTS, 1200), STARTS
    )
    sure = fitted.predict(np.array([15.0, 700.0]), SPENT_NEXT)
    assert (sure.confidence > 0.8).all()
    assert list(sure.tier) == [0, 1]


@pytest.mark.parametrize("days", [1, 30, 90])
def test_what_is_longer_ago_is_known_less(days) -> None:
    """The bounds of a score widen with each day after the last known outcomes, and never narrow."""
    rng = np.random.default_rng(0)
    raw = rng.normal(size=3000)
    y = (rng.random(3000) < 1 / (1 + np.exp(-raw))).astype(np.int8)
    calibrator = Calibrator.fit(raw, y, np.repeat(SNAPSHOTS, 1500))
    asked = np.array([-1.0, 0.0, 1.0])

    def width(day: date) -> np.ndarray:
        found = calibrator.predict(asked, day)
        return found.upper - found.lower

    first = SPENT_NEXT
    assert (width(first + timedelta(days=days)) >= width(first)).all()
    assert (width(first + timedelta(days=400)) > width(first)).all()
