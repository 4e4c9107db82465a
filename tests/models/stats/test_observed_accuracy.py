"""What is measured of a run has the interval that its cases give it, those of one person together."""

from __future__ import annotations

import numpy as np
import pytest

from tagcast.models.stats.observed_accuracy import amount_figures, score_figures, value_figures

RNG = np.random.default_rng(3)
N = 240
Y = (RNG.random(N) < 0.3).astype(np.int8)
SCORE = np.clip(np.round(0.3 + 0.25 * (Y - 0.3) + RNG.normal(0, 0.15, N), 2), 0.02, 0.98)
OTHER = np.clip(SCORE + RNG.normal(0, 0.1, N), 0.02, 0.98)
EACH = np.arange(N)


def placements(score: np.ndarray) -> tuple[list[float], list[float]]:
    """Return of each true case the share of false ones below it, and of each false one that of true ones above: DeLong's components."""

    def share(one: float, others: list[float], sign: int) -> float:
        return sum(1.0 if sign * (one - other) > 0 else 0.5 * (one == other) for other in others) / len(
            others
        )

    true, false = ([s for s, y in zip(score, Y, strict=True) if y == came] for came in (1, 0))
    return [share(s, false, 1) for s in true], [share(s, true, -1) for s in false]


def test_the_interval_of_an_auc_and_of_a_difference_is_delongs() -> None:
    ours, theirs = (score_figures(Y, score)["auc"] for score in (SCORE, OTHER))
    parts = [placements(score) for score in (SCORE, OTHER)]
    for found, own in (
        (ours, parts[0]),
        (ours - theirs, [np.subtract(*side) for side in zip(*parts, strict=True)]),
    ):
        value = np.mean(own[0])
        error = np.sqrt(sum(np.var(side) / len(side) for side in own))
        estimate = found.estimate(EACH)
        assert estimate.value == pytest.approx(value)
        assert (estimate.low, estimate.high) == pytest.approx((value - 1.96 * error, value + 1.96 * error))


@pytest.mark.parametrize("metric", ["auc", "log_loss", "mae", "rmse"])
def test_cases_of_one_person_count_as_one(metric) -> None:
    def figure(times: int):
        y, score = np.repeat(Y, times), np.repeat(SCORE, times)
        return (score_figures(y, score) | amount_figures(y * 40.0, score * 40))[metric]

    once = figure(1).estimate(EACH)
    for whose, width in ((np.repeat(EACH, 4), 1.0), (np.arange(4 * N), 0.5)):
        found = figure(4).estimate(whose)
        assert found.value == pytest.approx(once.value)
        assert found.high - found.low == pytest.approx(width * (once.high - once.low))


def test_the_interval_of_an_error_is_that_of_resamples() -> None:
    amount, score = RNG.gamma(1, 30, 2000), RNG.gamma(1, 30, 2000)
    drawn = []
    for _ in range(800):
        rows = RNG.integers(0, 2000, 2000)
        drawn.append(np.sqrt(np.mean((amount[rows] - score[rows]) ** 2)))
    found = amount_figures(amount, score)["rmse"].estimate(np.arange(2000))
    assert found.high - found.low == pytest.approx(2 * 1.96 * np.std(drawn), rel=0.1)


def test_what_the_outcomes_cannot_tell_is_left_out() -> None:
    assert score_figures(np.zeros(5, np.int8), np.full(5, 0.2)) == {}
    assert amount_figures(np.empty(0), np.empty(0)) == {}
    nobody = np.zeros(5, bool)
    assert set(value_figures(np.ones(5, np.int8), nobody)) == {"rate"}
    assert set(value_figures(np.zeros(5, np.int8), ~nobody)) == {"rate", "precision"}
    rate = value_figures(np.array([1, 1, 0, 0], np.int8), np.array([True, False, True, True]))
    assert [rate[name].value for name in ("rate", "precision", "recall")] == [0.5, pytest.approx(1 / 3), 0.5]
