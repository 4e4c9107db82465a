"""Definitions as written against what is active: what differs, what it would do, and how it is activated."""

from __future__ import annotations

import json
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from tagcast.features.core.errors import ConflictError, DefinitionError
from tagcast.models.definitions.diff import key_changes, overlaid
from tagcast.models.definitions.loader import parse_definition
from tagcast.models.filters.parser import parse
from tagcast.pipelines.cli.main import cli
from tagcast.pipelines.deployment.plan import apply_plan, make_plan
from tagcast.pipelines.project.project import Project
from tagcast.pipelines.scoring.score import score_tags
from tagcast.registry.access.audit_log import entries
from tagcast.registry.access.roles import Person
from tagcast.registry.governance.saved_audiences import SavedAudience, freeze, save
from tagcast.serving.audiences.queries import count
from tagcast.serving.context import ServiceContext
from tagcast.serving.filters.where import names_of
from tagcast.serving.store.reader_pool import RunReaderPool
from tests.support.champion import DAY, HELD, NOW, TAG, published, shop_with_champion
from tests.support.rule_tags import STAGE, shop_with_rules
from tests.support.shop import CHURN
from tests.support.stores import KINDS, make_store

pytestmark = pytest.mark.slow

LATER = NOW + timedelta(hours=1)
ANN = Person("ann", "owner")


@pytest.fixture
def shop(tmp_path):
    """A shop whose champion and whose rule are active as they are written."""
    workspace = shop_with_champion(tmp_path)
    for other in ("high_value", "interest"):
        (tmp_path / "tags" / f"{other}.yaml").unlink()
    write(workspace, "churn_risk", HELD)
    write(workspace, "stage", STAGE)
    score_tags(workspace, None, as_of=DAY, now=NOW)
    return workspace


def write(workspace: Project, name: str, text: str) -> None:
    (workspace.settings.tags_folder / f"{name}.yaml").write_text(text, encoding="utf-8")


def desk_of(workspace: Project) -> ServiceContext:
    return ServiceContext(workspace.settings, RunReaderPool(workspace.store), workspace.state, lambda: LATER)


def plan_of(workspace: Project):
    return make_plan(workspace, desk_of(workspace))


def saved(workspace: Project, name: str, text: str, kind: str = "dynamic") -> int:
    with workspace.store.reader() as reader:
        members = count(reader, text, LATER).members
        tree = parse(text, names_of(reader))
    audience = SavedAudience(name, "ann", "", text, kind, LATER, LATER, 1, members)
    save(workspace.state, audience, tree, ANN, LATER)
    return members


def second_person(workspace: Project) -> Project:
    review = workspace.settings.review.model_copy(update={"second_person": True})
    return Project(workspace.settings.model_copy(update={"review": review}))


def test_nothing_differs_where_nothing_was_written(shop) -> None:
    assert plan_of(shop).tags == ()
    with pytest.raises(ConflictError, match="nothing is to be activated"):
        apply_plan(shop, by="ann", reason="because", now=LATER)


