"""Evidence of a tag that says yes or no: what the gate and the grade look at, its own plots and columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from tagcast.features.core.messages import NOTHING, msg
from tagcast.pipelines.evidence.kind import Listing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from tagcast.models.estimators.search import Trial
    from tagcast.models.evaluation.grade import Grade, Promised
    from tagcast.models.inference.attributions import Floats
    from tagcast.models.training.dataset import Labels, TrainingFrame
    from tagcast.models.training.result import TrainingResult
    from tagcast.registry.gates.checks import GateReport
    from tagcast.registry.gates.gate import OwnChecks
    from tagcast.registry.versions.recording import TrialRecord


class BinaryKind:
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

    def stands_in(self, result: TrainingResult) -> bool:
        """Return whether the RFM ranking stands in for a model."""
        return result.chosen == "rfm"

    def figures(self, result: TrainingResult) -> dict[str, Figure]:
        """Return calibration and lift."""
        from tagcast.models.plots.model import calibration_plot, lift_plot
        from tagcast.models.stats.metrics import calibration_bins

        test = result.test_scores
        return {
            "calibration": calibration_plot(calibration_bins(test.y, test.score), "share of true outcomes"),
            "lift": lift_plot(test.y, test.score),
        }

    def thresholds(self, result: TrainingResult) -> dict[str, Any]:
        """Return what the decision rule gives and costs over the out-of-time cases."""
        from tagcast.models.decisions.thresholds import thresholds

        return thresholds(result.model.definition, result.model.threshold, result.held_out_scores)

    def facts(self, result: TrainingResult) -> dict[str, Any]:
        """Return the calibration."""
        from tagcast.models.stats.metrics import calibration_bins

        test = result.test_scores
        return {"calibration": [asdict(one) for one in calibration_bins(test.y, test.score)]}

    def trial_record(self, trial: Trial) -> TrialRecord:
        """Return a trial with its log loss on each fold."""
        from tagcast.registry.versions.recording import TrialRecord

        return TrialRecord(
            f"trial {trial.number}",
            "pruned" if trial.pruned else "complete",
            trial.params,
            {
                "log_loss": trial.loss,
                "rounds": float(trial.rounds),
                **{f"log_loss_fold_{k}": loss for k, loss in enumerate(trial.losses)},
            },
        )

    def own_checks(self, result: TrainingResult) -> OwnChecks:
        """Return the gate's checks of log loss, AUC and calibration."""
        from tagcast.registry.gates.binary_gate import BinaryEvidence, binary_checks

        mine = result.test["tagcast"]
        return binary_checks(
            BinaryEvidence(
                log_loss=mine["log_loss"],
                auc=mine["auc"],
                calibration_error=mine["calibration_error"],
                base_log_loss=result.test["base_rate"]["log_loss"].value,
                rfm_auc=result.test["rfm"]["auc"].value,
                log_loss_minus_base=result.differences["base_rate"]["log_loss"],
                auc_minus_rfm=result.differences["rfm"]["auc"],
                **result.cases,
            )
        )

    def champion_losses(self, result: TrainingResult, champion: Floats) -> dict[str, Any]:
        """Return log losses of the champion's scores and of the new recipe's on the test snapshot."""
        import numpy as np

        from tagcast.models.stats.metrics import log_loss, paired_difference

        tested, rng = result.test_scores, np.random.default_rng(result.model.seed)
        return {
            "loss": log_loss(tested.y, champion),
            "new_loss": log_loss(tested.y, tested.score),
            "new_minus_champion": paired_difference(tested.y, tested.score, champion, "log_loss", rng),
        }

    def psi(self, old: Floats, new: Floats) -> float:
        """Return the population stability index of the scores."""
        from tagcast.models.stats.psi import score_psi

        return score_psi(old, new)

    def two_sides(self, frame: TrainingFrame) -> Labels:
        """Return the outcomes."""
        return frame.y

    def grade(self, result: TrainingResult, report: GateReport, promise: Sequence[Promised]) -> Grade:
        """Return the grade by :data:`tagcast.models.evaluation.grade.RULE`."""
        from tagcast.models.evaluation.grade import GradeEvidence, grade

        evidence = GradeEvidence(
            gate_passed=report.passed,
            gate_reason=NOTHING if report.passed else report.reason,
            log_loss_minus_base=result.differences["base_rate"]["log_loss"],
            auc_minus_rfm=result.differences["rfm"]["auc"],
            calibration_error=result.test["tagcast"]["calibration_error"].value,
            promise=promise,
            test_yes=result.cases["test_yes"],
            test_no=result.cases["test_no"],
            out_of_time=result.out_of_time,
        )
        return grade(evidence, kind="rfm" if self.stands_in(result) else "model")
