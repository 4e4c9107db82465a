"""What the grades of each kind of tag take and say: :mod:`tagcast.models.evaluation.grade`."""

from __future__ import annotations

import math

from tagcast.features.core.messages import msg
from tagcast.models.evaluation.evidence import AMOUNT, BINARY, EFFECT, Evidence
from tagcast.models.evaluation.grade import CHANCE_ERRORS, CLEAR_CASES, Finding, GradeKind
from tagcast.models.stats.amount_metrics import COVERAGE, MAX_COVERAGE_ERROR

MAX_CALIBRATION_ERROR = 0.05
"""The gate's bound too: sampling alone gives about .02 on a test snapshot of 2,300 profiles."""


def _calibrated(evidence: Evidence) -> Finding:
    error = evidence.test["tagcast"]["calibration_error"].value
    if math.isnan(error):
        return "C", msg("the calibration error cannot be measured")
    figures = {"error": f"{error:.3f}", "bound": MAX_CALIBRATION_ERROR}
    if error <= MAX_CALIBRATION_ERROR:
        return "A", msg("calibration error {error}, at most {bound}", **figures)
    return "C", msg("calibration error {error}, above {bound}", **figures)


def _covers(evidence: Evidence) -> Finding:
    coverage, least, most = evidence.coverage
    share = coverage.value
    if math.isnan(share):
        return "C", msg("what its intervals hold cannot be measured")
    held = msg("its {level:.0%} intervals held {share} of the amounts", level=COVERAGE, share=f"{share:.3f}")
    if least <= share <= most:
        return "A", held
    return "C", msg("{held}: too few", held=held) if share < least else msg("{held}: too many", held=held)


def _straight(evidence: Evidence) -> Finding:
    slope = evidence.test["tagcast"]["slope"]
    figures = {"slope": f"{slope.value:.2f}", "low": f"{slope.low:.2f}", "high": f"{slope.high:.2f}"}
    text = msg("slope of the best linear predictor {slope} ({low} to {high}); 1 is calibrated", **figures)
    return ("A" if slope.low <= 1 <= slope.high else "B"), text


GRADE_KINDS = {
    "model": GradeKind(
        standard=BINARY,
        rule={
            "A": msg(
                "better than the base rate and than the RFM ranking beyond chance (95% intervals), calibration error "
                "at most {bound}, the promise kept at every level of confidence, at least {least} true "
                "and false outcomes each to test on, and chosen out of time: on snapshots after those learned from",
                bound=MAX_CALIBRATION_ERROR,
                least=CLEAR_CASES,
            ),
            "B": msg(
                "as A, but with fewer outcomes to test on, a promise missed by no more than chance "
                "({errors} standard errors), or chosen on groups of profiles rather than out of time",
                errors=f"{CHANCE_ERRORS:g}",
            ),
            "C": msg(
                "passes its gate, but a lead may be chance, the calibration error is above its bound, the promise is "
                "broken at some level, or nothing is predicted with confidence; an RFM ranking is never better than C"
            ),
            "D": msg("fails its gate, or is no better than the base rate"),
        },
        no_better=lambda _reference: msg("its log loss is no better than the base rate's"),
        between=lambda metric, low, high: msg(
            "{metric} better by {low} to {high}", metric=metric, low=f"{low:.3f}", high=f"{high:.3f}"
        ),
        honest=_calibrated,
        cases=lambda cases: msg(
            "{yes:,} true and {no:,} false outcomes to test on", yes=cases["test_yes"], no=cases["test_no"]
        ),
    ),
    # The reference is the better one of the profile's own spend rate and the mean amount. A lead in either error counts,
    # as it does for the gate, unless the model is worse in the other beyond chance.
    "amount": GradeKind(
        standard=AMOUNT,
        rule={
            "A": msg(
                "a smaller RMSE or MAE than its reference (own spend rate or mean amount, whichever is better) beyond "
                "chance (95% intervals) and in neither worse beyond chance, {level} intervals that hold at least "
                "{held} and no more than who spends nothing explains, the promise on tiers "
                "kept at every level of confidence, at least {least} profiles with any spend to test on, and chosen "
                "out of time",
                level=f"{COVERAGE:.0%}",
                held=f"{COVERAGE - MAX_COVERAGE_ERROR:.0%}",
                least=CLEAR_CASES,
            ),
            "B": msg(
                "as A, but with fewer profiles with any spend to test on, a promise missed by no more than chance "
                "({errors} standard errors), or chosen on groups of profiles rather than out of time",
                errors=f"{CHANCE_ERRORS:g}",
            ),
            "C": msg(
                "passes its gate, but the lead may be chance, the intervals hold too few or too many, the promise is "
                "broken at some level, or nothing is predicted with confidence; a reference that stands in for a model is "
                "never better than C"
            ),
            "D": msg("fails its gate, or is no better than its reference in either error"),
        },
        no_better=lambda reference: msg(
            "its errors are no smaller than those of the {reference}", reference=reference
        ),
        between=lambda metric, low, high: msg(
            "{metric} smaller by {low} to {high}", metric=metric, low=f"{low:,.3g}", high=f"{high:,.3g}"
        ),
        honest=_covers,
        cases=lambda cases: msg("{yes:,} profiles with any spend to test on", yes=cases["test_yes"]),
    ),
    "uplift": GradeKind(
        standard=EFFECT,
        rule={
            "A": msg(
                "ranks people by what an approach changes better than chance (95% interval of the area above it), slope of the best "
                "linear predictor no different from 1 beyond chance, floors of effects kept at every level of confidence, at least "
                "{least} true and false outcomes each to test on, and chosen out of time: on campaigns after those learned from",
                least=CLEAR_CASES,
            ),
            "B": msg(
                "as A, but with another slope (scores are corrected by it), with fewer outcomes to test on, a floor missed by no "
                "more than chance ({errors} standard errors), or chosen on groups of profiles rather than out of time",
                errors=f"{CHANCE_ERRORS:g}",
            ),
            "C": msg(
                "passes its gate, but the lead may be chance, a floor is broken, or nothing is predicted with confidence; the average "
                "effect that stands in for a model is never better than C"
            ),
            "D": msg("fails its gate, or ranks no better than chance"),
        },
        no_better=lambda _reference: msg("it finds no difference between people"),
        between=lambda metric, low, high: msg(
            "{metric} {low} to {high} outcomes a thousand people",
            metric=metric,
            low=f"{low:.1f}",
            high=f"{high:.1f}",
        ),
        honest=_straight,
        cases=lambda cases: msg(
            "{yes:,} true and {no:,} false outcomes to test on", yes=cases["test_yes"], no=cases["test_no"]
        ),
    ),
}
"""By :attr:`tagcast.models.definitions.model_tag.TagDefinition.kind`."""
