"""Populations and outcomes of any company in plain words, in both languages."""

from __future__ import annotations

import pytest

from tagcast.models.definitions.loader import parse_definition
from tagcast.serving.catalog.definition_text import outcome_words, population_words
from tests.support.shop import CHURN


@pytest.mark.parametrize(
    ("outcome", "en", "zh"),
    [
        (
            "{count: true, where: \"event = 'cart'\", unless: \"event = 'purchase'\", horizon_days: 7, at_least: 1}",
            "the number of events where event = 'cart' is at least 1 within 7 days, and no event where event = 'purchase'",
            "快照起7天内满足 event = 'cart' 的事件数不低于 1，且没有满足 event = 'purchase' 的事件",
        ),
        (
            '{sum: amount, horizon_days: 30, at_most: "0.5 * spend_90d"}',
            "the sum of amount is at most 0.5 * spend_90d within 30 days",
            "快照起30天内amount之和不高于 0.5 * spend_90d",
        ),
        (
            "{distinct: item_id, category: tea, horizon_days: 30, at_least: 3}",
            "the number of different values of item_id of tea is at least 3 within 30 days",
            "快照起30天内tea的item_id的不同取值数不低于 3",
        ),
        (
            "{count: true, of: {fund: F001}, horizon_days: 30, at_least: 3}",
            "the number of events of fund F001 is at least 3 within 30 days",
            "快照起30天内fund F001的事件数不低于 3",
        ),
        (
            "{kind: any_event, of: {fund: F001}, horizon_days: 30}",
            "at least one purchase of fund F001 within 30 days",
            "快照起30天内至少有一次购买（fund F001）",
        ),
        (
            "{label: {path: l.parquet, key: id, as_of: month, value: churned}, horizon_days: 30}",
            "the label churned is yes, within 30 days",
            "快照起30天内，标注churned为是",
        ),
    ],
)
def test_an_outcome_is_said_in_words(outcome, en, zh) -> None:
    tag = parse_definition(CHURN.replace("{kind: no_event, horizon_days: 30}", outcome), "churn.yaml")
    assert (outcome_words(tag, "en"), outcome_words(tag, "zh")) == (en, zh)


def test_a_population_by_rule_is_said_in_words() -> None:
    text = CHURN.replace("{active_within_days: 60}", '"login_recency_days <= 14"')
    tag = parse_definition(text, "churn.yaml")
    assert (
        population_words(tag)
        == "every profile with an event before the snapshot, where login_recency_days <= 14"
    )
    assert population_words(tag, "zh") == "快照前有过任何事件的所有客户，且满足 login_recency_days <= 14"
