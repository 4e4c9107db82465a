"""Evidence of a tag that says yes or no: its own plots, figures and columns."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from tagcast.features.core.messages import msg
from tagcast.pipelines.evidence.kind import EvidenceKind, Listing
from tagcast.pipelines.evidence.rule_quality import rule_quality

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from tagcast.models.estimators.search import Trial
    from tagcast.models.inference.attributions import Floats
    from tagcast.models.training.result import TrainingResult
    from tagcast.registry.versions.recording import TrialRecord


class BinaryKind(EvidenceKind):
    """Of tags that say yes or no."""

    loss_name = "log_loss"
    listing = Listing(
        msg("Model versions (test snapshot)"),
        {"auc": msg("AUC"), "log_loss": msg("log loss"), "rfm_auc": msg("RFM AUC")},
        msg("Trained (metrics of the test snapshot)"),
        {
            "auc": msg("AUC"),
            "rfm_auc": msg("RFM AUC"),
            "log_loss": msg("log loss"),
            "base_rate_log_loss": msg("base log loss"),
            "calibration_error": msg("ECE"),
            "lift_at_10": msg("lift@10%"),
        },
    )

    def stand_in(self, result: TrainingResult) -> str:
        """Return the RFM ranking where it was chosen."""
        return "rfm" if result.chosen == "rfm" else ""

    def figures(self, result: TrainingResult) -> dict[str, Figure]:
        """Return calibration and lift."""
        from tagcast.models.plots.model import calibration_plot, lift_plot
        from tagcast.models.stats.metrics import calibration_bins

        test = result.test_scores
        return {
            "calibration": calibration_plot(
                calibration_bins(test.y, test.score, test.weight), "share of true outcomes"
            ),
            "lift": lift_plot(test.y, test.score, test.weight),
        }

    def thresholds(self, result: TrainingResult) -> dict[str, Any]:
        """Return what the decision rule gives and costs over the out-of-time cases."""
        from tagcast.models.decisions.thresholds import thresholds

        return thresholds(result.model.definition, result.model.threshold, result.held_out_scores)

    def rule_metrics(self, result: TrainingResult) -> dict[str, float]:
        """Return precision, recall and lift of the rule."""
        return rule_quality(result).metrics

    def facts(self, result: TrainingResult) -> dict[str, Any]:
        """Return the calibration, and what the rule gives."""
        from tagcast.models.stats.metrics import calibration_bins

        test = result.test_scores
        bins = calibration_bins(test.y, test.score, test.weight)
        return {"calibration": [asdict(one) for one in bins], "rule": rule_quality(result).to_dict()}

    def trial_record(self, trial: Trial) -> TrialRecord:
        """Return a trial, how many rounds it took among its figures."""
        record = super().trial_record(trial)
        return replace(record, metrics={**record.metrics, "rounds": float(trial.rounds)})

    def champion_losses(self, result: TrainingResult, champion: Floats) -> dict[str, Any]:
        """Return log losses of the champion's scores and of the new recipe's on the test snapshot."""
        import numpy as np

        from tagcast.models.stats.metrics import log_loss, paired_difference

        tested, rng = result.test_scores, np.random.default_rng(result.model.seed)
        return {
            "loss": log_loss(tested.y, champion, tested.weight),
            "new_loss": log_loss(tested.y, tested.score, tested.weight),
            "new_minus_champion": paired_difference(
                tested.y, tested.score, champion, "log_loss", rng, tested.weight
            ),
        }
