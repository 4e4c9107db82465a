"""The scorer's population is the one that the outcomes were defined on."""

from __future__ import annotations

from datetime import timedelta

import ibis
import numpy as np
import pytest

from tagcast.features.catalog.feature_set import FeatureSet
from tagcast.features.compute.labels import population
from tagcast.features.compute.snapshots import Snapshots
from tagcast.features.entities.pair import Pair
from tagcast.models.definitions.loader import parse_definition
from tagcast.pipelines.project.label_rules import eligibility
from tagcast.serving.scoring.scorer import eligible
from tests.support.shop import FIRST_DAY, INTEREST, shop_lines, write_log

AS_OF = FIRST_DAY + timedelta(days=120)
SET = FeatureSet((7, 30, 90), ("amount", "category", "item_id", "order_id", "quantity"))


@pytest.mark.parametrize(
    "rule",
    [
        "{}",
        "{active_within_days: 20}",
        "{active_within_days: 60, not_bought_within_days: 30}",
        "{not_bought_within_days: 1}",
    ],
)
def test_who_is_scored_is_who_was_learned_from(tmp_path, rule) -> None:
    log = write_log(tmp_path, shop_lines(80))
    family = parse_definition(INTEREST.replace("{active_within_days: 60}", rule), "interest")
    (definition,) = family.expand(["tea"])
    snapshots = Snapshots(tmp_path, log, SET, "UTC")
    snapshots.ensure([AS_OF])
    scored: set[str] = set()
    for batch in snapshots.stream(AS_OF, [Pair("category", "tea")], batch_rows=17):
        scored |= set(batch.profile_id.filter(eligible(definition, SET, batch)).to_pylist())
    events = ibis.duckdb.connect().read_parquet(log.glob)
    learned = set(population(events, AS_OF, eligibility(definition)).execute()["profile_id"])
    assert scored == learned
    assert scored
    assert np.all([isinstance(p, str) for p in scored])


@pytest.mark.parametrize(
    ("rule", "bound", "by_hand"),
    [
        ("recency_days <= 20 AND spend_all > 30", "1", lambda of: of["recency_days"] <= 20 and of["spend_all"] > 30),
        ("NOT gap_std_days IS NULL", "1", lambda of: of["gap_std_days"] == of["gap_std_days"]),
        ("category_recency_days <= 30", "1", lambda of: of["category_recency_days"] <= 30),
        ("recency_days <= 60", "2 * category_recency_days", lambda of: of["recency_days"] <= 60 and of["category_recency_days"] >= 0),
        ("recency_days <= 60", "spend_all / spend_7d", lambda of: of["recency_days"] <= 60 and of["spend_7d"] > 0),
    ],
)  # fmt: skip
def test_a_rule_holds_of_those_whose_features_say_so(tmp_path, rule, bound, by_hand) -> None:
    """Whoever's outcome would be held against something unknown is no member."""
    log = write_log(tmp_path, shop_lines(80))
    text = INTEREST.replace("{active_within_days: 60}", f'"{rule}"')
    text = text.replace("kind: any_event", f'sum: amount, at_least: "{bound}"')
    (definition,) = parse_definition(text, "interest").expand(["tea"])
    snapshots = Snapshots(tmp_path, log, SET, "UTC")
    snapshots.ensure([AS_OF])
    names, chosen, right = [*SET.of_profile, *SET.of_pairs["category"]], set(), set()
    for batch in snapshots.stream(AS_OF, [Pair("category", "tea")], batch_rows=17):
        people = batch.profile_id.to_pylist()
        chosen |= set(batch.profile_id.filter(eligible(definition, SET, batch)).to_pylist())
        rows = np.hstack([batch.profile, batch.pairs[Pair("category", "tea")]]).tolist()
        right |= {
            p for p, row in zip(people, rows, strict=True) if by_hand(dict(zip(names, row, strict=True)))
        }
    assert chosen == right
    assert 0 < len(right) < snapshots.rows(AS_OF)