def test_another_threshold_needs_no_training_and_its_sizes_are_those_of_the_next_run(shop) -> None:
    yes = saved(shop, "leaving", "churn_risk = 'yes'")
    unsure = saved(shop, "sure", "churn_risk.confidence >= 0.6 OR lifecycle_stage = 'new'")
    saved(shop, "new", "lifecycle_stage = 'new'")
    before = published(shop)
    write(shop, "churn_risk", HELD.replace("threshold: 0.5", "threshold: 0.8").replace("0.0\n", "0.3\n"))
    plan = plan_of(shop)
    (change,) = plan.tags
    assert (change.tag, change.change, change.train) == (TAG, "changed", False)
    assert {key.key for key in change.keys} == {"decision", "min_confidence"}
    assert change.says == {k: int(n) for k, n in before["value"].value_counts().items()}
    pd.testing.assert_frame_equal(published(shop), before)  # nothing is active yet
    score_tags(shop, None, as_of=DAY, now=LATER)
    pd.testing.assert_frame_equal(published(shop), before)

    done = apply_plan(shop, by="ann", reason="fewer letters", now=LATER)
    assert (done.applied, done.to_train) == ((TAG,), ())
    run = score_tags(shop, None, as_of=DAY, now=LATER, force_reason="a new threshold")
    after = published(shop)
    assert change.will_say == {k: int(n) for k, n in after["value"].value_counts().items()}
    assert change.will_say["yes"] < change.says["yes"]
    np.testing.assert_array_equal(after["score"], before["score"])
    sizes = {a.name: (a.members, a.will_have) for a in plan.audiences}
    with shop.store.reader() as reader:
        assert sizes == {
            "leaving": (yes, count(reader, "churn_risk = 'yes'", LATER).members),
            "sure": (
                unsure,
                count(reader, "churn_risk.confidence >= 0.6 OR lifecycle_stage = 'new'", LATER).members,
            ),
        }
    moved = {m.tag: m for m in run.moved}[TAG]
    assert (moved.by_data, moved.by_model) == (0.0, 0.0)
    assert moved.by_threshold == pytest.approx(moved.changed)
    assert plan_of(shop).tags == ()
    (line,) = entries(shop.state, action="definition.apply")
    assert (line.who, line.subject, line.detail["reason"]) == ("ann", TAG, "fewer letters")


def test_a_plan_that_leaves_nobody_a_yes_says_so(shop) -> None:
    write(shop, "churn_risk", HELD.replace("0.0\n", "0.9\n").replace("hysteresis: 0.1", "hysteresis: 0.05"))
    (change,) = plan_of(shop).tags
    words = ["tag", "plan", "--config", str(shop.settings.path), "--home", str(shop.settings.home)]
    printed = " ".join(CliRunner().invoke(cli, words).stdout.split())
    said = "churn_risk: nobody would get a yes; lower its threshold or min_confidence before you apply it"
    assert (said in printed) is not bool(change.will_say.get("yes"))


def test_a_changed_rule_waits_for_apply_and_is_counted_before(shop) -> None:
    saved(shop, "lapsed", "lifecycle_stage IN ('lapsed')")
    saved(shop, "without", "lifecycle_stage != 'lapsed'")
    text = STAGE.replace("> 45", "> 20")
    write(shop, "stage", text)
    assert {t.tag for t in score_tags(shop, None, as_of=DAY, now=LATER).moved if t.changed} == set()
    plan = plan_of(shop)
    (change,) = plan.tags
    assert [key.key for key in change.keys] == ["cases"]
    apply_plan(shop, by="ann", reason="we call it lapsed sooner", now=LATER)
    run = score_tags(shop, None, as_of=DAY, now=LATER, force_reason="a new rule")
    said = {t.tag: t.predicted for t in run.tags}["lifecycle_stage"]
    assert change.will_say == {value: n for value, n in said.items() if n}
    sizes = {a.name: a.will_have for a in plan.audiences}
    assert sizes == {"lapsed": said["lapsed"], "without": sum(said.values()) - said["lapsed"]}
    stage = {m.tag: m for m in run.moved}["lifecycle_stage"]
    assert stage.changed > 0
    assert stage.by_data is None


def test_what_needs_training_is_said_and_not_put_in_force(shop) -> None:
    write(
        shop,
        "churn_risk",
        HELD.replace("horizon_days: 30", "horizon_days: 40").replace("owner: tests", "owner: crm"),
    )
    (change,) = plan_of(shop).tags
    assert {key.key: key.retrain for key in change.keys} == {"owner": False, "outcome": True}
    assert change.train
    assert change.will_say is None
    done = apply_plan(shop, by="ann", reason="a new owner", now=LATER)
    assert (done.applied, done.to_train) == ((TAG,), (TAG,))
    score_tags(shop, None, as_of=DAY, now=LATER)
    (about,) = (t for t in shop.store.current().run.tags if t.tag == TAG)
    assert about.owner == "crm"
    (change,) = plan_of(shop).tags
    assert [key.key for key in change.keys] == ["outcome"]
    with pytest.raises(ConflictError, match="to be trained: churn_risk"):
        apply_plan(shop, by="ann", reason="again", now=LATER)


