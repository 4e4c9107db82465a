"""Learning from whom campaigns approached: what is predicted, measured and calibrated is what happens without them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tagcast.features.core.errors import ModelError
from tagcast.models.definitions.loader import parse_definition
from tagcast.models.estimators.rfm import RfmScorer
from tagcast.models.evaluation.backtest import window_of
from tagcast.models.inference.attributions import contributions
from tagcast.models.training import tag_kind
from tagcast.models.training.recipe import rfm_recipe
from tests.models.training.test_drawn import SPEND
from tests.support.shop import CHURN
from tests.support.synthetic import shoppers, spenders

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("approached")]

SPEC = "7,30;amount;"
STAYS = 0.7
"""Of those who would leave, the share that an approach keeps."""


def train(text, frame, split, campaigns="told"):
    definition = parse_definition(f"{text}campaigns: {campaigns}\n", "tests")
    return tag_kind.train(definition, frame, split, feature_set=SPEC, trials=1)


@pytest.fixture(scope="module")
def shop():
    """Campaigns approached four of five who bought little, in each of whose windows it kept some."""
    frame, split, _ = shoppers(profiles=700)
    rng = np.random.default_rng(0)
    approached = (frame.X["purchase_days_60d"].to_numpy() <= 1) & (rng.random(len(frame.y)) < 0.8)
    y = np.where(approached & (rng.random(len(frame.y)) < STAYS), 0, frame.y).astype("int8")
    seen = replace(frame, y=y, approached=approached)
    return frame, split, seen, train(CHURN, seen, split)


def test_scores_say_what_happens_without_a_campaign(shop) -> None:
    frame, split, seen, result = shop
    never = train(CHURN, frame, split)
    ours, theirs = (one.model.predict(frame.X).score for one in (result, never))
    little = frame.X["purchase_days_60d"].to_numpy() <= 1
    assert seen.y[little].mean() < 0.6 * frame.y[little].mean()
    assert ours[little].mean() == pytest.approx(theirs[little].mean(), rel=0.06)
    assert ours[~little].mean() == pytest.approx(theirs[~little].mean(), rel=0.06)
    assert {"logistic", "forest"} <= set(result.model.scorer.weights)


def test_it_reads_features_alone(shop, tmp_path) -> None:
    frame, _, _, result = shop
    names = tuple(frame.X.columns)
    assert result.model.features == names
    assert set(result.model.ranges) <= set(names)
    assert result.best_params["forest_features"] == len(names)
    parts = contributions(result.model, frame.X.iloc[:50], exact=True)
    assert parts.shape == (50, len(names))
    start = result.model.raw(frame.X.iloc[:50]) - parts.sum(axis=1)
    np.testing.assert_allclose(start, start[0], rtol=1e-6)
    result.model.save(tmp_path)
    again = type(result.model).load(tmp_path).predict(frame.X)
    np.testing.assert_array_equal(again.score, result.model.predict(frame.X).score)


def test_it_is_measured_and_calibrated_on_whom_nobody_approached(shop) -> None:
    _, split, seen, result = shop
    others = {
        (who, day)
        for who, day, by in zip(seen.profile_id, seen.as_of, seen.approached, strict=True)
        if not by
    }
    at_test = {who for who, day in others if day == np.datetime64(split.test)}
    assert set(result.test_scores.profile_id) == at_test
    held_out = result.held_out_scores
    later = {(who, day) for who, day in others if day > np.datetime64(split.snapshots[0])}
    assert set(zip(held_out.profile_id, held_out.as_of, strict=True)) == later
    window = window_of(result, seen, None, audiences=3, seed=0)
    assert len(window.X) == len(window.y) == len(at_test)
    assert result.model.base_rate == pytest.approx(seen.y[~seen.approached].mean())
    before = seen.as_of < np.datetime64(split.test)
    assert result.cases["train_yes"] == seen.y[before & ~seen.approached].sum()
    rate = seen.y[before & ~seen.approached].mean()
    assert result.test["base_rate"]["log_loss"].value == pytest.approx(
        -np.mean([np.log(rate if came else 1 - rate) for came in result.test_scores.y])
    )


def test_outcomes_of_the_approached_are_no_cases(shop) -> None:
    frame, split, _, _ = shop
    stayed = replace(frame, approached=frame.y == 1)
    with pytest.raises(ModelError, match="0 true and"):
        train(CHURN, stayed, split)


def test_the_card_says_what_an_approach_changed(shop) -> None:
    _, _, seen, result = shop
    (note,) = (str(note) for note in result.notes if "campaigns approached" in str(note))
    count, came = int(seen.approached.sum()), seen.y[seen.approached].mean()
    assert f"approached {count:,} of {len(seen.y):,} rows" in note
    assert f"{came:.1%} is what came of these" in note
    expected = float(note.split("these, ")[1].split("%")[0]) / 100
    assert expected == pytest.approx(came / (1 - STAYS), rel=0.15)


def test_where_campaigns_approached_nobody_it_is_the_same_model(shop) -> None:
    frame, split, _, _ = shop
    frame = frame.only(np.isin(frame.profile_id, np.unique(frame.profile_id)[:300]))
    nobody = np.zeros(len(frame.y), bool)
    ours, theirs = (
        train(CHURN, frame if nobody is None else replace(frame, approached=nobody), split, campaigns).model
        for nobody, campaigns in ((nobody, "told"), (None, "exclude"))
    )
    changed = {name for name in ours.files if ours.files[name] != theirs.files[name]}
    assert changed == {"model.json"}
    assert replace(ours, definition=theirs.definition).digest() == theirs.digest()


@pytest.mark.parametrize("kind", ["tweedie", "log1p", "mean"])
def test_an_amount_is_that_without_a_campaign(kind) -> None:
    from tagcast.models.estimators.amount_regressor import AmountRecipe

    frame, _, _ = spenders(profiles=400)
    rng = np.random.default_rng(1)
    X, approached = frame.X.to_numpy(), rng.random(len(frame.y)) < 0.4
    seen = np.where(approached, frame.amount * 3 + 40, frame.amount)
    marked = np.column_stack([X, approached])
    recipe = AmountRecipe(
        kind, columns=(0, 1, 2, 5), rates=(2,), trees=60, tuned_rows=len(X), approach=5,
        params={"objective": "tweedie" if kind == "tweedie" else "regression"},
    )  # fmt: skip
    found = recipe.fit(marked, seen)
    assert found.predicted(X).sum() == pytest.approx(frame.amount.sum(), rel=0.1)
    np.testing.assert_array_equal(found.predicted(X), found.predicted(marked))


def test_training_an_amount_learns_from_everybody() -> None:
    frame, split, _ = spenders(profiles=250, snapshots=4)
    approached = np.random.default_rng(1).random(len(frame.y)) < 0.5
    seen = replace(frame, amount=np.where(approached, frame.amount + 60, frame.amount), approached=approached)
    result = train(SPEND, seen, split)
    assert result.model.features == tuple(frame.X.columns)
    assert result.model.mean_amount == pytest.approx(frame.amount[~approached].mean())
    assert result.model.predict(frame.X).score.mean() == pytest.approx(frame.amount.mean(), rel=0.15)
    assert len(result.test_scores.amount) == (~approached & (frame.as_of == np.datetime64(split.test))).sum()
    assert any("campaigns approached" in str(note) for note in result.notes)


def test_what_cannot_be_told_learns_from_the_others(shop) -> None:
    _, _, seen, _ = shop
    X, rows = seen.X.to_numpy(), ~seen.approached
    marked = np.column_stack([X, seen.approached])
    part = rfm_recipe((0, 1, 2), 0, approach=X.shape[1]).fit(marked, seen.y, seen.as_of).parts["rfm"]
    assert part == RfmScorer.fit(X[rows], seen.y[rows], (0, 1, 2))
