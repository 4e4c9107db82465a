"""A plain grade, A to D, from what the test snapshot shows.

====  ===================================================================================================
A     better than the base rate and than the RFM ranking beyond chance, calibrated, the promise kept at
      every level of confidence, enough cases to say so, and chosen on snapshots after those learned from
B     the same beyond chance and calibrated, but few cases, a promise missed by no more than chance, or
      chosen on groups of profiles, where no snapshot is left to choose out of time
C     passes its gate, but the lead may be chance, the calibration is off, or the promise is broken
D     fails its gate, or is no better than the base rate
====  ===================================================================================================

The grade speaks of one test snapshot. What that snapshot could not show (other seasons, segments) is no part
of it, and stands beside it as limits.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from tagcast.features.core.messages import Joined, Text, msg

Letter = Literal["A", "B", "C", "D"]
Kind = Literal["model", "rfm"]
Finding = tuple[Letter, Text]
"""A sentence, and the best grade that it allows."""

MAX_CALIBRATION_ERROR = 0.05
"""The gate's bound too: sampling alone gives about .02 on a test snapshot of 2,300 profiles."""
CLEAR_CASES = 100
"""True and false outcomes each at the test snapshot: fewer leave a standard error above .05 on any share."""
CHANCE_ERRORS = 2.0
"""A promise missed by more standard errors than this is broken."""

RULE: dict[Letter, str] = {
    "A": "better than the base rate and than the RFM ranking beyond chance (95 % intervals), calibration error "
    f"at most {MAX_CALIBRATION_ERROR}, the promise kept at every level of confidence, at least {CLEAR_CASES} true "
    "and false outcomes each to test on, and chosen out of time: on snapshots after those learned from",
    "B": "as A, but with fewer outcomes to test on, a promise missed by no more than chance "
    f"({CHANCE_ERRORS:g} standard errors), or chosen on groups of profiles rather than out of time",
    "C": "passes its gate, but a lead may be chance, the calibration error is above its bound, the promise is "
    "broken at some level, or nothing is predicted with confidence; an RFM ranking is never better than C",
    "D": "fails its gate, or is no better than the base rate",
}


class Measured(Protocol):
    """A figure with its 95 % interval."""

    @property
    def value(self) -> float:
        """Point estimate."""

    @property
    def low(self) -> float:
        """Lower end of the interval."""

    @property
    def high(self) -> float:
        """Upper end of the interval."""


class Promised(Protocol):
    """One level of confidence: what was promised and what came (``promise.PromiseBand``)."""

    @property
    def confidence(self) -> float:
        """Lower end."""

    @property
    def predicted(self) -> int:
        """Values yes or no."""

    @property
    def mean_confidence(self) -> float:
        """The promise."""

    @property
    def share_right(self) -> float:
        """What came."""


@dataclass(frozen=True)
class GradeEvidence:
    """What a grade rests on, all of the test snapshot.

    Parameters
    ----------
    gate_passed : bool
        Of the gate that this kind of version has to pass.
    gate_reason : Message, Joined or str
        Why not, where it failed.
    log_loss_minus_base : Measured
        Paired difference to the base rate; below 0 is better.
    auc_minus_rfm : Measured
        Paired difference to the RFM ranking; above 0 is better. Not looked at for kind ``rfm``.
    calibration_error : float
    promise : sequence of Promised
        By level of confidence.
    test_yes, test_no : int
        Cases.
    out_of_time : bool
        Whether the model was chosen on snapshots after those that it learned from.
    """

    gate_passed: bool
    gate_reason: Text | Joined
    log_loss_minus_base: Measured
    auc_minus_rfm: Measured
    calibration_error: float
    promise: Sequence[Promised]
    test_yes: int
    test_no: int
    out_of_time: bool = True


@dataclass(frozen=True)
class Grade:
    """A letter and the sentences that lead to it; what holds it back comes first."""

    letter: Letter
    reasons: tuple[Text, ...]


def graded(
    refused: Sequence[Text], findings: Sequence[Finding], marked: Sequence[Text] = (), best: Letter = "A"
) -> Grade:
    """Give the worst grade that a finding allows, its sentence first; D where something is ``refused``.

    Parameters
    ----------
    refused : sequence of Message or str
        What alone makes a D.
    findings : sequence of (letter, sentence)
        With the best grade that each allows.
    marked : sequence of Message or str
        Said before the findings.
    best : {"A", "B", "C"}
        No better grade is given.
    """
    if refused:
        return Grade("D", (*refused, *marked))
    # "A" < "B" < "C": the worst finding decides, and stands first.
    ordered = sorted(findings, key=lambda finding: finding[0], reverse=True)
    return Grade(max(best, ordered[0][0]), (*marked, *(text for _, text in ordered)))


