"""The measured parts of a card: quality, calibration and promise, drivers, weak segments."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tagcast.models.evaluation.grade import Kind
from tagcast.models.stats.segments import SegmentRow
from tagcast.pipelines.cards.document import Block, Bullets, Grid, Paragraph, Picture, Row
from tagcast.pipelines.evidence.binary import Explanation, promise_at_test
from tagcast.pipelines.evidence.weak_segments import weak_segments
from tagcast.serving.catalog.definition_text import outcome_words, percent

if TYPE_CHECKING:
    from tagcast.features.catalog.feature_set import FeatureSet
    from tagcast.features.ingest.event_log import EventLog
    from tagcast.models.evaluation.global_drivers import Driver
    from tagcast.models.evaluation.grade import Grade
    from tagcast.models.stats.metrics import Estimate
    from tagcast.models.training.binary import TrainingResult
    from tagcast.registry.gates.binary_gate import GateReport
    from tagcast.registry.versions.versions import Version

METRIC_NAMES = {
    "auc": "AUC",
    "average_precision": "average precision",
    "log_loss": "log loss",
    "brier": "Brier score",
    "calibration_error": "calibration error",
    "lift_at_10": "lift in the top 10 %",
}
IN_WORDS = 6
"""Drivers said in sentences; all stand in the table."""


@dataclass(frozen=True)
class CardFacts:
    """Everything a card is made of.

    Parameters
    ----------
    result : TrainingResult
    rows, yes : int
        Training rows of all snapshots, and true outcomes among them.
    report : GateReport
    grade : Grade
    kind : str
        ``rfm`` where the version only ranks by recency, frequency and monetary value.
    version : Version
    events : EventLog
        Read for training.
    feature_set : FeatureSet
    explanation : Explanation
    figures : mapping of str to bytes
        PNG, by the names of ``evidence.training_figures``.
    segments : sequence of SegmentRow
        Of the test snapshot; empty where none were measured.
    """

    result: TrainingResult
    rows: int
    yes: int
    report: GateReport
    grade: Grade
    kind: Kind
    version: Version
    events: EventLog
    feature_set: FeatureSet
    explanation: Explanation
    figures: Mapping[str, bytes]
    segments: Sequence[SegmentRow] = ()


def quality(facts: CardFacts) -> list[Block]:
    """Return metrics beside the references, and lift."""
    test, differences = facts.result.test, facts.result.differences
    rows = []
    for name, label in METRIC_NAMES.items():
        if name not in test["tagcast"]:
            continue
        other = [_number(test[who][name].value) if name in test[who] else "–" for who in ("rfm", "base_rate")]
        rows.append((label, _interval(test["tagcast"][name]), *other))
    leads = [
        f"{METRIC_NAMES[metric]} against the {reference}: {_interval(differences[who][metric], sign=True)}"
        for who, reference, metric in (
            ("rfm", "RFM ranking", "auc"),
            ("base_rate", "base rate", "log_loss"),
        )
        if metric in differences.get(who, {})
    ]
    losses = ", ".join(f"{name} {loss:.4f}" for name, loss in sorted(facts.result.candidates.items()))
    return [
        Grid(("metric", "this model (95 % interval)", "RFM ranking", "base rate"), rows),
        Bullets([*leads, f"Validation log loss of the candidates: {losses}; chosen: {facts.result.chosen}"]),
        *_pictures(facts, {"lift": "True outcomes found among the highest scores of the test snapshot."}),
    ]


def calibration(facts: CardFacts) -> list[Block]:
    """Return calibration, and the promise beside reality."""
    rows = []
    for band in promise_at_test(facts.result):
        kept = band.share_right >= band.mean_confidence - 1e-9
        rows.append(
            (
                f"confidence ≥ {band.confidence:g}" if band.confidence else "all that was said",
                f"{band.said:,}",
                _number(band.mean_confidence) if band.said else "–",
                _number(band.share_right) if band.said else "–",
                ("kept" if kept else "missed") if band.said else "nothing said",
            )
        )
    captions = {
        "calibration": "Observed rate over mean score; on the line is perfect.",
        "promise": "Share right over mean confidence; on or above the line keeps the promise.",
    }
    return [
        Paragraph(
            "Score is the calibrated probability of the outcome. Confidence is a floor: of the values said with "
            "it, at least that share should turn out right."
        ),
        Grid(("level", "said", "promised", "came true", "promise"), rows),
        Row(_pictures(facts, captions)),
    ]


def driver_blocks(facts: CardFacts) -> list[Block]:
    """Return what the score is made of, and how exact the reasons of a profile are."""
    found, agreement = facts.explanation.drivers, facts.explanation.agreement
    captions = {
        "shap_summary": "Each dot is a profile of the test snapshot; right of 0 speaks for yes.",
        "waterfall": "The profile of the highest score: what its score is made of, from the average (E[f(X)]) on.",
        "dependence": "Contribution of the strongest features over their value; the line joins medians.",
    }
    rows = [_driver_row(driver) for driver in found]
    return [
        Paragraph(f"Likelier is meant of the outcome: {outcome_words(facts.result.model.definition)}."),
        *(Paragraph(driver.en, driver.zh) for driver in found[:IN_WORDS]),
        Grid(("feature", "share", "as it rises, the score", "quartiles of the value", "unknown"), rows),
        *_pictures(facts, captions),
        Paragraph(
            f"Measured on {len(facts.explanation.X):,} profiles of the test snapshot by exact SHAP, the logistic "
            "part of a blend included. A driver goes along with the outcome and need not bring it about."
        ),
        Paragraph(
            "Reasons of a profile come from exact SHAP for the tags that say yes, up to a cap a run, and from "
            f"path attribution otherwise. On {agreement.rows:,} profiles the exact top reason is among the three "
            f"of path attribution for {percent(round(agreement.top_in_three, 3))}; of the exact top three it "
            f"names {percent(round(agreement.overlap, 3))}."
        ),
    ]


def _driver_row(driver: Driver) -> tuple[str, ...]:
    quartiles = " · ".join(_value(v) for v in (driver.low, driver.middle, driver.high))
    return (
        driver.title_en,
        percent(round(driver.share, 3)),
        "goes either way" if driver.direction == "mixed" else driver.direction,
        quartiles,
        percent(round(driver.unknown, 3)),
    )


def segment_blocks(facts: CardFacts) -> list[Block]:
    """Return the segments where the model is weak."""
    if not facts.segments:
        return [Paragraph("Not measured for this version.")]
    weak = weak_segments(facts.segments)
    rows = [(f"{w.row.segment}: {w.row.value}", f"{w.row.n:,}", f"{w.row.yes:,}", w.why) for w in weak]
    said = f"{len(weak)} of {len(facts.segments)} segments of the test snapshot."
    return [
        Paragraph(
            said,
            "Weak: mean score and observed rate differ by more than two standard errors, or the interval of the "
            "segment's AUC lies below what its scores imply. About one in twenty does so by chance.",
        ),
        *([Grid(("segment", "profiles", "true", "why"), rows)] if rows else []),
    ]


def _pictures(facts: CardFacts, captions: Mapping[str, str]) -> list[Picture]:
    return [Picture(facts.figures[n], text) for n, text in captions.items() if n in facts.figures]


def _number(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.3f}"


def _interval(estimate: Estimate, *, sign: bool = False) -> str:
    value, low, high = (
        (f"{v:+.3f}" if sign else _number(v)) for v in (estimate.value, estimate.low, estimate.high)
    )
    return f"{value} ({low} to {high})"


def _value(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:,.4g}"
