"""The gate: does a trained model deserve to be active, and why not otherwise.

Each check compares one figure with its bar and answers ``pass``, ``warn`` or
``fail`` in one sentence that a reader without the code understands. A version becomes champion only
when no check fails. Pure: nothing is read or written.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tagcast.features.core.messages import Text, msg
from tagcast.registry.gates.change_checks import (
    ChampionEvidence,
    NotCompared,
    RunEvidence,
    beats_champion,
    score_distribution,
)
from tagcast.registry.gates.checks import Check, GateReport, Measured, better, compared, worse
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
    metric: Text,
    reference: Text,
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
    text = compared(metric, figure, bar, reference)
    if not all(map(math.isfinite, (figure, bar, gain, low, high))):
        return Check(name, "fail", figure, bar, msg("{compared}: cannot be compared", compared=text))
    if gain > 0:
        text = better(text, gain, low, high)
        if low > 0:
            return Check(name, "pass", figure, bar, text)
        return Check(name, "warn", figure, bar, msg("{compared}, which may be chance", compared=text))
    text = worse(text, gain, low, high) if gain < 0 else msg("{compared}: no better", compared=text)
    return Check(name, "fail", figure, bar, text)
