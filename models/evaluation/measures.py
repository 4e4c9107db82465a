"""What each kind of tag is measured by: its metrics, calibration, segments, and what makes one of them weak."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from tagcast.features.core.messages import Text, msg
from tagcast.models.decisions.policy import decide, threshold_from_scores
from tagcast.models.definitions.model_tag import TagDefinition
from tagcast.models.evaluation.effect_measures import EffectMeasures
from tagcast.models.filters.fields import UNKNOWN
from tagcast.models.stats.amount_metrics import (
    amount_bins,
    evaluate_points,
    evaluate_tiers,
)
from tagcast.models.stats.amount_segments import AmountSegment, amount_segments, holds_too_few
from tagcast.models.stats.metrics import (
    METRICS,
    CalibrationBin,
    Estimate,
    calibration_bins,
    evaluate,
)
from tagcast.models.stats.numerics import DEVIATIONS_95
from tagcast.models.stats.observed_accuracy import as_words
from tagcast.models.stats.segments import Segment, SegmentRow, segment_rows
from tagcast.models.training.dataset import Floats
from tagcast.models.training.result import AmountTest, TestScores

Words = npt.NDArray[np.object_]
Ids = npt.NDArray[Any]
Masks = Mapping[tuple[str, str], npt.NDArray[np.bool_]]

ERRORS = 2.0
"""Standard errors between mean score and mean outcome from which a segment counts as scored wrongly."""


class Measures(Protocol):
    """How trainings of one kind are measured; ``scores`` are the kind's own test scores."""

    @property
    def titles(self) -> Mapping[str, str]:
        """Every metric that is drawn, and what people call it."""

    @property
    def against(self) -> Mapping[str, str]:
        """The reference that a metric is drawn beside."""

    @property
    def outcome_title(self) -> str:
        """What calibration holds the mean score against."""

    def outcome(self, scores: Any) -> npt.NDArray[Any]:
        """Return what came, as numbers."""

    def decided(self, definition: TagDefinition, scores: Any) -> tuple[Words, Floats]:
        """Return value and confidence, as a scoring run at that time would have decided."""

    def came(self, definition: TagDefinition, scores: Any) -> Words:
        """Return the value that would have been right."""

    def pooled(self, scores: Any, rng: np.random.Generator, profile_id: Ids) -> dict[str, Estimate]:
        """Return every metric of several snapshots; profiles are resampled."""

    def bins(self, scores: Any) -> list[CalibrationBin]:
        """Return mean score and mean outcome of bins of equal count."""

    def segments(
        self, scores: Any, masks: Masks, rng: np.random.Generator, profile_id: Ids | None = None
    ) -> Sequence[Segment]:
        """Return the figures of each segment."""

    def weaknesses(self, row: Any) -> list[Text]:
        """Return why a segment is weak; nothing where it is not."""

    @property
    def ranking_title(self) -> str:
        """What :meth:`ranking` returns."""

    def ranking(self, row: Any) -> tuple[Estimate, float]:
        """Return how well a segment is ranked, and how well its own scores say it should be (NaN: not known)."""

    def mean_outcome(self, row: Any) -> Estimate:
        """Return the mean of what came in a segment."""


class BinaryMeasures:
    """Of tags that say yes or no."""

    titles: Mapping[str, str] = {
        "auc": "AUC",
        "average_precision": "average precision",
        "log_loss": "log loss (lower is better)",
        "brier": "Brier score (lower is better)",
        "calibration_error": "calibration error (lower is better)",
        "lift_at_10": "lift of the top 10 %",
    }
    against: Mapping[str, str] = {
        "auc": "rfm",
        "average_precision": "rfm",
        "lift_at_10": "rfm",
        "log_loss": "base_rate",
        "brier": "base_rate",
    }
    outcome_title = "share of true outcomes"

    def outcome(self, scores: TestScores) -> npt.NDArray[np.int8]:
        """Return 1 for what came true, else 0."""
        return scores.y

    def decided(self, definition: TagDefinition, scores: TestScores) -> tuple[Words, Floats]:
        """Decide by what was known before the test snapshot."""
        threshold = (
            threshold_from_scores(definition.decision, scores.score, scores.weight)
            if scores.threshold is None
            else scores.threshold
        )
        return decide(
            scores.score,
            scores.lower,
            scores.upper,
            threshold=threshold,
            min_confidence=definition.min_confidence,
        )

    def came(self, definition: TagDefinition, scores: TestScores) -> Words:
        """Return yes and no."""
        return as_words(scores.y)

    def pooled(self, scores: TestScores, rng: np.random.Generator, profile_id: Ids) -> dict[str, Estimate]:
        """Return :func:`tagcast.models.stats.metrics.evaluate`."""
        return evaluate(scores.y, scores.score, rng, tuple(METRICS), profile_id, scores.weight)

    def bins(self, scores: TestScores) -> list[CalibrationBin]:
        """Return :func:`tagcast.models.stats.metrics.calibration_bins`."""
        return calibration_bins(scores.y, scores.score, scores.weight)

    def segments(
        self, scores: TestScores, masks: Masks, rng: np.random.Generator, profile_id: Ids | None = None
    ) -> list[SegmentRow]:
        """Return every metric where snapshots are pooled, the AUC alone of one."""
        metrics = ("auc",) if profile_id is None else tuple(METRICS)
        return segment_rows(scores.y, scores.score, masks, rng, profile_id, metrics, scores.weight)

    def weaknesses(self, row: SegmentRow) -> list[Text]:
        """Name a mean score off the observed rate, and a ranking worse than the segment's own scores imply.

        Not than that of the whole: among profiles that are much alike no model ranks well.
        """
        why: list[Text] = []
        rate, score = row.yes / row.n, row.mean_score
        if abs(score - rate) > ERRORS * row.error:
            figures = {"predicted": f"{score:.3f}", "actual": f"{rate:.3f}"}
            why.append(
                msg("scored too high: {predicted} predicted, {actual} came true", **figures)
                if score > rate
                else msg("scored too low: {predicted} predicted, {actual} came true", **figures)
            )
        auc = row.metrics.get("auc")
        if auc is not None and auc.high < row.implied_auc:  # false for NaN: one outcome only cannot be ranked
            why.append(
                msg(
                    "ranks worse than its scores imply: AUC {auc} ({low} to {high}), implied {implied}",
                    implied=f"{row.implied_auc:.3f}",
                    auc=f"{auc.value:.3f}",
                    low=f"{auc.low:.3f}",
                    high=f"{auc.high:.3f}",
                )
            )
        return why

    ranking_title = "AUC (orange: what it would be if the scores were exactly right)"

    def ranking(self, row: SegmentRow) -> tuple[Estimate, float]:
        """Return the AUC, and what it would be if the scores were exactly right."""
        return row.metrics["auc"], row.implied_auc

    def mean_outcome(self, row: SegmentRow) -> Estimate:
        """Return the share of true outcomes."""
        return Estimate(row.yes / row.n, row.low, row.high)


