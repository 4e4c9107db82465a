"""What an effect means for somebody, and what it gives to approach the highest scores."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from tagcast.models.decisions.cases import EffectCases
from tagcast.models.decisions.effects import effect_thresholds, effect_values
from tagcast.models.definitions.decision_rules import EffectRule, ProfitRule
from tagcast.models.definitions.loader import parse_definition
from tests.support.experiments.mailing import TAG

HARM, INDIFFERENT, WORTH = range(3)


def test_values_are_the_likeliest_side_of_the_margin_and_how_likely() -> None:
    score, error = np.array([0.08, 0.03, -0.04, 0.0]), np.full(4, 0.01)
    code, confidence = effect_values(score, error, ProfitRule(rule="profit", benefit=10, cost=0.5))
    assert code.tolist()[:3] == [WORTH, INDIFFERENT, HARM]
    assert confidence[0] == pytest.approx(norm.sf(0.05, 0.08, 0.01))
    assert confidence[1] == pytest.approx(norm.cdf(0.05, 0.03, 0.01) - norm.cdf(0, 0.03, 0.01))
    assert confidence[2] == pytest.approx(norm.cdf(0, -0.04, 0.01))
    free, _ = effect_values(score, error, EffectRule(rule="effect"))
    assert set(free.tolist()) == {WORTH, HARM}, "where an approach costs nothing nobody is indifferent"


def test_shares_sum_up_what_was_measured_and_money_follows() -> None:
    rng = np.random.default_rng(0)
    n = 2000
    score = rng.normal(0.05, 0.05, n)
    effect = score + rng.normal(0, 0.3, n)
    zeros = np.zeros(n, np.int8)
    day = np.full(n, np.datetime64("2024-04-01"))
    cases = EffectCases(
        np.arange(n).astype(str), day, zeros, zeros, np.full(n, 0.5), effect, score, score, score - 0.03, score + 0.03,
        np.full(n, 0.02),
    )  # fmt: skip
    found = effect_thresholds(parse_definition(TAG, "mail"), cases)
    (chosen,) = [row for row in found["shares"] if row["chosen"]]
    best = score > 0.05
    assert chosen["share"] == pytest.approx(best.mean())
    assert chosen["effect"] == pytest.approx(effect[best].mean())
    assert chosen["floor"] == pytest.approx((score[best] - 0.03).mean())
    assert chosen["net_benefit_per_1000"] == pytest.approx(1000 * (10 * effect[best] - 0.5).sum() / n)
    assert found["shares"][-1]["effect"] == pytest.approx(effect.mean())
    assert found["shares"][0]["low"] < found["shares"][0]["effect"] < found["shares"][0]["high"]
