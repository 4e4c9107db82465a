"""Percentiles of a run: the share scored lower, ties counted half, near enough where not every score is kept."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagcast.models.decisions import sorted_scores
from tagcast.models.decisions.sorted_scores import SortedScores
from tagcast.serving.publishing.percentiles import POINTS, Percentiles

MOST_OFF = 0.01
"""What is promised where there are more scores than points."""

ROUNDING = 1e-9
# No score differs from another by less than 1e-15: a slope between two of them is finite.
SCORES = (st.floats(0, 1) | st.sampled_from([0.0, 0.1, 0.5, 1.0]) | st.floats(0, 1e6)).map(
    lambda x: round(x, 15)
)


def percentiles(scores: np.ndarray, parts: int = 1) -> Percentiles:
    """Those of scores that lie in so many sorted runs, shared out at random."""
    run = np.random.default_rng(parts).integers(0, parts, len(scores))
    return Percentiles.of(SortedScores([np.sort(scores[run == k]) for k in range(parts)]))


def by_count(everyone: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """The definition: those scored lower, and half of those scored the same."""
    ranked = np.sort(everyone)
    lower, not_higher = np.searchsorted(ranked, asked, "left"), np.searchsorted(ranked, asked, "right")
    return 100.0 * ((lower + not_higher) / 2) / len(ranked)


@given(st.lists(SCORES, min_size=1, max_size=80))
@settings(max_examples=150, deadline=None)
def test_every_score_of_a_small_population_is_exact(scores) -> None:
    everyone = np.array(scores)
    found = percentiles(everyone)(everyone)
    for score, percentile in zip(scores, found.tolist(), strict=True):
        lower, same = sum(s < score for s in scores), sum(s == score for s in scores)
        assert percentile == 100.0 * (lower + same / 2) / len(scores)


@given(st.lists(SCORES, max_size=60), st.lists(SCORES, min_size=1, max_size=60))
@settings(max_examples=100, deadline=None)
def test_a_higher_score_never_has_a_lower_percentile(scores, asked) -> None:
    table = percentiles(np.array(scores, float))
    assert (np.diff(table.score) > 0).all()
    assert (np.diff(table.lower) > 0).all()
    found = table(np.sort(np.array(asked)))
    if scores:
        assert (np.diff(found) >= -ROUNDING).all()
        assert ((found > 0) & (found < 100)).all()
    else:
        assert np.isnan(found).all()


def test_what_people_expect_of_a_percentile() -> None:
    assert percentiles(np.array([0.3]))(np.array([0.3])).tolist() == [50.0]
    assert percentiles(np.full(7, 0.3))(np.full(2, 0.3)).tolist() == [50.0, 50.0]
    table = percentiles(np.array([0.4, 0.1, 0.2, 0.2]))
    assert table(np.array([0.1, 0.2, 0.4])).tolist() == [12.5, 50.0, 87.5]
    assert percentiles(np.array([0.0, -0.0]))(np.array([0.0, -0.0])).tolist() == [50.0, 50.0]


def test_a_missing_score_has_no_percentile() -> None:
    table = percentiles(np.array([0.1, 0.9]))
    np.testing.assert_array_equal(table(np.array([np.nan, 0.9, np.nan])), [np.nan, 75.0, np.nan])
    assert table(np.empty(0)).shape == (0,)


@pytest.mark.parametrize("distinct", [POINTS - 1, POINTS])
def test_as_many_scores_as_points_are_exact(distinct) -> None:
    rng = np.random.default_rng(0)
    everyone = rng.permutation(np.repeat(rng.random(distinct), rng.integers(1, 4, distinct)))
    found = percentiles(everyone)(everyone)
    np.testing.assert_array_equal(found, by_count(everyone, everyone))


@given(
    distinct=st.integers(POINTS + 1, 120_000)
    | st.sampled_from([POINTS + 1, 2 * POINTS - 1, 2 * POINTS, 3 * POINTS - 2]),
    power=st.sampled_from([0.01, 1.0, 30.0]),
    seed=st.integers(0, 2**32 - 1),
)
@settings(max_examples=25, deadline=None)
def test_more_scores_than_points_are_near_enough(distinct, power, seed) -> None:
    rng = np.random.default_rng(seed)
    everyone = rng.random(distinct) ** power  # few near 0 or near 1: between points there is no straight line
    table = percentiles(everyone)
    assert len(table.score) <= POINTS
    found = table(everyone)
    assert np.abs(found - by_count(everyone, everyone)).max() < MOST_OFF
    assert (np.diff(found[np.argsort(everyone)]) >= -ROUNDING).all()


@pytest.mark.parametrize("share", [0.01, 0.5])
def test_more_scores_than_points_of_which_many_are_the_same(share) -> None:
    """Those who never bought are scored alike: a large tie among many different scores."""
    rng = np.random.default_rng(0)
    different = np.sort(rng.random(3 * POINTS))
    worst = 0.0
    for tied in different[1000:1012]:
        everyone = np.r_[different, np.full(int(share / (1 - share) * len(different)), tied)]
        found = percentiles(everyone)(everyone)
        worst = max(worst, float(np.abs(found - by_count(everyone, everyone)).max()))
    assert worst < MOST_OFF


def by_definition(everyone: np.ndarray) -> tuple[list[float], list[float], list[float]]:
    """The points, from all scores at once: every different score, or those at so many ranks, evenly spaced."""
    ranked = sorted(everyone.tolist())
    ranks = {round(k * (len(ranked) - 1) / (POINTS - 1)) for k in range(POINTS)}
    points = set(ranked) if len(set(ranked)) <= POINTS else {ranked[rank] for rank in ranks}
    lower, upper = {}, {}
    for place, score in enumerate(ranked):
        lower.setdefault(score, float(place))
        upper[score] = float(place + 1)
    scores = sorted(points)
    return scores, [lower[s] for s in scores], [upper[s] for s in scores]


@given(
    distinct=st.sampled_from([0, 1, 7, POINTS, POINTS + 1, 3 * POINTS]),
    parts=st.integers(1, 9),
    block=st.sampled_from([9, 1000, 2**18]),
    seed=st.integers(0, 2**32 - 1),
)
@settings(max_examples=12, deadline=None)
def test_scores_in_several_runs_have_the_percentiles_of_all(distinct, parts, block, seed) -> None:
    rng = np.random.default_rng(seed)
    everyone = rng.permutation(np.repeat(rng.random(distinct), rng.integers(1, 3, distinct)))
    if len(everyone) > 20_000:
        block = max(block, 1000)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sorted_scores, "BLOCK", block)
        found = percentiles(everyone, parts)
    assert (found.score.tolist(), found.lower.tolist(), found.upper.tolist()) == by_definition(everyone)
    assert found.total == len(everyone)
