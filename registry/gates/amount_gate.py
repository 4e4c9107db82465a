"""What an amount has to hold before the gate: the questions of a yes or no, in figures of amounts."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tagcast.features.core.messages import Text, msg
from tagcast.models.stats.amount_metrics import COVERAGE, coverage_bounds
from tagcast.registry.gates.checks import Check, Measured, short
from tagcast.registry.gates.gate import OwnChecks, beats

MIN_TRAINING_SPENT = 200  # amounts have long tails: fewer tell little of one
MIN_TEST_SPENT = 20


@dataclass(frozen=True)
class AmountEvidence:
    """What the gate looks at: figures of the test snapshot and how many cases stand behind them.

    Parameters
    ----------
    mae, rmse, coverage, promise_margin : Measured
        Of the model; the margin is the share of tiers that were right minus mean confidence.
    baseline : Message or str
        What it is held against, for people.
    baseline_mae, baseline_rmse : float
    mae_minus_baseline, rmse_minus_baseline : Measured
        Paired differences, model minus baseline, over the same resamples.
    train_yes, train_no, test_yes, test_no : int
        Rows with any spend, and without.
    """

    mae: Measured
    rmse: Measured
    coverage: Measured
    promise_margin: Measured
    baseline: Text
    baseline_mae: float
    baseline_rmse: float
    mae_minus_baseline: Measured
    rmse_minus_baseline: Measured
    train_yes: int
    train_no: int
    test_yes: int
    test_no: int


def amount_checks(evidence: AmountEvidence) -> OwnChecks:
    """Return the data minimum, the lead over the baseline, and whether intervals and confidence hold.

    Beating the baseline in one of MAE and RMSE is enough: the one asks for the median, the other for the mean. Intervals
    that hold too few or too many amounts, and confidence above the share that was right, warn.
    """
    return OwnChecks(
        _enough_data(evidence),
        (_beats_baseline(evidence),),
        (_covers(evidence), _keeps_promise(evidence.promise_margin)),
    )


def _enough_data(e: AmountEvidence) -> Check:
    scarcest = min(e.train_yes / MIN_TRAINING_SPENT, e.test_yes / MIN_TEST_SPENT)
    text = msg(
        "{train:,} cases with any spend to learn from, {test:,} to test on",
        train=e.train_yes,
        test=e.test_yes,
    )
    if scarcest < 1:
        text = msg(
            "{cases}; at least {training} and {test} are needed",
            cases=text,
            training=MIN_TRAINING_SPENT,
            test=MIN_TEST_SPENT,
        )
    return Check("enough_data", "pass" if scarcest >= 1 else "fail", scarcest, 1.0, text)


def _beats_baseline(e: AmountEvidence) -> Check:
    """Return the better of the two checks, by RMSE where they answer alike."""
    checks = [
        beats("beats_baseline", metric, e.baseline, figure.value, bar, difference, less_is_better=True)
        for metric, figure, bar, difference in (
            ("RMSE", e.rmse, e.baseline_rmse, e.rmse_minus_baseline),
            ("MAE", e.mae, e.baseline_mae, e.mae_minus_baseline),
        )
    ]
    order = ("pass", "warn", "fail")
    return min(checks, key=lambda check: order.index(check.outcome))


def _covers(e: AmountEvidence) -> Check:
    """Warn where intervals hold too few amounts, or more than those who spend nothing explain."""
    coverage, nothing = e.coverage, e.test_no / max(1, e.test_no + e.test_yes)
    least, most = coverage_bounds(nothing)
    within = least <= coverage.value <= most  # false for NaN
    text = msg(
        "intervals held {held} of the amounts ({low} to {high}), {asked} is asked; {nothing} spent nothing",
        held=short(coverage.value),
        low=short(coverage.low),
        high=short(coverage.high),
        asked=short(COVERAGE),
        nothing=short(nothing),
    )
    if not within and math.isfinite(coverage.value):
        few = coverage.value < COVERAGE
        text = msg("{held}: too few", held=text) if few else msg("{held}: too many", held=text)
    return Check("covers", "pass" if within else "warn", coverage.value, COVERAGE, text)


def _keeps_promise(margin: Measured) -> Check:
    """Warn where more was promised than came, beyond chance."""
    kept = not margin.high < 0
    text = msg(
        "share of right tiers minus mean confidence {margin} ({low} to {high})",
        margin=short(margin.value),
        low=short(margin.low),
        high=short(margin.high),
    )
    if not kept:
        text = msg("{margin}: more was promised than came", margin=text)
    return Check("keeps_promise", "pass" if kept else "warn", margin.value, 0.0, text)
