"""Outcomes over any events and populations by rule, as they may be written, and what is said when they are wrong."""

from __future__ import annotations

import json

import pytest
import yaml
from jsonschema import Draft202012Validator

from tagcast.features.core.errors import DefinitionError
from tagcast.models.definitions.loader import parse_definition, schema_text
from tests.support.shop import CHURN, INTEREST

SHORT = "{kind: no_event, horizon_days: 30}"
LOGIN = "{count: true, where: \"event = 'login'\", horizon_days: 14, at_least: 1}"


def with_outcome(outcome: str) -> str:
    return CHURN.replace(SHORT, outcome)


def with_population(population: str) -> str:
    return CHURN.replace("{active_within_days: 60}", population)


@pytest.mark.parametrize(
    ("outcome", "measure", "bound", "is_loss"),
    [
        (LOGIN, ("count", None), None, False),
        ("{days: true, where: \"event = 'login'\", horizon_days: 14, at_most: 0}", ("days", None), None, True),
        ('{sum: amount, horizon_days: 30, at_least: "0.5 * spend_90d"}', ("sum", "amount"), "0.5 * spend_90d", False),
        ("{max: amount, unless: is_return, horizon_days: 30, at_most: 10}", ("max", "amount"), None, False),
        ("{distinct: item_id, horizon_days: 30, at_least: 3}", ("distinct", "item_id"), None, False),
    ],
)  # fmt: skip
def test_an_outcome_is_an_aggregate_over_the_window_ahead(outcome, measure, bound, is_loss) -> None:
    tag = parse_definition(with_outcome(outcome), "churn.yaml")
    assert (tag.kind, tag.values) == ("model", ("yes", "no"))
    assert (tag.outcome.measure, tag.outcome.bound, tag.outcome.is_loss) == (measure, bound, is_loss)
    again = type(tag).model_validate(json.loads(json.dumps(tag.model_dump(mode="json"))))
    assert again == tag
    assert again.question == tag.question != parse_definition(CHURN, "churn.yaml").question
    Draft202012Validator(json.loads(schema_text())).validate(yaml.safe_load(with_outcome(outcome)))


def test_an_aggregate_of_a_family_is_of_its_category() -> None:
    text = INTEREST.replace(
        '{kind: any_event, category: "{category}", horizon_days: 30}',
        '{sum: amount, category: "{category}", horizon_days: 30, at_least: 5}',
    )
    (tea,) = parse_definition(text, "interest.yaml").expand(["tea"])
    assert (tea.outcome.category, tea.outcome.measure) == ("tea", ("sum", "amount"))


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        ("{count: true, horizon_days: 14, at_least: 1, at_most: 3}", "exactly one of at_least and at_most; found both"),
        ("{count: true, horizon_days: 14}", "exactly one of at_least and at_most; found none"),
        ("{count: true, days: true, horizon_days: 14, at_least: 1}", "found count, days"),
        ("{where: \"event = 'login'\", horizon_days: 14, at_least: 1}", "give exactly one of count, sum"),
        ("{count: true, at_least: 1}", "outcome.aggregate.horizon_days: is missing"),
        ("{count: false, horizon_days: 14, at_least: 1}", "outcome.aggregate.count: expected true"),
        ("{count: true, where: 5, horizon_days: 14, at_least: 1}", "outcome.aggregate.where: expected a text (found 5)"),
        ("{count: true, where: 'event ==', horizon_days: 14, at_least: 1}", "is no SQL expression"),
        ("{count: true, unless: 'event = (SELECT 1)', horizon_days: 14, at_least: 1}", "is not allowed in an expression"),
        ("{count: true, horizon_days: 14, at_least: [1]}", "expected a number, or arithmetic over features"),
        ("{count: true, horizon_days: 14, at_least: true}", "expected a number, or arithmetic over features"),
        ("{count: true, horizon_days: 14, at_least: .inf}", "expected a number, or arithmetic over features"),
        ("{count: true, horizon_days: 14, at_least: '2 *'}", "'2 *' is no arithmetic"),
        ("{count: true, horizon_days: 14, at_least: 'least(a, b)'}", "is not allowed in arithmetic"),
        ("{count: true, horizon_days: 14, at_last: 1}", "unknown key"),
    ],
)  # fmt: skip
def test_a_wrong_aggregate_is_named_with_file_and_key(outcome, said) -> None:
    with pytest.raises(DefinitionError) as error:
        parse_definition(with_outcome(outcome), "churn.yaml")
    assert "churn.yaml: outcome" in str(error.value)
    assert said in str(error.value)
    assert str(error.value).count("outcome.aggregate") + str(error.value).count("outcome: ") >= 1


