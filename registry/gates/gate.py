"""The gate: does a trained model deserve to be active, and why not otherwise.

Each check compares one figure with its bar and answers ``pass``, ``warn`` or
``fail`` in one sentence that a reader without the code understands. A version becomes champion only
when no check fails. A kind of tag declares its own figures and words (:mod:`tagcast.registry.gates.gate_kinds`).
Pure: nothing is read or written.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tagcast.features.core.messages import Text, msg
from tagcast.models.evaluation.evidence import Evidence, Measured, Rival, Standard
from tagcast.registry.gates.change_checks import (
    ChampionEvidence,
    NotCompared,
    RunEvidence,
    beats_champion,
    score_distribution,
)
from tagcast.registry.gates.checks import Check, GateReport, compared, with_gain
from tagcast.registry.gates.leak_checks import LeakEvidence, after_as_of, last_day, single_feature


@dataclass(frozen=True)
class SharedEvidence:
    """What the gate looks at beside a training's own figures.

    Parameters
    ----------
    leaks : LeakEvidence
        What could have leaked the outcome.
    champion : ChampionEvidence or NotCompared
        The active version on the same snapshot.
    last_run : RunEvidence or NotCompared
        Scores that are published now.
    """

    leaks: LeakEvidence
    champion: ChampionEvidence | NotCompared
    last_run: RunEvidence | NotCompared


@dataclass(frozen=True)
class GateKind:
    """What the gate asks of one kind of tag.

    Parameters
    ----------
    standard : Standard
    training, test : int
        Least cases of each outcome that counts, to learn from and to test on.
    cases : callable
        Of :attr:`Evidence.cases`: how many there are.
    honest : tuple of callable
        Of the evidence: whether scores, bounds and confidence hold what they say.
    values : callable
        Of the evidence: whether anybody gets what the tag is there to say.
    """

    standard: Standard
    training: int
    test: int
    cases: Callable[[Mapping[str, int]], Text]
    honest: tuple[Callable[[Evidence], Check], ...]
    values: Callable[[Evidence], Check]


def evaluate_gate(kind: GateKind, evidence: Evidence, around: SharedEvidence) -> GateReport:
    """Hold a model against the data minimum, signs of a leak, its references and what is active.

    Returns
    -------
    GateReport
        Beating a reference means: a better point estimate (else ``fail``), and a paired 95 % interval
        of the difference without zero (else ``warn``). Too few cases fail, since no other figure means
        much then, and so does any sign of a leak. The other checks say what they hold against what in
        ``gate_kinds``, ``value_checks``, ``leak_checks`` and ``change_checks``.
    """
    return GateReport(
        (
            _enough_data(kind, evidence.cases),
            single_feature(around.leaks),
            last_day(around.leaks),
            after_as_of(around.leaks),
            *(_beats(rival, evidence) for rival in kind.standard.rivals),
            beats_champion(around.champion),
            *(check(evidence) for check in kind.honest),
            kind.values(evidence),
            score_distribution(around.last_run),
        )
    )


def _enough_data(kind: GateKind, cases: Mapping[str, int]) -> Check:
    outcomes = kind.standard.outcomes
    # The scarcest group relative to its own minimum, so that one figure against a bar of 1 tells.
    scarcest = min(
        cases[f"{part}_{outcome}"] / least
        for part, least in (("train", kind.training), ("test", kind.test))
        for outcome in outcomes
    )
    text = kind.cases(cases)
    if scarcest >= 1:
        return Check("enough_data", "pass", scarcest, 1.0, text)
    figures = {"cases": text, "training": kind.training, "test": kind.test}
    if len(outcomes) > 1:
        text = msg("{cases}; at least {training} and {test} of each are needed", **figures)
    else:
        text = msg("{cases}; at least {training} and {test} are needed", **figures)
    return Check("enough_data", "fail", scarcest, 1.0, text)


def _beats(rival: Rival, evidence: Evidence) -> Check:
    """Return the best check of the rival's metrics, the first where they answer alike."""
    own, reference = evidence.test["tagcast"], evidence.test[rival.reference]
    called = msg("the {reference}", reference=evidence.references[rival.reference])
    checks = [
        _ahead(
            f"beats_{rival.reference}",
            compared(rival.metrics[name], own[name].value, reference[name].value, called),
            own[name].value,
            reference[name].value,
            gain,
        )
        for name, gain in rival.gains(evidence).items()
    ]
    order = ("pass", "warn", "fail")
    return min(checks, key=lambda check: order.index(check.outcome))


def _ahead(name: str, text: Text, figure: float, bar: float, gain: Measured) -> Check:
    """Hold a figure against that of a reference: better beyond chance passes, better warns, else it fails."""
    if not all(map(math.isfinite, (figure, bar, gain.value, gain.low, gain.high))):
        return Check(name, "fail", figure, bar, msg("{compared}: cannot be compared", compared=text))
    no_better = msg("{compared}: no better", compared=text)
    text = with_gain(text, gain.value, gain.low, gain.high, no_better)
    if gain.low > 0 and gain.value > 0:
        return Check(name, "pass", figure, bar, text)
    if gain.value > 0:
        return Check(name, "warn", figure, bar, msg("{compared}, which may be chance", compared=text))
    return Check(name, "fail", figure, bar, text)
