"""Checks against what is active: the champion on the same snapshot, and the scores of the last run."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date

from tagcast.features.core.messages import Text, msg
from tagcast.models.evaluation.evidence import Measured
from tagcast.registry.gates.checks import Check, compared, short, with_gain

WARN_PSI = 0.1
MAX_PSI = 0.25
"""Siddiqi's levels (Credit Risk Scorecards, 2006): below .1 little change, above .25 another population."""
_LOG_LOSS = msg("log loss")
MIN_PROFILES = 100  # two samples of fewer differ by more than the levels by chance alone


@dataclass(frozen=True)
class ChampionEvidence:
    """The champion beside the new recipe on the new version's test snapshot.

    Parameters
    ----------
    version : int
        Of the champion.
    loss, new_loss : float
    new_minus_champion : Measured
        Paired difference of the loss, new minus champion, over the same resamples.
    learned_until : date
        The end of the last window that the champion has learned from.
    test : date
        The test snapshot.
    metric : Message or str
        Which loss, for people.
    """

    version: int
    loss: float
    new_loss: float
    new_minus_champion: Measured
    learned_until: date
    test: date
    metric: Text = _LOG_LOSS

    @property
    def has_seen_the_answers(self) -> bool:
        """Whether the champion has learned from outcomes of the test snapshot's window."""
        return self.learned_until > self.test


@dataclass(frozen=True)
class RunEvidence:
    """The new version's scores beside those of the last published run, for the same profiles and moment.

    Parameters
    ----------
    run_id : str
    as_of : date
        Moment of the run.
    psi : float
        Population stability index.
    profiles : int
    """

    run_id: str
    as_of: date
    psi: float
    profiles: int


@dataclass(frozen=True)
class NotCompared:
    """Why there is nothing to compare with.

    Parameters
    ----------
    why : Message or str
    expected : bool
        Whether that is as it should be (nothing is active yet): then the check passes, else it warns.
    """

    why: Text
    expected: bool


def beats_champion(evidence: ChampionEvidence | NotCompared) -> Check:
    """Hold the new recipe against the champion by its loss on the same test snapshot.

    Notes
    -----
    Worse beyond chance fails; within chance warns: the new version has learned from newer events, and as
    good as the old one is enough. A champion that was trained on the outcomes of this very snapshot knows
    the answers, so losing to it proves nothing: that warns. To beat it all the same passes.
    """
    name = "beats_champion"
    if isinstance(evidence, NotCompared):
        return _not_compared(name, evidence)
    gain = -evidence.new_minus_champion.value
    low, high = -evidence.new_minus_champion.high, -evidence.new_minus_champion.low
    figure, bar = evidence.new_loss, evidence.loss
    champion = msg("the champion, version {version}", version=evidence.version)
    text = compared(evidence.metric, figure, bar, champion)
    if not all(map(math.isfinite, (figure, bar, gain, low, high))):
        return Check(name, "warn", figure, bar, msg("{compared}: cannot be compared", compared=text))
    text = with_gain(text, gain, low, high, msg("{compared}: as good", compared=text))
    if low > 0:
        return Check(name, "pass", figure, bar, text)
    if evidence.has_seen_the_answers:
        text = msg(
            "{compared}, which proves nothing: the champion has learned from outcomes up to {until}, "
            "among them those of the test snapshot {test}",
            compared=text,
            until=evidence.learned_until,
            test=evidence.test,
        )
        return Check(name, "warn", figure, bar, text)
    if high < 0:
        return Check(name, "fail", figure, bar, text)
    return Check(name, "warn", figure, bar, msg("{compared}, which may be chance", compared=text))


def score_distribution(evidence: RunEvidence | NotCompared) -> Check:
    """Hold the spread of the new scores against that of the last published run."""
    name = "score_distribution"
    if isinstance(evidence, NotCompared):
        return _not_compared(name, evidence)
    psi = evidence.psi
    text = msg(
        "PSI {psi} between the scores of the run {run} and the new ones for its {profiles:,} profiles",
        psi=short(psi),
        run=evidence.run_id,
        profiles=evidence.profiles,
    )
    if psi <= WARN_PSI:
        text = msg("{moved}, up to {bound} is little change", moved=text, bound=short(WARN_PSI))
        return Check(name, "pass", psi, MAX_PSI, text)
    if psi <= MAX_PSI:
        return Check(name, "warn", psi, MAX_PSI, msg("{moved}: scores have moved", moved=text))
    if not math.isfinite(psi):
        return Check(name, "warn", psi, MAX_PSI, msg("{compared}: cannot be compared", compared=text))
    if evidence.profiles < MIN_PROFILES:
        text = msg("{moved}: too few to tell change from chance", moved=text)
        return Check(name, "warn", psi, MAX_PSI, text)
    text = msg(
        "{moved}, above {bound}: audiences built on this tag would change at a stroke",
        moved=text,
        bound=short(MAX_PSI),
    )
    return Check(name, "fail", psi, MAX_PSI, text)


def _not_compared(name: str, evidence: NotCompared) -> Check:
    outcome = "pass" if evidence.expected else "warn"
    return Check(name, outcome, float("nan"), float("nan"), evidence.why)  # type: ignore[arg-type]