class AmountMeasures:
    """Of tags that predict an amount."""

    titles: Mapping[str, str] = {
        "rmse": "RMSE (lower is better)",
        "mae": "MAE (lower is better)",
        "spearman": "rank correlation",
        "coverage": "share inside the interval",
        "tier_accuracy": "share of right tiers",
        "promise_margin": "right minus confidence",
    }
    against: Mapping[str, str] = dict.fromkeys(("rmse", "mae", "spearman"), "baseline")
    outcome_title = "mean amount"

    def outcome(self, scores: AmountTest) -> Floats:
        """Return the amount."""
        return scores.amount

    def decided(self, definition: TagDefinition, scores: AmountTest) -> tuple[Words, Floats]:
        """Say the likeliest tier where it is sure enough."""
        tier = np.array(definition.values, object)[scores.tier]
        return np.where(scores.confidence < definition.min_confidence, UNKNOWN, tier), scores.confidence

    def came(self, definition: TagDefinition, scores: AmountTest) -> Words:
        """Return the tier in which the amount lies."""
        return np.array(definition.values, object)[scores.true_tier]

    def pooled(self, scores: AmountTest, rng: np.random.Generator, profile_id: Ids) -> dict[str, Estimate]:
        """Return errors, ranking, intervals and tiers."""
        seed = int(rng.integers(2**63))  # every row of the table rests on the same resamples
        s = scores
        points = evaluate_points(s.amount, s.score, np.random.default_rng(seed), profile_id)
        return points | evaluate_tiers(
            s.amount,
            s.lower,
            s.upper,
            s.tier,
            s.true_tier,
            s.confidence,
            np.random.default_rng(seed),
            profile_id,
        )

    def bins(self, scores: AmountTest) -> list[CalibrationBin]:
        """Return :func:`tagcast.models.stats.amount_metrics.amount_bins`."""
        return amount_bins(scores.amount, scores.score)

    def segments(
        self, scores: AmountTest, masks: Masks, rng: np.random.Generator, profile_id: Ids | None = None
    ) -> list[AmountSegment]:
        """Return :func:`tagcast.models.stats.amount_segments.amount_segments`."""
        return amount_segments(
            scores.amount, scores.score, scores.lower, scores.upper, masks, rng, profile_id, scores.weight
        )

    def weaknesses(self, row: AmountSegment) -> list[Text]:
        """Name a mean prediction off the mean amount, and intervals that hold too few."""
        why: list[Text] = []
        if abs(row.mean_score - row.mean_amount) > ERRORS * row.error:
            figures = {"predicted": f"{row.mean_score:,.2f}", "actual": f"{row.mean_amount:,.2f}"}
            why.append(
                msg("predicted too high: {predicted} on average, {actual} actual", **figures)
                if row.mean_score > row.mean_amount
                else msg("predicted too low: {predicted} on average, {actual} actual", **figures)
            )
        coverage = row.metrics["coverage"]
        if holds_too_few(coverage):
            why.append(
                msg(
                    "its intervals hold too few: {share} ({low} to {high})",
                    share=f"{coverage.value:.3f}",
                    low=f"{coverage.low:.3f}",
                    high=f"{coverage.high:.3f}",
                )
            )
        return why

    ranking_title = "rank correlation"

    def ranking(self, row: AmountSegment) -> tuple[Estimate, float]:
        """Return the rank correlation."""
        return row.metrics["spearman"], math.nan

    def mean_outcome(self, row: AmountSegment) -> Estimate:
        """Return the mean amount."""
        half = DEVIATIONS_95 * row.error
        return Estimate(row.mean_amount, row.mean_amount - half, row.mean_amount + half)


MEASURES: dict[str, Measures] = {
    "model": BinaryMeasures(),
    "amount": AmountMeasures(),
    "uplift": EffectMeasures(),
}
"""By :attr:`tagcast.models.definitions.model_tag.TagDefinition.kind`."""
