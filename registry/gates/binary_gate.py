"""The gate: does a trained model deserve to be active, and why not otherwise.

Each check compares one figure with its bar and answers ``pass``, ``warn`` or
``fail`` in one sentence that a reader without the code understands. A version becomes champion only
when no check fails. Pure: nothing is read or written.
"""

from __future__ import annotations

import math
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

__all__ = ["Check", "Evidence", "GateReport", "judge"]

from tagcast.models.evaluation.grade import MAX_CALIBRATION_ERROR

MIN_TRAINING_CASES = 50  # of each outcome: below, a model of some 60 features memorises
MIN_TEST_CASES = 20  # of each outcome: below, no interval of AUC says anything


@dataclass(frozen=True)
class Evidence:
    """What the gate looks at: figures of the test snapshot and how many cases stand behind them.

    Parameters
    ----------
    log_loss, auc, calibration_error : Measured
        Of the model.
    base_log_loss : float
        Log loss of always answering the training base rate.
    rfm_auc : float
        AUC of the RFM ranking.
    log_loss_minus_base, auc_minus_rfm : Measured
        Paired differences, model minus reference, over the same resamples.
    train_yes, train_no, test_yes, test_no : int
        Rows with a true and with a false outcome.
    leaks : LeakEvidence
        What could have told the outcome.
    champion : ChampionEvidence or NotCompared
        The active version on the same snapshot.
    last_run : RunEvidence or NotCompared
        Scores that are published now.
    """

    log_loss: Measured
    auc: Measured
    calibration_error: Measured
    base_log_loss: float
    rfm_auc: float
    log_loss_minus_base: Measured
    auc_minus_rfm: Measured
    train_yes: int
    train_no: int
    test_yes: int
    test_no: int
    leaks: LeakEvidence
    champion: ChampionEvidence | NotCompared
    last_run: RunEvidence | NotCompared


def judge(evidence: Evidence) -> GateReport:
    """Hold a model against the data minimum, signs of a leak, its references and what is active.

    Parameters
    ----------
    evidence : Evidence
        Figures of the test snapshot.

    Returns
    -------
    GateReport
        Beating a reference means: a better point estimate (else ``fail``), and a paired 95 % interval
        of the difference without zero (else ``warn``). Too few cases fail, since no other figure means
        much then, and so does any sign of a leak; a calibration error above its bound warns. The other
        checks say what they hold against what in ``leak_checks`` and ``change_checks``.
    """
    return GateReport(
        (
            _enough_data(evidence),
            single_feature(evidence.leaks),
            last_day(evidence.leaks),
            after_as_of(evidence.leaks),
            beats(
                "beats_base_rate",
                "log loss",
                "the base rate",
                evidence.log_loss.value,
                evidence.base_log_loss,
                evidence.log_loss_minus_base,
                less_is_better=True,
            ),
            beats(
                "beats_rfm",
                "AUC",
                "the RFM ranking",
                evidence.auc.value,
                evidence.rfm_auc,
                evidence.auc_minus_rfm,
                less_is_better=False,
            ),
            beats_champion(evidence.champion),
            _calibrated(evidence.calibration_error.value),
            score_distribution(evidence.last_run),
        )
    )


def _enough_data(e: Evidence) -> Check:
    enough = (
        min(e.train_yes, e.train_no) >= MIN_TRAINING_CASES and min(e.test_yes, e.test_no) >= MIN_TEST_CASES
    )
    text = (
        f"{e.train_yes:,} true and {e.train_no:,} false outcomes to learn from, "
        f"{e.test_yes:,} and {e.test_no:,} to test on"
    )
    if not enough:
        text += f"; at least {MIN_TRAINING_CASES} and {MIN_TEST_CASES} of each are needed"
    # The scarcest group relative to its own minimum, so that one figure against a bar of 1 tells.
    scarcest = min(
        e.train_yes / MIN_TRAINING_CASES,
        e.train_no / MIN_TRAINING_CASES,
        e.test_yes / MIN_TEST_CASES,
        e.test_no / MIN_TEST_CASES,
    )
    return Check("enough_data", "pass" if enough else "fail", scarcest, 1.0, text)


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


def _calibrated(error: float) -> Check:
    bar = MAX_CALIBRATION_ERROR
    within = error <= bar  # false for NaN: an error that could not be measured is worth a warning
    text = f"calibration error {short(error)}, {'within' if within else 'outside'} the bound of {short(bar)}"
    return Check("calibrated", "pass" if within else "warn", error, bar, text)
