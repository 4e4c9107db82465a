"""The scorer's population is the one that the outcomes were defined on."""

from __future__ import annotations

from datetime import timedelta

import ibis
import numpy as np
import pytest

from tagcast.features.catalog.feature_set import FeatureSet
from tagcast.features.compute.labels import population
from tagcast.features.compute.snapshots import Snapshots
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
    for batch in snapshots.stream(AS_OF, ["tea"], batch_rows=17):
        scored |= set(batch.profile_id.filter(eligible(definition, SET, batch)).to_pylist())
    events = ibis.duckdb.connect().read_parquet(log.glob)
    learned = set(population(events, AS_OF, eligibility(definition)).execute()["profile_id"])
    assert scored == learned
    assert scored
    assert np.all([isinstance(p, str) for p in scored])
