"""What one training shows, whatever it predicts: metrics of the version, its evidence, its plots, what moves its scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tagcast.models.stats.draws import part, spread_evenly
from tagcast.pipelines.evidence.learner_names import learner
from tagcast.pipelines.evidence.promise_metrics import promise_metrics
from tagcast.pipelines.evidence.tag_kinds import evidence_kind

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from tagcast.features.catalog.feature import Feature
    from tagcast.models.evaluation.evidence import Evidence
    from tagcast.models.evaluation.global_drivers import Driver, ReasonAgreement
    from tagcast.models.inference.attributions import Floats
    from tagcast.models.training.dataset import TrainingFrame
    from tagcast.models.training.result import AnyResult

SHAP_ROWS = 1_000
"""Rows of the test snapshot whose SHAP values are taken, give or take: more dots show nothing more."""


@dataclass(frozen=True)
class Explanation:
    """What moves the scores of the test snapshot; exact SHAP is paid for once.

    Parameters
    ----------
    X : DataFrame of shape (n, p)
        Rows of the test snapshot, evenly drawn.
    given : ndarray of shape (n, p)
        Exact contributions in the model's unit.
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

    def title(self, feature: str) -> str:
        """Return what people call a feature."""
        return self.titles[feature].en if feature in self.titles else feature


@dataclass(frozen=True)
class Findings:
    """What one training shows: metrics of the version, what gate and grade rest on, plots as PNG, what moves its scores."""

    metrics: dict[str, float]
    evidence: Evidence
    figures: dict[str, bytes]
    explanation: Explanation


def findings_of(result: AnyResult, frame: TrainingFrame) -> Findings:
    """Return the findings of a training on ``frame``."""
    from tagcast.models.plots.model import to_png

    explanation = explain_test(result, frame)
    evidence = evidence_of(result)
    metrics = {**version_metrics(result, evidence), **agreement_metrics(explanation.agreement)}
    # Drawn once: the run and the card show the same pictures.
    figures = {name: to_png(figure) for name, figure in training_figures(result, explanation).items()}
    return Findings(metrics, evidence, figures, explanation)


def explain_test(result: AnyResult, frame: TrainingFrame) -> Explanation:
    """Explain the final model on the test snapshot of ``frame``, that the tag was trained on."""
    return explain_rows(result, explained_rows(result, frame))


def explained_rows(result: AnyResult, frame: TrainingFrame) -> pd.DataFrame:
    """Return the rows of the test snapshot on which the final model is explained."""
    import numpy as np

    rows = frame.as_of == np.datetime64(result.split.test)
    last = frame.X.loc[rows]
    X: pd.DataFrame = last.iloc[spread_evenly(part(frame.weight, rows), len(last), SHAP_ROWS)]
    return X


def explain_rows(result: AnyResult, X: pd.DataFrame) -> Explanation:
    """Explain the final model on what :func:`explained_rows` gave."""
    from tagcast.features.catalog.feature_set import FeatureSet
    from tagcast.models.evaluation.global_drivers import drivers, reason_agreement
    from tagcast.models.inference.attributions import contributions

    model = result.model
    given = contributions(model, X, exact=True)
    titles = FeatureSet.parse(model.feature_set).titles()
    return Explanation(
        X,
        given,
        titles,
        drivers(model, X, titles, given=given),
        reason_agreement(model, X, seed=model.seed, given=given),
    )


def version_metrics(result: AnyResult, evidence: Evidence) -> dict[str, float]:
    """Return every figure of the test snapshot under one flat name.

    ``auc``, ``auc_low``, ``auc_high`` and so on for tagcast, ``rfm_auc`` and ``base_rate_log_loss`` for the
    references (of an amount ``baseline_rmse``), ``minus_rfm_auc`` with ``_low`` and ``_high`` for paired differences,
    ``validation_log_loss_lightgbm`` (``validation_rmse_lightgbm_tweedie``) for the candidates, ``promise_80_right`` for the promise
    on the test snapshot, ``precision``, ``recall``, ``f1_score`` and ``lift`` of a yes or no at its own rule.
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
            stem = f"minus_{who}_{name}"
            metrics[stem] = estimate.value
            metrics[f"{stem}_low"], metrics[f"{stem}_high"] = estimate.low, estimate.high
    loss_name = evidence_kind(result.model.definition).loss_name
    for name, loss in result.candidates.items():
        metrics[f"validation_{loss_name}_{learner(name)}"] = loss
    metrics |= promise_metrics(evidence.promise)
    metrics |= evidence_kind(result.model.definition).rule_metrics(result)
    # A constant reference has no ranking: MLflow keeps no NaN worth reading.
    return {name: figure for name, figure in metrics.items() if figure == figure}  # noqa: PLR0124


def evidence_of(result: AnyResult) -> Evidence:
    """Return what the gate and the grade look at."""
    from tagcast.models.evaluation.decided_values import decided_values
    from tagcast.models.evaluation.evidence import Evidence

    kind = evidence_kind(result.model.definition)
    return Evidence(
        test=result.test,
        differences=result.differences,
        references=result.references,
        cases=result.cases,
        decided=decided_values(result.model.definition, result.test_scores),
        promise=kind.promise(result),
        out_of_time=result.out_of_time,
        stand_in=kind.stand_in(result),
    )


def agreement_metrics(agreement: ReasonAgreement) -> dict[str, float]:
    """Return how far path attribution agrees with SHAP, as metrics of a version."""
    return {"reasons_top_in_three": agreement.top_in_three, "reasons_overlap": agreement.overlap}


def training_figures(result: AnyResult, explanation: Explanation) -> dict[str, Figure]:
    """Return the plots of a version: those of its kind, the promise, SHAP summary and waterfall, dependence of the top features."""
    from tagcast.models.evaluation.explanation import explain
    from tagcast.models.plots.dependence import dependence_grid
    from tagcast.models.plots.shap_plots import beeswarm, highest, waterfall

    model, e = result.model, explanation
    kind = evidence_kind(model.definition)
    top = [driver.feature for driver in e.drivers]
    titles = {name: title.en for name, title in e.titles.items()}
    shapes = explain(model, e.X, titles=titles, given=e.given)
    return {
        **kind.figures(result),
        "promise": kind.promise_figure(result),
        "shap_summary": beeswarm(shapes, model.unit),
        "waterfall": waterfall(shapes[highest(shapes)], f"How the highest score comes about ({model.unit})"),
        "dependence": dependence_grid(model, e.X, top, e.titles, given=e.given),
    }
