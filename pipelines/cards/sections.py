"""The measured parts of a card: quality, calibration and promise, drivers, weak segments."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tagcast.models.estimators.foreign import LEADING
from tagcast.pipelines.cards.document import Block, Bullets, Grid, Paragraph, Picture, Row
from tagcast.pipelines.cards.kind_parts import CARD_PARTS, CardParts
from tagcast.pipelines.evidence.findings import Explanation
from tagcast.pipelines.evidence.weak_segments import weak_segments
from tagcast.registry.gates.reservations import RESERVATIONS, reservations
from tagcast.serving.catalog.definition_text import percent

if TYPE_CHECKING:
    from tagcast.features.catalog.feature_set import FeatureSet
    from tagcast.features.ingest.event_log import EventLog
    from tagcast.models.definitions.model_tag import TagDefinition
    from tagcast.models.evaluation.evidence import Evidence
    from tagcast.models.evaluation.global_drivers import Driver
    from tagcast.models.evaluation.grade import Grade
    from tagcast.models.stats.metrics import Estimate
    from tagcast.models.stats.segments import Segment
    from tagcast.models.training.result import AnyResult
    from tagcast.registry.gates.checks import GateReport
    from tagcast.registry.versions.versions import Version

ROUNDED_BELOW = 10
"""Figures from here on are written with one decimal: amounts, not shares."""
IN_WORDS = 6
"""Drivers written out in sentences; all stand in the table."""


@dataclass(frozen=True)
class CardFacts:
    """Everything a card is made of.

    Parameters
    ----------
    result : TrainingResult or AmountResult
    rows, yes : int
        Training rows of all snapshots, and true outcomes (with any spend) among them.
    report : GateReport
    grade : Grade
    evidence : Evidence
        What gate and grade rest on.
    version : Version
    events : EventLog
        Read for training.
    feature_set : FeatureSet
    explanation : Explanation
    figures : mapping of str to bytes
        PNG, by the names of ``findings.training_figures``.
    segments : sequence of Segment
        Of the test snapshot; empty where none were measured.
    drawn_from : int or None
        Rows that those of training were drawn from; None where they are all.
    """

    result: AnyResult
    rows: int
    yes: int
    report: GateReport
    grade: Grade
    evidence: Evidence
    version: Version
    events: EventLog
    feature_set: FeatureSet
    explanation: Explanation
    figures: Mapping[str, bytes]
    segments: Sequence[Segment] = ()
    drawn_from: int | None = None

    @property
    def definition(self) -> TagDefinition:
        """Of the model."""
        definition: TagDefinition = self.result.model.definition
        return definition

    @property
    def parts(self) -> CardParts:
        """The words of its kind."""
        return CARD_PARTS[self.definition.kind]


def quality(facts: CardFacts) -> list[Block]:
    """Return metrics beside the references, and the picture of them."""
    result, parts = facts.result, facts.parts
    test, references = result.test, result.references
    rows = [
        (
            label,
            _interval(test["tagcast"][name]),
            *(_number(test[who][name].value) if name in test[who] else "–" for who in references),
        )
        for name, label in parts.metrics.items()
        if name in test["tagcast"]
    ]
    leads = [
        f"{parts.metrics[metric]} against the {references[who]}: {_interval(result.differences[who][metric], sign=True)}"
        for who, metric in parts.leads
        if metric in result.differences.get(who, {})
    ]
    called = {name: parts.candidates.get(name, name) for name in (*result.candidates, result.chosen)}
    losses = ", ".join(f"{called[name]} {loss:,.4g}" for name, loss in sorted(result.candidates.items()))
    return [
        Grid(("metric", "this model (95 % interval)", *map(str, references.values())), rows),
        Bullets(
            [
                *leads,
                f"Validation {parts.loss} of the candidates: {losses or 'none'}; chosen: {called[result.chosen]}",
            ]
        ),
        *_pictures(facts, "quality"),
    ]


def calibration(facts: CardFacts) -> list[Block]:
    """Return calibration, and promised against actual."""
    rows = []
    for band in facts.evidence.promise:
        kept = band.share_right >= band.mean_confidence - 1e-9
        rows.append(
            (
                f"confidence ≥ {band.confidence:g}" if band.confidence else "all predictions",
                f"{band.predicted:,}",
                _number(band.mean_confidence) if band.predicted else "–",
                _number(band.share_right) if band.predicted else "–",
                ("kept" if kept else "missed") if band.predicted else "no prediction",
            )
        )
    return [
        *facts.parts.beside_promise(facts.result),
        Paragraph(f"{_measures(facts)} {facts.parts.promise}"),
        Grid(("level", "predicted", "promised", "came true", "promise"), rows),
        Row(_pictures(facts, "promise")),
    ]


def _measures(facts: CardFacts) -> str:
    """Return what score and confidence are, and whether the test snapshot bears that out."""
    held_against = [str(RESERVATIONS[name]) for name in reservations(facts.report.as_dict())]
    if not held_against:
        return facts.parts.measures
    return f"{facts.parts.measures} On the test snapshot that did not hold: {', '.join(held_against)}."


def driver_blocks(facts: CardFacts) -> list[Block]:
    """Return what the score is made of, and how exact the reasons of a profile are."""
    found = facts.explanation.drivers
    rows = [_driver_row(driver) for driver in found]
    return [
        Paragraph(facts.parts.driver_lead(facts.definition)),
        *(Paragraph(driver.en, driver.zh) for driver in found[:IN_WORDS]),
        Grid(("feature", "share", "as it rises, the score", "quartiles of the value", "unknown"), rows),
        *_pictures(facts, "drivers"),
        *(Paragraph(text) for text in _how_explained(facts)),
    ]


def _how_explained(facts: CardFacts) -> tuple[str, str]:
    """Return how contributions were worked out, over the test snapshot and for a profile."""
    agreement, rows = facts.explanation.agreement, f"{len(facts.explanation.X):,}"
    agreed = (
        f"for {percent(round(agreement.top_in_three, 3))}; of the exact top three it "
        f"names {percent(round(agreement.overlap, 3))}."
    )
    asked = f"for those of whom the tag says {facts.definition.asked}, up to a cap a run"
    method, detail, cheap = "exact SHAP", ", the logistic part of a blend included", "path attribution"
    if facts.result.model.foreign:
        method, detail = (
            "occlusion",
            (
                " (what a model of others says, less what it says with a feature at its middle value in training; the other parts "
                "of a blend by SHAP)"
            ),
        )
        cheap = f"occlusion of the {LEADING} features that move the scores most"
    measured = (
        f"Measured on {rows} profiles of the test snapshot by {method}{detail}. A driver goes along with the outcome and "
        "need not bring it about."
    )
    reasons = (
        f"Reasons of a profile come from {method} {asked}, and from {cheap} otherwise. On "
        f"{agreement.rows:,} profiles the exact top reason is among the three of {cheap} {agreed}"
    )
    return measured, reasons


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
    weak = weak_segments(facts.segments, facts.definition.kind)
    rows = [(f"{w.row.segment}: {w.row.value}", f"{w.row.n:,}", f"{w.row.yes:,}", str(w.why)) for w in weak]
    count = f"{len(weak)} of {len(facts.segments)} segments of the test snapshot."
    return [
        Paragraph(
            count,
            facts.parts.weak,
        ),
        *([Grid(("segment", "profiles", facts.parts.cases, "why"), rows)] if rows else []),
    ]


def _pictures(facts: CardFacts, section: str) -> list[Picture]:
    captions = facts.parts.pictures[section]
    return [Picture(facts.figures[n], text) for n, text in captions.items() if n in facts.figures]


def _number(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:{_style(value)}}"


def _style(value: float) -> str:
    return ",.1f" if abs(value) >= ROUNDED_BELOW else ".3f"


def _interval(estimate: Estimate, *, sign: bool = False) -> str:
    if math.isnan(estimate.value):
        return "–"
    style = ("+" if sign else "") + _style(estimate.high)
    return f"{estimate.value:{style}} ({estimate.low:{style}} to {estimate.high:{style}})"


def _value(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:,.4g}"
