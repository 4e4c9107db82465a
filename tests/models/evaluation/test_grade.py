"""Grades: each letter for what it says, never better than the evidence."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagcast.models.evaluation.grade import CLEAR_CASES, RULE, GradeEvidence, grade
from tagcast.models.stats.metrics import Estimate
from tagcast.models.stats.observed_accuracy import PromiseBand

KEPT = (
    PromiseBand(0.0, 1000, 0.80, 0.85),
    PromiseBand(0.9, 400, 0.95, 0.95),
    PromiseBand(0.99, 0, math.nan, math.nan),
)
CLEAR = GradeEvidence(
    gate_passed=True,
    gate_reason="",
    log_loss_minus_base=Estimate(-0.10, -0.12, -0.08),
    auc_minus_rfm=Estimate(0.03, 0.01, 0.05),
    calibration_error=0.02,
    promise=KEPT,
    test_yes=300,
    test_no=2000,
)


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
        ({"gate_passed": False, "gate_reason": "AUC .8 against .9"}, "D", "AUC .8 against .9"),
    ],
)  # fmt: skip
def test_letters(change: dict, letter: str, said: str) -> None:
    given = grade(replace(CLEAR, **change))
    assert given.letter == letter
    reasons = [str(reason) for reason in given.reasons]
    assert said in reasons[0] or (letter == "A" and said in " ".join(reasons))


def test_the_rfm_ranking_is_marked_and_never_better_than_c() -> None:
    fallback = grade(CLEAR, kind="rfm")
    assert fallback.letter == "C"
    assert "RFM ranking, not a trained model" in str(fallback.reasons[0])
    # It is not held against itself.
    assert grade(replace(CLEAR, auc_minus_rfm=Estimate(0, 0, 0)), kind="rfm") == fallback
    assert grade(replace(CLEAR, log_loss_minus_base=Estimate(0.1, 0, 0.2)), kind="rfm").letter == "D"


def test_every_letter_has_a_rule() -> None:
    assert list(RULE) == ["A", "B", "C", "D"]


FIGURE = st.floats(-0.5, 0.5)
WIDTH = st.floats(0, 0.2)


@given(
    FIGURE, WIDTH, FIGURE, WIDTH, st.floats(0, 0.2), st.integers(0, 5000), st.floats(0.5, 1), st.floats(0, 1)
)
def test_an_a_is_never_given_without_clear_evidence(base, w, rfm, v, error, said, promised, right) -> None:
    evidence = replace(
        CLEAR,
        log_loss_minus_base=Estimate(base, base - w, base + w),
        auc_minus_rfm=Estimate(rfm, rfm - v, rfm + v),
        calibration_error=error,
        promise=(PromiseBand(0, said, promised, right),),
    )
    clear = base + w < 0 and rfm - v > 0 and error <= 0.05 and said > 0 and right >= promised
    # At the very edge a rounding may count as kept.
    if abs(right - promised) > 1e-6:
        assert (grade(evidence).letter == "A") is clear
    assert (grade(evidence).letter == "D") is (base >= 0)
