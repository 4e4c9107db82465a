"""Learning an amount: near what can be known, honest intervals and tiers, the same bits every time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tagcast.features.core.errors import ModelError
from tagcast.models.artifacts.amount_model import AmountModel
from tagcast.models.artifacts.binary_model import TagModel
from tagcast.models.artifacts.loader import load_bundle
from tagcast.models.definitions.loader import parse_definition
from tagcast.models.inference.abstention import OUTSIDE, RangeCheck
from tagcast.models.inference.attributions import explain
from tagcast.models.stats.amount_metrics import rmse
from tagcast.models.training import tag_kind
from tagcast.models.training.splits import Split
from tagcast.pipelines.evidence.amount import confusion_of
from tests.support.shop import AMOUNT, CHURN
from tests.support.synthetic import shoppers, spenders

pytestmark = pytest.mark.slow

DEFINITION = parse_definition(AMOUNT, "spend")
SPEC = "7,30,90;amount;"


def train(frame, split, **more):
    return tag_kind.train(DEFINITION, frame, split, feature_set=SPEC, **{"trials": 2, **more})


@pytest.fixture(scope="module")
def trained():
    frame, split, mean = spenders()
    return frame, split, mean, train(frame, split)


def test_errors_are_near_what_can_be_known(trained) -> None:
    frame, split, mean, result = trained
    rows = frame.as_of == np.datetime64(split.test)
    best = rmse(frame.amount[rows], mean[rows])
    mine, reference = result.test["tagcast"], result.test["baseline"]
    assert mine["rmse"].value < 1.12 * best
    assert mine["rmse"].value < reference["rmse"].value
    assert result.differences["baseline"]["rmse"].high < 0
    assert result.candidates[result.chosen] == min(result.candidates.values())
    assert any(str(note).startswith("chosen: ") for note in result.notes)
    assert result.cases["test_yes"] + result.cases["test_no"] == rows.sum()
    assert sum(map(sum, confusion_of(result))) == rows.sum()


def test_intervals_and_tiers_keep_what_they_say(trained) -> None:
    mine = trained[3].test["tagcast"]
    assert mine["coverage"].value == pytest.approx(0.8, abs=0.05)
    assert -0.01 < mine["promise_margin"].value < 0.1
    again = train(*spenders(seed=9, shift=0.3)[:2]).test["tagcast"]
    assert again["promise_margin"].high > 0, "months that differ make confidence careful, not wrong"


def test_who_spent_more_is_predicted_to_spend_more(trained) -> None:
    frame, _, _, result = trained
    X = frame.X.dropna().iloc[:300]
    said = [result.model.predict(X.assign(spend_90d=s, spend_30d=s / 3)) for s in (0.0, 50.0, 300.0, 3000.0)]
    assert [p.score.mean() for p in said] == sorted(p.score.mean() for p in said)
    assert [p.tier.mean() for p in said] == sorted(p.tier.mean() for p in said)
    assert said[-1].score.mean() > 500, "trees alone would be flat beyond what they saw"


def test_same_bits_for_shuffled_rows(trained) -> None:
    frame, split, _, result = trained
    order = np.random.default_rng(0).permutation(len(frame.y))
    shuffled = replace(
        frame, X=frame.X.iloc[order].reset_index(drop=True), y=frame.y[order], as_of=frame.as_of[order],
        profile_id=frame.profile_id[order], rfm=frame.rfm.iloc[order].reset_index(drop=True),
        amount=frame.amount[order],
    )  # fmt: skip
    assert train(shuffled, split).model.digest() == result.model.digest()


def test_a_bundle_comes_back_bit_for_bit_in_any_batch(trained, tmp_path) -> None:
    frame, _, _, result = trained
    result.model.save(tmp_path)
    loaded = load_bundle(tmp_path)
    assert isinstance(loaded, AmountModel)
    assert loaded.digest() == result.model.digest()
    X = frame.X.to_numpy()
    whole = loaded.predict(X)._asdict()
    parts = [loaded.predict(X[start : start + 97])._asdict() for start in range(0, len(X), 97)]
    for name, values in whole.items():
        np.testing.assert_array_equal(values, np.concatenate([p[name] for p in parts]), err_msg=name)
    reordered = loaded.predict(frame.X[frame.X.columns[::-1]])
    np.testing.assert_array_equal(whole["score"], reordered.score)
    assert (whole["lower"] <= whole["score"]).all()
    assert (whole["score"] <= whole["upper"]).all()
    assert (whole["lower"] >= 0).all()
    for file in tmp_path.iterdir():
        text = file.read_bytes()
        file.write_bytes(text[: len(text) // 2])
        with pytest.raises(ModelError, match=file.name):
            load_bundle(tmp_path)
        file.unlink()
        with pytest.raises(ModelError, match=file.name):
            load_bundle(tmp_path)
        file.write_bytes(text)
    with pytest.raises(ModelError, match="not a model file"):
        TagModel.load(tmp_path)


def test_a_yes_or_no_is_read_as_what_it_is(tmp_path) -> None:
    frame, split, _ = shoppers(profiles=200, snapshots=3)
    result = tag_kind.train(parse_definition(CHURN, "churn"), frame, split, feature_set=SPEC, trials=1)
    result.model.save(tmp_path)
    assert isinstance(load_bundle(tmp_path), TagModel)
    with pytest.raises(ModelError, match="not a model file"):
        AmountModel.load(tmp_path)


def test_reasons_add_up_to_the_log_amount(trained) -> None:
    frame, _, _, result = trained
    X = frame.X.iloc[:200]
    for exact in (True, False):
        offsets = result.model.raw(X) - result.model.contributions(X, exact=exact).sum(axis=1)
        assert np.ptp(offsets) < 1e-6, "contributions and a constant make the log amount"
    top = [reasons[0][0] for reasons in explain(result.model, X, exact=True)]
    assert max(set(top), key=top.count) in {"spend_90d", "spend_30d", "basket_mean"}


def test_a_profile_unlike_training_is_seen(trained) -> None:
    frame, _, _, result = trained
    X = frame.X.iloc[:3].to_numpy().copy()
    X[1, 2] = 1e9
    assert RangeCheck(result.model).reasons(X).tolist() == ["", f"{OUTSIDE}spend_90d", ""]


def test_where_too_few_spend_a_reference_stands_in() -> None:
    frame, split, _ = spenders(profiles=300, snapshots=3)
    with pytest.raises(ModelError, match="0 profiles with any spend") as error:
        train(replace(frame, y=np.zeros_like(frame.y), amount=np.zeros_like(frame.amount)), split)
    assert error.value.hint
    before = frame.as_of < np.datetime64(split.test)
    keep = ~before | (np.cumsum(frame.y * before) <= 40)
    few = replace(
        frame, y=np.where(keep, frame.y, 0).astype("int8"), amount=np.where(keep, frame.amount, 0.0)
    )
    result = train(few, split)
    assert result.chosen == "own_rate"
    assert not result.trials
    assert any("too few spent anything for a model" in str(note) for note in result.notes)
    with pytest.raises(ModelError, match="never below 0"):
        train(replace(frame, amount=frame.amount - 1), split)


def test_a_long_horizon_without_room_for_validation_says_so() -> None:
    frame, split, _ = spenders(snapshots=2)
    result = train(frame, Split(split.snapshots, split.horizon_days))
    assert any("groups of profiles" in str(note) for note in result.notes)
    assert result.test["tagcast"]["coverage"].value == pytest.approx(0.8, abs=0.08)


def test_everybody_may_spend() -> None:
    frame, split, _ = spenders(profiles=200, snapshots=4)
    amount = frame.amount + 5
    result = train(replace(frame, amount=amount, y=np.ones_like(frame.y)), split)
    assert result.cases["test_no"] == 0
    assert result.test["tagcast"]["coverage"].value > 0.7
