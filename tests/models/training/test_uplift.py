"""Training of uplift tags: planted effects are found in sign and size, none is found where there is none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tagcast.features.core.errors import ModelError
from tagcast.models.artifacts.loader import load_bundle
from tagcast.models.definitions.learned_from import Treatment
from tagcast.models.evaluation.random_floors import audience_floors
from tagcast.models.inference.single_model import predictions
from tagcast.models.training.tag_kind import train
from tagcast.models.training.uplift.arms import Arms
from tagcast.models.training.uplift.balance import balance
from tagcast.pipelines.evidence.findings import evidence_of
from tagcast.registry.gates.gate_kinds import GATE_KINDS
from tests.support.experiments.planted import DEFINITION, NOT_AT_RANDOM, SPEC, experiment, planted


def trained(frame, split, definition=DEFINITION):
    return train(definition, frame, split, feature_set=SPEC)


def failed(result) -> dict[str, str]:
    evidence = evidence_of(result)
    checks = [check(evidence) for check in GATE_KINDS["uplift"].honest]
    return {check.name: str(check.text) for check in checks if check.outcome == "fail"}


@pytest.fixture(scope="module")
def found():
    return trained(*experiment())


def test_a_planted_effect_is_recovered_in_sign_and_size(found) -> None:
    X, _, _, effect = planted(20_000, 0.3, seed=7)
    said = predictions(found.model, X)
    assert said["score"].mean() == pytest.approx(effect.mean(), abs=0.05)
    assert np.corrcoef(said["score"], effect)[0, 1] > 0.8
    assert np.polyfit(said["score"], effect, 1)[0] == pytest.approx(1.0, abs=0.35)
    assert not failed(found)
    assert (said.loc[effect > 0.2, "value"] == "persuadable").mean() > 0.9


def test_the_mean_lower_bound_of_an_audience_is_a_floor_on_its_measured_effect(found) -> None:
    X, treated, y, _ = planted(20_000, 0.3, seed=8)
    said = predictions(found.model, X)
    rank = 100 * said["score"].rank(pct=True).to_numpy()
    columns = (said[name].to_numpy() for name in ("value", "confidence"))
    judged = audience_floors(X, None, *columns, rank, said["lower"].to_numpy(), y, treated, audiences=100)
    assert len(judged) == 100
    assert sum(one.broken for one in judged) <= 5
    # A floor that holds because it promises next to nothing would be none.
    assert np.mean([one.floor for one in judged]) > 0.4 * np.mean([one.effect for one in judged])


def test_where_people_do_not_differ_the_gate_says_what_to_do_instead() -> None:
    frame, split = experiment(gain=0.0, seed=3)
    rng = np.random.default_rng(1003)
    y = rng.random(len(frame.y)) < 0.2 + 0.1 * frame.treated  # the same for all
    why = failed(trained(replace(frame, y=y.astype(np.int8)), split))
    assert set(why) & {"people_differ", "worth_ranking"}
    text = " ".join(why.values())
    assert "no difference between people" in text
    assert "approach all or none, +" in text


def test_the_order_of_rows_changes_no_bit(found) -> None:
    frame, split = experiment()
    order = np.random.default_rng(5).permutation(len(frame.y))
    mixed = replace(
        frame,
        X=frame.X.iloc[order],
        rfm=frame.rfm.iloc[order],
        **{
            name: getattr(frame, name)[order]
            for name in ("y", "as_of", "profile_id", "treated", "propensity")
        },
    )
    assert trained(mixed, split).model.digest() == found.model.digest()


def test_a_bundle_read_again_answers_alike(found, tmp_path) -> None:
    found.model.save(tmp_path)
    again = load_bundle(tmp_path)
    assert {f.suffix for f in tmp_path.iterdir()} <= {".json", ".txt"}
    X = planted(50, 0.3, seed=9)[0]
    X.iloc[0, 0] = np.nan
    for mine, other in zip(found.model.predict(X), again.predict(X), strict=True):
        assert np.array_equal(mine, other)


def test_who_was_approached_by_choice_is_made_comparable_by_a_model_of_it() -> None:
    frame, split = experiment(4000, seed=1, chosen=True)
    seen = frame.y[frame.treated == 1].mean() - frame.y[frame.treated == 0].mean()
    truth = planted(4000, 0.3, 1, chosen=True)[3].mean()
    result = trained(frame, split, NOT_AT_RANDOM)
    effect = result.test["tagcast"]["effect"]
    assert abs(effect.value - truth) < abs(seen - truth) / 2
    assert effect.low < truth < effect.high
    # The same rows, said to be drawn at random: features tell the arms apart.
    at_random = replace(frame, propensity=np.full(len(frame.y), frame.treated.mean()))
    assert "arms_alike" in failed(trained(at_random, split))


def test_members_lost_on_one_side_of_one_campaign_show_though_others_are_whole() -> None:
    rng, drawn = np.random.default_rng(3), np.repeat([0.5, 0.9], 1000)
    treated = (np.arange(2000) % 10 < 10 * drawn).astype(np.int8)
    y, X = (rng.random(2000) < 0.3).astype(np.int8), rng.normal(size=(2000, 1))
    whole = Arms(X, y, treated, drawn, np.arange(2000) % 5)
    own = Treatment(campaigns=("letter", "call"))
    assert balance(whole, own, rng)["sample_ratio"].value == 1.0
    lost = whole.only((drawn == 0.5) | (treated == 1) | (np.arange(2000) % 20 != 9))
    assert balance(lost, own, rng)["sample_ratio"].value < 0.001
    of_events = Treatment(approached="event = 'mail'", control="event = 'none'")
    assert "sample_ratio" not in balance(lost, of_events, rng), "nobody said which share was meant"


def test_where_nobody_can_be_compared_nothing_is_learned() -> None:
    frame, split = experiment(2000, seed=2, chosen=True)
    always = (frame.X["spend"] > 20).to_numpy()
    sent = np.where(always, np.random.default_rng(0).random(2000) < 0.995, frame.treated == 1)
    with pytest.raises(ModelError, match="nobody to compare them with"):
        trained(replace(frame, treated=sent.astype(np.int8)), split, NOT_AT_RANDOM)


def test_an_arm_without_outcomes_is_an_error_that_names_it() -> None:
    frame, split = experiment(800, seed=4)
    none = np.where(frame.treated == 1, 0, frame.y).astype(np.int8)
    with pytest.raises(ModelError, match="0 true and .* false outcomes among .* rows of one arm"):
        trained(replace(frame, y=none), split)


def test_no_nuisance_model_sees_the_group_that_it_is_asked_about() -> None:
    X, treated, y, _ = planted(600, 0.2, seed=11)
    group = np.arange(600) % 5
    before = Arms(X.to_numpy(), y, treated, np.full(600, 0.5), group).effects()
    other = np.where((group == 0) & (np.arange(600) > 300), 1 - y, y).astype(np.int8)
    after = Arms(X.to_numpy(), other, treated, np.full(600, 0.5), group).effects()
    same = (group == 0) & (other == y)
    assert np.array_equal(before[same], after[same])
    assert not np.array_equal(before[group == 1], after[group == 1])
