"""Grades: each letter for what it says, never better than the evidence."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagcast.models.evaluation.evidence import Evidence
from tagcast.models.evaluation.grade import CLEAR_CASES, Grade, grade
from tagcast.models.evaluation.grade_kinds import GRADE_KINDS
from tagcast.models.stats.metrics import Estimate
from tagcast.models.stats.observed_accuracy import PromiseBand
from tagcast.models.training.binary import REFERENCES
from tests.support.shop import CHURN
from tests.support.synthetic import decided

KEPT = (
    PromiseBand(0.0, 1000, 0.80, 0.85),
    PromiseBand(0.9, 400, 0.95, 0.95),
    PromiseBand(0.99, 0, math.nan, math.nan),
)
CLEAR = {
    "refusal": "",
    "log_loss_minus_base": Estimate(-0.10, -0.12, -0.08),
    "auc_minus_rfm": Estimate(0.03, 0.01, 0.05),
    "calibration_error": 0.02,
    "promise": KEPT,
    "test_yes": 300,
    "test_no": 2000,
    "out_of_time": True,
    "stand_in": "",
}


def graded(**change: Any) -> Grade:
    """Return the grade of CLEAR with some of it changed."""
    assert set(change) <= set(CLEAR)
    given = {**CLEAR, **change}
    error = given["calibration_error"]
    evidence = Evidence(
        test={"tagcast": {"calibration_error": Estimate(error, error, error)}},
        differences={
            "base_rate": {"log_loss": given["log_loss_minus_base"]},
            "rfm": {"auc": given["auc_minus_rfm"]},
        },
        references=REFERENCES,
        cases={name: given[name] for name in ("test_yes", "test_no")},
        decided=decided(CHURN),
        promise=given["promise"],
        out_of_time=given["out_of_time"],
        stand_in=given["stand_in"],
    )
    return grade(GRADE_KINDS["model"], evidence, given["refusal"])


@pytest.mark.parametrize(
    ("change", "letter", "said"),
    [
        ({}, "A", "beats the RFM ranking beyond chance"),
        ({"test_yes": CLEAR_CASES - 1}, "B", "only 99 true"),
        ({"promise": (PromiseBand(0.0, 100, 0.80, 0.75),)}, "B", "no more than chance"),
        ({"promise": (PromiseBand(0.0, 1000, 0.80, 0.75),)}, "C", "promise is broken"),
        ({"promise": (*KEPT, PromiseBand(0.8, 1000, 0.90, 0.80))}, "C", "confidence 0.8 or more"),
        ({"promise": ()}, "C", "nothing is predicted"),
        ({"promise": KEPT[2:]}, "C", "nothing is predicted"),
        ({"out_of_time": False}, "B", "not out of time"),
        ({"out_of_time": False, "calibration_error": 0.051}, "C", "above 0.05"),
        ({"calibration_error": 0.051}, "C", "above 0.05"),
        ({"calibration_error": math.nan}, "C", "cannot be measured"),
        ({"auc_minus_rfm": Estimate(0.01, -0.01, 0.03)}, "C", "lead over the RFM ranking may be chance"),
        ({"auc_minus_rfm": Estimate(0.01, math.nan, math.nan)}, "C", "may be chance"),
        ({"log_loss_minus_base": Estimate(-0.01, -0.03, 0.01)}, "C", "lead over the base rate may be chance"),
        ({"log_loss_minus_base": Estimate(0.0, -0.03, 0.01)}, "D", "no better than the base rate"),
        ({"log_loss_minus_base": Estimate(math.nan, 0, 0)}, "D", "no better than the base rate"),
        ({"refusal": "AUC .8 against .9"}, "D", "AUC .8 against .9"),
    ],
)  # fmt: skip
def test_letters(change: dict, letter: str, said: str) -> None:
    given = graded(**change)
    assert given.letter == letter
    reasons = [str(reason) for reason in given.reasons]
    assert said in reasons[0] or (letter == "A" and said in " ".join(reasons))


def test_the_rfm_ranking_is_marked_and_never_better_than_c() -> None:
    fallback = graded(stand_in="rfm")
    assert fallback.letter == "C"
    assert "RFM ranking, not a trained model" in str(fallback.reasons[0])
    # It is not held against itself.
    assert graded(auc_minus_rfm=Estimate(0, 0, 0), stand_in="rfm") == fallback
    assert graded(log_loss_minus_base=Estimate(0.1, 0, 0.2), stand_in="rfm").letter == "D"


def test_every_letter_has_a_rule() -> None:
    assert list(GRADE_KINDS["model"].rule) == ["A", "B", "C", "D"]


FIGURE = st.floats(-0.5, 0.5)
WIDTH = st.floats(0, 0.2)


@given(
    FIGURE, WIDTH, FIGURE, WIDTH, st.floats(0, 0.2), st.integers(0, 5000), st.floats(0.5, 1), st.floats(0, 1)
)
def test_an_a_is_never_given_without_clear_evidence(base, w, rfm, v, error, said, promised, right) -> None:
    letter = graded(
        log_loss_minus_base=Estimate(base, base - w, base + w),
        auc_minus_rfm=Estimate(rfm, rfm - v, rfm + v),
        calibration_error=error,
        promise=(PromiseBand(0, said, promised, right),),
    ).letter
    clear = base + w < 0 and rfm - v > 0 and error <= 0.05 and said > 0 and right >= promised
    # At the very edge a rounding may count as kept.
    if abs(right - promised) > 1e-6:
        assert (letter == "A") is clear
    assert (letter == "D") is (base >= 0)
