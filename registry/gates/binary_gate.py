"""What a yes or no has to hold before the gate: :mod:`tagcast.registry.gates.gate`."""

from __future__ import annotations

from dataclasses import dataclass

from tagcast.features.core.messages import msg
from tagcast.models.evaluation.grade import MAX_CALIBRATION_ERROR
from tagcast.registry.gates.checks import Check, Measured, short
from tagcast.registry.gates.gate import OwnChecks, beats

MIN_TRAINING_CASES = 50  # of each outcome: below, a model of some 60 features memorises
MIN_TEST_CASES = 20  # of each outcome: below, no interval of AUC says anything


@dataclass(frozen=True)
class BinaryEvidence:
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


def binary_checks(evidence: BinaryEvidence) -> OwnChecks:
    """Return the data minimum, the leads over base rate and RFM ranking, and whether the scores are calibrated.

    A calibration error above its bound warns.
    """
    e = evidence
    base, ranking = msg("the base rate"), msg("the RFM ranking")
    return OwnChecks(
        _enough_data(e),
        (
            beats(
                "beats_base_rate",
                msg("log loss"),
                base,
                e.log_loss.value,
                e.base_log_loss,
                e.log_loss_minus_base,
                less_is_better=True,
            ),
            beats("beats_rfm", "AUC", ranking, e.auc.value, e.rfm_auc, e.auc_minus_rfm, less_is_better=False),
        ),
        (_calibrated(e.calibration_error.value),),
    )


def _enough_data(e: BinaryEvidence) -> Check:
    enough = (
        min(e.train_yes, e.train_no) >= MIN_TRAINING_CASES and min(e.test_yes, e.test_no) >= MIN_TEST_CASES
    )
    text = msg(
        "{train_yes:,} true and {train_no:,} false outcomes to learn from, {test_yes:,} and {test_no:,} to test on",
        train_yes=e.train_yes,
        train_no=e.train_no,
        test_yes=e.test_yes,
        test_no=e.test_no,
    )
    if not enough:
        text = msg(
            "{cases}; at least {training} and {test} of each are needed",
            cases=text,
            training=MIN_TRAINING_CASES,
            test=MIN_TEST_CASES,
        )
    # The scarcest group relative to its own minimum, so that one figure against a bar of 1 tells.
    scarcest = min(
        e.train_yes / MIN_TRAINING_CASES,
        e.train_no / MIN_TRAINING_CASES,
        e.test_yes / MIN_TEST_CASES,
        e.test_no / MIN_TEST_CASES,
    )
    return Check("enough_data", "pass" if enough else "fail", scarcest, 1.0, text)


def _calibrated(error: float) -> Check:
    bar = MAX_CALIBRATION_ERROR
    within = error <= bar  # false for NaN: an error that could not be measured is worth a warning
    figures = {"error": short(error), "bound": short(bar)}
    if within:
        text = msg("calibration error {error}, within the bound of {bound}", **figures)
    else:
        text = msg("calibration error {error}, outside the bound of {bound}", **figures)
    return Check("calibrated", "pass" if within else "warn", error, bar, text)
