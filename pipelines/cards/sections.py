"""The measured parts of a card: quality, calibration and promise, drivers, weak segments."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tagcast.features.core.messages import Joined, Language, Text, listed, msg, render
from tagcast.models.estimators.foreign import LEADING
from tagcast.pipelines.cards.card_kinds import CARD_PARTS
from tagcast.pipelines.cards.document import Block, Bullets, Grid, Paragraph, Picture, Row
from tagcast.pipelines.cards.kind_parts import CardParts
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
    language : {"en", "zh"}
        Of the card.
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
    language: Language = "en"

    def say(self, text: Text | Joined) -> str:
        """Return a text in the language of the card."""
        return render(text, self.language)

    def title(self, feature: str) -> str:
        """Return what people call a feature, in the language of the card."""
        known = self.explanation.titles.get(feature)
        return feature if known is None else known.zh if self.language == "zh" else known.en

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
    """Return what the rule gives, then metrics beside the references, and the picture of them."""
    result, parts, say = facts.result, facts.parts, facts.say
    test, references = result.test, result.references
    rows = [
        (
            say(label),
            _interval(facts, test["tagcast"][name]),
            *(_number(test[who][name].value) if name in test[who] else "–" for who in references),
        )
        for name, label in parts.metrics.items()
        if name in test["tagcast"]
    ]
    leads = [
        msg(
            "{metric} against the {reference}: {lead}",
            metric=parts.metrics[metric],
            reference=references[who],
            lead=_interval(facts, result.differences[who][metric], sign=True),
        )
        for who, metric in parts.leads
        if metric in result.differences.get(who, {})
    ]
    called = {name: parts.candidates.get(name, name) for name in (*result.candidates, result.chosen)}
    losses = listed(
        msg("{name} {loss}", name=called[name], loss=f"{loss:,.4g}")
        for name, loss in sorted(result.candidates.items())
    )
    candidates = msg(
        "Validation {loss} of the candidates: {losses}; chosen: {chosen}",
        loss=parts.loss,
        losses=losses or msg("none"),
        chosen=called[result.chosen],
    )
    own = say(msg("this model (95% interval)"))
    return [
        *parts.at_the_rule(facts),
        Grid((say(msg("metric")), own, *map(say, references.values())), rows),
        Bullets([say(line) for line in (*leads, candidates)]),
        *_pictures(facts, "quality"),
    ]


def calibration(facts: CardFacts) -> list[Block]:
    """Return calibration, and promised against actual."""
    rows, say = [], facts.say
    for band in facts.evidence.promise:
        kept = band.share_right >= band.mean_confidence - 1e-9
        level = msg("confidence ≥ {confidence}", confidence=f"{band.confidence:g}")
        rows.append(
            (
                say(level if band.confidence else msg("all predictions")),
                f"{band.predicted:,}",
                _number(band.mean_confidence) if band.predicted else "–",
                _number(band.share_right) if band.predicted else "–",
                say((msg("kept") if kept else msg("missed")) if band.predicted else msg("no prediction")),
            )
        )
    heads = (msg("level"), msg("predicted"), msg("promised"), msg("came true"), msg("promise"))
    return [
        *facts.parts.beside_promise(facts),
        Paragraph(say(listed([*_measures(facts), facts.parts.promise], "paragraph"))),
        Grid([say(head) for head in heads], rows),
        Row(_pictures(facts, "promise")),
    ]


def _measures(facts: CardFacts) -> list[Text]:
    """Return what score and confidence are, and whether the test snapshot bears that out."""
    held_against = [RESERVATIONS[name] for name in reservations(facts.report.as_dict())]
    if not held_against:
        return [facts.parts.measures]
    return [
        facts.parts.measures,
        msg("On the test snapshot that did not hold: {problems}.", problems=listed(held_against)),
    ]


def driver_blocks(facts: CardFacts) -> list[Block]:
    """Return what the score is made of, and how exact the reasons of a profile are."""
    found, say = facts.explanation.drivers, facts.say
    rows = [_driver_row(facts, driver) for driver in found]
    heads = (
        msg("feature"),
        msg("share"),
        msg("as it rises, the score"),
        msg("quartiles of the value"),
        msg("unknown"),
    )
    return [
        Paragraph(say(facts.parts.driver_lead(facts.definition, facts.language))),
        *(Paragraph(driver.zh if facts.language == "zh" else driver.en) for driver in found[:IN_WORDS]),
        Grid([say(head) for head in heads], rows),
        *_pictures(facts, "drivers"),
        *(Paragraph(say(text)) for text in _how_explained(facts)),
    ]


def _how_explained(facts: CardFacts) -> tuple[Text, Text]:
    """Return how contributions were worked out, over the test snapshot and for a profile."""
    agreement = facts.explanation.agreement
    method: Text = msg("exact SHAP")
    detail: Text = msg(", the logistic part of a blend included")
    cheap: Text = msg("path attribution")
    if facts.result.model.foreign:
        method = msg("occlusion")
        detail = msg(
            " (what a model of others predicts, less what it predicts with a feature at its middle value in training; the other "
            "parts of a blend by SHAP)"
        )
        cheap = msg("occlusion of the {n} features that move the scores most", n=LEADING)
    measured = msg(
        "Measured on {rows:,} profiles of the test snapshot by {method}{detail}. A driver goes along with the outcome and need "
        "not bring it about.",
        rows=len(facts.explanation.X),
        method=method,
        detail=detail,
    )
    reasons = msg(
        "Reasons of a profile come from {method} for those of whom the tag says {value}, up to a cap a run, and from {cheap} "
        "otherwise. On {rows:,} profiles the exact top reason is among the three of {cheap} for {top}; of the exact top three it "
        "names {overlap}.",
        method=method,
        value=facts.definition.asked,
        cheap=cheap,
        rows=agreement.rows,
        top=percent(round(agreement.top_in_three, 3)),
        overlap=percent(round(agreement.overlap, 3)),
    )
    return measured, reasons


_DIRECTIONS: dict[str, Text] = {
    "rises": msg("rises"),
    "falls": msg("falls"),
    "mixed": msg("goes either way"),
}


def _driver_row(facts: CardFacts, driver: Driver) -> tuple[str, ...]:
    quartiles = " · ".join(_value(v) for v in (driver.low, driver.middle, driver.high))
    return (
        facts.title(driver.feature),
        percent(round(driver.share, 3)),
        facts.say(_DIRECTIONS[driver.direction]),
        quartiles,
        percent(round(driver.unknown, 3)),
    )


def segment_blocks(facts: CardFacts) -> list[Block]:
    """Return the segments where the model is weak."""
    say = facts.say
    if not facts.segments:
        return [Paragraph(say(msg("Not measured for this version.")))]
    weak = weak_segments(facts.segments, facts.definition.kind)
    rows = [(f"{w.row.segment}: {w.row.value}", f"{w.row.n:,}", f"{w.row.yes:,}", say(w.why)) for w in weak]
    count = msg("{weak} of {all} segments of the test snapshot.", weak=len(weak), all=len(facts.segments))
    heads = (msg("segment"), msg("profiles"), facts.parts.cases, msg("why"))
    return [
        Paragraph(say(count), say(facts.parts.weak)),
        *([Grid([say(head) for head in heads], rows)] if rows else []),
    ]


def _pictures(facts: CardFacts, section: str) -> list[Picture]:
    captions = facts.parts.pictures[section]
    return [Picture(facts.figures[n], facts.say(text)) for n, text in captions.items() if n in facts.figures]


def _number(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:{_style(value)}}"


def _style(value: float) -> str:
    return ",.1f" if abs(value) >= ROUNDED_BELOW else ".3f"


def _interval(facts: CardFacts, estimate: Estimate, *, sign: bool = False) -> str:
    if math.isnan(estimate.value):
        return "–"
    style = ("+" if sign else "") + _style(estimate.high)
    return facts.say(
        msg(
            "{value} ({low} to {high})",
            value=f"{estimate.value:{style}}",
            low=f"{estimate.low:{style}}",
            high=f"{estimate.high:{style}}",
        )
    )


def _value(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:,.4g}"
