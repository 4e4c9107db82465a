"""Scores in sorted runs are what they are together: ranks, counts, blocks in order, and thresholds."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagcast.models.decisions import sorted_scores
from tagcast.models.decisions.policy import threshold_from_scores, threshold_from_sorted
from tagcast.models.decisions.sorted_scores import SortedScores
from tagcast.models.definitions.model_tag import ProfitRule, TopShareRule

SCORE = st.sampled_from([-2.5, -0.0, 0.0, 5e-324, 0.25, 0.5, 0.75, 1.0]) | st.floats(allow_nan=False)
CHANCE = st.sampled_from([0.0, 0.25, 0.5, 0.75]) | st.floats(0, 0.999)


def in_files(folder, runs: list[list[float]]) -> SortedScores:
    """Every other run as a file, the rest as arrays."""
    found = []
    for k, run in enumerate(runs):
        found.append(np.sort(np.array(run, float)))
        if k % 2:
            file = folder / f"run-{k}"
            found[-1].tofile(file)
            found[-1] = file
    return SortedScores(found)


@given(runs=st.lists(st.lists(SCORE, max_size=30), max_size=6), block=st.integers(1, 40))
@settings(max_examples=60, deadline=None)
def test_runs_are_one_row_of_scores(tmp_path_factory, runs, block) -> None:
    scores = in_files(tmp_path_factory.mktemp("runs"), runs)
    every = sorted(score for run in runs for score in run)
    assert len(scores) == len(every)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sorted_scores, "BLOCK", block)
        blocks = [found.tolist() for found in scores.blocks()]
    assert [score for found in blocks for score in found] == every
    assert all(len(found) <= max(block, len(runs)) for found in blocks), "memory holds a block"
    assert [scores.largest(place) for place in range(len(every))] == every[::-1]
    for score in {*every, 0.3}:
        assert scores.up_to(score) == sum(s <= score for s in every)
        assert scores.up_to(score, "left") == sum(s < score for s in every)
    for place in (-1, len(every)):
        with pytest.raises(IndexError, match=f"place {place} of"):
            scores.largest(place)


@given(
    runs=st.lists(st.lists(CHANCE, max_size=25), max_size=5),
    share=st.sampled_from([0.01, 0.1, 0.25, 0.5, 0.9]),
    capacity=st.integers(1, 60),
    stands_for=st.integers(1, 7),
)
@settings(max_examples=80, deadline=None)
def test_thresholds_of_runs_are_those_of_all_scores(
    tmp_path_factory, runs, share, capacity, stands_for
) -> None:
    """By the definition: whom the tag then says yes of, counted."""
    scores = in_files(tmp_path_factory.mktemp("thresholds"), runs)
    every = sorted((score for run in runs for score in run), reverse=True)
    top = TopShareRule(rule="top_share", share=share)
    profit = ProfitRule(rule="profit", benefit=10.0, cost=2.0, capacity=capacity)
    weight = np.full(len(every), float(stands_for))
    for decision in (top, profit):
        found = threshold_from_sorted(decision, scores, stands_for)
        given_all = np.array(every[::-1])
        assert found == threshold_from_scores(decision, given_all, None if stands_for == 1 else weight)
    if every and stands_for == 1:
        wanted = max(1, round(share * len(every)))
        assert threshold_from_sorted(top, scores) == every[wanted - 1]
    worth = [score for score in every if score > 0.2]
    chosen = [score for score in every if score >= threshold_from_sorted(profit, scores, stands_for)]
    if len(worth) * stands_for <= capacity:
        assert chosen == worth
    else:
        border = worth[capacity // stands_for]
        assert chosen == [score for score in worth if score > border]
        assert math.isfinite(border)
