"""A plain grade, A to D, from what the test snapshot shows: one path for every kind of tag.

A kind declares its words and figures (:mod:`tagcast.models.evaluation.grade_kinds`), among them what each letter takes.
The grade speaks of one test snapshot. What that snapshot could not show (other seasons, segments) is no part
of it, and stands beside it as limits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from tagcast.features.core.messages import NOTHING, Joined, Text, msg
from tagcast.models.evaluation.evidence import Evidence, Promised, Rival, Standard

Letter = Literal["A", "B", "C", "D"]
Finding = tuple[Letter, Text]
"""A sentence, and the best grade that it allows."""

CLEAR_CASES = 100
"""Outcomes of each kind that counts at the test snapshot: fewer leave a standard error above .05 on any share."""
CHANCE_ERRORS = 2.0
"""A promise missed by more standard errors than this is broken."""


@dataclass(frozen=True)
class GradeKind:
    """What the grades of one kind of tag say in their own words.

    Parameters
    ----------
    standard : Standard
    rule : mapping of str to Message
        Letter to what it takes.
    no_better : callable
        Of what people call the first rival: that it is not beaten, which makes a D.
    between : callable
        Of a metric's name and the ends of an interval: how large the lead is.
    honest : callable
        Of the evidence: whether scores or intervals hold what they say.
    cases : callable
        Of :attr:`Evidence.cases`: how many there are to test on.
    """

    standard: Standard
    rule: Mapping[Letter, Text]
    no_better: Callable[[Text], Text]
    between: Callable[[Text, float, float], Text]
    honest: Callable[[Evidence], Finding]
    cases: Callable[[Mapping[str, int]], Text]


@dataclass(frozen=True)
class Grade:
    """A letter and the sentences that lead to it; what holds it back comes first."""

    letter: Letter
    reasons: tuple[Text, ...]


def grade(kind: GradeKind, evidence: Evidence, refusal: Text | Joined = NOTHING) -> Grade:
    """Give the worst grade that a finding allows, its sentence first; D where the version is good for nothing.

    Parameters
    ----------
    kind : GradeKind
    evidence : Evidence
        Where a reference stands in, it is not held against itself, and gets a C at best.
    refusal : Message, Joined or str
        Why the gate refused the version; empty where it passed.
    """
    stands_in, first = evidence.stand_in, kind.standard.rivals[0]
    rivals = [rival for rival in kind.standard.rivals if rival.reference != stands_in]
    refused: list[Text] = [msg("the gate refused it: {reason}", reason=refusal)] if refusal else []
    # True for NaN as well.
    if first in rivals and not any(gain.value > 0 for gain in first.gains(evidence).values()):
        refused.append(kind.no_better(evidence.references[first.reference]))
    marked: list[Text] = []
    if stands_in:
        reference = evidence.references[stands_in]
        marked.append(msg("this is the {reference}, not a trained model: C at best", reference=reference))
    if refused:
        return Grade("D", (*refused, *marked))
    findings = [
        *(_lead(kind, rival, evidence) for rival in rivals),
        kind.honest(evidence),
        *_promise(evidence.promise),
        _cases(kind, evidence.cases),
        _choice(out_of_time=evidence.out_of_time),
    ]
    # "A" < "B" < "C": the worst finding decides, and stands first.
    ordered = sorted(findings, key=lambda finding: finding[0], reverse=True)
    best: Letter = "C" if stands_in else "A"
    return Grade(max(best, ordered[0][0]), (*marked, *(text for _, text in ordered)))


def _lead(kind: GradeKind, rival: Rival, evidence: Evidence) -> Finding:
    """Return the clearest lead: the one whose interval lies farthest above zero, in its own width."""
    gains, reference = rival.gains(evidence), evidence.references[rival.reference]
    worse = next((name for name, gain in gains.items() if gain.high < 0), None)
    if worse:
        figures = {"metric": rival.metrics[worse], "reference": reference}
        return "C", msg("its {metric} is worse than that of the {reference} beyond chance", **figures)
    name, best = min(gains.items(), key=lambda item: -item[1].low / (abs(item[1].value) or 1.0))
    figures = {"reference": reference, "between": kind.between(rival.metrics[name], best.low, best.high)}
    if best.low > 0:
        return "A", msg("beats the {reference} beyond chance ({between})", **figures)
    return "C", msg("its lead over the {reference} may be chance ({between})", **figures)


def _promise(promise: Sequence[Promised]) -> list[Finding]:
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
        if promised - right > CHANCE_ERRORS * band.error:
            found.append(("C", msg("the promise is broken: {figures}", figures=text)))
        else:
            missed = msg("the promise is missed, by no more than chance: {figures}", figures=text)
            found.append(("B", missed))
    return found or [("A", msg("the promise is kept at every level of confidence"))]


def _cases(kind: GradeKind, cases: Mapping[str, int]) -> Finding:
    counted, outcomes = kind.cases(cases), kind.standard.outcomes
    if min(cases[f"test_{outcome}"] for outcome in outcomes) >= CLEAR_CASES:
        return "A", counted
    figures = {"cases": counted, "least": CLEAR_CASES}
    if len(outcomes) > 1:
        return "B", msg("only {cases}: {least} of each would be clear", **figures)
    return "B", msg("only {cases}: {least} would be clear", **figures)


def _choice(*, out_of_time: bool) -> Finding:
    """Return what is said of how the model was chosen."""
    if out_of_time:
        return "A", msg("chosen out of time, on snapshots after those that it learned from")
    # Groups of profiles share their season and their shop: what will hold next month they cannot tell.
    text = msg("chosen and calibrated on groups of profiles, not out of time: more history would allow that")
    return "B", text