def test_new_and_removed_tags_are_told_with_the_audiences_that_break(shop) -> None:
    saved(shop, "new", "lifecycle_stage = 'new'")
    saved(shop, "kept", "lifecycle_stage = 'new'", "frozen")
    freeze(shop.state, "kept", ["c0001"])
    (shop.settings.tags_folder / "stage.yaml").unlink()
    write(shop, "quiet", STAGE.replace("lifecycle_stage", "quiet"))
    write(shop, "spend", CHURN.replace("churn_risk", "churn_soon"))
    plan = plan_of(shop)
    assert {(c.tag, c.change, c.train) for c in plan.tags} == {
        ("lifecycle_stage", "removed", False),
        ("quiet", "new", False),
        ("churn_soon", "new", True),
    }
    (broken,) = plan.audiences
    assert (broken.name, broken.will_have, str(broken.problem)) == ("new", None, "names lifecycle_stage")
    apply_plan(shop, by="ann", reason="another name", now=LATER)
    run = score_tags(shop, None, as_of=DAY, now=LATER)
    assert {t.tag for t in run.tags} == {TAG, "quiet"}
    assert {c.tag for c in plan_of(shop).tags} == {"churn_soon"}


def test_a_second_person_puts_in_force_what_the_first_proposed(shop) -> None:
    shop = second_person(shop)
    write(shop, "churn_risk", HELD.replace("threshold: 0.5", "threshold: 0.8"))
    assert apply_plan(shop, by="ann", reason="fewer letters", now=LATER).proposed == (TAG,)
    (change,) = plan_of(shop).tags
    assert change.proposed_by == "ann"
    with pytest.raises(ConflictError, match="ann proposed this already"):
        apply_plan(shop, by="ann", reason="now then", now=LATER)
    write(shop, "churn_risk", HELD.replace("threshold: 0.5", "threshold: 0.7"))
    assert apply_plan(shop, by="bo", reason="another one", now=LATER).proposed == (TAG,)
    assert apply_plan(shop, by="ann", reason="agreed", now=LATER).applied == (TAG,)
    assert plan_of(shop).tags == ()
    found = [(e.who, e.action) for e in entries(shop.state, subject=TAG)]
    assert found == [("ann", "definition.apply"), ("bo", "definition.propose"), ("ann", "definition.propose")]


def test_a_broken_rule_is_refused_before_it_is_in_force(shop) -> None:
    write(shop, "stage", STAGE.replace("recency_days > 45", "recency > 45"))
    with pytest.raises(DefinitionError, match="unknown field 'recency'"):
        plan_of(shop)
    with pytest.raises(DefinitionError, match="unknown field 'recency'"):
        apply_plan(shop, by="ann", reason="because", now=LATER)


def test_a_rule_takes_over_from_a_model_by_apply_alone(shop) -> None:
    write(shop, "churn_risk", STAGE.replace("lifecycle_stage", TAG))
    score_tags(shop, None, as_of=DAY, now=LATER)
    assert {t.tag: t.kind for t in shop.store.current().run.tags}[TAG] == "model"
    alone = score_tags(shop, [TAG], as_of=DAY, now=LATER, force_reason="alone")
    assert [(t.tag, t.kind) for t in alone.tags] == [(TAG, "model")]
    score_tags(shop, None, as_of=DAY, now=LATER)
    (change,) = plan_of(shop).tags
    assert [(key.key, key.was, key.now) for key in change.keys] == [("kind", "model", "rule")]
    assert set(change.will_say) == {"new", "lapsed", "returning"}
    apply_plan(shop, by="ann", reason="simpler", now=LATER)
    run = score_tags(shop, None, as_of=DAY, now=LATER)
    assert {t.tag: t.kind for t in run.tags}[TAG] == "rule"


