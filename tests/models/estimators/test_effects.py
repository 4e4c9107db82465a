"""The scorer of effects: its parts, contributions and plain form; compiled it gives the same bits."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tagcast.models.estimators.effects import CANDIDATES, EffectScorer
from tagcast.models.estimators.forest import ForestScorer
from tagcast.models.inference.engine import Engine, Member
from tagcast.models.kernels.additive_model import AdditiveModel, Curve


def curve(feature: int, rng: np.random.Generator) -> Curve:
    knots = np.unique(rng.normal(0, 1, 4))
    return Curve(feature, tuple(knots), tuple(rng.normal(size=len(knots))), float(rng.normal()))


def scorer(kind: str = "all", seed: int = 0) -> EffectScorer:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(400, 3))
    forest = ForestScorer.grow(
        X,
        0.1 * X[:, 0] + rng.normal(size=400),
        {"objective": "regression", "num_leaves": 4},
        5,
        seed=0,
        columns=(0, 2),
    )
    every = {
        name: AdditiveModel(-1.0, (curve(0, rng), curve(1, rng)))
        for name in ("approached", "control", "line")
    }
    wanted = {"two_lines": {"approached", "control"}, "line": {"line"}, "forest": set()}
    needed = set().union(*(wanted[name] for name in CANDIDATES[kind]))
    curves = {name: model for name, model in every.items() if name in needed}
    return EffectScorer(CANDIDATES[kind], 0.07, curves, forest if "forest" in CANDIDATES[kind] else None)


@pytest.mark.parametrize("kind", list(CANDIDATES))
def test_contributions_add_up_to_the_distance_from_the_average_profile(kind) -> None:
    found, X = scorer(kind), np.random.default_rng(1).normal(size=(50, 3))
    X[0, 0] = np.nan
    rest = found.raw(X) - found.contributions(X, exact=True).sum(axis=1)
    assert rest == pytest.approx(np.full(50, rest[0]), abs=1e-12)


def test_two_lines_are_the_difference_of_two_probabilities() -> None:
    found, X = scorer("two_lines"), np.random.default_rng(2).normal(size=(20, 3))
    with_it, without = (1 / (1 + np.exp(-found.curves[arm].raw(X))) for arm in ("approached", "control"))
    assert found.raw(X) == pytest.approx(with_it - without)
    assert scorer("average").raw(X) == pytest.approx(np.full(20, 0.07))


@pytest.mark.parametrize("kind", list(CANDIDATES))
def test_what_is_written_is_read_again(kind) -> None:
    found, X = scorer(kind), np.random.default_rng(3).normal(size=(20, 3))
    text = json.loads(json.dumps(found.to_json()))
    again = EffectScorer.from_json(text, found.forest.text if found.forest else None)
    assert np.array_equal(again.raw(X), found.raw(X))
    assert again.used_features == found.used_features


def test_parts_that_do_not_go_with_the_weights_are_refused() -> None:
    with pytest.raises(ValueError, match="do not go with"):
        EffectScorer({"line": 1.0}, 0.0, {})


def test_compiled_parts_give_the_same_bits() -> None:
    class Model:
        forest, curves = scorer().forest, scorer().curves

    engine = Engine([Member(Model(), None, (0, 1, 2))], 3, {})
    X = np.random.default_rng(4).normal(size=(200, 3))
    X[:5, 1] = np.nan
    known = engine.known(0, engine.encode(X, {}), None)
    assert known.keys() == {"forest", "approached", "control", "line"}
    assert np.array_equal(scorer().raw(X, known), scorer().raw(X))
