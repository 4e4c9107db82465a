"""Tag definitions: what may be written, and what is said when it is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from tagcast.features.core.errors import DefinitionError
from tagcast.models.definitions.loader import (
    SCHEMA_FILE,
    load_definitions,
    parse_definition,
    schema_text,
    select,
)
from tests.support.shop import AMOUNT, CHURN, INTEREST

ROOT = Path(__file__).parents[3]
FOLDERS = [ROOT / "models" / "tags", *sorted((ROOT / "examples").glob("*/tags"))]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda p: p.parent.name)
def test_shipped_definitions_are_valid_by_model_and_by_schema(folder) -> None:
    validator = Draft202012Validator(json.loads(schema_text()))
    assert load_definitions(folder)
    for file in folder.glob("*.yaml"):
        validator.validate(
            json.loads(json.dumps(yaml.safe_load(file.read_text(encoding="utf-8")), default=str))
        )


def test_the_published_schema_is_current() -> None:
    assert SCHEMA_FILE.read_text(encoding="utf-8") == schema_text(), (
        "renew it: python -m tagcast.models.definitions.loader"
    )


def test_a_family_expands_with_its_category_everywhere() -> None:
    family = parse_definition(INTEREST, "interest.yaml")
    tag = family.expand(["FRZN ICE/CREAM", "茶"])[0]
    assert tag.name == "interest.frzn_ice_cream"
    assert tag.title.en == "Interest in FRZN ICE/CREAM"
    assert tag.outcome.category == "FRZN ICE/CREAM"
    assert family.expand(["茶"])[0].name == "interest.茶"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("horizon_days: 30", "horizon_days: -30"), "outcome.no_event.horizon_days"),
        (("kind: no_event", "kind: never"), "never"),
        (("name: churn_risk", "name: Churn Risk"), "lower-case"),
        (("owner: tests", "owner: tests\nbandz: 1"), "bandz"),
        (("threshold: 0.5", "threshold: 5"), "decision.threshold"),
        (
            ("rule: threshold, threshold: 0.5", "rule: profit, benefit: 5, cost: 5"),
            "cost has to be below benefit, both for one person, or nobody is worth asking; found cost 5 and benefit 5",
        ),
        (("path: [Lifecycle, Retention]", "path: [Lifecycle]"), "path"),
        (
            ("population: {active_within_days: 60}", "population: {not_bought_within_days: 60}"),
            "outcome.category",
        ),
        (("owner: tests", "owner: [tests"), "YAML"),
        (("owner: tests", "owner: tests\nbands: {low: 0.1, high: 0.5}"), "bands start at 0, each"),
    ],
)
def test_a_wrong_definition_is_named(change, said) -> None:
    with pytest.raises(DefinitionError) as error:
        parse_definition(CHURN.replace(*change), "churn.yaml")
    assert "churn.yaml" in str(error.value)
    assert said in str(error.value)


def test_an_unknown_tag_gets_a_suggestion() -> None:
    tags = [
        *parse_definition(CHURN, "a").expand([]),
        *parse_definition(INTEREST, "b").expand(["tea", "coffee"]),
    ]
    assert [t.name for t in select(tags, ["interest"])] == ["interest.tea", "interest.coffee"]
    with pytest.raises(DefinitionError, match="did you mean 'churn_risk'"):
        select(tags, ["chrun_risk"])


def test_an_amount_says_its_tiers() -> None:
    tag = parse_definition(AMOUNT, "spend.yaml")
    assert tag.kind == "amount"
    assert tag.decision.rule == "tier"
    assert tag.values == ("low", "medium", "high")
    assert tag.levels == {"low": 0, "medium": 20, "high": 60}
    again = type(tag).model_validate(json.loads(json.dumps(tag.model_dump(mode="json"), sort_keys=True)))
    assert again == tag
    assert again.values == tag.values, "the order of tiers is that of their amounts"
    Draft202012Validator(json.loads(schema_text())).validate(yaml.safe_load(AMOUNT))


def test_a_yes_or_no_keeps_its_values() -> None:
    churn = parse_definition(CHURN, "churn.yaml")
    assert churn.kind == "model"
    assert churn.values == ("yes", "no")
    assert churn.levels == churn.bands


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("low: 0", "low: 1"), "tiers start at 0"),
        (("medium: 20", "medium: 60"), "each at another amount"),
        (("medium: 20", "medium: .inf"), "each at another amount"),
        (("medium: 20", "unknown: 20"), "none of yes, no, unknown"),
        (("medium: 20", "Medium: 20"), "lower-case"),
        (("{low: 0, medium: 20, high: 60}", "{low: 0}"), "at least 2"),
        (("owner: tests", "owner: tests\nbands: {low: 0, high: 0.5}"), "outcome.tiers are its levels"),
        (("owner: tests", "owner: tests\nhysteresis: 0.1"), "hysteresis has to be 0"),
        (("owner: tests", "owner: tests\ndecision: {rule: threshold, threshold: 0.5}"), "go together"),
    ],
)
def test_a_wrong_amount_is_named(change, said) -> None:
    assert AMOUNT.replace(*change) != AMOUNT
    with pytest.raises(DefinitionError) as error:
        parse_definition(AMOUNT.replace(*change), "spend.yaml")
    assert said in str(error.value)


def test_only_an_amount_may_leave_out_its_decision() -> None:
    with pytest.raises(DefinitionError, match="decision"):
        parse_definition(CHURN.replace("decision: {rule: threshold, threshold: 0.5}\n", ""), "churn.yaml")
    with pytest.raises(DefinitionError, match="go together"):
        parse_definition(CHURN.replace("{rule: threshold, threshold: 0.5}", "{rule: tier}"), "churn.yaml")
    validator = Draft202012Validator(json.loads(schema_text()))
    raw = yaml.safe_load(CHURN)
    del raw["decision"]
    assert not validator.is_valid(raw)


@pytest.mark.parametrize(
    ("text", "en", "zh", "translation"),
    [
        ({"en": "Tea", "zh": "茶"}, "Tea", "茶", "茶"),
        ({"en": "Tea"}, "Tea", "Tea", ""),
        ({"zh": "茶"}, "茶", "茶", ""),
        ("Tea", "Tea", "Tea", ""),
    ],
)
def test_a_text_may_be_given_in_one_language(text, en, zh, translation) -> None:
    written = {**yaml.safe_load(CHURN), "title": text}
    Draft202012Validator(json.loads(schema_text())).validate(written)
    tag = parse_definition(yaml.safe_dump(written, allow_unicode=True), "churn.yaml")
    assert (tag.title.en, tag.title.zh, tag.title.translation) == (en, zh, translation)
    assert parse_definition(json.dumps(tag.model_dump(mode="json")), "again") == tag


@pytest.mark.parametrize("text", [{}, "", {"en": ""}, {"de": "Tee"}, ["Tea"], None, 3])
def test_a_text_has_to_be_given(text) -> None:
    written = {**yaml.safe_load(CHURN), "title": text}
    with pytest.raises(DefinitionError, match="title"):
        parse_definition(yaml.safe_dump(written), "churn.yaml")
    assert not Draft202012Validator(json.loads(schema_text())).is_valid(written)


def test_a_family_in_one_language() -> None:
    written = yaml.safe_load(INTEREST) | {"title": "Likes {category}"}
    tag = parse_definition(yaml.safe_dump(written), "interest.yaml").expand(["茶"])[0]
    assert (tag.title.en, tag.title.zh) == ("Likes 茶", "Likes 茶")
