"""The forest kernel says what LightGBM says, to the bit, or refuses."""

from __future__ import annotations

import lightgbm as lgb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagcast.models.kernels.forest_kernel import ForestKernel
from tagcast.models.kernels.lightgbm_parser import UnsupportedForestError, parse_forest
from tagcast.models.kernels.threshold_ranks import Encoding

ODD = [
    np.nan, np.inf, -np.inf, 0.0, -0.0, 5e-324, -5e-324, 2.2e-308, 1e-35, -1e-35, float(np.float32(1e-35)),
    np.nextafter(float(np.float32(1e-35)), 1), 1e-30, 1.7e308, -1.7e308, 2.0**31, -(2.0**31), 2.0**63, 1e300,
    -0.5, 0.5, -1.0, 0.999, 1.0, 1.5, 2.0, 7.0, 31.0, 32.0, 33.0, 1000.0,
]  # fmt: skip
FEATURES = 5


def kernel_raw(text: str, X: np.ndarray, columns: range | list[int]) -> np.ndarray:
    trees = parse_forest(text)
    encoding = Encoding.over([(trees, columns)])
    return ForestKernel.pack(trees, columns, encoding).raw(encoding.encode(X))


def same_bits(a: np.ndarray, b: np.ndarray) -> bool:
    return bool(np.array_equal(a.view(np.int64), b.view(np.int64)))


def trained(
    X: np.ndarray, y: np.ndarray, rounds: int, categorical: list[int], **params: object
) -> lgb.Booster:
    data = lgb.Dataset(X, y, categorical_feature=categorical)
    fixed = {"verbosity": -1, "num_threads": 1, "min_data_in_leaf": 1, "min_data_per_group": 1, "seed": 1}
    return lgb.train({**fixed, "objective": "binary", **params}, data, rounds)


def learn_from(rng: np.random.Generator, rows: int, *, categories: int, missing: float) -> tuple:
    X = np.round(rng.standard_normal((rows, FEATURES)) * rng.choice([1e-34, 1, 50]), 35)
    X[:, 0] = rng.integers(0, categories, rows)
    X[rng.random(X.shape) < missing] = np.nan
    y = (np.nan_to_num(X[:, 0]) % 3 + np.nan_to_num(X[:, 1]) + rng.standard_normal(rows) > 1).astype(int)
    y[0], y[1] = 0, 1
    return X, y


def probes(rng: np.random.Generator, X: np.ndarray, text: str) -> np.ndarray:
    """Rows of training, rows of odd values, and every threshold with its neighbours."""
    edges = np.concatenate([tree.threshold for tree in parse_forest(text)] + [[0.0]])
    edges = np.concatenate([edges, np.nextafter(edges, np.inf), np.nextafter(edges, -np.inf), ODD])
    return np.vstack([X, rng.choice(edges, (400, FEATURES)), rng.choice(ODD, (400, FEATURES))])


@given(
    seed=st.integers(0, 2**32 - 1),
    rounds=st.sampled_from([1, 2, 7, 60, 500]),
    leaves=st.sampled_from([2, 3, 31, 200]),
    depth=st.sampled_from([-1, 1, 40]),
    categories=st.sampled_from([0, 2, 40, 600]),
    missing=st.sampled_from([0.0, 0.3]),
    use_missing=st.booleans(),
    boosting=st.sampled_from(["gbdt", "dart", "goss"]),
    extra_trees=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_same_bits_as_lightgbm(
    seed, rounds, leaves, depth, categories, missing, use_missing, boosting, extra_trees
) -> None:
    rng = np.random.default_rng(seed)
    X, y = learn_from(rng, int(rng.integers(20, 800)), categories=max(categories, 1), missing=missing)
    booster = trained(
        X, y, rounds, [0] if categories else [], num_leaves=leaves, max_depth=depth, use_missing=use_missing,
        boosting="gbdt" if boosting == "goss" else boosting, extra_trees=extra_trees,
        data_sample_strategy="goss" if boosting == "goss" else "bagging",
    )  # fmt: skip
    text = booster.model_to_string()
    rows = probes(rng, X, text)
    assert same_bits(kernel_raw(text, rows, range(FEATURES)), booster.predict(rows, raw_score=True))


def test_a_tree_of_one_leaf_and_one_without_an_end() -> None:
    X, y = np.zeros((40, 2)), np.arange(40) % 2
    booster = trained(X, y, 3, [])
    text = booster.model_to_string()
    assert same_bits(kernel_raw(text, X, range(2)), booster.predict(X, raw_score=True))
    chain = np.arange(400.0)[:, None]  # each split cuts off one row: a tree as deep as it can be
    deep = trained(chain, (np.arange(400) % 2), 5, [], num_leaves=400, min_sum_hessian_in_leaf=0.0)
    rows = np.linspace(-1, 401, 3001)[:, None]
    assert same_bits(kernel_raw(deep.model_to_string(), rows, range(1)), deep.predict(rows, raw_score=True))


def test_one_encoding_serves_several_forests() -> None:
    rng = np.random.default_rng(0)
    X = rng.standard_normal((3000, 12))
    X[rng.random(X.shape) < 0.1] = np.nan
    own = [[0, 3, 5, 7, 11], [5, 1, 0, 2, 9], [4, 3, 2, 1, 0]]
    y = (np.nan_to_num(X[:, :6]).sum(1) > 0).astype(int)
    boosters = [
        trained(np.round(X[:, c], k + 1) if k else X[:, c], y, 40, [], max_bin=60 + 700 * k)
        for k, c in enumerate(own)
    ]
    forests = [(parse_forest(booster.model_to_string()), c) for booster, c in zip(boosters, own, strict=True)]
    encoding = Encoding.over(forests)
    codes = encoding.encode(X)
    assert codes.dtype == np.uint16
    for booster, (trees, columns) in zip(boosters, forests, strict=True):
        found = ForestKernel.pack(trees, columns, encoding).raw(codes)
        assert same_bits(found, booster.predict(X[:, columns], raw_score=True))


def test_a_feature_may_be_a_number_in_one_forest_and_a_category_in_another() -> None:
    rng = np.random.default_rng(0)
    X, y = learn_from(rng, 900, categories=20, missing=0.1)
    number, category = trained(X, y, 20, []), trained(X, y, 20, [0])
    forests = [(parse_forest(b.model_to_string()), range(FEATURES)) for b in (number, category)]
    encoding = Encoding.over(forests)
    assert encoding.categorical.any()
    assert len(set(encoding.columns.tolist())) < len(encoding.columns)
    for booster, (trees, columns) in zip((number, category), forests, strict=True):
        rows = probes(rng, X, booster.model_to_string())
        found = ForestKernel.pack(trees, columns, encoding).raw(encoding.encode(rows))
        assert same_bits(found, booster.predict(rows, raw_score=True))


@pytest.mark.parametrize(
    ("params", "why"),
    [
        ({"linear_tree": True}, "linear models"),
        ({"zero_as_missing": True}, "zeros that count as missing"),
        ({"boosting": "rf", "bagging_fraction": 0.5, "bagging_freq": 1}, "mean of its trees"),
        ({"objective": "multiclass", "num_class": 3}, "trees an iteration"),
    ],
)
def test_what_it_does_not_represent_is_refused(params, why) -> None:
    rng = np.random.default_rng(0)
    X, y = learn_from(rng, 300, categories=5, missing=0.1)
    X[rng.random(X.shape) < 0.2] = 0.0
    booster = trained(X, y, 5, [], **params)
    with pytest.raises(UnsupportedForestError, match=why):
        parse_forest(booster.model_to_string())
