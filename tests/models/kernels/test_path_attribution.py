"""Path attribution: what a plain walk over LightGBM's own dump adds up to, and what SHAP says."""

from __future__ import annotations

import lightgbm as lgb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.speed import made_snapshots as scale_data
from tagcast.features.entities.pair import Pair
from tagcast.models.estimators.blend import Blend
from tagcast.models.estimators.forest import ForestScorer, binned
from tagcast.models.inference.attributions import top_reasons
from tagcast.models.inference.engine import Engine, Member

FEATURES = 5
ZERO = float(np.float32(1e-35))
DUMPED_INFINITY = 1e300
"""What the dump says of a split between the known and the missing; the model text says ``inf``."""
ODD = [np.nan, np.inf, -np.inf, 0.0, -0.0, ZERO, -ZERO, -0.5, 0.999, 1.0, 2.5, 31.0, 32.0, 1000.0, 1e300]


def trained(
    X: np.ndarray, y: np.ndarray, rounds: int, categorical: list[int], **params: object
) -> lgb.Booster:
    fixed = {"verbosity": -1, "num_threads": 1, "min_data_per_group": 1, "seed": 1, "objective": "binary"}
    every = {**fixed, **params}
    return lgb.train(every, lgb.Dataset(X, y, categorical_feature=categorical, params=every), rounds)


def learn_from(
    seed: int, rows: int = 500, categories: int = 12, missing: float = 0.15
) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = np.round(rng.standard_normal((rows, FEATURES)) * 3, 1)
    X[:, 0] = rng.integers(0, categories, rows)
    X[rng.random(X.shape) < missing] = np.nan
    signal = np.nan_to_num(X[:, 0]) % 3 + np.nan_to_num(X[:, 1]) + np.isnan(X[:, 2])
    y = (signal + rng.standard_normal(rows) > 1).astype(int)
    y[:2] = 0, 1
    return X, y


def asked(seed: int, X: np.ndarray) -> np.ndarray:
    """Rows of training, and rows of odd values."""
    rng = np.random.default_rng(seed)
    odd = np.where(rng.random((80, FEATURES)) < 0.5, rng.choice(ODD, (80, FEATURES)), X[:80])
    return np.vstack([X[:120], odd])


def goes_left(node: dict, x: float) -> bool:
    """LightGBM's decision at a node of its dump."""
    if node["decision_type"] == "==":
        known = np.isfinite(x) and x > -1
        return known and int(x) in set(map(int, node["threshold"].split("||")))
    if np.isnan(x):
        if node["missing_type"] == "NaN":
            return bool(node["default_left"])
        x = 0.0
    threshold = np.inf if node["threshold"] == DUMPED_INFINITY else node["threshold"]
    return bool((0.0 if abs(x) <= ZERO else x) <= threshold)


def mean_of_rows(node: dict) -> tuple[float, int]:
    """The mean leaf of the training rows that came by, and how many these are."""
    if "leaf_value" in node:
        return node["leaf_value"], node.get("leaf_count", 1)
    (a, n), (b, m) = mean_of_rows(node["left_child"]), mean_of_rows(node["right_child"])
    return (a * n + b * m) / (n + m), n + m


def said_by(node: dict) -> tuple[float, int]:
    """What LightGBM itself keeps as the output of a node."""
    return node.get("leaf_value", node.get("internal_value")), 0


def by_walking(booster: lgb.Booster, X: np.ndarray, output=mean_of_rows) -> tuple[np.ndarray, float]:
    """Return Saabas's attribution, shape (n, p), and the sum of the roots' outputs."""
    out, mean = np.zeros(X.shape), 0.0
    for tree in booster.dump_model()["tree_info"]:
        root = tree["tree_structure"]
        mean += output(root)[0]
        for i, row in enumerate(X):
            node = root
            while "leaf_value" not in node:
                feature = node["split_feature"]
                child = node["left_child" if goes_left(node, row[feature]) else "right_child"]
                out[i, feature] += output(child)[0] - output(node)[0]
                node = child
    return out, mean


def scorer(booster: lgb.Booster, columns: tuple[int, ...] = tuple(range(FEATURES))) -> ForestScorer:
    return ForestScorer(booster.model_to_string(), columns)


@given(
    seed=st.integers(0, 2**32 - 1),
    rounds=st.sampled_from([1, 4]),
    leaves=st.sampled_from([2, 4, 12]),
    categories=st.sampled_from([0, 3, 90]),
    missing=st.sampled_from([0.0, 0.3]),
    use_missing=st.booleans(),
)
@settings(max_examples=25, deadline=None)
def test_it_is_what_a_walk_over_the_dump_adds_up(
    seed, rounds, leaves, categories, missing, use_missing
) -> None:
    X, y = learn_from(seed, 300, max(categories, 1), missing)
    booster = trained(
        X,
        y,
        rounds,
        [0] if categories else [],
        num_leaves=leaves,
        use_missing=use_missing,
        min_data_in_leaf=3,
    )
    rows = asked(seed, X)
    wanted, mean = by_walking(booster, rows)
    found = scorer(booster).path_values(rows)
    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-12)
    raw = booster.predict(rows, raw_score=True)
    np.testing.assert_allclose(found.sum(axis=1), raw - mean, rtol=1e-9, atol=1e-9)


