"""Evidence of a tag that predicts what an approach changes: its own plots, figures and columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from tagcast.features.core.messages import msg
from tagcast.pipelines.evidence.kind import EvidenceKind, Listing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from tagcast.models.evaluation.evidence import Promised
    from tagcast.models.inference.attributions import Floats
    from tagcast.models.training.result import AnyResult

_COLUMNS = {
    "effect": msg("average effect"),
    "effect_low": msg("from"),
    "effect_high": msg("to"),
    "slope": msg("slope"),
    "slope_low": msg("slope from"),
    "area": msg("area"),
    "area_low": msg("area from"),
}


class UpliftKind(EvidenceKind):
    """Of tags that predict what an approach changes."""

    loss_name = "effect_loss"
    listing = Listing(
        msg("Versions that predict what an approach changes"),
        _COLUMNS,
        msg("Trained effects (cases scored unseen; area in outcomes a thousand people)"),
        _COLUMNS,
    )

    def stand_in(self, result: AnyResult) -> str:
        """Return the average effect where it was chosen."""
        from tagcast.models.estimators.effects import AVERAGE
        from tagcast.models.training.uplift.kind import EVERYONE

        return EVERYONE if result.chosen == AVERAGE else ""

    def figures(self, result: AnyResult) -> dict[str, Figure]:
        """Return the Qini curve, and expected beside measured effects."""
        from tagcast.models.plots.effects import effects_plot, qini_plot

        unseen = result.test_scores.unseen
        return {
            "qini": qini_plot(unseen.score, unseen.effect),
            "effects": effects_plot(unseen.score, unseen.lower, unseen.effect),
        }

    def thresholds(self, result: AnyResult) -> dict[str, Any]:
        """Return what it gives and costs to approach the highest scores."""
        from tagcast.models.decisions.effects import effect_thresholds

        found = effect_thresholds(result.model.definition, result.held_out_scores)
        # Of one day a part of the people was held back: they stand at another in the records.
        return found if not result.split.one_day else {**found, "snapshots": [str(result.split.test)]}

    def facts(self, result: AnyResult) -> dict[str, Any]:
        """Return expected beside measured effects."""
        from tagcast.models.stats.effects import effect_bins

        unseen = result.test_scores.unseen
        return {
            "effects": [asdict(one) for one in effect_bins(unseen.score, unseen.lower, unseen.effect)],
            "arms": {
                name: n for name, n in result.cases.items() if name.startswith(("approached", "control"))
            },
        }

    def champion_losses(self, result: AnyResult, champion: Floats) -> dict[str, Any]:
        """Return losses of the champion's effects and of the new recipe's on the test snapshot."""
        import numpy as np

        from tagcast.models.stats.effects import paired_loss

        t, rng = result.test_scores, np.random.default_rng(result.model.seed)
        return {**paired_loss(t.effect, champion, t.score, rng), "metric": msg("loss of effects")}

    def promise(self, result: AnyResult) -> Sequence[Promised]:
        """Return floor and measured effect of those with a value, of all cases that were scored unseen."""
        from tagcast.models.evaluation.measures import MEASURES
        from tagcast.models.filters.fields import UNKNOWN
        from tagcast.models.stats.effects import floors
        from tagcast.models.stats.observed_accuracy import CONFIDENCE_BANDS

        unseen, definition = result.test_scores.unseen, result.model.definition
        value, confidence = MEASURES["uplift"].decided(definition, unseen)
        return floors(unseen.lower, unseen.effect, value != UNKNOWN, confidence, CONFIDENCE_BANDS)

    def promise_figure(self, result: AnyResult) -> Figure:
        """Return measured effects beside their floors."""
        from tagcast.models.plots.effects import floor_plot

        unseen = result.test_scores.unseen
        return floor_plot(unseen.score, unseen.lower, unseen.effect)

    def psi(self, old: Floats, new: Floats) -> float:
        """Return the index of effects as odds around what people see now."""
        import numpy as np

        from tagcast.models.stats.psi import effect_odds

        spread = max(float(np.std(old)), 1e-6)
        middle = float(np.median(old))
        return super().psi(effect_odds(old, middle, spread), effect_odds(new, middle, spread))
