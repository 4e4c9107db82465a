"""The grade of an amount: each letter by what holds it back."""

from __future__ import annotations

import pytest

from tagcast.models.evaluation.evidence import Evidence
from tagcast.models.evaluation.grade import CLEAR_CASES, grade
from tagcast.models.evaluation.grade_kinds import GRADE_KINDS
from tagcast.models.stats.metrics import Estimate
from tagcast.models.stats.observed_accuracy import PromiseBand
from tests.support.shop import AMOUNT
from tests.support.synthetic import decided

NAN = float("nan")
CLEAR, MAYBE, WORSE = Estimate(-5, -8, -2), Estimate(-1, -3, 1), Estimate(4, 2, 6)
GOOD = {
    "refusal": "", "differences": {"RMSE": CLEAR, "MAE": MAYBE}, "coverage": 0.79,
    "promise": [PromiseBand(0.0, 900, 0.60, 0.63), PromiseBand(0.8, 100, 0.85, 0.9)], "test_yes": 300,
    "test_no": 200, "out_of_time": True, "stand_in": "",
}  # fmt: skip
NOTHING_BETTER = {"RMSE": Estimate(0, 0, 0), "MAE": Estimate(0, 0, 0)}
NOT_KNOWN = {"RMSE": Estimate(NAN, NAN, NAN), "MAE": Estimate(NAN, NAN, NAN)}


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
        ({"stand_in": "baseline", "differences": NOTHING_BETTER}, "C", "not a trained model"),
        ({"refusal": "too few cases"}, "D", "the gate refused it: too few cases"),
        ({"differences": {"RMSE": WORSE, "MAE": WORSE}}, "D", "no smaller than those of the own spend rate"),
        ({"differences": NOT_KNOWN}, "D", "no smaller"),
    ],
)  # fmt: skip
def test_letters(change, letter, said) -> None:
    assert set(change) <= set(GOOD)
    figures = {**GOOD, **change}
    coverage = figures["coverage"]
    evidence = Evidence(
        test={"tagcast": {"coverage": Estimate(coverage, coverage, coverage)}},
        differences={"baseline": {name.lower(): d for name, d in figures["differences"].items()}},
        references={"baseline": "own spend rate"},
        cases={name: figures[name] for name in ("test_yes", "test_no")},
        decided=decided(AMOUNT),
        promise=figures["promise"],
        out_of_time=figures["out_of_time"],
        stand_in=figures["stand_in"],
    )
    given = grade(GRADE_KINDS["amount"], evidence, figures["refusal"])
    assert given.letter == letter
    reasons = [str(reason) for reason in given.reasons]
    assert any(said in reason for reason in reasons), reasons
    if letter != "A":
        assert said in reasons[0], "what holds it back comes first"


def test_every_letter_has_a_rule() -> None:
    rule = GRADE_KINDS["amount"].rule
    assert list(rule) == ["A", "B", "C", "D"]
    assert all(rule.values())
