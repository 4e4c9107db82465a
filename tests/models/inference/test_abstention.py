"""Profiles unlike those of training are unknown and named; good customers are not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagcast.models.artifacts.files import FeatureRange
from tagcast.models.definitions.loader import parse_definition
from tagcast.models.inference.abstention import TOO_LITTLE_HISTORY, RangeCheck, abstain, grounds
from tagcast.models.kernels.out_of_range_kernel import ODD, TOO_LITTLE, marks
from tagcast.models.training import tag_kind
from tests.support.shop import CHURN
from tests.support.synthetic import shoppers


@pytest.fixture(scope="module")
def trained():
    frame, split, _ = shoppers()
    # Every profile of training has a history of at least 20 days.
    rng = np.random.default_rng(1)
    frame = replace(
        frame, X=frame.X.assign(tenure_bounded_days=20 + rng.integers(0, 160, len(frame.y)).astype(float))
    )
    definition = parse_definition(CHURN, "churn")
    return frame, tag_kind.train(definition, frame, split, feature_set="7,30;amount;", trials=2)


def test_profiles_of_training_are_familiar(trained) -> None:
    frame, result = trained
    assert set(RangeCheck(result.model).reasons(result.model.matrix(frame.X))) == {""}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"spend_60d": 1e9}, "outside what training saw: spend_60d"),
        ({"spend_60d": -1e6}, "outside what training saw: spend_60d"),
        ({"purchase_days_60d": 1e4, "spend_60d": 1e5}, "outside what training saw: purchase_days_60d"),
        ({"purchase_days_60d": np.nan}, "outside what training saw: purchase_days_60d"),
        ({"tenure_bounded_days": 3.0}, "too little history"),
        ({"tenure_bounded_days": 3.0, "spend_60d": 1e9}, "too little history"),
        ({"recency_days": np.nan}, ""),
        ({"constant": 500.0}, ""),
    ],
)
def test_a_planted_profile_is_unknown_and_the_feature_named(trained, change, reason) -> None:
    frame, result = trained
    X = frame.X.iloc[:3].assign(
        **{name: [frame.X[name].iloc[0], v, frame.X[name].iloc[2]] for name, v in change.items()}
    )
    assert RangeCheck(result.model).reasons(result.model.matrix(X)).tolist() == ["", reason, ""]


def test_a_good_customer_is_not_unknown_for_being_the_best_yet(trained) -> None:
    frame, result = trained
    best = frame.X.max().to_frame().T
    better = best.assign(spend_60d=best["spend_60d"] * 1.9, purchase_days_60d=best["purchase_days_60d"] * 1.9)
    assert RangeCheck(result.model).reasons(result.model.matrix(better)).tolist() == [""]


@given(st.integers(0, 4), st.floats(allow_nan=False, width=32), st.floats(1.0, 100.0))
@settings(max_examples=100, deadline=None)
def test_farther_out_never_becomes_familiar(trained, feature, value, times) -> None:
    frame, result = trained
    X = np.repeat(result.model.matrix(frame.X.iloc[:1]), 2, axis=0)
    X[:, feature] = value, value * times
    near, far = RangeCheck(result.model).reasons(X)
    seen = result.model.ranges[result.model.features[feature]]
    if near and (value > seen.maximum or value < min(seen.minimum, 0)):
        assert far


def test_the_batch_does_not_matter(trained) -> None:
    frame, result = trained
    X = result.model.matrix(frame.X)
    X[::7, 2] = 1e9
    range_check = RangeCheck(result.model)
    parts = [range_check.reasons(X[start : start + 53]) for start in range(0, len(X), 53)]
    assert range_check.reasons(X).tolist() == np.concatenate(parts).tolist()
    assert range_check.reasons(X[:0]).tolist() == []


@given(
    rows=st.lists(
        st.lists(st.sampled_from([np.nan, np.inf, -np.inf, -2.0, 0.0, 1.0, 5.0]), min_size=3, max_size=3)
    ),
    bounds=st.lists(
        st.tuples(*[st.sampled_from([-np.inf, -2.0, 0.0, 1.0, np.inf])] * 3, st.booleans()),
        min_size=3,
        max_size=3,
    ),
)
def test_compiled_marks_are_those_of_the_definition(rows, bounds) -> None:
    X = np.array(rows, float).reshape(-1, 3)
    low, high, least, never_missing = (np.array(b) for b in zip(*bounds, strict=True))
    odd = ((high < X) | (low > X) | (np.isnan(X) & never_missing)).any(axis=1)
    little = (least > X).any(axis=1)
    assert marks(X, low, high, least, never_missing).tolist() == (ODD * odd + TOO_LITTLE * little).tolist()


def test_a_long_tail_gets_a_longer_margin(trained) -> None:
    _, result = trained
    short = FeatureRange(0, 0, 900, 1000, 0)
    long = FeatureRange(0, 0, 10, 1000, 0)
    X = np.full((1, len(result.model.features)), np.nan)
    X[0, result.model.features.index("spend_60d")] = 5000
    for seen, reason in ((short, "outside what training saw: spend_60d"), (long, "")):
        model = replace(result.model, ranges={"spend_60d": seen})
        assert RangeCheck(model).reasons(X).tolist() == [reason]


def said(value: list[int], confidence: list[float], least: float, unlike: list[int]) -> tuple[list, list]:
    code, because = abstain(
        np.array(value, np.int8), 2, np.array(confidence), least, np.array(unlike, np.int16)
    )
    words = grounds(least, ["", TOO_LITTLE_HISTORY, "outside what training saw: spend"])
    return code.tolist(), [None if place < 0 else words[place] for place in because]


def test_an_unknown_held_by_the_margin_says_so() -> None:
    value, because = said([2, 0], [0.55, 0.55], 0.5, [0, 0])
    assert value == [2, 0]
    assert because == ["unknown before, and confidence not clear of 0.5", None]


def test_the_reason_of_unknown_is_said() -> None:
    value, because = said([0, 1, 0, 1, 0], [0.9, 0.3, 0.2, 0.95, 0.1], 0.5, [0, 0, 1, 2, 0])
    assert value == [0, 2, 2, 2, 2]
    outside = "outside what training saw: spend"
    assert because == [None, "confidence below 0.5", TOO_LITTLE_HISTORY, outside, "confidence below 0.5"]
    assert said([0, 1], [0.9, 0.3], 0.0, [0, 0]) == ([0, 1], [None, None])
