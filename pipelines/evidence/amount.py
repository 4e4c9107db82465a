"""Evidence of a tag that predicts an amount: its own plots, figures and columns."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tagcast.features.core.messages import msg
from tagcast.pipelines.evidence.kind import EvidenceKind, Listing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from tagcast.models.estimators.search import Trial
    from tagcast.models.inference.attributions import Floats
    from tagcast.models.training.dataset import Labels, TrainingFrame
    from tagcast.models.training.result import AmountResult
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


class AmountKind(EvidenceKind):
    """Of tags that predict an amount."""

    loss_name = "rmse"
    listing = Listing(
        msg("Versions that predict an amount (test snapshot)"),
        _COLUMNS,
        msg("Trained amounts (metrics of the test snapshot)"),
        _COLUMNS,
        frozenset({"mae", "baseline_mae", "rmse", "baseline_rmse"}),
    )

    def stand_in(self, result: AmountResult) -> str:
        """Return the reference where it was chosen."""
        from tagcast.models.estimators.amount_regressor import BASELINES

        return "baseline" if result.chosen in BASELINES else ""

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
        """Return a trial, its parameters as LightGBM took them."""
        from tagcast.models.training.amount_selection import forest_params

        params = {"kind": trial.params["kind"], **forest_params(trial.params), "trees": trial.rounds}
        return replace(super().trial_record(trial), params=params)

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
        """Return the index of amounts as odds around what people see now."""
        import numpy as np

        from tagcast.models.stats.psi import amount_odds

        middle = float(np.median(old))
        return super().psi(amount_odds(old, middle), amount_odds(new, middle))

    def two_sides(self, frame: TrainingFrame) -> Labels:
        """Return whether an amount lies above the median, which a leak tells apart as well."""
        import numpy as np

        if frame.amount is None:
            raise ValueError("the frame holds no amounts")
        return (frame.amount > np.median(frame.amount)).astype(np.int8)


def confusion_of(result: AmountResult) -> list[list[int]]:
    """Return how often each tier predicted on the test snapshot (row) turned out to be each true one (column)."""
    from tagcast.models.stats.amount_metrics import confusion

    t = result.test_scores
    return confusion(t.tier, t.true_tier, len(result.model.definition.values), t.weight)
