"""Learning: near the best that can be known, the same bits every time, honest about too little data."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagcast.features.core.errors import ModelError
from tagcast.models.artifacts.binary_model import TagModel
from tagcast.models.decisions.policy import (
    NEVER,
    band,
    band_codes,
    codes_of,
    decide,
    decide_codes,
    learned_threshold,
    threshold_from_scores,
)
from tagcast.models.definitions.loader import parse_definition
from tagcast.models.definitions.model_tag import PrecisionRule, ProfitRule, TopShareRule
from tagcast.models.inference.attributions import contributions, explain
from tagcast.models.stats.metrics import auc
from tagcast.models.training import tag_kind
from tagcast.models.training.splits import Split
from tests.support.shop import CHURN
from tests.support.synthetic import HORIZON_DAYS, shoppers

pytestmark = pytest.mark.slow

DEFINITION = parse_definition(CHURN, "churn")
SPEC = "7,30;amount;"


def train(frame, split, **more):
    return tag_kind.train(DEFINITION, frame, split, feature_set=SPEC, **{"trials": 3, **more})


@pytest.fixture(scope="module")
def trained():
    frame, split, chance = shoppers()
    return frame, split, chance, train(frame, split)


def test_quality_is_near_what_can_be_known(trained) -> None:
    frame, split, chance, result = trained
    rows = frame.as_of == np.datetime64(split.test)
    best = auc(frame.y[rows], chance[rows])
    assert result.test["tagcast"]["auc"].value > best - 0.06
    assert result.test["tagcast"]["log_loss"].value < result.test["base_rate"]["log_loss"].value - 0.05
    assert result.candidates[result.chosen] <= min(result.candidates.values()) + 0.01
    assert any(str(note).startswith("chosen: ") for note in result.notes)
    assert result.differences["base_rate"]["log_loss"].high < 0


def test_longer_silence_never_lowers_churn_risk_on_average(trained) -> None:
    frame, _, _, result = trained
    X = frame.X.dropna().iloc[:300]
    risk = [result.model.predict(X.assign(recency_days=days)).score.mean() for days in (1, 10, 25, 50)]
    assert risk == sorted(risk)
    busier = [
        result.model.predict(X.assign(purchase_days_60d=n, spend_60d=n * 8.0)).score.mean()
        for n in (0, 2, 6, 15)
    ]
    assert busier == sorted(busier, reverse=True)


def test_same_bits_for_shuffled_rows_and_any_threads(trained) -> None:
    frame, split, _, result = trained
    order = np.random.default_rng(0).permutation(len(frame.y))
    shuffled = replace(
        frame, X=frame.X.iloc[order].reset_index(drop=True), y=frame.y[order], as_of=frame.as_of[order],
        profile_id=frame.profile_id[order], rfm=frame.rfm.iloc[order].reset_index(drop=True),
    )  # fmt: skip
    assert train(shuffled, split, threads=2).model.digest() == result.model.digest()


def test_a_stopped_study_goes_on_to_the_same_result(trained, tmp_path) -> None:
    frame, split, _, result = trained
    storage = f"sqlite:///{tmp_path / 'optuna.db'}"
    train(frame, split, trials=1, storage=storage)
    assert train(frame, split, trials=3, storage=storage).model.digest() == result.model.digest()


def test_a_bundle_comes_back_bit_for_bit_in_any_batch(trained, tmp_path) -> None:
    frame, _, _, result = trained
    result.model.save(tmp_path)
    loaded = TagModel.load(tmp_path)
    assert loaded.digest() == result.model.digest()
    X = frame.X.to_numpy()
    whole = loaded.predict(X)
    parts = [loaded.predict(X[start : start + 97]) for start in range(0, len(X), 97)]
    for place, name in enumerate(("score", "lower", "upper")):
        np.testing.assert_array_equal(whole[place], np.concatenate([p[place] for p in parts]), err_msg=name)
    raw = np.concatenate([loaded.raw(X[start : start + 97]) for start in range(0, len(X), 97)])
    np.testing.assert_array_equal(loaded.raw(X), raw)
    np.testing.assert_array_equal(whole.score, result.model.predict(frame.X[frame.X.columns[::-1]]).score)
    for file in tmp_path.iterdir():
        text = file.read_bytes()
        file.write_bytes(text[: len(text) // 2])
        with pytest.raises(ModelError, match=file.name):
            TagModel.load(tmp_path)
        file.unlink()
        with pytest.raises(ModelError, match=file.name):
            TagModel.load(tmp_path)
        file.write_bytes(text)


def test_reasons_add_up_and_name_what_moved_the_score(trained) -> None:
    frame, _, _, result = trained
    X = frame.X.iloc[:200]
    raw = result.model.raw(X)
    for exact in (True, False):
        moved = contributions(result.model, X, exact=exact).sum(axis=1)
        offsets = raw - moved
        assert np.ptp(offsets) < 1e-6, "contributions and a constant make the raw score"
        for row, reasons in zip(X.to_dict("records"), explain(result.model, X, exact=exact), strict=True):
            assert 1 <= len(reasons) <= 3
            sizes = [abs(size) for _, _, size in reasons]
            assert sizes == sorted(sizes, reverse=True)
            for name, value, _ in reasons:
                assert (value is None and pd.isna(row[name])) or value == row[name]


def test_too_few_cases_are_said_before_any_work() -> None:
    frame, split, _ = shoppers(profiles=60, snapshots=3)
    rare = replace(frame, y=np.where(np.arange(len(frame.y)) % 40 == 0, 1, 0).astype("int8"))
    with pytest.raises(ModelError, match="at least 20 of each") as error:
        train(rare, split)
    assert error.value.hint
    with pytest.raises(ModelError, match="0 true"):
        train(replace(frame, y=np.zeros_like(frame.y)), split)


def test_a_long_horizon_without_room_for_validation_says_so() -> None:
    frame, split, _ = shoppers(profiles=400, snapshots=2)
    result = train(frame, Split(split.snapshots, HORIZON_DAYS), trials=1)
    assert any("groups of profiles" in str(note) for note in result.notes)
    assert not result.out_of_time
    assert train(*shoppers(profiles=400, snapshots=5)[:2], trials=1).out_of_time


def test_the_rfm_ranking_stands_in_for_a_model_where_outcomes_are_few() -> None:
    frame, split, chance = shoppers(profiles=400, snapshots=3)
    least = np.sort(chance)[-int(0.09 * len(chance))]  # the likeliest few: some 35 a snapshot
    few = replace(frame, y=((chance >= least) & (frame.y == 1)).astype("int8"))
    before = np.isin(few.as_of, np.array(split.test_fold.train, "datetime64[D]"))
    few = replace(few, y=np.where(before & (np.cumsum(few.y * before) > 40), 0, few.y).astype("int8"))
    result = train(few, split)
    assert result.chosen == "rfm"
    assert not result.trials
    assert any("10 more" in str(note) and "RFM ranking stands in" in str(note) for note in result.notes)
    scored = result.model.predict(few.X)
    assert auc(few.y, scored.score) > 0.7
    assert ((scored.lower <= scored.score) & (scored.score <= scored.upper)).all()


def test_growing_features_are_left_out_where_nothing_can_judge_them() -> None:
    frame, split, _ = shoppers(profiles=400, snapshots=2)
    ever = frame.X["purchase_days_60d"] * (1 + (frame.as_of - frame.as_of.min()).astype(int) / 30)
    grown = replace(frame, X=frame.X.assign(purchase_days_all=ever), growing=frozenset({"purchase_days_all"}))
    result = train(grown, split, trials=1)
    place = result.model.features.index("purchase_days_all")
    assert place not in result.model.scorer.used_features
    assert any("grow with the calendar" in str(note) for note in result.notes)


@pytest.mark.parametrize(("shift", "used"), [(0.0, True), (2.0, False)])
def test_growing_features_are_left_out_where_validation_over_time_shows_that_they_hurt(shift, used) -> None:
    """The same signal, once as it is and once moved by the calendar: each month it means something else."""
    frame, split, chance = shoppers(profiles=400, snapshots=5)
    month = (frame.as_of - frame.as_of.min()).astype(int) / 30
    ever = np.log(chance / (1 - chance)) + shift * month
    grown = replace(frame, X=frame.X.assign(spend_all=ever), growing=frozenset({"spend_all"}))
    result = train(grown, split, trials=1)
    assert (result.model.features.index("spend_all") in result.model.scorer.used_features) is used
    verb = "uses" if used else "leaves out"
    assert sum(f"{verb} features that grow with the calendar" in str(note) for note in result.notes) == 2


def test_decisions() -> None:
    score = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.05])
    threshold = threshold_from_scores(TopShareRule(rule="top_share", share=0.3), score)
    assert (score >= threshold).sum() == 3
    profit = ProfitRule(rule="profit", benefit=10, cost=4, capacity=2)
    assert (score >= threshold_from_scores(profit, score)).sum() == 2
    free = ProfitRule(rule="profit", benefit=10, cost=4)
    found = learned_threshold(free, np.zeros(10, "int8"), score)
    assert found is not None
    assert (score >= found).sum() == 5
    value, confidence = decide(score, score - 0.05, score + 0.05, threshold=0.5, min_confidence=0.6)
    assert value.tolist() == ["yes"] * 3 + ["unknown"] * 3 + ["no"] * 4
    assert confidence[0] == pytest.approx(0.85)
    assert confidence[-1] == pytest.approx(0.9)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_bands_are_those_of_the_definition(scores) -> None:
    bands = DEFINITION.bands
    expected = [max((start, name) for name, start in bands.items() if start <= s)[1] for s in scores]
    assert band(np.array(scores), bands).tolist() == expected


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20), st.floats(0, 0.3), st.data())
def test_codes_are_places_of_the_words(scores, hysteresis, data) -> None:
    words = ("yes", "no", "unknown")
    score = np.array(scores)
    lower, upper = score * 0.9, np.minimum(1, score * 1.1)
    past = np.array(
        data.draw(st.lists(st.sampled_from([*words, None]), min_size=len(score), max_size=len(score))), object
    )
    assert codes_of(past).tolist() == [-1 if word is None else words.index(word) for word in past]
    asked = {"threshold": 0.5, "min_confidence": 0.4, "hysteresis": hysteresis}
    value, confidence = decide(score, lower, upper, past=past, **asked)
    codes, same = decide_codes(score, lower, upper, past=codes_of(past), **asked)
    assert [words[code] for code in codes] == value.tolist()
    assert same.tolist() == confidence.tolist()
    names = list(DEFINITION.bands)
    assert [names[code] for code in band_codes(score, DEFINITION.bands)] == band(
        score, DEFINITION.bands
    ).tolist()


def test_a_precision_cut_is_the_widest_that_met_the_bar() -> None:
    rng = np.random.default_rng(0)
    score = rng.random(2000)
    y = (rng.random(2000) < score).astype("int8")
    threshold = learned_threshold(PrecisionRule(rule="precision", precision=0.8), y, score)
    assert threshold is not None
    assert y[score >= threshold].mean() >= 0.8
    lower = score[score < threshold].max()
    assert all(y[score >= c].mean() < 0.8 for c in np.sort(score[score <= lower]))
    assert learned_threshold(PrecisionRule(rule="precision", precision=0.999), 1 - y, score) == NEVER