def test_categories_and_missing_values_are_really_walked() -> None:
    X, y = learn_from(0)
    booster = trained(X, y, 10, [0], num_leaves=12)
    dump = str(booster.dump_model())
    assert "'=='" in dump
    assert "'missing_type': 'NaN'" in dump
    assert "'default_left': False" in dump
    rows = asked(0, X)
    np.testing.assert_allclose(scorer(booster).path_values(rows), by_walking(booster, rows)[0], atol=1e-12)


def test_a_node_of_least_squares_is_what_lightgbm_keeps_of_it() -> None:
    """There the output of a node is the mean of its rows, in the precision of LightGBM's gradients."""
    X, y = learn_from(1)
    target = y + np.nan_to_num(X[:, 1])
    booster = trained(X, target, 8, [], objective="regression", num_leaves=12)
    rows = asked(1, X)
    wanted, _ = by_walking(booster, rows, said_by)
    np.testing.assert_allclose(scorer(booster).path_values(rows), wanted, atol=1e-5)


@pytest.mark.parametrize("categorical", [[], [0]])
def test_parts_add_up_to_the_score_less_the_mean_that_shap_starts_from(categorical) -> None:
    X, y = learn_from(2, 900)
    booster = trained(X, y, 60, categorical, num_leaves=31, min_data_in_leaf=5)
    rows = asked(2, X)
    mean = booster.predict(rows, pred_contrib=True)[:, -1]
    found = scorer(booster).path_values(rows)
    np.testing.assert_allclose(found.sum(axis=1), booster.predict(rows, raw_score=True) - mean, atol=1e-9)


def test_a_forest_of_some_columns_explains_these_and_no_others() -> None:
    X, y = learn_from(3)
    booster = trained(X[:, [4, 1]], y, 10, [])
    rows = asked(3, X)
    found = scorer(booster, (4, 1)).path_values(rows)
    assert not found[:, [0, 2, 3]].any()
    np.testing.assert_allclose(found[:, [4, 1]], by_walking(booster, rows[:, [4, 1]])[0], atol=1e-12)
    never = trained(np.ones((40, FEATURES)), np.arange(40) % 2, 3, [])
    assert not scorer(never).path_values(rows).any()


class Explained:
    """What the engine asks of a model."""

    def __init__(self, forest: ForestScorer) -> None:
        self.blend = Blend({"forest": 1.0}, {"forest": forest})
        self.forest, self.curves = forest, {}


def test_the_engine_gives_the_same_bits_for_any_rows_of_a_batch() -> None:
    rng = np.random.default_rng(4)
    profile, tea = rng.normal(size=(700, 6)), rng.normal(size=(700, 4))
    profile[rng.random(profile.shape) < 0.1] = np.nan
    y = (np.nan_to_num(profile[:, 1]) + tea[:, 2] > 0).astype(int)
    places = {None: (5, 1, 0), Pair("category", "tea"): (8, 1, 3, 6)}
    members = []
    for pair, chosen in places.items():
        X = np.hstack([profile, tea])[:, chosen]
        own = (2, 0) if pair is None else (1, 0, 3)
        members.append(
            Member(Explained(scorer(trained(X[:, own], y, 12, [], num_leaves=8), own)), pair, chosen)
        )
    engine = Engine(members, 6, {"category": 4})
    coded = engine.encode(profile, {Pair("category", "tea"): tea})
    for k, member in enumerate(members):
        for rows in (np.arange(700), np.array([3, 699, 256]), np.empty(0, np.int64)):
            X = member.matrix(profile, tea if member.pair else None, rows)
            found = engine.paths(k, coded, rows)["forest"]
            np.testing.assert_array_equal(found, member.forest.path_values(X))
            assert found.shape == X.shape


def test_its_reasons_are_mostly_those_of_shap() -> None:
    """On features of a shop, many of them alike; measured .968 and .851."""
    X = scale_data.rows(1, 8000, 0)
    rng = np.random.default_rng(0)
    filled = np.nan_to_num(np.log1p(X))
    filled = (filled - filled.mean(0)) / (filled.std(0) + 1e-9)
    truth = filled @ rng.normal(0, 0.35, X.shape[1]) - 1
    y = (rng.random(len(X)) < 1 / (1 + np.exp(-truth))).astype(np.int8)
    forest, _, _ = ForestScorer.fit(binned(X, y), {"learning_rate": 0.05, "num_leaves": 31}, 100, seed=0)
    rows = scale_data.rows(2, 400, 0)
    given = {exact: forest.contributions(rows, exact=exact) for exact in (False, True)}
    (mine, parts), (exact, _) = (top_reasons(given[e], 3) for e in (False, True))
    np.testing.assert_array_equal(mine, np.argsort(-np.abs(given[False]), axis=1, kind="stable")[:, :3])
    np.testing.assert_array_equal(parts, np.take_along_axis(given[False], mine, axis=1))
    in_three = np.mean([s[0] in m for m, s in zip(mine.tolist(), exact.tolist(), strict=True)])
    shared = np.mean([len({*m} & {*s}) / 3 for m, s in zip(mine.tolist(), exact.tolist(), strict=True)])
    assert parts.all()
    assert in_three > 0.93
    assert shared > 0.78
