"""What the gate asks of each kind of tag, in figures of its own: :mod:`tagcast.registry.gates.gate`."""

from __future__ import annotations

import math

from tagcast.features.core.messages import msg
from tagcast.models.evaluation.evidence import AMOUNT, BINARY, EFFECT, Evidence
from tagcast.models.evaluation.grade_kinds import MAX_CALIBRATION_ERROR
from tagcast.models.stats.amount_metrics import COVERAGE
from tagcast.registry.gates.checks import Check, short
from tagcast.registry.gates.effect_checks import (
    arms_alike,
    as_meant,
    enough_in_arms,
    keeps_floor,
    people_differ,
    worth_ranking,
)
from tagcast.registry.gates.gate import GateKind
from tagcast.registry.gates.value_checks import predicts_effects, predicts_tiers, predicts_yes


def _calibrated(evidence: Evidence) -> Check:
    """Warn where the calibration error lies above its bound."""
    error, bar = evidence.test["tagcast"]["calibration_error"].value, MAX_CALIBRATION_ERROR
    within = error <= bar  # false for NaN: an error that could not be measured is worth a warning
    figures = {"error": short(error), "bound": short(bar)}
    if within:
        text = msg("calibration error {error}, within the bound of {bound}", **figures)
    else:
        text = msg("calibration error {error}, outside the bound of {bound}", **figures)
    return Check("calibrated", "pass" if within else "warn", error, bar, text)


def _covers(evidence: Evidence) -> Check:
    """Warn where intervals hold too few amounts, or more than those who spend nothing explain."""
    coverage, least, most = evidence.coverage
    within = least <= coverage.value <= most  # false for NaN
    text = msg(
        "intervals held {held} of the amounts ({low} to {high}), {asked} is asked; {nothing} spent nothing",
        held=short(coverage.value),
        low=short(coverage.low),
        high=short(coverage.high),
        asked=short(COVERAGE),
        nothing=short(evidence.without),
    )
    if not within and math.isfinite(coverage.value):
        few = coverage.value < COVERAGE
        text = msg("{held}: too few", held=text) if few else msg("{held}: too many", held=text)
    return Check("covers", "pass" if within else "warn", coverage.value, COVERAGE, text)


def _keeps_promise(evidence: Evidence) -> Check:
    """Warn where more was promised than came, beyond chance."""
    margin = evidence.test["tagcast"]["promise_margin"]
    kept = not margin.high < 0
    text = msg(
        "share of right tiers minus mean confidence {margin} ({low} to {high})",
        margin=short(margin.value),
        low=short(margin.low),
        high=short(margin.high),
    )
    if not kept:
        text = msg("{margin}: more was promised than came", margin=text)
    return Check("keeps_promise", "pass" if kept else "warn", margin.value, 0.0, text)


GATE_KINDS = {
    "model": GateKind(
        standard=BINARY,
        training=50,  # of each outcome: below, a model of some 60 features memorises
        test=20,  # of each outcome: below, no interval of AUC says anything
        cases=lambda cases: msg(
            "{train_yes:,} true and {train_no:,} false outcomes to learn from, {test_yes:,} and {test_no:,} to test on",
            **cases,
        ),
        honest=(_calibrated,),
        values=predicts_yes,
    ),
    "amount": GateKind(
        standard=AMOUNT,
        training=200,  # amounts have long tails: fewer tell little of one
        test=20,
        cases=lambda cases: msg(
            "{train:,} cases with any spend to learn from, {test:,} to test on",
            train=cases["train_yes"],
            test=cases["test_yes"],
        ),
        honest=(_covers, _keeps_promise),
        values=predicts_tiers,
    ),
    "uplift": GateKind(
        standard=EFFECT,
        training=100,  # of each outcome: effects are an order smaller than rates
        test=20,
        cases=lambda cases: msg(
            "{train_yes:,} true and {train_no:,} false outcomes to learn from, {test_yes:,} and {test_no:,} to test on",
            **{name: cases[name] for name in ("train_yes", "train_no", "test_yes", "test_no")},
        ),
        honest=(enough_in_arms, as_meant, arms_alike, people_differ, worth_ranking, keeps_floor),
        values=predicts_effects,
    ),
}
"""By :attr:`tagcast.models.definitions.model_tag.TagDefinition.kind`."""
