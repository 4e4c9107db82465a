"""What a training run leaves as evidence: metrics of the version, and what the gate looks at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

from tagcast.models.stats.observed_accuracy import CONFIDENCE_BANDS
from tagcast.pipelines.evaluation.observed_accuracy import promise_metrics

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from tagcast.features.catalog.feature_set import Feature
    from tagcast.models.evaluation.global_drivers import Driver, ReasonAgreement
    from tagcast.models.evaluation.grade import GradeEvidence
    from tagcast.models.inference.attributions import Floats
    from tagcast.models.stats.observed_accuracy import PromiseBand
    from tagcast.models.training.amount import AmountResult
    from tagcast.models.training.binary import TrainingResult
    from tagcast.models.training.dataset import TrainingFrame
    from tagcast.registry.gates.binary_gate import Evidence, GateReport
    from tagcast.registry.gates.change_checks import ChampionEvidence, NotCompared, RunEvidence
    from tagcast.registry.gates.leak_checks import LeakEvidence

SHAP_ROWS = 1_000
"""Rows of the test snapshot whose SHAP values are taken, give or take: more dots show nothing more."""
PLOT_DPI = 100


@dataclass(frozen=True)
class Explanation:
    """What moves the scores of the test snapshot; exact SHAP is paid for once.

    Parameters
    ----------
    X : DataFrame of shape (n, p)
        Rows of the test snapshot, evenly drawn.
    given : ndarray of shape (n, p)
        Exact contributions in log-odds.
    titles : mapping of str to Feature
        By feature.
    drivers : tuple of Driver
    agreement : ReasonAgreement
        Of path attribution with SHAP.
    """

    X: pd.DataFrame
    given: Floats
    titles: Mapping[str, Feature]
    drivers: tuple[Driver, ...]
    agreement: ReasonAgreement


@dataclass(frozen=True)
class Findings:
    """What one training shows: metrics of the version, its plots as PNG, what moves its scores."""

    metrics: dict[str, float]
    figures: dict[str, bytes]
    explanation: Explanation


def findings_of(result: TrainingResult, frame: TrainingFrame) -> Findings:
    """Return the findings of a training on ``frame``."""
    explanation = explain_test(result, frame)
    metrics = {**version_metrics(result), **agreement_metrics(explanation.agreement)}
    # Drawn once: the run and the card show the same pictures.
    figures = {name: png(figure) for name, figure in training_figures(result, explanation).items()}
    return Findings(metrics, figures, explanation)


def png(figure: Figure) -> bytes:
    """Return a figure as PNG."""
    stream = BytesIO()
    figure.savefig(stream, format="png", dpi=PLOT_DPI)
    return stream.getvalue()


def explain_test(result: TrainingResult, frame: TrainingFrame) -> Explanation:
    """Explain the final model on the test snapshot.

    Parameters
    ----------
    result : TrainingResult
    frame : TrainingFrame
        That the tag was trained on.
    """
    import numpy as np

    from tagcast.features.catalog.feature_set import FeatureSet
    from tagcast.models.evaluation.global_drivers import drivers, reason_agreement
    from tagcast.models.inference.attributions import contributions

    last = frame.X.loc[frame.as_of == np.datetime64(result.split.test)]
    X, model = last.iloc[:: max(1, len(last) // SHAP_ROWS)], result.model
    given = contributions(model, X, exact=True)
    titles = FeatureSet.parse(model.feature_set).titles()
    return Explanation(
        X,
        given,
        titles,
        drivers(model, X, titles, given=given),
        reason_agreement(model, X, seed=model.seed, given=given),
    )


def version_metrics(result: TrainingResult) -> dict[str, float]:
    """Return every figure of the test snapshot under one flat name.

    ``auc``, ``auc_low``, ``auc_high`` and so on for tagcast, ``rfm_auc`` and ``base_rate_log_loss`` for the
    references, ``minus_rfm_auc`` for paired differences, ``validation_log_loss_blend`` for the candidates,
    ``promise_80_right`` for the promise on the test snapshot.
    """
    metrics: dict[str, float] = {}
    for who, estimates in result.test.items():
        prefix = "" if who == "tagcast" else f"{who}_"
        for name, estimate in estimates.items():
            metrics[f"{prefix}{name}"] = estimate.value
            if not prefix:
                metrics[f"{name}_low"], metrics[f"{name}_high"] = estimate.low, estimate.high
    for who, estimates in result.differences.items():
        for name, estimate in estimates.items():
            metrics[f"minus_{who}_{name}"] = estimate.value
    for name, loss in result.candidates.items():
        metrics[f"validation_log_loss_{name}"] = loss
    return {**metrics, **_promise(result)}


def _promise(result: TrainingResult) -> dict[str, float]:
    value, confidence = _said(result)
    return promise_metrics(value, confidence, result.test_scores.y)


def _said(result: TrainingResult) -> tuple[Any, Any]:
    """Return value and confidence of the test snapshot, decided by what was known before it."""
    from tagcast.models.evaluation.backtest import said

    return said(result.model.definition, result.test_scores)


def promise_at_test(result: TrainingResult) -> list[PromiseBand]:
    """Return promise and reality of the test snapshot at every level of confidence."""
    from tagcast.models.stats.observed_accuracy import promise_and_reality

    value, confidence = _said(result)
    return promise_and_reality(result.test_scores.y, value, confidence, CONFIDENCE_BANDS)


def agreement_metrics(agreement: ReasonAgreement) -> dict[str, float]:
    """Return how far path attribution agrees with SHAP, as metrics of a version."""
    return {"reasons_top_in_three": agreement.top_in_three, "reasons_overlap": agreement.overlap}


def training_figures(result: TrainingResult, explanation: Explanation) -> dict[str, Figure]:
    """Return the plots of a version: calibration, lift, promise, SHAP summary and waterfall, dependence of the top features."""
    from tagcast.models.evaluation.explanation import explain
    from tagcast.models.plots.dependence import dependence_grid
    from tagcast.models.plots.model import calibration_plot, confidence_plot, lift_plot
    from tagcast.models.plots.shap_plots import beeswarm, highest, waterfall

    test = result.test_scores
    value, confidence = _said(result)
    model, e = result.model, explanation
    top = [driver.feature for driver in e.drivers]
    titles = {name: title.en for name, title in e.titles.items()}
    shapes = explain(model, e.X, titles=titles, given=e.given)
    return {
        "calibration": calibration_plot(test.y, test.score),
        "lift": lift_plot(test.y, test.score),
        "promise": confidence_plot(test.y, value, confidence),
        "shap_summary": beeswarm(shapes, "log-odds"),
        "waterfall": waterfall(shapes[highest(shapes)], "How the highest score comes about (log-odds)"),
        "dependence": dependence_grid(model, e.X, top, e.titles, given=e.given),
    }


def champion_losses(result: TrainingResult | AmountResult, champion: Floats) -> dict[str, Any]:
    """Return the loss of the champion's scores of the test snapshot beside that of the new recipe's.

    Log loss of a probability, root mean squared error of an amount.
    """
    import numpy as np

    from tagcast.models.stats.amount_metrics import paired_points, rmse
    from tagcast.models.stats.metrics import log_loss, paired_difference
    from tagcast.models.training.amount import AmountResult

    rng = np.random.default_rng(result.model.seed)
    if isinstance(result, AmountResult):
        amounts = result.test_scores
        return {
            "loss": rmse(amounts.amount, champion),
            "new_loss": rmse(amounts.amount, amounts.score),
            "new_minus_champion": paired_points(amounts.amount, amounts.score, champion, rng)["rmse"],
            "metric": "RMSE",
        }
    tested = result.test_scores
    return {
        "loss": log_loss(tested.y, champion),
        "new_loss": log_loss(tested.y, tested.score),
        "new_minus_champion": paired_difference(tested.y, tested.score, champion, "log_loss", rng),
    }


def gate_evidence(
    result: TrainingResult,
    leaks: LeakEvidence,
    champion: ChampionEvidence | NotCompared,
    last_run: RunEvidence | NotCompared,
) -> Evidence:
    """Return what the gate holds against its bars: the result's own figures and what was gathered beside."""
    from tagcast.registry.gates.binary_gate import Evidence

    mine = result.test["tagcast"]
    return Evidence(
        log_loss=mine["log_loss"],
        auc=mine["auc"],
        calibration_error=mine["calibration_error"],
        base_log_loss=result.test["base_rate"]["log_loss"].value,
        rfm_auc=result.test["rfm"]["auc"].value,
        log_loss_minus_base=result.differences["base_rate"]["log_loss"],
        auc_minus_rfm=result.differences["rfm"]["auc"],
        **result.cases,
        leaks=leaks,
        champion=champion,
        last_run=last_run,
    )


def grade_evidence(result: TrainingResult, report: GateReport) -> GradeEvidence:
    """Return what the grade of a version rests on."""
    from tagcast.models.evaluation.grade import GradeEvidence

    return GradeEvidence(
        gate_passed=report.passed,
        gate_reason="" if report.passed else report.reason,
        log_loss_minus_base=result.differences["base_rate"]["log_loss"],
        auc_minus_rfm=result.differences["rfm"]["auc"],
        calibration_error=result.test["tagcast"]["calibration_error"].value,
        promise=promise_at_test(result),
        test_yes=result.cases["test_yes"],
        test_no=result.cases["test_no"],
        out_of_time=result.out_of_time,
    )
