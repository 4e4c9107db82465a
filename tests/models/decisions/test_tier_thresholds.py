"""Thresholds over tiers: each boundary counted again case by case."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tagcast.features.core.messages import from_json
from tagcast.models.decisions.cases import TierCases
from tagcast.models.decisions.flip_rates import flips
from tagcast.models.decisions.thresholds import SHARES
from tagcast.models.decisions.tier_thresholds import tier_thresholds
from tagcast.models.definitions.loader import parse_definition
from tagcast.models.plots.decision import stability_plot, thresholds_plot
from tests.support.shop import AMOUNT

DEFINITION = parse_definition(AMOUNT, "tests")
STARTS = np.array(list(DEFINITION.levels.values()))


def past_cases(profiles: int = 150, snapshots: int = 3, seed: int = 0) -> TierCases:
    rng = np.random.default_rng(seed)
    n = profiles * snapshots
    score = rng.gamma(1.0, 30.0, n)
    amount = score * rng.gamma(2.0, 0.5, n) * (rng.random(n) < 0.8)
    tiers = [np.searchsorted(STARTS, part, side="right") - 1 for part in (score, amount)]
    day = np.repeat(np.arange(snapshots), profiles) * np.timedelta64(30, "D") + np.datetime64("2024-01-01")
    ids = np.tile([f"p{k}" for k in range(profiles)], snapshots)
    return TierCases(ids, day, amount, score, score * 0.3, score * 2, tiers[0], tiers[1], rng.random(n))


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_each_boundary_is_what_its_cases_say(seed) -> None:
    cases = past_cases(seed=seed)
    found = tier_thresholds(DEFINITION, cases)
    assert [one["tier"] for one in found["boundaries"]] == list(DEFINITION.values)[1:]
    sure = cases.confidence >= DEFINITION.min_confidence
    for place, boundary in enumerate(found["boundaries"], start=1):
        reached = cases.amount >= boundary["start"]
        member = sure & (cases.tier >= place)
        (own,) = (row for row in boundary["thresholds"] if row["chosen"])
        assert own["size"] == member.sum()
        assert own["precision"] == pytest.approx(reached[member].mean())
        assert own["recall"] == pytest.approx(reached[member].sum() / reached.sum())
        assert own["lift"] == pytest.approx(reached[member].mean() / reached.mean())
        assert boundary["base_rate"] == pytest.approx(reached.mean())
        assert len(boundary["thresholds"]) == len(SHARES) + 1
        sizes = [row["size"] for row in boundary["thresholds"]]
        assert sizes == sorted(sizes)
        assert f"{own['precision']:.1%}" in str(from_json(boundary["says"]))
    json.dumps(found, allow_nan=False)
    assert len(thresholds_plot(found).axes) == len(found["boundaries"])
    assert stability_plot(found["stability"], found["stability_without_unknown"]).axes


def test_flips_are_those_of_the_tiers_said() -> None:
    cases = past_cases()
    said = np.where(
        cases.confidence < DEFINITION.min_confidence,
        "unknown",
        np.array(DEFINITION.values, object)[cases.tier],
    )
    (row,) = tier_thresholds(DEFINITION, cases)["stability"]
    over_time = [(cases.profile_id[rows], said[rows]) for _, rows in cases.snapshots]
    assert (row["pairs"], row["flips"]) == flips(over_time)
    assert row["predicted"] == (said != "unknown").sum()


def test_nobody_sure_enough_says_so() -> None:
    strict = DEFINITION.model_copy(update={"min_confidence": 0.9999})
    found = tier_thresholds(strict, past_cases())
    assert all("Nobody was predicted" in str(from_json(one["says"])) for one in found["boundaries"])
    json.dumps(found, allow_nan=False)
