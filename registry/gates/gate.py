"""The gate: does a trained model deserve to be active, and why not otherwise.

Each check compares one figure with its bar and answers ``pass``, ``warn`` or
``fail`` in one sentence that a reader without the code understands. A version becomes champion only
when no check fails. Pure: nothing is read or written.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tagcast.registry.gates.change_checks import (
    ChampionEvidence,
    NotCompared,
    RunEvidence,
    beats_champion,
    score_distribution,
)
from tagcast.registry.gates.checks import Check, GateReport, Measured, short
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
class OwnChecks:
    """The checks of a kind of tag, in figures of its own.

    Parameters
    ----------
    enough_data : Check
    beats : sequence of Check
        Against what the model has to beat.
    honest : sequence of Check
        Whether scores, bounds and confidence hold what they say.
    """

    enough_data: Check
    beats: Sequence[Check]
    honest: Sequence[Check]


def evaluate_gate(own: OwnChecks, around: SharedEvidence) -> GateReport:
    """Hold a model against the data minimum, signs of a leak, its references and what is active.

    Returns
    -------
    GateReport
        Beating a reference means: a better point estimate (else ``fail``), and a paired 95 % interval
        of the difference without zero (else ``warn``). Too few cases fail, since no other figure means
        much then, and so does any sign of a leak. The other checks say what they hold against what in
        ``leak_checks`` and ``change_checks``.
    """
    return GateReport(
        (
            own.enough_data,
            single_feature(around.leaks),
            last_day(around.leaks),
            after_as_of(around.leaks),
            *own.beats,
            beats_champion(around.champion),
            *own.honest,
            score_distribution(around.last_run),
        )
    )


def beats(
    name: str,
    metric: str,
    reference: str,
    figure: float,
    bar: float,
    difference: Measured,
    *,
    less_is_better: bool,
) -> Check:
    """Hold a figure against that of a reference: better beyond chance passes, better warns, else it fails."""
    gain, low, high = difference.value, difference.low, difference.high
    if less_is_better:
        gain, low, high = -gain, -high, -low
    text = f"{metric} {short(figure)} against {short(bar)} for {reference}"
    if not all(map(math.isfinite, (figure, bar, gain, low, high))):
        return Check(name, "fail", figure, bar, f"{text}: cannot be compared")
    if gain > 0:
        text += f": better by {short(gain)} ({short(low)} to {short(high)})"
        if low > 0:
            return Check(name, "pass", figure, bar, text)
        return Check(name, "warn", figure, bar, f"{text}, which may be chance")
    text += f": worse by {short(-gain)} ({short(-high)} to {short(-low)})" if gain < 0 else ": no better"
    return Check(name, "fail", figure, bar, text)
