"""A yes that nobody gets is refused, with what would help."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tagcast.models.definitions.loader import parse_definition
from tagcast.models.evaluation.decided_values import ValueCount, decided_values
from tagcast.models.evaluation.evidence import Evidence
from tagcast.models.training.result import AmountTest, TestScores
from tagcast.registry.gates.checks import Check
from tagcast.registry.gates.value_checks import predicts_tiers, predicts_yes
from tests.support.shop import AMOUNT, CHURN
from tests.support.synthetic import decided

RULE = "rule: threshold, threshold: 0.5"


def ruled(rule: str, more: str = "") -> str:
    assert RULE in CHURN
    return CHURN.replace(RULE, rule) + more


def checked(found, check=predicts_yes) -> Check:
    return check(Evidence(test={}, differences={}, references={}, cases={}, decided=found))


def test_who_gets_a_yes_is_counted() -> None:
    check = checked(decided(CHURN))
    assert (check.outcome, check.figure) == ("pass", 40)
    assert str(check.text) == "yes 40, no 40, unknown 20 of 100 at the test snapshot"


@pytest.mark.parametrize(
    ("text", "figures", "said"),
    [
        (
            ruled("rule: top_share, share: 0.2", "min_confidence: 0.5\n"),
            {"chosen": 44, "surest": 0.2389},
            "the surest has a confidence of 0.239 and min_confidence is 0.5; set min_confidence: 0 (at most 0.23)",
        ),
        (
            CHURN,
            {"chosen": 0, "highest": 0.31},
            "the highest score is 0.310, the threshold 0.5; choose a lower",
        ),
        (ruled("rule: precision, precision: 0.9"), {"chosen": 0}, "ask for a lower precision"),
        (
            ruled("rule: profit, benefit: 10, cost: 5"),
            {"chosen": 0, "highest": 0.31},
            "0.310 times the benefit of 10 does not exceed the cost of 5",
        ),
        (
            ruled("rule: profit, benefit: 10, cost: 1, capacity: 3"),
            {"chosen": 0, "highest": 0.31},
            "more than the capacity of 3 share the highest score of 0.310; raise capacity",
        ),
    ],
    ids=["silenced", "threshold", "precision", "profit", "capacity"],
)
def test_a_yes_of_nobody_is_refused_with_its_reason(text, figures, said) -> None:
    found = decided(text, predicted=0, **figures)
    check = checked(replace(found, values={**found.values, "no": ValueCount(7, 7, 0.9)}))
    assert check.outcome == "fail"
    assert said in str(check.text)
    assert str(check.text).startswith("nobody at the test snapshot gets a yes (yes 0, no 7, unknown ")


def test_tiers_of_nobody() -> None:
    assert checked(decided(AMOUNT), predicts_tiers).outcome == "pass"
    found = decided(AMOUNT)
    some = checked(replace(found, values={**found.values, "high": ValueCount(0, 3, 0.2)}), predicts_tiers)
    assert some.outcome == "warn"
    assert str(some.text).startswith("nobody gets high (low 40, medium 40, high 0, ")
    none = checked(decided(AMOUNT, predicted=0, surest=0.25), predicts_tiers)
    assert none.outcome == "fail"
    assert "the rule chooses 150, all of them unknown" in str(none.text)
    assert "set min_confidence: 0 (at most 0.25)" in str(none.text)


def test_values_are_counted_as_a_run_would_decide() -> None:
    """Scores .1 to .9 with bounds .1 around; a yes from .5, unknown where the bound on its side is under .45."""
    score = np.array([0.1, 0.3, 0.5, 0.56, 0.9])
    scores = TestScores(
        np.array(list("abcde")), np.full(5, np.datetime64("2024-01-01")), np.zeros(5, "int8"),
        score, score - 0.1, score + 0.1, threshold=0.5,
    )  # fmt: skip
    found = decided_values(parse_definition(CHURN + "min_confidence: 0.45\n", "tests"), scores)
    assert found.counts == {"yes": 2, "no": 2, "unknown": 1}
    assert found.values["yes"] == ValueCount(2, 3, 0.8)


def test_tiers_are_counted_too() -> None:
    place, confidence = np.array([0, 0, 1, 2]), np.array([0.9, 0.2, 0.5, 0.29])
    numbers = np.ones(4)
    scores = AmountTest(
        np.array(list("abcd")), np.full(4, np.datetime64("2024-01-01")), numbers, numbers, numbers, numbers,
        place, place, confidence,
    )  # fmt: skip
    found = decided_values(parse_definition(AMOUNT, "tests"), scores)
    assert found.counts == {"low": 1, "medium": 1, "high": 0, "unknown": 2}
    assert found.values["high"] == ValueCount(0, 1, 0.29)
