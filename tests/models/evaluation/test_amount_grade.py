"""The grade of an amount: each letter by what holds it back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tagcast.models.evaluation.amount_grade import AMOUNT_RULE, AmountGradeEvidence, grade_amount
from tagcast.models.evaluation.grade import CLEAR_CASES
from tagcast.models.stats.metrics import Estimate
from tagcast.models.stats.observed_accuracy import PromiseBand

NAN = float("nan")
CLEAR, MAYBE, WORSE = Estimate(-5, -8, -2), Estimate(-1, -3, 1), Estimate(4, 2, 6)
GOOD = AmountGradeEvidence(
    gate_passed=True, gate_reason="", reference="own spend rate", differences={"RMSE": CLEAR, "MAE": MAYBE},
    coverage=0.79, promise=[PromiseBand(0.0, 900, 0.60, 0.63), PromiseBand(0.8, 100, 0.85, 0.9)], test_yes=300,
    test_no=200, out_of_time=True, stands_in=False,
)  # fmt: skip


@pytest.mark.parametrize(
    ("change", "letter", "said"),
    [
        ({}, "A", "beats the own spend rate beyond chance (RMSE smaller by 2 to 8)"),
        ({"differences": {"RMSE": MAYBE, "MAE": CLEAR}}, "A", "MAE smaller"),
        ({"test_no": 2_000, "coverage": 0.94}, "A", "intervals held 0.940"),
        ({"test_yes": CLEAR_CASES - 1}, "B", "only 99 profiles with any spend"),
        ({"promise": [PromiseBand(0.0, 50, 0.65, 0.60)]}, "B", "missed, by no more than chance"),
        ({"out_of_time": False}, "B", "groups of profiles"),
        ({"differences": {"RMSE": MAYBE, "MAE": MAYBE}}, "C", "may be chance"),
        ({"differences": {"RMSE": CLEAR, "MAE": WORSE}}, "C", "its MAE is worse"),
        ({"coverage": 0.70}, "C", "too few"),
        ({"coverage": 0.97}, "C", "too many"),
        ({"coverage": NAN}, "C", "cannot be measured"),
        ({"promise": [PromiseBand(0.0, 900, 0.65, 0.50)]}, "C", "broken"),
        ({"promise": [PromiseBand(0.0, 0, NAN, NAN)]}, "C", "no promise can be checked"),
        ({"stands_in": True, "differences": {"RMSE": Estimate(0, 0, 0)}}, "C", "not a trained model"),
        ({"gate_passed": False, "gate_reason": "too few cases"}, "D", "the gate refused it: too few cases"),
        ({"differences": {"RMSE": WORSE, "MAE": WORSE}}, "D", "no smaller than those of the own spend rate"),
        ({"differences": {"RMSE": Estimate(NAN, NAN, NAN)}}, "D", "no smaller"),
    ],
)  # fmt: skip
def test_letters(change, letter, said) -> None:
    given = grade_amount(replace(GOOD, **change))
    assert given.letter == letter
    reasons = [str(reason) for reason in given.reasons]
    assert any(said in reason for reason in reasons), reasons
    if letter != "A":
        assert said in reasons[0], "what holds it back comes first"


def test_every_letter_has_a_rule() -> None:
    assert list(AMOUNT_RULE) == ["A", "B", "C", "D"]
    assert all(AMOUNT_RULE.values())
