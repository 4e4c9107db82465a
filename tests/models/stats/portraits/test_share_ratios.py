"""Intervals of ratios of shares: how often they hold in worlds whose truth is known, and what is called clear in one without differences."""

from __future__ import annotations

import numpy as np
import pytest

from tagcast.models.stats.portraits.share_ratios import share_ratios

WORLDS = 4_000


@pytest.mark.parametrize(
    ("size", "rest", "share", "rest_share"),
    [
        (50, 1_000, 0.3, 0.1),
        (100, 400, 0.05, 0.05),
        (300, 100, 0.1, 0.1),
        (30, 2_000, 0.5, 0.5),
        (200, 5_000, 0.01, 0.01),
        (2_000, 40, 0.2, 0.1),
        (500, 500, 0.9, 0.8),
    ],
)
@pytest.mark.parametrize("within", [True, False])
def test_an_interval_holds_the_truth_in_19_of_20_worlds(size, rest, share, rest_share, within) -> None:
    rng = np.random.default_rng(5)
    mine, theirs = rng.binomial(size, share, WORLDS), rng.binomial(rest, rest_share, WORLDS)
    if within:  # the others are everybody, the group among them
        found = share_ratios(mine, size, mine + theirs, size + rest, within=True)
        truth = share / ((size * share + rest * rest_share) / (size + rest))
    else:
        found = share_ratios(mine, size, theirs, rest)
        truth = share / rest_share
    held = np.mean((found.low <= truth) & (truth <= found.high))
    assert 0.94 <= held <= 0.985


def test_of_many_rows_without_a_difference_hardly_any_is_called_clear() -> None:
    rng = np.random.default_rng(6)
    shares = np.tile([0.03, 0.1, 0.3, 0.6], 20)
    wrong = 0
    for _ in range(400):
        mine, theirs = rng.binomial(300, shares), rng.binomial(4_000, shares)
        wrong += share_ratios(mine, 300, mine + theirs, 4_300, within=True).clear.any()
    assert wrong / 400 <= 0.08
    # Each for itself, nearly every table would have some.
    alone = share_ratios(mine, 300, mine + theirs, 4_300, within=True, looks=1)
    assert ((alone.low > 1) | (alone.high < 1)).sum() >= alone.clear.sum()


def test_the_ratio_is_that_of_the_shares() -> None:
    found = share_ratios([30, 0, 4], 100, [200, 300, 0], 2_000)
    assert found.ratio[:2] == pytest.approx([3.0, 0.0])
    assert np.isinf(found.ratio[2])
    assert np.isinf(found.high[2])
    assert found.low[2] > 1
    assert found.low[1] == 0
    assert found.low[0] < 3.0 < found.high[0]
    assert found.clear.tolist() == [True, True, False]


def test_within_everybody_no_ratio_is_more_than_everybody_over_the_group() -> None:
    """All who have it are in the group: nothing can be commoner in it."""
    found = share_ratios([40], 100, [40], 1_000, within=True)
    assert found.ratio[0] == pytest.approx(10)
    assert found.high[0] == pytest.approx(10)
    assert 1 < found.low[0] < 10


def test_everybody_has_an_index_of_exactly_one() -> None:
    found = share_ratios([400, 20], 1_000, [400, 20], 1_000, within=True)
    assert found.ratio.tolist() == [1.0, 1.0]
    assert not found.clear.any()


def test_few_are_never_clear_and_neither_is_a_difference_that_nobody_acts_on() -> None:
    assert not share_ratios([3], 4, [100], 100_000).clear[0]
    many = share_ratios([204_000], 1_000_000, [1_000_000], 5_000_000)
    assert many.low[0] > 1
    assert not many.clear[0]


def test_a_sample_of_a_hundredth_is_less_sure_than_all_it_stands_for() -> None:
    sample, whole = share_ratios([30], 100, [100], 1_000), share_ratios([3_000], 10_000, [10_000], 100_000)
    assert sample.ratio[0] == whole.ratio[0]
    assert sample.high[0] - sample.low[0] > 5 * (whole.high[0] - whole.low[0])
