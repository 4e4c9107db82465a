"""A forest in which one column is known says of every row what LightGBM says where the column is written in."""

from __future__ import annotations

import numpy as np
import pytest

from tagcast.models.estimators.forest import ForestScorer, binned
from tagcast.models.kernels.forest_kernel import ForestKernel
from tagcast.models.kernels.lightgbm_parser import parse_forest
from tagcast.models.kernels.threshold_ranks import Encoding

ROWS = 1_200


def grown(leaves: int, objective: str, place: int) -> tuple[ForestScorer, np.ndarray]:
    """Return a forest over five columns, four of which it learns from, and its rows; the one at ``place`` is 0 or 1 and matters most."""
    rng = np.random.default_rng(leaves)
    X = rng.normal(size=(ROWS, 5))
    X[:, 3] = rng.integers(0, 4, ROWS)
    X[rng.random(X.shape) < 0.1] = np.nan
    X[:, place] = rng.random(ROWS) < 0.3
    moved = np.nan_to_num(X[:, 1]) + np.nan_to_num(X[:, 3]) * X[:, place] - 2 * X[:, place]
    y = (moved + rng.normal(size=ROWS) > 0).astype("int8") if objective == "binary" else np.exp(moved)
    columns = tuple(j for j in range(5) if j != 2)
    params = {"objective": objective, "num_leaves": leaves, "min_child_samples": 5, "learning_rate": 0.1}
    data = binned(np.ascontiguousarray(X[:, columns]), y)
    return ForestScorer.fit(data, params, 25, seed=leaves, columns=columns)[0], X


@pytest.mark.parametrize(
    ("leaves", "objective", "place", "value"),
    [(2, "binary", 4, 0.0), (5, "binary", 4, 1.0), (31, "binary", 0, 0.0), (12, "tweedie", 4, 0.0)],
)
def test_the_same_bits_without_the_column(leaves, objective, place, value) -> None:
    forest, X = grown(leaves, objective, place)
    assert place in forest.used_features
    known = X.copy()
    known[:, place] = value
    wanted = forest.raw(known)
    left = forest.given(place, value)
    assert left.columns == tuple(j for j in forest.columns if j != place)
    assert place not in left.used_features
    np.testing.assert_array_equal(left.raw(X), wanted)
    if place == 4:
        np.testing.assert_array_equal(left.raw(X[:, :4]), wanted)
    encoding = Encoding.over([(parse_forest(left.text), left.columns)])
    kernel = ForestKernel.pack(parse_forest(left.text), left.columns, encoding)
    np.testing.assert_array_equal(kernel.raw(encoding.encode(np.ascontiguousarray(X))), wanted)


def test_explanations_start_from_the_leaves_that_can_still_be_reached() -> None:
    forest, X = grown(8, "binary", 4)
    left, known = forest.given(4, 0.0), np.ascontiguousarray(X[:, forest.columns])
    known[:, 3] = 0.0
    nodes = forest.booster.trees_to_dataframe().set_index("node_index")
    mean = rows = 0.0
    for tree, places in enumerate(forest.booster.predict(known, pred_leaf=True).T):
        leaves = nodes.loc[[f"{tree}-L{place}" for place in np.unique(places)]]
        mean += np.average(leaves["value"], weights=leaves["count"])
        rows += leaves["count"].sum()
    for parts in (left.shap_values(X), left.path_values(X)):
        assert (parts[:, [2, 4]] == 0).all()
        np.testing.assert_allclose(left.raw(X) - parts.sum(axis=1), mean, rtol=1e-9)
    inner = left.booster.trees_to_dataframe().query("node_depth == 1")
    assert inner["count"].sum() == rows


def test_a_column_that_no_tree_asks_for_only_leaves_the_list() -> None:
    forest, X = grown(4, "binary", 4)
    assert forest.given(2, 0.0) is forest
    idle = X.copy()
    idle[:, 0] = 0.0
    y = (np.nan_to_num(X[:, 1]) > 0).astype("int8")
    alone, *_ = ForestScorer.fit(binned(idle, y), {"num_leaves": 4}, 5, seed=0)
    assert alone.given(0, 0.0).columns == (1, 2, 3, 4)
    np.testing.assert_array_equal(alone.given(0, 0.0).raw(idle), alone.raw(idle))
    ours, theirs = (one.booster.trees_to_dataframe() for one in (alone.given(0, 0.0), alone))
    for column in ("value", "weight", "count"):  # of inner nodes, too
        np.testing.assert_allclose(ours[column], theirs[column], rtol=1e-3, atol=1e-4)
