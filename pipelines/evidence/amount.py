"""Evidence of a tag that predicts an amount: what the gate and the grade look at, its own plots and columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tagcast.features.core.messages import NOTHING, msg
from tagcast.pipelines.evidence.kind import Listing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from tagcast.models.estimators.search import Trial
    from tagcast.models.evaluation.grade import Grade, Promised
    from tagcast.models.inference.attributions import Floats
    from tagcast.models.training.dataset import Labels, TrainingFrame
    from tagcast.models.training.result import AmountResult
    from tagcast.registry.gates.checks import GateReport
    from tagcast.registry.gates.gate import OwnChecks
    from tagcast.registry.versions.recording import TrialRecord

_COLUMNS = {
    "mae": msg("MAE"),
    "baseline_mae": msg("baseline MAE"),
    "rmse": msg("RMSE"),
    "baseline_rmse": msg("baseline RMSE"),
    "spearman": msg("Spearman"),
    "coverage": msg("coverage"),
    "tier_accuracy": msg("tiers right"),
    "mean_confidence": msg("confidence"),
}


class AmountKind:
    """Of tags that predict an amount."""

    loss_name = "rmse"
    listing = Listing(
        msg("Versions that predict an amount (test snapshot)"),
        _COLUMNS,
        msg("Trained amounts (metrics of the test snapshot)"),
        _COLUMNS,
        frozenset({"mae", "baseline_mae", "rmse", "baseline_rmse"}),
    )

    def stands_in(self, result: AmountResult) -> bool:
        """Return whether a reference stands in for a model."""
        from tagcast.models.estimators.amount_regressor import BASELINES

        return result.chosen in BASELINES

    def figures(self, result: AmountResult) -> dict[str, Figure]:
        """Return predicted beside seen amounts, and predicted beside actual tiers."""
        from tagcast.models.plots.amount import amount_plot, tiers_plot

        t = result.test_scores
        return {
            "amounts": amount_plot(t.amount, t.score, t.lower, t.upper),
            "tiers": tiers_plot(confusion_of(result), result.model.definition.values),
        }

    def thresholds(self, result: AmountResult) -> dict[str, Any]:
        """Return what each boundary between tiers gives over the out-of-time cases."""
        from tagcast.models.decisions.tier_thresholds import tier_thresholds

        return tier_thresholds(result.model.definition, result.held_out_scores)

    def facts(self, result: AmountResult) -> dict[str, Any]:
        """Return predicted beside actual tiers."""
        return {"tiers": result.model.definition.levels, "confusion": confusion_of(result)}

    def trial_record(self, trial: Trial) -> TrialRecord:
        """Return a trial with its RMSE on each fold, the latest first."""
        from tagcast.models.training.amount_selection import forest_params
        from tagcast.registry.versions.recording import TrialRecord

        return TrialRecord(
            f"trial {trial.number}",
            "pruned" if trial.pruned else "complete",
            {"kind": trial.params["kind"], **forest_params(trial.params), "trees": trial.rounds},
            {"rmse": trial.loss, **{f"rmse_fold_{k}": loss for k, loss in enumerate(trial.losses)}},
        )

    def own_checks(self, result: AmountResult) -> OwnChecks:
        """Return the gate's checks of errors, intervals and the promise on tiers."""
        from tagcast.registry.gates.amount_gate import AmountEvidence, amount_checks

        mine, reference = result.test["tagcast"], result.test["baseline"]
        differences = result.differences["baseline"]
        return amount_checks(
            AmountEvidence(
                mae=mine["mae"],
                rmse=mine["rmse"],
                coverage=mine["coverage"],
                promise_margin=mine["promise_margin"],
                baseline=msg("the {reference}", reference=result.references["baseline"]),
                baseline_mae=reference["mae"].value,
                baseline_rmse=reference["rmse"].value,
                mae_minus_baseline=differences["mae"],
                rmse_minus_baseline=differences["rmse"],
                **result.cases,
            )
        )

    def champion_losses(self, result: AmountResult, champion: Floats) -> dict[str, Any]:
        """Return RMSEs of the champion's amounts and of the new recipe's on the test snapshot."""
        import numpy as np

        from tagcast.models.stats.amount_metrics import paired_points, rmse

        t, rng = result.test_scores, np.random.default_rng(result.model.seed)
        return {
            "loss": rmse(t.amount, champion),
            "new_loss": rmse(t.amount, t.score),
            "new_minus_champion": paired_points(t.amount, t.score, champion, rng)["rmse"],
            "metric": "RMSE",
        }

    def psi(self, old: Floats, new: Floats) -> float:
        """Return the population stability index of amounts as odds around what people see now."""
        import numpy as np

        from tagcast.models.stats.psi import amount_odds, score_psi

        middle = float(np.median(old))
        return score_psi(amount_odds(old, middle), amount_odds(new, middle))

    def two_sides(self, frame: TrainingFrame) -> Labels:
        """Return whether an amount lies above the median, which a leak tells apart as well."""
        import numpy as np

        if frame.amount is None:
            raise ValueError("the frame holds no amounts")
        return (frame.amount > np.median(frame.amount)).astype(np.int8)

    def grade(self, result: AmountResult, report: GateReport, promise: Sequence[Promised]) -> Grade:
        """Return the grade by :data:`tagcast.models.evaluation.amount_grade.AMOUNT_RULE`."""
        from tagcast.models.evaluation.amount_grade import AmountGradeEvidence, grade_amount

        differences = result.differences["baseline"]
        return grade_amount(
            AmountGradeEvidence(
                gate_passed=report.passed,
                gate_reason=NOTHING if report.passed else report.reason,
                reference=result.references["baseline"],
                differences={"RMSE": differences["rmse"], "MAE": differences["mae"]},
                coverage=result.test["tagcast"]["coverage"].value,
                promise=promise,
                test_yes=result.cases["test_yes"],
                test_no=result.cases["test_no"],
                out_of_time=result.out_of_time,
                stands_in=self.stands_in(result),
            )
        )


def confusion_of(result: AmountResult) -> list[list[int]]:
    """Return how often each tier predicted on the test snapshot (row) turned out to be each true one (column)."""
    from tagcast.models.stats.amount_metrics import confusion

    t = result.test_scores
    return confusion(t.tier, t.true_tier, len(result.model.definition.values))