@pytest.mark.parametrize(
    ("change", "key", "retrain"),
    [
        (("threshold, threshold: 0.5", "profit, benefit: 10, cost: 2"), "decision", False),
        (("threshold, threshold: 0.5", "top_share, share: 0.1"), "decision", False),
        (("threshold, threshold: 0.5", "precision, precision: 0.9"), "decision", True),
        (("owner: tests", "owner: tests\nbands: {low: 0, high: 0.5}"), "bands", False),
        (("Churn risk", "Leaving"), "title", False),
        (("owner: tests", "owner: tests\nsensitivity: sensitive"), "sensitivity", False),
        (("active_within_days: 60", "active_within_days: 90"), "population", True),
        (("feature_service: churn", "feature_service: value"), "feature_service", True),
        (("min_history_days: 60", "min_history_days: 90"), "snapshots", True),
    ],
)
def test_which_keys_need_training(change, key, retrain) -> None:
    asked = CHURN + "min_confidence: 0.5\n"
    was, now = (parse_definition(text, "churn") for text in (asked, asked.replace(*change)))
    (found,) = key_changes(was, now)
    assert (found.key, found.retrain) == (key, retrain)
    whole = overlaid(was, now)
    assert getattr(whole, key) == getattr(was if retrain else now, key)


def test_a_rule_that_asks_for_no_confidence_brings_its_default_along() -> None:
    was, now = (
        parse_definition(text, "churn")
        for text in (CHURN, CHURN.replace("threshold, threshold: 0.5", "top_share, share: 0.1"))
    )
    assert {(c.key, c.was, c.now) for c in key_changes(was, now) if c.key != "decision"} == {
        ("min_confidence", 0.5, 0.0)
    }


def test_the_commands_print_and_answer_in_json(shop) -> None:
    saved(shop, "leaving", "churn_risk = 'yes'")
    write(shop, "churn_risk", HELD.replace("threshold: 0.5", "threshold: 0.8"))
    where = ["--config", str(shop.settings.path), "--home", str(shop.settings.home)]
    printed = CliRunner().invoke(cli, ["tag", "plan", *where])
    assert printed.exit_code == 0, printed.output
    for word in ("churn_risk", "decision", "threshold:", "0.8", "leaving", "tagcast tag apply"):
        assert word in printed.output
    result = CliRunner().invoke(cli, ["tag", "plan", "--json", *where])
    found = json.loads(result.stdout)
    assert found["tags"][0]["will_say"]["yes"] < found["tags"][0]["says"]["yes"]
    done = CliRunner().invoke(cli, ["tag", "apply", "--reason", "fewer letters", *where])
    assert done.exit_code == 0
    assert "active: churn_risk" in done.output
    again = CliRunner().invoke(cli, ["tag", "apply", "--reason", "fewer letters", *where])
    assert again.exit_code == ConflictError.exit_code
    assert "nothing differs" in CliRunner().invoke(cli, ["tag", "plan", *where]).output


@pytest.mark.parametrize("kind", KINDS)
def test_sizes_are_counted_on_both_stores(tmp_path, kind) -> None:
    workspace = shop_with_rules(tmp_path, customers=120)
    workspace.__dict__["store"] = make_store(kind, tmp_path)
    score_tags(workspace, None, as_of=DAY, now=NOW)
    text = "lifecycle_stage = 'lapsed' AND NOT (city = 'Oslo') OR bought.tea.band = 'yes' AND age BETWEEN 20 AND 60"
    before = saved(workspace, "mixed", text)
    write(workspace, "stage", STAGE.replace("> 45", "> 20"))
    (found,) = plan_of(workspace).audiences
    apply_plan(workspace, by="ann", reason="sooner", now=LATER)
    score_tags(workspace, None, as_of=DAY, now=LATER, force_reason="a new rule")
    with workspace.store.reader() as reader:
        after = count(reader, text, LATER).members
    assert (found.members, found.will_have) == (before, after)
    assert before != after
