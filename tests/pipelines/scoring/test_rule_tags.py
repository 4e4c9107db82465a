"""Rule tags: what may be written, what they say counted again, and a run that holds nothing else."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagcast.features.catalog.feature_set import FeatureSet
from tagcast.features.core.errors import DefinitionError
from tagcast.models.definitions.loader import parse_definition
from tagcast.models.definitions.rule_tag import Rule, resolve, rule_names
from tagcast.models.filters.conditions import Filter
from tagcast.models.filters.names import Names
from tagcast.models.filters.parser import parse
from tagcast.models.inference.rule_evaluator import RuleEvaluator, term_words, truth
from tagcast.pipelines.deployment.plan import apply_plan
from tagcast.pipelines.profiles import look_up
from tagcast.pipelines.project.project import open_project
from tagcast.pipelines.scoring.score import score_tags
from tagcast.pipelines.training.readiness import check_project
from tagcast.registry.access.roles import Person
from tagcast.serving.audiences.queries import count
from tagcast.serving.filters.filter_sql import condition
from tagcast.serving.store.long_form import predictions
from tagcast.serving.store.reader_pool import whole
from tagcast.serving.store.schema import RunInfo
from tests.support.champion import DAY, NOW, shop_with_champion
from tests.support.rule_tags import QUIET, STAGE, shop_with_rules
from tests.support.shop import shop_lines
from tests.support.stores import KINDS, make_store

pytestmark = pytest.mark.slow
ANN = Person("ann", "owner")

EXAMPLE = Path(__file__).parents[3] / "examples" / "cart" / "tagcast.toml"


@pytest.fixture(scope="module", params=KINDS)
def published(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("rules")
    workspace = shop_with_rules(folder)
    workspace.__dict__["store"] = make_store(request.param, folder)
    run = score_tags(workspace, None, as_of=DAY, now=NOW)
    return workspace, run


def said(workspace, tag: str) -> pd.DataFrame:
    with workspace.store.reader() as reader:
        return predictions(reader, tag).to_pandas().set_index("profile_id")


def counted_again(folder) -> pd.DataFrame:
    """Facts of every customer known before DAY, from the raw lines alone."""
    lines = pd.read_parquet(folder / "lines.parquet")
    lines = lines[lines["at"] < pd.Timestamp(DAY)]
    days = (pd.Timestamp(DAY) - lines["at"].dt.normalize()).dt.days
    whose = lines.assign(days=days)
    facts = whose.groupby("customer")["days"].agg(recency="min", tenure="max")
    for kind in ("tea", "coffee"):
        facts[kind] = whose[whose["kind"] == kind].groupby("customer")["days"].min()
    people = pd.read_csv(folder / "customers.csv").set_index("customer")
    return facts.join(people)


def test_stages_are_what_the_raw_events_say(published) -> None:
    workspace, _ = published
    facts = counted_again(workspace.settings.tags_folder.parent)
    wanted = np.select([facts["tenure"] <= 150, facts["recency"] > 45], ["new", "lapsed"], "returning")
    found = said(workspace, "lifecycle_stage").loc[facts.index]
    np.testing.assert_array_equal(found["value"], wanted)
    np.testing.assert_array_equal(found["band"], wanted)
    assert set(wanted) == {"new", "lapsed", "returning"}
    assert (found[["score", "lower", "upper", "confidence"]] == 1).all(axis=None)


@pytest.mark.parametrize("kind", ["tea", "coffee"])
def test_a_family_speaks_of_its_own_category_and_of_attributes(published, kind) -> None:
    workspace, _ = published
    facts = counted_again(workspace.settings.tags_folder.parent)
    facts = facts[facts["recency"] <= 60]
    yes = (facts[kind] <= 30) & facts["city"].isin(["Oslo", "Bergen"])
    found = said(workspace, f"bought.{kind}")
    assert set(found.index) == set(facts.index)
    np.testing.assert_array_equal(found.loc[facts.index, "value"] == "yes", yes)
    np.testing.assert_array_equal(found.loc[facts.index, "score"], yes.astype(float))
    assert (found["confidence"] == 1).all()
    assert 0 < yes.sum() < len(facts)


def test_without_otherwise_nothing_is_said_where_no_case_holds(published) -> None:
    workspace, run = published
    facts = counted_again(workspace.settings.tags_folder.parent)
    long, short = facts["recency"] > 90, (facts["recency"] > 60) & (facts["age"] >= 40)
    found = said(workspace, "quiet")
    assert set(found.index) == set(facts[long | short].index)
    assert (found["value"] == "long").sum() == long.sum()
    about = {tag.tag: tag for tag in run.tags}["quiet"]
    assert about.population == (long | short).sum()
    assert (about.unknown, about.version, about.mean_confidence, about.kind) == (0, "", 1.0, "rule")


def test_the_manifest_says_what_kind_each_tag_is(published) -> None:
    workspace, _ = published
    run = workspace.store.current().run
    assert {t.tag: t.kind for t in run.tags} == dict.fromkeys(
        ("lifecycle_stage", "bought.tea", "bought.coffee", "quiet"), "rule"
    )
    assert not run.amounts
    assert RunInfo.from_json(run.to_json()) == run
    about = {tag.tag: tag for tag in run.tags}
    assert about["lifecycle_stage"].values == about["lifecycle_stage"].bands == ("new", "lapsed", "returning")
    assert about["bought.tea"].values == ("yes", "no")
    assert about["quiet"].sensitivity == "sensitive"


def test_rules_can_be_filtered_like_any_tag(published) -> None:
    workspace, _ = published
    found = said(workspace, "lifecycle_stage")
    with workspace.store.reader() as reader:
        sized = count(reader, "lifecycle_stage = 'lapsed' AND lifecycle_stage.confidence >= 0.9", NOW)
    assert sized.members == (found["value"] == "lapsed").sum()
    assert sized.mean_confidence == {"lifecycle_stage": 1.0}


def test_a_profile_is_told_the_terms_that_decided(published) -> None:
    workspace, _ = published
    facts = counted_again(workspace.settings.tags_folder.parent)
    who = facts[(facts["tea"] > 30) & (facts["recency"] <= 60) & (facts["city"] == "Oslo")].index[0]
    tags = {p["tag"]: p for p in look_up(workspace, ANN, who, NOW, whole)["predictions"]}
    (reason,) = tags["bought.tea"]["reasons"]  # the city held: it is not why the answer is no
    assert reason["feature"] == "category_recency_days <= 30"
    assert reason["value"] == facts.loc[who, "tea"]
    assert (reason["direction"], reason["contribution"]) == ("does not hold", -1.0)
    assert reason["title"]["en"] == "days since the last purchase in the category <= 30"
    assert tags["bought.tea"]["reasons_method"] == "rule"
    yes = facts[(facts["tea"] <= 30) & (facts["city"] == "Oslo")].index[0]
    shown = look_up(workspace, ANN, yes, NOW, whole)["predictions"]
    reasons = {p["tag"]: p for p in shown}["bought.tea"]["reasons"]
    assert [(r["feature"], r["value"]) for r in reasons] == [
        ("category_recency_days <= 30", facts.loc[yes, "tea"]),
        ("city IN ('Oslo', 'Bergen')", None),
    ]
    assert {r["direction"] for r in reasons} == {"holds"}


def test_terms_read_in_both_languages() -> None:
    titles = FeatureSet((30,), ()).titles()
    assert term_words("recency_days <= 30", titles)["zh"] == "距上次购买天数 <= 30"
    assert term_words("city = 'Oslo'", titles)["en"] == "city = 'Oslo'"


def test_a_second_run_tells_who_moved_and_a_changed_rule_is_no_new_data(tmp_path) -> None:
    workspace = shop_with_rules(tmp_path, customers=80)
    score_tags(workspace, None, as_of=DAY - timedelta(days=20), now=NOW)
    moved = {m.tag: m for m in score_tags(workspace, None, as_of=DAY, now=NOW).moved}
    stage = moved["lifecycle_stage"]
    assert stage.changed > 0
    assert (stage.by_data, stage.by_model, stage.by_threshold) == (stage.changed, 0.0, 0.0)
    file = tmp_path / "tags" / "stage.yaml"
    file.write_text(STAGE.replace("> 45", "> 20"), encoding="utf-8")
    apply_plan(workspace, by="tests", reason="we call it lapsed sooner", now=NOW)
    stage = {m.tag: m for m in score_tags(workspace, None, as_of=DAY, now=NOW).moved}["lifecycle_stage"]
    assert stage.changed > 0
    assert (stage.by_data, stage.by_model) == (None, None)


def test_models_and_rules_share_a_run_and_names_choose_among_both(tmp_path) -> None:
    workspace = shop_with_champion(tmp_path)
    (tmp_path / "tags" / "stage.yaml").write_text(STAGE, encoding="utf-8")
    run = score_tags(workspace, None, as_of=DAY, now=NOW)
    assert {t.tag: t.kind for t in run.tags} == {"churn_risk": "model", "lifecycle_stage": "rule"}
    alone = score_tags(workspace, ["lifecycle_stage"], as_of=DAY, now=NOW, force_reason="alone")
    assert [t.tag for t in alone.tags] == ["lifecycle_stage"]
    both = score_tags(workspace, ["churn_risk", "lifecycle_stage"], as_of=DAY, now=NOW)
    assert both.run_id == run.run_id != alone.run_id
    with pytest.raises(DefinitionError, match="lifecycle_stag") as wrong:
        score_tags(workspace, ["lifecycle_stag"], as_of=DAY, now=NOW)
    assert "did you mean 'lifecycle_stage'" in str(wrong.value.hint)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("recency_days > 45", "recency > 45"), "cases.lapsed: unknown field 'recency'"),
        (("recency_days > 45", "category_recency_days > 45"), "unknown field"),
        (("recency_days > 45", "city > 45"), "compared with = and != only"),
        (("recency_days > 45", "recency_days > 45 AND"), "cases.lapsed: expected the name"),
        (("recency_days > 45", "IN AUDIENCE 'loyal'"), "there is no audience"),
        (("otherwise: returning", "rule: recency_days > 4"), "either rule"),
        (("otherwise: returning", 'otherwise: "Not Named"'), "a case's name"),
        (("  new:", "  unknown:"), "a case's name"),
        (("name: lifecycle_stage", 'name: "stage.{category}"'), "go together"),
        (("kind: rule", "kind: rule\npopulation: {not_bought_within_days: 9}"), "needs category"),
    ],
)
def test_what_is_wrong_with_a_rule_is_said(change, message) -> None:
    names = rule_names(FeatureSet((7, 30), ("amount",)), {"city": "text"}, entity=None)
    with pytest.raises(DefinitionError) as wrong:
        resolve(parse_definition(STAGE.replace(*change), "stage.yaml"), names)
    assert message in str(wrong.value.message)
    assert wrong.value.hint


NUMBERS, TEXTS = ("a", "b"), ("city", "loyal")
LEAVES = st.one_of(
    st.builds(
        "{} {} {}".format,
        st.sampled_from(NUMBERS),
        st.sampled_from(["=", "!=", "<", "<=", ">", ">="]),
        st.integers(-2, 2),
    ),
    st.sampled_from(
        [
            "a IN (0, 1)",
            "NOT b IN (2)",
            "a BETWEEN -1 AND 1",
            "b IS NULL",
            "a IS NOT NULL",
            "city = 'Oslo'",
            "city != 'Oslo'",
            "city IN ('Oslo', '大城')",
            "city NOT IN ('大城')",
            "city IS NULL",
            "loyal = TRUE",
            "loyal != TRUE",
            "loyal IS NOT NULL",
        ]
    ),
)
RULES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        inner.map("NOT ({})".format),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: "(" + ") AND (".join(parts) + ")"),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: "(" + ") OR (".join(parts) + ")"),
    ),
    max_leaves=8,
)
FIELDS = Names({}, {"a": "number", "b": "number", "city": "text", "loyal": "boolean"})


def drawn(rows: int = 300) -> pa.Table:
    rng = np.random.default_rng(3)
    pick = partial(rng.choice, size=rows)
    numbers = [None, -2.0, -1.0, 0.0, 0.5, 1.0, 2.0]
    return pa.table(
        {
            "a": pa.array(pick(np.array(numbers, object)), pa.float64()),
            "b": pa.array(pick(np.array(numbers, object)), pa.float64()),
            "city": pa.array(pick(np.array([None, "Oslo", "Bergen", "大城"], object)), pa.string()),
            "loyal": pa.array(pick(np.array([None, True, False], object)), pa.bool_()),
        }
    )


TABLE = drawn()


def evaluated(tree: Filter):
    rule = RuleEvaluator(Rule(parse_definition(STAGE, "stage"), {"new": tree}))
    columns = {
        name: column.to_numpy() if pa.types.is_floating(column.type) else column.combine_chunks()
        for name, column in zip(TABLE.column_names, TABLE.columns, strict=True)
    }
    return rule, rule(columns, TABLE.num_rows)


@given(text=RULES)
@settings(max_examples=250, deadline=None)
def test_a_rule_holds_where_the_same_filter_holds_in_sql(text) -> None:
    tree = parse(text, FIELDS)
    rule, answer = evaluated(tree)
    where = condition(tree, expires_at={}, now=datetime(2024, 1, 1, tzinfo=UTC)).sql("duckdb")
    with duckdb.connect() as connection:
        connection.register("profiles", TABLE)
        rows = connection.execute(f"SELECT {where} FROM profiles").fetchall()
    np.testing.assert_array_equal(answer.value == 0, [holds is True for (holds,) in rows])
    # Every value has a reason, and the decisive terms suffice: the others may be turned over at will.
    assert answer.decisive.any(axis=1).all()
    turned = RuleEvaluator(rule.rule)
    rng = np.random.default_rng(0)
    other = np.where(answer.decisive, answer.held, rng.random(answer.held.shape) < 0.5)
    np.testing.assert_array_equal(
        truth(tree.root, lambda leaf: other[:, turned.words.index(leaf.text())]), answer.value == 0
    )


def test_the_lines_of_the_shop_reach_beyond_the_day() -> None:
    assert shop_lines()["at"].max() > pd.Timestamp(DAY) > pd.Timestamp(date(2024, 3, 1))


def test_the_example_of_carts_runs_as_it_is(tmp_path, monkeypatch) -> None:
    days = pd.date_range("2024-01-01", periods=60, tz="Europe/Oslo").strftime("%Y-%m-%d 12:00")
    orders = [("a", days[0], "1", 10), ("b", days[58], "2", 20), ("c", days[30], "3", 5)]
    carts = [("a", days[57]), ("b", days[56]), ("c", days[2]), ("d", days[59])]
    pd.DataFrame(orders, columns=["customer", "at", "order", "amount"]).to_csv(tmp_path / "orders.csv")
    pd.DataFrame(carts, columns=["customer", "at"]).to_csv(tmp_path / "carts.csv")
    monkeypatch.setenv("TAGCAST_DATA", str(tmp_path))
    workspace = open_project(EXAMPLE, tmp_path / "home")
    score_tags(workspace, None, as_of=None, now=NOW)
    found = said(workspace, "cart_without_payment")["value"].to_dict()
    assert found == {"a": "yes", "b": "no", "c": "no", "d": "yes"}


def test_check_says_whether_a_rule_is_ready(tmp_path) -> None:
    workspace = shop_with_rules(tmp_path, customers=40)
    file = tmp_path / "tags" / "quiet.yaml"
    file.write_text(QUIET.replace("age", "aged"), encoding="utf-8")
    found = {tag.tag: tag for tag in check_project(workspace, None).tags}
    assert {found[t].level for t in ("lifecycle_stage", "bought.tea")} == {"ok"}
    assert (found["quiet"].level, found["quiet"].kind) == ("error", "rule")
    assert "'age'" in str(found["quiet"].hint)
