"""Definitions of uplift tags: short, whole, and refused where they cannot be asked."""

from __future__ import annotations

import json
import re

import jsonschema
import pytest

from tagcast.features.core.errors import DefinitionError
from tagcast.models.definitions.loader import SCHEMA_FILE, parse_definition
from tagcast.models.definitions.model_tag import TagDefinition
from tests.support.experiments.mailing import TAG
from tests.support.shop import CHURN

OF_CAMPAIGNS = re.sub("treatment: .*", "treatment: {campaigns: [spring mail, autumn mail]}", TAG)


def test_a_tag_takes_at_most_twelve_lines_and_says_all() -> None:
    assert len(TAG.strip().splitlines()) <= 12
    tag = parse_definition(TAG, "mail")
    assert (tag.kind, tag.min_confidence, tag.horizon_days) == ("uplift", 0.8, 14)
    assert tag.values == ("do_not_disturb", "indifferent", "persuadable")
    assert tag.levels == {"do_not_disturb": -1, "indifferent": 0, "persuadable": 0.05}, "cost over benefit"
    assert TagDefinition.model_validate(json.loads(json.dumps(tag.model_dump(mode="json")))) == tag


def test_it_keeps_to_the_published_schema() -> None:
    import yaml

    schema = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    jsonschema.validate(yaml.safe_load(TAG), schema)
    jsonschema.validate(yaml.safe_load(OF_CAMPAIGNS), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(yaml.safe_load(OF_CAMPAIGNS.replace("campaigns", "approached")), schema)


def test_campaigns_stand_in_place_of_conditions_and_nothing_else_changes() -> None:
    tag = parse_definition(OF_CAMPAIGNS, "mail")
    assert tag.kind == "uplift"
    assert tag.model_dump(mode="json")["treatment"] == {"campaigns": ["spring mail", "autumn mail"]}
    assert TagDefinition.model_validate(json.loads(json.dumps(tag.model_dump(mode="json")))) == tag
    assert tag.question != parse_definition(TAG, "mail").question
    written = parse_definition(TAG, "mail").model_dump(mode="json")["treatment"]
    assert set(written) == {"approached", "control", "random", "share"}, (
        "as it was before there were campaigns"
    )


def test_who_was_approached_is_part_of_the_question_and_left_out_of_other_tags() -> None:
    other = TAG.replace("arm = 'none'", "arm = 'later'")
    assert parse_definition(TAG, "a").question != parse_definition(other, "b").question
    assert "treatment" not in parse_definition(CHURN, "churn").model_dump()


@pytest.mark.parametrize(
    ("was", "now", "problem"),
    [
        ("kind: any_event", "kind: no_event", "name what should happen"),
        ("kind: any_event, event: visit", "kind: top_share, share: 0.1", "a yes or no of each profile by itself"),
        ("decision: {rule: profit, benefit: 10, cost: 0.5}", "decision: {rule: threshold, threshold: 0.1}", "effect, profit"),
        ("cost: 0.5", "cost: 0.5, capacity: 10", "no capacity"),
        ("owner: crm", "owner: crm\nhysteresis: 0.1", "neither bands nor hysteresis"),
        ("kind: uplift", "kind: churn", "kind is rule or uplift"),
        ("treatment:", "# treatment:", "kind: uplift needs treatment"),
        ("arm = 'none'\"", "arm = 'none'\", random: false, share: 0.5", "share is of an approach at random"),
        ("event = 'mail' and arm = 'none'", "event = 'mail' and arm = 'sent'", "same condition"),
        ("arm = 'none'", "arm = (SELECT 1)", "treatment"),
        ("treatment: {", "treatment: {campaigns: [spring mail], ", "campaigns stands alone"),
        (", control: \"event = 'mail' and arm = 'none'\"", "", "give approached and control, or campaigns"),
        ("owner: crm", "owner: crm\ncandidates: ['python:a:b']", "candidates"),
        ("owner: crm", "owner: crm\ncampaigns: told", "campaigns: told is for tags of"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_refused_by_name(was, now, problem) -> None:
    assert was in TAG
    with pytest.raises(DefinitionError, match=problem):
        parse_definition(TAG.replace(was, now, 1), "mail")


def test_an_effect_without_a_treatment_is_refused() -> None:
    with pytest.raises(DefinitionError, match="kind: uplift"):
        parse_definition(CHURN.replace("rule: threshold, threshold: 0.5", "rule: effect"), "churn")
