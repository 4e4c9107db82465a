"""The gate's checks: each outcome, each sentence, and what decides."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagcast.features.core.messages import from_json, msg, render
from tagcast.models.evaluation.evidence import Evidence
from tagcast.models.stats.leakage import FeaturePower, LastDayLoss
from tagcast.models.training.binary import REFERENCES
from tagcast.registry.gates.change_checks import ChampionEvidence, NotCompared, RunEvidence
from tagcast.registry.gates.checks import GateReport
from tagcast.registry.gates.gate import SharedEvidence, evaluate_gate
from tagcast.registry.gates.gate_kinds import GATE_KINDS
from tagcast.registry.gates.leak_checks import LeakEvidence
from tests.support.shop import CHURN
from tests.support.synthetic import decided

SPELT_AS_IT_IS = {"spend", "recency", "days", "over", "gap", "ab"} | {
    "is",
    "damaged",
    "contract",
    "seen",
    "at",
}
"""Names of features, views and runs; what a store said of itself; a key of the configuration."""


@dataclass(frozen=True)
class Figure:
    value: float
    low: float
    high: float


CLEAN = LeakEvidence(
    powers=[FeaturePower("spend_90d", 0.939), FeaturePower("recency_days", 0.774)],
    last_day=[LastDayLoss("spend_7d", 0.80, 0.77), LastDayLoss("recency_over_gap", 0.59, 0.50)],
    late_events=0,
    late_rows=0,
    ahead=[],
    recounted_otherwise=[],
)
CHAMPION = ChampionEvidence(
    version=3,
    loss=0.301,
    new_loss=0.289,
    new_minus_champion=Figure(-0.012, -0.020, -0.004),
    learned_until=date(2017, 10, 3),
    test=date(2017, 11, 2),
)
TRAINED_SINCE = replace(CHAMPION, learned_until=date(2017, 11, 3))
RUN = RunEvidence("2017-11-02-ab12", date(2017, 11, 2), 0.042, 2_310)

GOOD = {
    "log_loss": Figure(0.289, 0.265, 0.313),
    "auc": Figure(0.862, 0.84, 0.88),
    "calibration_error": Figure(0.018, 0.01, 0.03),
    "base_log_loss": 0.397,
    "rfm_auc": 0.842,
    "log_loss_minus_base": Figure(-0.108, -0.121, -0.095),
    "auc_minus_rfm": Figure(0.020, 0.009, 0.031),
    "train_yes": 1_890,
    "train_no": 12_000,
    "test_yes": 316,
    "test_no": 2_004,
    "decided": decided(CHURN),
}
AROUND = SharedEvidence(leaks=CLEAN, champion=CHAMPION, last_run=RUN)


def evidence(**figures: Any) -> Evidence:
    """Return figures like those of GOOD as a training leaves them."""
    base, rfm = (Figure(figures[name], math.nan, math.nan) for name in ("base_log_loss", "rfm_auc"))
    return Evidence(
        test={
            "tagcast": {name: figures[name] for name in ("log_loss", "auc", "calibration_error")},
            "base_rate": {"log_loss": base},
            "rfm": {"auc": rfm},
        },
        differences={
            "base_rate": {"log_loss": figures["log_loss_minus_base"]},
            "rfm": {"auc": figures["auc_minus_rfm"]},
        },
        references=REFERENCES,
        cases={name: figures[name] for name in ("train_yes", "train_no", "test_yes", "test_no")},
        decided=figures["decided"],
    )


def gate(**change: Any) -> GateReport:
    """Return what the gate finds of GOOD with some of its figures, or of what is around it, changed."""
    around = {name: change.pop(name) for name in tuple(change) if hasattr(AROUND, name)}
    assert set(change) <= set(GOOD)
    return evaluate_gate(GATE_KINDS["model"], evidence(**{**GOOD, **change}), replace(AROUND, **around))


def leaks(**change: Any) -> dict[str, Any]:
    return {"leaks": replace(CLEAN, **change)}


def against(value: float, low: float, high: float) -> dict[str, Any]:
    return {"champion": replace(CHAMPION, new_minus_champion=Figure(value, low, high))}


def moved(psi: float) -> dict[str, Any]:
    return {"last_run": replace(RUN, psi=psi)}


def outcomes(report: GateReport) -> dict[str, str]:
    return {check.name: check.outcome for check in report.checks}


def text(report: GateReport, name: str) -> str:
    return str(next(check.text for check in report.checks if check.name == name))


def test_good_model_passes_every_check_with_figures_in_plain_sentences():
    report = gate()
    assert set(outcomes(report).values()) == {"pass"}
    assert report.passed
    assert str(report.reason) == "passes every check"
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
    assert text(report, "single_feature") == ("strongest feature alone: spend_90d with AUC .939, up to .950")
    assert text(report, "last_day") == (
        "without its last day no feature loses more than 10% of its power (spend_7d)"
    )
    assert "the same" in text(report, "after_as_of")
    assert text(report, "beats_champion") == (
        "log loss .289 against .301 for the champion, version 3: better by .012 (.004 to .020)"
    )
    assert text(report, "score_distribution") == (
        "PSI .042 between the scores of the run 2017-11-02-ab12 and the new ones for its 2,310 profiles, "
        "up to .100 is little change"
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
        (leaks(powers=[FeaturePower("f", 0.95)]), "single_feature", "pass", "f with AUC .950"),
        (leaks(powers=[FeaturePower("f", 0.951)]), "single_feature", "fail", "f (AUC .951): alone above"),
        (
            leaks(
                powers=[FeaturePower(f, a) for f, a in zip("abcde", (0.96, 1, 0.97, 0.98, 0.5), strict=True)]
            ),
            "single_feature",
            "fail",
            "b (AUC 1.000), d (AUC .980), c (AUC .970) and 1 more: alone",
        ),
        (leaks(powers=[]), "single_feature", "pass", "no feature"),
        (leaks(powers=[FeaturePower("f", math.nan)]), "single_feature", "pass", "unknown"),
        (
            leaks(last_day=[LastDayLoss("f", 0.65, 0.575)]),
            "last_day",
            "fail",
            "f (AUC .650, .575 without it)",
        ),
        (leaks(last_day=[LastDayLoss("f", 0.649, 0.5)]), "last_day", "pass", "no feature alone reaches"),
        (leaks(last_day=[LastDayLoss("f", 0.9, 0.81)]), "last_day", "pass", "22% of its power"),
        (leaks(last_day=[LastDayLoss("f", 0.9, 0.79)]), "last_day", "warn", "holds 27% of the power of f"),
        (leaks(last_day=[LastDayLoss("f", 0.9, 0.2)]), "last_day", "fail", "holds 100% of the power of f"),
        (leaks(late_events=1), "after_as_of", "fail", "1 event counted before a snapshot"),
        (leaks(late_rows=2_000), "after_as_of", "fail", "2,000 snapshot rows stamped later"),
        (
            leaks(ahead=["recency_days"]),
            "after_as_of",
            "fail",
            "recency_days counted from events at or after",
        ),
        (
            leaks(recounted_otherwise=list("abcd")),
            "after_as_of",
            "fail",
            "a, b, c and 1 more of the test snapshot not what the events before it give",
        ),
        (
            leaks(written_late=["contract"]),
            "after_as_of",
            "fail",
            "rows of contract that were written after the day from which they say to be true",
        ),
        (
            against(-0.012, -0.02, 0.001),
            "beats_champion",
            "warn",
            "better by .012 (-.001 to .020), which may",
        ),
        (against(0.004, -0.003, 0.01), "beats_champion", "warn", "worse by .004 (-.003 to .010), which may"),
        (against(0.0, 0.0, 0.0), "beats_champion", "warn", "as good, which may be chance"),
        (against(0.012, 0.004, 0.02), "beats_champion", "fail", "worse by .012 (.004 to .020)"),
        (against(math.nan, math.nan, math.nan), "beats_champion", "warn", "cannot be compared"),
        (
            {"champion": replace(TRAINED_SINCE, new_minus_champion=Figure(0.1, 0.08, 0.12))},
            "beats_champion",
            "warn",
            "proves nothing: the champion has learned from outcomes up to 2017-11-03",
        ),
        ({"champion": TRAINED_SINCE}, "beats_champion", "pass", "better by .012"),
        (
            {"champion": NotCompared(msg("no champion yet"), expected=True)},
            "beats_champion",
            "pass",
            "no champion",
        ),
        ({"champion": NotCompared("is damaged", expected=False)}, "beats_champion", "warn", "is damaged"),
        (moved(0.1), "score_distribution", "pass", "PSI .100"),
        (moved(0.101), "score_distribution", "warn", "scores have moved"),
        (moved(0.25), "score_distribution", "warn", "scores have moved"),
        (moved(0.251), "score_distribution", "fail", "above .250"),
        ({"last_run": replace(RUN, psi=0.3, profiles=99)}, "score_distribution", "warn", "too few to tell"),
        (moved(math.nan), "score_distribution", "warn", "PSI unknown"),
        (moved(math.inf), "score_distribution", "warn", "PSI unknown"),
        (
            {"last_run": NotCompared(msg("no run yet"), expected=True)},
            "score_distribution",
            "pass",
            "no run yet",
        ),
        ({"last_run": NotCompared("is damaged", expected=False)}, "score_distribution", "warn", "is damaged"),
    ],
)
def test_each_check_answers_for_itself(change: dict[str, Any], check: str, outcome: str, says: str):
    report = gate(**change)
    assert outcomes(report)[check] == outcome
    assert says in text(report, check)
    assert [name for name, found in outcomes(report).items() if found != "pass"] == (
        [] if outcome == "pass" else [check]
    )
    assert report.passed is (outcome != "fail")
    if outcome != "pass":
        assert text(report, check) in str(report.reason)
    kept = json.loads(json.dumps(report.as_dict()))["checks"]
    assert [str(from_json(one["text"])) for one in kept] == [str(one.text) for one in report.checks]
    in_chinese = {str(one): render(one, "zh") for one in (*(c.text for c in report.checks), report.reason)}
    english = {line: set(re.findall(r"[a-z]{2,}", zh)) - SPELT_AS_IT_IS for line, zh in in_chinese.items()}
    assert not any(english.values()), f"a Chinese reader finds this in English: {english}"


def test_refusal_names_only_what_failed():
    report = gate(test_yes=3, auc_minus_rfm=Figure(-0.1, -0.2, 0), calibration_error=Figure(0.2, 0.1, 0.3))
    assert not report.passed
    reason = str(report.reason)
    assert "3 and 2,004 to test on" in reason
    assert "worse by .100" in reason
    assert "calibration" not in reason


figures = st.floats(allow_nan=True, allow_infinity=True, width=32)


@given(figures, figures, figures, st.integers(0, 500), st.integers(0, 500))
def test_any_figures_give_a_report_that_is_valid_json(
    value: float, low: float, high: float, yes: int, no: int
):
    report = gate(
        calibration_error=Figure(value, low, high),
        log_loss_minus_base=Figure(value, low, high),
        base_log_loss=value,
        test_yes=yes,
        test_no=no,
        leaks=replace(
            CLEAN,
            powers=[FeaturePower("f", value)],
            last_day=[LastDayLoss("f", value, low)],
            late_events=yes,
        ),
        champion=replace(CHAMPION, loss=low, new_minus_champion=Figure(value, low, high)),
        last_run=replace(RUN, psi=value),
    )
    kept = json.loads(json.dumps(report.as_dict(), allow_nan=False))
    assert kept["passed"] is report.passed
    assert len(kept["checks"]) == 10
    assert report.passed is all(check["outcome"] != "fail" for check in kept["checks"])


@given(st.floats(-0.5, 0.5), st.floats(0, 0.3))
def test_no_model_passes_whose_point_estimate_is_not_better(difference: float, width: float):
    interval = Figure(difference, difference - width, difference + width)
    assert gate(auc_minus_rfm=interval).passed is (difference > 0)
    assert gate(log_loss_minus_base=interval).passed is (difference < 0)
