"""Segments: who belongs to which, and what their figures show."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagcast.models.evaluation.measures import MEASURES
from tagcast.models.stats.metrics import auc, evaluate, implied_auc
from tagcast.models.stats.segments import LEAST_MEMBERS, attribute_groups, segment_rows, segments_of
from tagcast.pipelines.evaluation.tables import remark


def test_new_and_returning_low_and_high_spend() -> None:
    X = pd.DataFrame(
        {
            "tenure_days": [10, 90, 91, 400, np.nan],
            "spend_30d": [9, 9, 0, 0, 0.0],
            "spend_90d": [1, 2, 3, 4, np.nan],
        }
    )
    masks = {key: np.flatnonzero(rows).tolist() for key, rows in segments_of(X).items()}
    assert masks == {
        ("tenure", "new"): [0, 1],
        ("tenure", "returning"): [2, 3],
        ("spend_90d", "low"): [0, 1],
        ("spend_90d", "high"): [2, 3],
    }
    renamed = X.rename(columns={"tenure_days": "tenure_bounded_days"}).drop(columns="spend_90d")
    assert {s for s, _ in segments_of(renamed)} == {"tenure", "spend_30d"}
    assert segments_of(X[[]]) == {}
    assert segments_of(X.assign(tenure_days=5.0, spend_90d=0.0)) == {}, "what divides nobody is no segment"


def test_attributes_as_groups() -> None:
    ages = ["10-14"] * 60 + ["5-9"] * 60 + ["65+"] * 3 + [None] * 7
    assert list(attribute_groups(pd.Series(ages))) == ["5-9", "10-14", "other", "not known"]
    assert list(attribute_groups(pd.Series([True] * 60 + [False] * 60))) == ["False", "True"]
    assert list(attribute_groups(pd.Series([2.0] * 60 + [10.0] * 60))) == ["2", "10"]
    quarters = attribute_groups(pd.Series(np.arange(400.0)))
    assert [int(rows.sum()) for rows in quarters.values()] == [100] * 4
    with pytest.raises(ValueError, match="one row for each of the 2 rows"):
        segments_of(pd.DataFrame(index=range(2)), pd.DataFrame({"age": [1]}))


@settings(max_examples=40, deadline=None)
@given(
    values=st.lists(st.sampled_from(["a", "b", "c", "other", None, "7", "70"]), min_size=1, max_size=30),
    times=st.integers(1, 40),
    numeric=st.booleans(),
)
def test_every_row_is_in_one_group_of_an_attribute(values, times, numeric) -> None:
    column = pd.Series(values * times, dtype=object)
    if numeric:
        column = pd.Series(np.arange(len(column)) ** 2.0).where(column.notna())
    groups = attribute_groups(column)
    assert np.array_equal(np.sum(list(groups.values()), axis=0), np.ones(len(column)))
    for value, rows in groups.items():
        assert rows.sum() >= LEAST_MEMBERS or value in {"other", "not known"}


def population(seed: int = 0, n: int = 6000) -> tuple[np.ndarray, np.ndarray, pd.DataFrame]:
    """Return outcomes, scores and a city: right in Oslo, without order in Bergen, too high in Paris."""
    rng = np.random.default_rng(seed)
    chance = rng.beta(1, 3, n).clip(0.01, 0.99)
    city = rng.choice(["Oslo", "Bergen", "Paris"], n)
    score = chance.copy()
    score[city == "Bergen"] = rng.permutation(chance[city == "Bergen"])
    score[city == "Paris"] = np.minimum(1.3 * score[city == "Paris"], 0.99)
    return (rng.random(n) < chance).astype("int8"), score, pd.DataFrame({"city": city})


def test_a_planted_weak_segment_shows() -> None:
    y, score, attributes = population()
    masks = segments_of(pd.DataFrame(index=range(len(y))), attributes)
    rows = {r.value: r for r in segment_rows(y, score, masks, np.random.default_rng(0))}
    assert remark(rows["Oslo"], MEASURES["model"]) == ""
    assert remark(rows["Bergen"], MEASURES["model"]) == "ranks less well"
    assert "scored too high" in remark(rows["Paris"], MEASURES["model"])
    oslo = rows["Oslo"]
    assert (oslo.n, oslo.yes) == (masks["city", "Oslo"].sum(), y[masks["city", "Oslo"]].sum())
    assert oslo.metrics["auc"].value == auc(y[masks["city", "Oslo"]], score[masks["city", "Oslo"]])
    alone = segment_rows(y, score, {("city", "Paris"): masks["city", "Paris"]}, np.random.default_rng(0))
    assert alone == [rows["Paris"]], "a segment's figures do not depend on the others"


def test_one_outcome_only_has_no_ranking() -> None:
    score = np.linspace(0.1, 0.9, 30)
    for outcome in (0, 1):
        y = np.full(30, outcome, "int8")
        (row,) = segment_rows(
            y,
            score,
            {("a", "b"): np.ones(30, bool), ("a", "none"): np.zeros(30, bool)},
            np.random.default_rng(0),
        )
        for name in ("auc", "average_precision", "lift_at_10"):
            assert np.isnan(row.metrics[name].value)
        assert np.isfinite(row.metrics["log_loss"].high)
        assert remark(row, MEASURES["model"]).startswith("scored too")


def test_the_implied_auc_is_what_right_scores_reach() -> None:
    rng = np.random.default_rng(1)
    score = np.round(rng.beta(1, 3, 4000), 2).clip(0.01, 0.99)
    drawn = [auc((rng.random(4000) < score).astype("int8"), score) for _ in range(200)]
    assert implied_auc(score) == pytest.approx(np.mean(drawn), abs=0.002)
    assert implied_auc(np.full(5, 0.3)) == pytest.approx(0.5)


def test_mean_score_and_implied_auc_are_those_of_the_members() -> None:
    y, score, attributes = population(n=900)
    masks = segments_of(pd.DataFrame(index=range(900)), attributes)
    for row in segment_rows(y, score, masks, np.random.default_rng(0), metrics=("auc",)):
        mine = score[(attributes["city"] == row.value).to_numpy()]
        assert row.mean_score == pytest.approx(mine.mean())
        above, below = mine[:, None] * (1 - mine), (mine[:, None] > mine) + (mine[:, None] == mine) / 2
        assert row.implied_auc == pytest.approx((above * below).sum() / above.sum())


def test_intervals_widen_when_a_profile_stands_for_several_rows() -> None:
    y, score, _ = population(n=800)
    one = evaluate(y, score, np.random.default_rng(0), ("auc",))["auc"]
    whose = np.tile([f"p{i}" for i in range(800)], 4).astype(object)
    copies = evaluate(np.tile(y, 4), np.tile(score, 4), np.random.default_rng(0), ("auc",), whose)["auc"]
    naive = evaluate(np.tile(y, 4), np.tile(score, 4), np.random.default_rng(0), ("auc",))["auc"]
    width = one.high - one.low
    assert copies.value == pytest.approx(one.value)
    assert copies.high - copies.low == pytest.approx(width, rel=0.25)
    assert naive.high - naive.low < 0.65 * width
    order = np.random.default_rng(3).permutation(3200)
    moved = evaluate(
        np.tile(y, 4)[order], np.tile(score, 4)[order], np.random.default_rng(0), ("auc",), whose[order]
    )["auc"]
    assert (moved.low, moved.high) == pytest.approx((copies.low, copies.high))
