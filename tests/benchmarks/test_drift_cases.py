"""The measurement of drift finds the drift that made-up chains have, and knows nothing of the future."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from benchmarks.quality.drift_cases import HORIZON_DAYS, Chain, cases, judged, memory, shift, true_spread

PEOPLE = 800


def chain(rng: np.random.Generator, moves: np.ndarray) -> Chain:
    """Return a chain of one snapshot a month whose outcomes lie ``moves`` away from everyone's log-odds."""
    days = [date(2022, 1, 1) + timedelta(days=HORIZON_DAYS * k) for k in range(len(moves))]
    odds = {d: rng.normal(-0.5, 1.0, PEOPLE) for d in days}
    y = {
        d: (rng.random(PEOPLE) < 1 / (1 + np.exp(-(odds[d] + move)))).astype("int8")
        for d, move in zip(days, moves, strict=True)
    }
    return Chain("t", "k", {(a, b): odds[b] for a in days for b in days if a < b}, y)


def autoregression(rng: np.random.Generator, kept: float, spread: float, steps: int) -> np.ndarray:
    moves = [rng.normal(0, spread)]
    for _ in range(steps - 1):
        moves.append(kept * moves[-1] + rng.normal(0, spread * np.sqrt(1 - kept**2)))
    return np.array(moves)


def test_a_shift_is_the_difference_of_log_odds_and_has_their_variance() -> None:
    y = np.array([1] * 30 + [0] * 70, "int8")
    moved, noise = shift(np.full(100, -2.0), y)
    assert moved == pytest.approx(np.log(0.3 / 0.7) + 2.0)
    assert noise == pytest.approx(1 / 30 + 1 / 70)  # that of a log-odds, by the delta method


@pytest.mark.parametrize(("kept", "spread"), [(0.0, 0.3), (0.8, 0.2)])
def test_the_spread_and_memory_put_in_are_found(kept: float, spread: float) -> None:
    rng = np.random.default_rng(1)
    chains = [chain(rng, autoregression(rng, kept, spread, 12)) for _ in range(40)]
    found = [judged(case) for one in chains for case in cases(one, 0)]
    assert true_spread(found) == pytest.approx(spread, rel=0.15)
    assert memory(chains) == pytest.approx(kept, abs=0.15)


def test_a_case_knows_no_outcome_that_was_still_to_come() -> None:
    made = chain(np.random.default_rng(2), np.zeros(8))
    for late in (0, 30, 60):
        found = list(cases(made, late))
        assert len(found) == 8 - 3 - late // 30  # one to learn from, two known, one to be scored
        for case in found:
            bound = np.datetime64(case.as_of - timedelta(days=HORIZON_DAYS + late))
            assert case.known_day.max() == bound
            assert np.datetime64(max(case.learned)) == bound


def test_half_the_correction_lies_between_none_and_all_of_it() -> None:
    made = chain(np.random.default_rng(3), np.full(8, 0.8))
    for case in cases(made, 0):
        none, half, whole = judged(case).losses
        assert whole < half < none  # a lasting shift: more of it is better
