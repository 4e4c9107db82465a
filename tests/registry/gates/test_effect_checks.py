"""What the gate asks of an uplift: people who differ, arms that are alike and large enough, and words for what to do instead."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tagcast.models.evaluation.evidence import Evidence
from tagcast.models.evaluation.grade import grade
from tagcast.models.evaluation.grade_kinds import GRADE_KINDS
from tagcast.models.stats.effects import FloorBand
from tagcast.models.stats.metrics import Estimate
from tagcast.registry.gates.gate_kinds import GATE_KINDS
from tests.support.experiments.planted import TAG
from tests.support.synthetic import decided

CASES = {
    "train_yes": 900, "train_no": 5000, "test_yes": 200, "test_no": 1300, "approached_yes": 700, "approached_no": 3000,
    "control_yes": 400, "control_no": 3300,
}  # fmt: skip
GOOD = {
    "effect": Estimate(0.077, 0.069, 0.084),
    "slope": Estimate(0.9, 0.6, 1.2),
    "area": Estimate(7.0, 5.0, 9.0),
    "relative_area": Estimate(0.3, 0.2, 0.4),
    "effect_loss": Estimate(-8.0, -12.0, -4.0),
    "floor_margin": Estimate(0.01, -0.01, 0.03),
    "arms_auc": Estimate(0.501, 0.49, 0.512),
    "sample_ratio": Estimate(0.4, 0.4, 0.4),
    "without_overlap": Estimate(0.0, 0.0, 0.0),
}


@dataclass(frozen=True)
class Found:
    outcomes: dict[str, str]
    texts: dict[str, str]


def evidence(cases=None, drop=(), **changed) -> Evidence:
    own = {name: one for name, one in {**GOOD, **changed}.items() if name not in drop}
    nothing = {"area": Estimate(0.0, 0.0, 0.0)}
    return Evidence(
        {"tagcast": own, "everyone": nothing},
        {"everyone": {"area": own["area"]}},
        {"everyone": "average effect for all"},
        {**CASES, **(cases or {})},
        decided(TAG),
        (FloorBand(0.0, 500, 0.03, 0.05, 0.01),),
    )


def checked(**changed) -> Found:
    checks = [check(evidence(**changed)) for check in GATE_KINDS["uplift"].honest]
    return Found({c.name: c.outcome for c in checks}, {c.name: str(c.text) for c in checks})


def test_a_sound_experiment_in_which_people_differ_passes() -> None:
    assert set(checked().outcomes.values()) == {"pass"}


@pytest.mark.parametrize(
    ("check", "changed"),
    [
        ("people_differ", {"slope": Estimate(0.25, -0.2, 0.7)}),
        ("worth_ranking", {"relative_area": Estimate(0.09, 0.02, 0.16)}),
        ("arms", {"cases": {"control_yes": 99}}),
        ("sample_ratio", {"sample_ratio": Estimate(1e-4, 1e-4, 1e-4)}),
        ("arms_alike", {"arms_auc": Estimate(0.6, 0.57, 0.63)}),
    ],
)
def test_what_is_missing_fails_its_check_alone(check, changed) -> None:
    found = checked(**changed)
    assert found.outcomes[check] == "fail"
    assert [name for name, outcome in found.outcomes.items() if outcome != "pass"] == [check]


def test_a_refusal_says_what_to_do() -> None:
    text = checked(slope=Estimate(0.25, -0.2, 0.7)).texts["people_differ"]
    assert text == (
        "no difference between people was found (slope 0.25, -0.20 to 0.70): approach all or none, +7.7 points (6.9 to 8.4)"
    )


def test_arms_a_little_unlike_and_a_broken_floor_warn() -> None:
    assert checked(arms_auc=Estimate(0.52, 0.51, 0.53)).outcomes["arms_alike"] == "warn"
    assert checked(drop=("arms_auc",)).outcomes["arms_alike"] == "warn", "not at random"
    broken = checked(floor_margin=Estimate(-0.02, -0.03, -0.01))
    assert broken.outcomes["keeps_promise"] == "warn"
    assert "−2.0 points (−3.0 to −1.0)" in broken.texts["keeps_promise"]
    assert checked(drop=("sample_ratio",)).outcomes["sample_ratio"] == "pass", "no share was meant"


def test_grades_follow_slope_lead_and_floors() -> None:
    def letter(**changed) -> str:
        return grade(GRADE_KINDS["uplift"], evidence(**changed)).letter

    assert letter() == "A"
    assert letter(slope=Estimate(0.5, 0.2, 0.8)) == "B"
    assert letter(area=Estimate(2.0, -1.0, 5.0)) == "C"
    assert letter(area=Estimate(-1.0, -3.0, 1.0)) == "D"