LABEL = "{label: {path: labels.parquet, key: id, as_of: month, value: churned}, horizon_days: 30}"


def test_an_outcome_is_what_a_table_of_labels_says() -> None:
    tag = parse_definition(with_outcome(LABEL), "churn.yaml")
    assert (tag.kind, tag.values, tag.category) == ("model", ("yes", "no"), None)
    assert tag.outcome.label.needed == ("id", "month", "churned")
    again = type(tag).model_validate(json.loads(json.dumps(tag.model_dump(mode="json"))))
    assert again == tag
    Draft202012Validator(json.loads(schema_text())).validate(yaml.safe_load(with_outcome(LABEL)))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ((", value: churned", ""), "outcome.label.label.value: is missing"),
        ((", horizon_days: 30", ""), "outcome.label.horizon_days: is missing"),
        (("path: labels.parquet, ", ""), "give one of path"),
        (("value: churned", "value: churned, seen: at"), "outcome.label.label.seen: unknown key"),
        (("value: churned", "value: churned, timezone: Mars/Base"), "expected a time zone"),
        (("horizon_days: 30", "horizon_days: 30, at_least: 1"), "outcome.label.at_least: unknown key"),
    ],
)
def test_a_wrong_table_of_labels_is_named_with_file_and_key(change, said) -> None:
    assert LABEL.replace(*change) != LABEL
    with pytest.raises(DefinitionError) as error:
        parse_definition(with_outcome(LABEL.replace(*change)), "churn.yaml")
    assert "churn.yaml: outcome.label" in str(error.value)
    assert said in str(error.value)


def test_a_population_is_a_rule_over_features() -> None:
    text = with_population('"login_recency_days <= 14 AND spend_all > 100"')
    tag = parse_definition(text, "churn.yaml")
    assert tag.population.rule == "login_recency_days <= 14 AND spend_all > 100"
    again = type(tag).model_validate(json.loads(json.dumps(tag.model_dump(mode="json"))))
    assert again == tag
    Draft202012Validator(json.loads(schema_text())).validate(yaml.safe_load(text))
    both = parse_definition(with_population("{active_within_days: 60, rule: spend_all > 100}"), "churn.yaml")
    assert len({tag.question, both.question, parse_definition(CHURN, "churn.yaml").question}) == 3


@pytest.mark.parametrize(
    ("population", "said"),
    [
        ('"login_recency_days <="', "expected a number for login_recency_days, found the end"),
        ("\"grade = 'gold'\"", "expected a number for grade"),
        ("\"IN AUDIENCE 'loyal'\"", "there is no audience 'loyal'"),
        ('""', "needs at least 1 character"),
        ("5", "expected keys with values"),
        ("{activ: 5}", "unknown key"),
    ],
)
def test_a_wrong_population_is_named_with_file_and_key(population, said) -> None:
    with pytest.raises(DefinitionError) as error:
        parse_definition(with_population(population), "churn.yaml")
    assert "churn.yaml: population" in str(error.value)
    assert said in str(error.value)


def test_questions_of_the_short_forms_are_what_they_were() -> None:
    """A model in use answers the question of its definition: none of them may get another id."""
    assert parse_definition(CHURN, "churn.yaml").question == "5ef4e7d2f8fc"
    assert parse_definition(INTEREST, "interest.yaml").question == "bfad552446bc"
