"""The gate: does a trained model deserve to be in force, and why not otherwise.

Each check compares one figure of the test snapshot with its bar and answers ``pass``, ``warn`` or
``fail`` in one sentence that a reader without the code understands. A version becomes champion only
when no check fails. Pure: nothing is read or written.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from models.grade import MAX_CALIBRATION_ERROR

MIN_TRAINING_CASES = 50  # of each outcome: below, a model of some 60 features memorises
MIN_TEST_CASES = 20  # of each outcome: below, no interval of AUC says anything

Outcome = Literal["pass", "warn", "fail"]


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


@dataclass(frozen=True)
class Check:
    """One check: its name, outcome, the figure, the bar it was held against, and both in a sentence."""

    name: str
    outcome: Outcome
    figure: float
    bar: float
    text: str


@dataclass(frozen=True)
class GateReport:
    """All checks of one version."""

    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Whether no check fails; warnings do not hold a model back."""
        return all(check.outcome != "fail" for check in self.checks)

    @property
    def reason(self) -> str:
        """One line: why the version passes or is refused."""
        failed = [check.text for check in self.checks if check.outcome == "fail"]
        warned = [check.text for check in self.checks if check.outcome == "warn"]
        if failed:
            return "; ".join(failed)
        return "passes every check" + (f", with a warning: {'; '.join(warned)}" if warned else "")

    def as_dict(self) -> dict[str, Any]:
        """Return the report as plain JSON values (a figure that is not finite becomes ``None``)."""
        return {
            "passed": self.passed,
            "checks": [
                {
                    "name": check.name,
                    "outcome": check.outcome,
                    "figure": check.figure if math.isfinite(check.figure) else None,
                    "bar": check.bar if math.isfinite(check.bar) else None,
                    "text": check.text,
                }
                for check in self.checks
            ],
        }


def judge(evidence: Evidence) -> GateReport:
    """Hold a model against the base rate, the RFM ranking, the data minimum and the calibration bound.

    Parameters
    ----------
    evidence : Evidence
        Figures of the test snapshot.

    Returns
    -------
    GateReport
        Beating a reference means: a better point estimate (else ``fail``), and a paired 95 % interval
        of the difference without zero (else ``warn``). Too few cases fail, since no other figure means
        much then; a calibration error above its bound warns.
    """
    return GateReport(
        (
            _enough_data(evidence),
            _beats(
                "beats_base_rate",
                "log loss",
                "the base rate",
                evidence.log_loss.value,
                evidence.base_log_loss,
                evidence.log_loss_minus_base,
                less_is_better=True,
            ),
            _beats(
                "beats_rfm",
                "AUC",
                "the RFM ranking",
                evidence.auc.value,
                evidence.rfm_auc,
                evidence.auc_minus_rfm,
                less_is_better=False,
            ),
            _calibrated(evidence.calibration_error.value),
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


def _beats(
    name: str,
    metric: str,
    reference: str,
    figure: float,
    bar: float,
    difference: Measured,
    *,
    less_is_better: bool,
) -> Check:
    gain, low, high = difference.value, difference.low, difference.high
    if less_is_better:
        gain, low, high = -gain, -high, -low
    text = f"{metric} {_short(figure)} against {_short(bar)} for {reference}"
    if not all(map(math.isfinite, (figure, bar, gain, low, high))):
        return Check(name, "fail", figure, bar, f"{text}: cannot be compared")
    if gain > 0:
        text += f": better by {_short(gain)} ({_short(low)} to {_short(high)})"
        if low > 0:
            return Check(name, "pass", figure, bar, text)
        return Check(name, "warn", figure, bar, f"{text}, which may be chance")
    text += f": worse by {_short(-gain)} ({_short(-high)} to {_short(-low)})" if gain < 0 else ": no better"
    return Check(name, "fail", figure, bar, text)


def _calibrated(error: float) -> Check:
    bar = MAX_CALIBRATION_ERROR
    within = error <= bar  # false for NaN: an error that could not be measured is worth a warning
    text = (
        f"calibration error {_short(error)}, {'within' if within else 'outside'} the bound of {_short(bar)}"
    )
    return Check("calibrated", "pass" if within else "warn", error, bar, text)


def _short(value: float) -> str:
    """Three decimals without the leading zero, as tables of this field print them: .289."""
    if not math.isfinite(value):
        return "unknown"
    text = f"{value:.3f}"
    text = "0" if float(text) == 0 else text
    return text.replace("0.", ".", 1) if text.startswith(("0.", "-0.")) else text
