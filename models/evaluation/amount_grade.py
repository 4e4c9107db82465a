"""A plain grade, A to D, of an amount: the questions of :mod:`tagcast.models.evaluation.grade` in figures of amounts.

====  ===================================================================================================
A     a smaller error than its reference beyond chance, intervals that hold what they should, the promise on
      tiers kept at every level of confidence, enough cases to say so, and chosen out of time
B     the same, but few cases, a promise missed by no more than chance, or chosen on groups of profiles
C     passes its gate, but the lead may be chance, the intervals hold too few or too many, or the promise is
      broken; a reference that stands in for a model is never better
D     fails its gate, or is no better than its reference
====  ===================================================================================================

The reference is the better one of the profile's own spend rate and the mean amount. The score is a mean, which the
squared error asks for; the absolute error asks for the median. A lead in either counts, as it does for the gate, unless
the model is worse in the other beyond chance.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tagcast.features.core.messages import Joined, Text, msg
from tagcast.models.evaluation.grade import (
    CHANCE_ERRORS,
    CLEAR_CASES,
    Finding,
    Grade,
    Letter,
    Measured,
    Promised,
    choice_findings,
    graded,
    lead_finding,
    promise_findings,
    refusals,
    stand_in_text,
)
from tagcast.models.stats.amount_metrics import COVERAGE, MAX_COVERAGE_ERROR, coverage_bounds

AMOUNT_RULE: dict[Letter, str] = {
    "A": "a smaller RMSE or MAE than its reference (own spend rate or mean amount, whichever is better) beyond chance "
    f"(95 % intervals) and in neither worse beyond chance, {COVERAGE:.0%} intervals that hold at least "
    f"{COVERAGE - MAX_COVERAGE_ERROR:.0%} and no more than who spends nothing explains, the promise on tiers kept at "
    f"every level of confidence, at least {CLEAR_CASES} profiles with any spend to test on, and chosen out of time",
    "B": "as A, but with fewer profiles with any spend to test on, a promise missed by no more than chance "
    f"({CHANCE_ERRORS:g} standard errors), or chosen on groups of profiles rather than out of time",
    "C": "passes its gate, but the lead may be chance, the intervals hold too few or too many, the promise is broken at "
    "some level, or nothing is predicted with confidence; a reference that stands in for a model is never better than C",
    "D": "fails its gate, or is no better than its reference in either error",
}


@dataclass(frozen=True)
class AmountGradeEvidence:
    """What a grade rests on, all of the test snapshot.

    Parameters
    ----------
    gate_passed : bool
    gate_reason : Message, Joined or str
        Why not, where it failed.
    reference : Message or str
        What people call it.
    differences : dict of str to Measured
        ``RMSE`` and ``MAE``, model minus reference, paired; below 0 is better.
    coverage : float
        Share of amounts inside their interval.
    promise : sequence of Promised
        By level of confidence.
    test_yes, test_no : int
        Profiles with any spend, and without.
    out_of_time : bool
        Whether the model was chosen on snapshots after those that it learned from.
    stands_in : bool
        Whether the reference itself is what predicts.
    """

    gate_passed: bool
    gate_reason: Text | Joined
    reference: Text
    differences: dict[str, Measured]
    coverage: float
    promise: Sequence[Promised]
    test_yes: int
    test_no: int
    out_of_time: bool
    stands_in: bool


def grade_amount(e: AmountGradeEvidence) -> Grade:
    """Give a grade by :data:`AMOUNT_RULE`."""
    marked = (stand_in_text(e.reference),) if e.stands_in else ()
    refused = refusals(e.gate_reason, gate_passed=e.gate_passed)
    if not e.stands_in and not any(d.value < 0 for d in e.differences.values()):  # true for NaN as well
        refused.append(msg("its errors are no smaller than those of the {reference}", reference=e.reference))
    leads = [] if e.stands_in else [_lead(e)]
    findings = [
        *leads,
        _intervals(e),
        *promise_findings(e.promise),
        _cases(e),
        *choice_findings(out_of_time=e.out_of_time),
    ]
    return graded(refused, findings, marked, "C" if e.stands_in else "A")


def _lead(e: AmountGradeEvidence) -> Finding:
    """Return the clearest lead: the one whose interval lies farthest below zero, in its own width."""
    worse = [name for name, d in e.differences.items() if d.low > 0]
    name, best = min(e.differences.items(), key=lambda item: item[1].high / (abs(item[1].value) or 1.0))
    if worse:
        text = msg(
            "its {metric} is worse than that of the {reference} beyond chance",
            metric=worse[0],
            reference=e.reference,
        )
        return "C", text
    between = msg(
        "{metric} smaller by {low} to {high}",
        metric=name,
        low=f"{-best.high:,.3g}",
        high=f"{-best.low:,.3g}",
    )
    return lead_finding(e.reference, between, clear=best.high < 0)


def _intervals(e: AmountGradeEvidence) -> Finding:
    least, most = coverage_bounds(e.test_no / max(1, e.test_yes + e.test_no))
    if math.isnan(e.coverage):
        return "C", msg("what its intervals hold cannot be measured")
    held = msg(
        "its {level:.0%} intervals held {share} of the amounts", level=COVERAGE, share=f"{e.coverage:.3f}"
    )
    if least <= e.coverage <= most:
        return "A", held
    return "C", msg("{held}: too few", held=held) if e.coverage < least else msg(
        "{held}: too many", held=held
    )


def _cases(e: AmountGradeEvidence) -> Finding:
    cases = msg("{yes:,} profiles with any spend to test on", yes=e.test_yes)
    if e.test_yes < CLEAR_CASES:
        return "B", msg("only {cases}: {least} would be clear", cases=cases, least=CLEAR_CASES)
    return "A", cases
