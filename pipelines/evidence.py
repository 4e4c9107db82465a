"""What a training run leaves as evidence: metrics of the version, and what the gate looks at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelines.promise import promise_metrics

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from models.training import TrainingResult
    from models.training_data import TrainingFrame
    from registry.change_checks import ChampionEvidence, NotCompared, RunEvidence
    from registry.gates import Evidence
    from registry.leak_checks import LeakEvidence

SHAP_ROWS = 2_000
"""Rows that a SHAP summary draws at most, give or take: more dots show nothing more."""


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
    """Return value and confidence of the test snapshot, decided as a scoring run decides."""
    from models.decision import cut_from_scores, decide

    test, model = result.test_scores, result.model
    cut = cut_from_scores(model.definition.decision, test.score) if model.cut is None else model.cut
    return decide(test.score, test.lower, test.upper, cut=cut, min_confidence=model.definition.min_confidence)


def training_figures(result: TrainingResult, frame: TrainingFrame) -> dict[str, Figure]:
    """Return the plots of a version: calibration, lift and promise on the test snapshot, SHAP summary."""
    import numpy as np

    from models.plots import calibration_plot, confidence_plot, lift_plot, shap_summary_plot

    test = result.test_scores
    value, confidence = _said(result)
    last = frame.X.loc[frame.as_of == np.datetime64(result.split.test)]
    return {
        "calibration": calibration_plot(test.y, test.score),
        "lift": lift_plot(test.y, test.score),
        "promise": confidence_plot(test.y, value, confidence),
        "shap_summary": shap_summary_plot(result.model, last.iloc[:: max(1, len(last) // SHAP_ROWS)]),
    }


def gate_evidence(
    result: TrainingResult,
    leaks: LeakEvidence,
    champion: ChampionEvidence | NotCompared,
    last_run: RunEvidence | NotCompared,
) -> Evidence:
    """Return what the gate holds against its bars: the result's own figures and what was gathered beside."""
    from registry.gates import Evidence

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