def grade(evidence: GradeEvidence, *, kind: Kind = "model") -> Grade:
    """Give a grade by :data:`RULE`.

    Parameters
    ----------
    evidence : GradeEvidence
    kind : str
        ``rfm`` marks a version that only ranks by recency, frequency and monetary value: C at best.
    """
    e = evidence
    marked = (stand_in_text(msg("RFM ranking")),) if kind == "rfm" else ()
    refused = refusals(e.gate_reason, gate_passed=e.gate_passed)
    if not e.log_loss_minus_base.value < 0:  # true for NaN as well
        refused.append(msg("its log loss is no better than the base rate's"))
    findings = [
        *_leads(e, kind),
        *_calibration(e),
        *promise_findings(e.promise),
        *_cases(e),
        *choice_findings(out_of_time=e.out_of_time),
    ]
    return graded(refused, findings, marked, "C" if kind == "rfm" else "A")


def stand_in_text(reference: Text) -> Text:
    """Return what marks a version that is a reference, not a model."""
    return msg("this is the {reference}, not a trained model: C at best", reference=reference)


def refusals(reason: Text | Joined, *, gate_passed: bool) -> list[Text]:
    """Return the gate's refusal, where there is one."""
    return [] if gate_passed else [msg("the gate refused it: {reason}", reason=reason)]


def lead_finding(reference: Text, between: Text, *, clear: bool) -> Finding:
    """Return what a lead over a reference says, and the best grade that it allows."""
    figures = {"reference": reference, "between": between}
    if clear:
        return "A", msg("beats the {reference} beyond chance ({between})", **figures)
    return "C", msg("its lead over the {reference} may be chance ({between})", **figures)


def _leads(e: GradeEvidence, kind: Kind) -> list[Finding]:
    """Return what each lead says, with the best grade that it allows."""
    base = e.log_loss_minus_base
    leads: list[tuple[Text, Text, float, float]] = [
        (msg("base rate"), msg("log loss"), -base.high, -base.low)
    ]
    if kind == "model":
        leads.append((msg("RFM ranking"), "AUC", e.auc_minus_rfm.low, e.auc_minus_rfm.high))
    return [
        lead_finding(
            reference,
            msg("{metric} better by {low} to {high}", metric=metric, low=f"{low:.3f}", high=f"{high:.3f}"),
            clear=low > 0,
        )
        for reference, metric, low, high in leads
    ]


def _calibration(e: GradeEvidence) -> list[Finding]:
    error = e.calibration_error
    if error <= MAX_CALIBRATION_ERROR:
        text = msg(
            "calibration error {error}, at most {bound}", error=f"{error:.3f}", bound=MAX_CALIBRATION_ERROR
        )
        return [("A", text)]
    if math.isnan(error):
        return [("C", msg("the calibration error cannot be measured"))]
    text = msg("calibration error {error}, above {bound}", error=f"{error:.3f}", bound=MAX_CALIBRATION_ERROR)
    return [("C", text)]


def promise_findings(promise: Sequence[Promised]) -> list[Finding]:
    """Return what the promise says at each level of confidence."""
    spoken = [band for band in promise if band.predicted]
    if not spoken:
        return [("C", msg("nothing is predicted with enough confidence, so no promise can be checked"))]
    found: list[Finding] = []
    for band in spoken:
        promised, right = band.mean_confidence, band.share_right
        # Sums of many equal confidences may miss the share by a rounding.
        if right >= promised - 1e-9:
            continue
        level = (
            msg("confidence {level} or more", level=f"{band.confidence:g}")
            if band.confidence
            else msg("all predictions")
        )
        text = msg(
            "promised {promised}, {right} came true ({level}, {profiles:,} profiles)",
            promised=f"{promised:.3f}",
            right=f"{right:.3f}",
            level=level,
            profiles=band.predicted,
        )
        error = math.sqrt(promised * (1 - promised) / band.predicted)
        if promised - right > CHANCE_ERRORS * error:
            found.append(("C", msg("the promise is broken: {figures}", figures=text)))
        else:
            missed = msg("the promise is missed, by no more than chance: {figures}", figures=text)
            found.append(("B", missed))
    return found or [("A", msg("the promise is kept at every level of confidence"))]


def _cases(e: GradeEvidence) -> list[Finding]:
    cases = msg("{yes:,} true and {no:,} false outcomes to test on", yes=e.test_yes, no=e.test_no)
    if min(e.test_yes, e.test_no) < CLEAR_CASES:
        return [("B", msg("only {cases}: {least} of each would be clear", cases=cases, least=CLEAR_CASES))]
    return [("A", cases)]


def choice_findings(*, out_of_time: bool) -> list[Finding]:
    """Return what is said of how the model was chosen."""
    if out_of_time:
        return [("A", msg("chosen out of time, on snapshots after those that it learned from"))]
    # Groups of profiles share their season and their shop: what will hold next month they cannot tell.
    text = msg("chosen and calibrated on groups of profiles, not out of time: more history would allow that")
    return [("B", text)]
