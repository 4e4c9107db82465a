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
    promise_findings,
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
    "some level, or nothing is said with confidence; a reference that stands in for a model is never better than C",
    "D": "fails its gate, or is no better than its reference in either error",
}


@dataclass(frozen=True)
class AmountGradeEvidence:
    """What a grade rests on, all of the test snapshot.

    Parameters
    ----------
    gate_passed : bool
    gate_reason : str
        Why not, where it failed.
    reference : str
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
    gate_reason: str
    reference: str
    differences: dict[str, Measured]
    coverage: float
    promise: Sequence[Promised]
    test_yes: int
    test_no: int
    out_of_time: bool
    stands_in: bool


def grade_amount(e: AmountGradeEvidence) -> Grade:
    """Give a grade by :data:`AMOUNT_RULE`."""
    marked = (f"this is the {e.reference}, not a trained model: C at best",) if e.stands_in else ()
    refused = [] if e.gate_passed else [f"the gate refused it: {e.gate_reason}"]
    if not e.stands_in and not any(d.value < 0 for d in e.differences.values()):  # true for NaN as well
        refused.append(f"its errors are no smaller than those of the {e.reference}")
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
    between = f"{name} smaller by {-best.high:,.3g} to {-best.low:,.3g}"
    if worse:
        return "C", f"its {worse[0]} is worse than that of the {e.reference} beyond chance"
    if best.high < 0:
        return "A", f"beats the {e.reference} beyond chance ({between})"
    return "C", f"its lead over the {e.reference} may be chance ({between})"


def _intervals(e: AmountGradeEvidence) -> Finding:
    least, most = coverage_bounds(e.test_no / max(1, e.test_yes + e.test_no))
    if math.isnan(e.coverage):
        return "C", "what its intervals hold cannot be measured"
    held = f"its {COVERAGE:.0%} intervals held {e.coverage:.3f} of the amounts"
    if least <= e.coverage <= most:
        return "A", held
    return "C", f"{held}: too {'few' if e.coverage < least else 'many'}"


def _cases(e: AmountGradeEvidence) -> Finding:
    cases = f"{e.test_yes:,} profiles with any spend to test on"
    if e.test_yes < CLEAR_CASES:
        return "B", f"only {cases}: {CLEAR_CASES} would be clear"
    return "A", cases
