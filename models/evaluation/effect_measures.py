"""What uplift tags are measured by: :class:`tagcast.models.evaluation.measures.Measures`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tagcast.features.core.messages import Text, msg
from tagcast.models.decisions.effects import effect_values
from tagcast.models.definitions.model_tag import TagDefinition
from tagcast.models.evaluation.random_floors import floor_promise
from tagcast.models.filters.fields import UNKNOWN
from tagcast.models.stats.draws import counted, part
from tagcast.models.stats.effects import FloorBand, effect_bins, evaluate_effects, floors
from tagcast.models.stats.metrics import CalibrationBin, Estimate
from tagcast.models.stats.numerics import DEVIATIONS_95
from tagcast.models.stats.segments import Masks, Segment, each_segment
from tagcast.models.training.uplift.kind import EVERYONE, EffectTest

if TYPE_CHECKING:
    import pandas as pd

    from tagcast.models.evaluation.random_audiences import AudiencePromise

Words = npt.NDArray[np.object_]
Floats = npt.NDArray[np.float64]
LEAST_MEMBERS = 2


@dataclass(frozen=True)
class EffectSegment(Segment):
    """One segment's figures of an uplift.

    Parameters
    ----------
    mean_effect, error : float
        Measured effect and its standard error.
    mean_lower : float
        The floor that was promised.
    """

    mean_effect: float
    error: float
    mean_lower: float


class EffectMeasures:
    """Of tags that predict what an approach changes."""

    titles: Mapping[str, str] = {
        "effect": "average effect",
        "slope": "slope of the best linear predictor (1 is calibrated)",
        "area": "area above chance",
        "effect_loss": "loss of effects (lower is better)",
        "floor_margin": "measured effect minus floor",
    }
    against: Mapping[str, str] = dict.fromkeys(("effect_loss", "area"), "everyone")
    outcome_title = "measured effect"

    def outcome(self, scores: EffectTest) -> npt.NDArray[Any]:
        """Return 1 for what came true, else 0."""
        return scores.y

    def decided(self, definition: TagDefinition, scores: EffectTest) -> tuple[Words, Floats]:
        """Say what an approach most probably does where it is sure enough."""
        code, confidence = effect_values(scores.score, scores.error, definition.decision)
        values = np.array(definition.values, object)[code]
        return np.where(confidence < definition.min_confidence, UNKNOWN, values), confidence

    def came(self, _definition: TagDefinition, scores: EffectTest) -> Words:
        """Return unknown of everybody: nobody's own effect can be seen."""
        return np.full(len(scores.y), UNKNOWN, object)

    def pooled(
        self, scores: EffectTest, rng: np.random.Generator, profile_id: npt.NDArray[Any]
    ) -> dict[str, Estimate]:
        """Return every figure of several snapshots."""
        return evaluate_effects(
            scores.score, scores.lower, scores.effect, scores.raw, scores.as_of, rng, profile_id
        )

    def bins(self, scores: EffectTest) -> list[CalibrationBin]:
        """Return expected and measured effect of bins of equal count."""
        return [
            CalibrationBin(b.n, b.mean_score, b.effect, b.low, b.high)
            for b in effect_bins(scores.score, scores.lower, scores.effect)
        ]

    def segments(
        self,
        scores: EffectTest,
        masks: Masks,
        rng: np.random.Generator,
        profile_id: npt.NDArray[Any] | None = None,
    ) -> list[EffectSegment]:
        """Return expected and measured effect of each segment."""
        found = []
        for names, members, _, _ in each_segment(masks, rng, profile_id):
            effect = np.sort(scores.effect[members])
            n = len(effect)
            if n < LEAST_MEMBERS:
                continue
            error, mean = float(effect.std(ddof=1)) / math.sqrt(n), float(effect.mean())
            half = DEVIATIONS_95 * error
            own = part(scores.weight, members)
            found.append(
                EffectSegment(
                    *names,
                    counted(np.ones(n, bool), own),
                    counted(scores.y[members] == 1, own),
                    {"effect": Estimate(mean, mean - half, mean + half)},
                    float(np.sort(scores.score[members]).mean()),
                    mean,
                    error,
                    float(np.sort(scores.lower[members]).mean()),
                )
            )
        return found

    def weaknesses(self, row: EffectSegment) -> list[Text]:
        """Name a floor that lies above the measured effect beyond chance."""
        if row.mean_lower - row.mean_effect <= DEVIATIONS_95 * row.error:
            return []
        figures = {"floor": f"{row.mean_lower:.3f}", "actual": f"{row.mean_effect:.3f}"}
        return [msg("promised too much: a floor of {floor}, {actual} measured", **figures)]

    ranking_title = "measured effect"

    def ranking(self, row: EffectSegment) -> tuple[Estimate, float]:
        """Return the measured effect, and the expected one."""
        return row.metrics["effect"], row.mean_score

    def mean_outcome(self, row: EffectSegment) -> Estimate:
        """Return the measured effect."""
        return row.metrics["effect"]


class EffectWindows:
    """How windows of a backtest are held against what was measured: :class:`tagcast.models.evaluation.backtest.WindowKind`."""

    def figures(
        self, result: Any, seed: int
    ) -> tuple[Mapping[str, Mapping[str, Estimate]], Mapping[str, Mapping[str, Estimate]]]:
        """Return the figures of the test snapshot alone; a version's own are of all cases that were scored unseen."""
        scores: EffectTest = result.test_scores
        own = EffectMeasures().pooled(scores, np.random.default_rng(seed), scores.profile_id)
        nothing = dict.fromkeys(EffectMeasures.against, Estimate(0.0, 0.0, 0.0))
        return {"tagcast": own, EVERYONE: nothing}, {EVERYONE: {name: own[name] for name in nothing}}

    def observed(self, scores: EffectTest) -> Floats:
        """Return pseudo-outcomes: their mean is the measured effect."""
        return scores.effect

    def promise(
        self, scores: EffectTest, _came: Words, value: Words, confidence: Floats, levels: Sequence[float]
    ) -> Sequence[FloorBand]:
        """Return floor and measured effect of those with a value."""
        return floors(scores.lower, scores.effect, value != UNKNOWN, confidence, levels)

    def audiences(
        self, X: pd.DataFrame, attributes: pd.DataFrame | None, value: Words, confidence: Floats, percentile: Floats,
        _came: Words, scores: EffectTest, _values: tuple[str, ...], audiences: int, seed: int,
    ) -> AudiencePromise:  # fmt: skip
        """Return the floors of random audiences beside what was measured on them."""
        return floor_promise(
            X,
            attributes,
            value,
            confidence,
            percentile,
            scores.lower,
            scores.effect,
            audiences=audiences,
            seed=seed,
        )
