"""The gate's checks: each outcome, each sentence, and what decides."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.gates import Evidence, GateReport, judge


@dataclass(frozen=True)
class Figure:
    value: float
    low: float
    high: float


GOOD = Evidence(
    log_loss=Figure(0.289, 0.265, 0.313),
    auc=Figure(0.862, 0.84, 0.88),
    calibration_error=Figure(0.018, 0.01, 0.03),
    base_log_loss=0.397,
    rfm_auc=0.842,
    log_loss_minus_base=Figure(-0.108, -0.121, -0.095),
    auc_minus_rfm=Figure(0.020, 0.009, 0.031),
    train_yes=1_890,
    train_no=12_000,
    test_yes=316,
    test_no=2_004,
)


def outcomes(report: GateReport) -> dict[str, str]:
    return {check.name: check.outcome for check in report.checks}


def text(report: GateReport, name: str) -> str:
    return next(check.text for check in report.checks if check.name == name)


def test_good_model_passes_every_check_with_figures_in_plain_sentences():
    report = judge(GOOD)
    assert set(outcomes(report).values()) == {"pass"}
    assert report.passed
    assert report.reason == "passes every check"
    assert text(report, "beats_base_rate") == (
        "log loss .289 against .397 for the base rate: better by .108 (.095 to .121)"
    )
    assert (
        text(report, "beats_rfm")
        == "AUC .862 against .842 for the RFM ranking: better by .020 (.009 to .031)"
    )
    assert text(report, "calibrated") == "calibration error .018, within the bound of .050"
    assert text(report, "enough_data") == (
        "1,890 true and 12,000 false outcomes to learn from, 316 and 2,004 to test on"
    )


@pytest.mark.parametrize(
    ("change", "check", "outcome", "says"),
    [
        (
            {"log_loss_minus_base": Figure(-0.008, -0.019, 0.003)},
            "beats_base_rate",
            "warn",
            "better by .008 (-.003 to .019), which may be chance",
        ),
        (
            {"log_loss_minus_base": Figure(0.013, -0.002, 0.028)},
            "beats_base_rate",
            "fail",
            "worse by .013 (-.002 to .028)",
        ),
        ({"log_loss_minus_base": Figure(0.0, 0.0, 0.0)}, "beats_base_rate", "fail", "no better"),
        ({"auc_minus_rfm": Figure(0.01, -0.01, 0.03)}, "beats_rfm", "warn", "which may be chance"),
        ({"auc_minus_rfm": Figure(-0.02, -0.03, -0.01)}, "beats_rfm", "fail", "worse by .020 (.010 to .030)"),
        ({"auc_minus_rfm": Figure(math.nan, math.nan, math.nan)}, "beats_rfm", "fail", "cannot be compared"),
        (
            {"calibration_error": Figure(0.08, 0.06, 0.1)},
            "calibrated",
            "warn",
            ".080, outside the bound of .050",
        ),
        ({"calibration_error": Figure(math.nan, 0, 1)}, "calibrated", "warn", "unknown"),
        ({"train_yes": 49}, "enough_data", "fail", "49 true"),
        ({"train_no": 0}, "enough_data", "fail", "0 false"),
        ({"test_no": 19}, "enough_data", "fail", "at least 50 and 20 of each"),
        ({"train_yes": 50, "train_no": 50, "test_yes": 20, "test_no": 20}, "enough_data", "pass", "50 true"),
    ],
)
def test_each_check_answers_for_itself(change: dict[str, Any], check: str, outcome: str, says: str):
    report = judge(replace(GOOD, **change))
    assert outcomes(report)[check] == outcome
    assert says in text(report, check)
    assert [name for name, found in outcomes(report).items() if found != "pass"] == (
        [] if outcome == "pass" else [check]
    )
    assert report.passed is (outcome != "fail")
    if outcome != "pass":
        assert text(report, check) in report.reason


def test_refusal_names_only_what_failed():
    report = judge(
        replace(
            GOOD, test_yes=3, auc_minus_rfm=Figure(-0.1, -0.2, 0), calibration_error=Figure(0.2, 0.1, 0.3)
        )
    )
    assert not report.passed
    assert "3 and 2,004 to test on" in report.reason
    assert "worse by .100" in report.reason
    assert "calibration" not in report.reason


figures = st.floats(allow_nan=True, allow_infinity=True, width=32)


@given(figures, figures, figures, st.integers(0, 500), st.integers(0, 500))
def test_any_figures_give_a_report_that_is_valid_json(
    value: float, low: float, high: float, yes: int, no: int
):
    report = judge(
        replace(
            GOOD,
            calibration_error=Figure(value, low, high),
            log_loss_minus_base=Figure(value, low, high),
            base_log_loss=value,
            test_yes=yes,
            test_no=no,
        )
    )
    kept = json.loads(json.dumps(report.as_dict(), allow_nan=False))
    assert kept["passed"] is report.passed
    assert len(kept["checks"]) == 4
    assert report.passed is all(check["outcome"] != "fail" for check in kept["checks"])


@given(st.floats(-0.5, 0.5), st.floats(0, 0.3))
def test_no_model_passes_whose_point_estimate_is_not_better(difference: float, width: float):
    interval = Figure(difference, difference - width, difference + width)
    assert judge(replace(GOOD, auc_minus_rfm=interval)).passed is (difference > 0)
    assert judge(replace(GOOD, log_loss_minus_base=interval)).passed is (difference < 0)
