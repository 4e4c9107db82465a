"""What the training of an amount leaves as evidence: metrics of the version, plots, what the gate looks at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tagcast.models.stats.observed_accuracy import CONFIDENCE_BANDS
from tagcast.pipelines.evaluation.observed_accuracy import promise_metrics
from tagcast.pipelines.evidence.binary import SHAP_ROWS, png

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from tagcast.models.stats.observed_accuracy import PromiseBand
    from tagcast.models.training.amount import AmountResult
    from tagcast.models.training.dataset import TrainingFrame
    from tagcast.registry.gates.amount_gate import AmountEvidence
    from tagcast.registry.gates.change_checks import ChampionEvidence, NotCompared, RunEvidence
    from tagcast.registry.gates.leak_checks import LeakEvidence

TOP_DRIVERS = 10


@dataclass(frozen=True)
class AmountFindings:
    """What one training shows.

    Parameters
    ----------
    metrics : dict of str to float
        Of the version.
    figures : dict of str to bytes
        PNG.
    drivers : dict of str to float
        Mean |contribution| in log amount on the test snapshot, largest first.
    """

    metrics: dict[str, float]
    figures: dict[str, bytes]
    drivers: dict[str, float]


def amount_findings(result: AmountResult, frame: TrainingFrame) -> AmountFindings:
    """Return the findings of a training on ``frame``."""
    import numpy as np

    from tagcast.features.catalog.feature_set import FeatureSet
    from tagcast.models.evaluation.explanation import explain
    from tagcast.models.inference.attributions import contributions
    from tagcast.models.plots.amount import amount_plot, tiers_plot
    from tagcast.models.plots.shap_plots import beeswarm, highest, waterfall

    model, t = result.model, result.test_scores
    last = frame.X.loc[frame.as_of == np.datetime64(result.split.test)]
    X = last.iloc[:: max(1, len(last) // SHAP_ROWS)]
    given = contributions(model, X, exact=True)
    sizes = np.abs(given).mean(axis=0)
    titles = {name: f.en for name, f in FeatureSet.parse(model.feature_set).titles().items()}
    shapes = explain(model, X, titles=titles, given=given)
    figures = {
        "amounts": amount_plot(t.amount, t.score, t.lower, t.upper),
        "tiers": tiers_plot(result.confusion, model.definition.values),
        "shap_summary": beeswarm(shapes, "log amount"),
        "waterfall": waterfall(
            shapes[highest(shapes)], "How the highest prediction comes about (log amount)"
        ),
    }
    top = np.argsort(-sizes, kind="stable")[:TOP_DRIVERS]
    return AmountFindings(
        amount_metrics(result),
        {name: png(figure) for name, figure in figures.items()},
        {model.features[j]: float(sizes[j]) for j in top if sizes[j] > 0},
    )


def amount_metrics(result: AmountResult) -> dict[str, float]:
    """Return every figure of the test snapshot under one flat name.

    ``mae``, ``mae_low``, ``mae_high`` and so on for tagcast, ``baseline_mae`` for the reference,
    ``minus_baseline_mae`` for the paired difference, ``validation_rmse_tweedie`` for the candidates,
    ``promise_80_right`` and so on for the tiers said at a confidence (:func:`tagcast.pipelines.evaluation.observed_accuracy.promise_metrics`).
    """
    metrics: dict[str, float] = {}
    for name, estimate in result.test["tagcast"].items():
        metrics[name] = estimate.value
        metrics[f"{name}_low"], metrics[f"{name}_high"] = estimate.low, estimate.high
    for name, estimate in result.test["baseline"].items():
        metrics[f"baseline_{name}"] = estimate.value
    for name, estimate in result.differences.items():
        metrics[f"minus_baseline_{name}"] = estimate.value
        metrics[f"minus_baseline_{name}_low"] = estimate.low
        metrics[f"minus_baseline_{name}_high"] = estimate.high
    for name, error in result.candidates.items():
        metrics[f"validation_rmse_{name}"] = error
    value, right = _said_and_right(result)
    metrics |= promise_metrics(value, result.test_scores.confidence, right)
    # A constant baseline has no ranking: MLflow keeps no NaN worth reading.
    return {name: value for name, value in metrics.items() if value == value}  # noqa: PLR0124


def amount_promise(result: AmountResult) -> list[PromiseBand]:
    """Return promise and reality of the tiers of the test snapshot at every level of confidence."""
    from tagcast.models.stats.observed_accuracy import promise_and_reality

    value, right = _said_and_right(result)
    return promise_and_reality(right, value, result.test_scores.confidence, CONFIDENCE_BANDS)


def _said_and_right(result: AmountResult) -> tuple[npt.NDArray[np.object_], npt.NDArray[np.int8]]:
    """Return a yes for each tier of the test snapshot that was said (else unknown), and whether it came."""
    import numpy as np

    t = result.test_scores
    said = t.confidence >= result.model.definition.min_confidence
    value = np.where(said, "yes", "unknown").astype(object)
    return value, (t.tier == t.true_tier).astype(np.int8)


def amount_gate_evidence(
    result: AmountResult,
    leaks: LeakEvidence,
    champion: ChampionEvidence | NotCompared,
    last_run: RunEvidence | NotCompared,
) -> AmountEvidence:
    """Return what the gate holds against its bars: the result's own figures and what was gathered beside."""
    from tagcast.models.estimators.amount_regressor import TITLES
    from tagcast.registry.gates.amount_gate import AmountEvidence

    mine, reference, differences = result.test["tagcast"], result.test["baseline"], result.differences
    return AmountEvidence(
        mae=mine["mae"],
        rmse=mine["rmse"],
        coverage=mine["coverage"],
        promise_margin=mine["promise_margin"],
        baseline=f"the {TITLES[result.baseline_kind]}",
        baseline_mae=reference["mae"].value,
        baseline_rmse=reference["rmse"].value,
        mae_minus_baseline=differences["mae"],
        rmse_minus_baseline=differences["rmse"],
        train_spent=result.cases["train_spent"],
        test_spent=result.cases["test_spent"],
        test_none=result.cases["test_none"],
        leaks=leaks,
        champion=champion,
        last_run=last_run,
    )
