"""The card of a version that predicts an amount: one short page of what it is, how good, and where it ends."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from tagcast.models.estimators.amount_regressor import TITLES
from tagcast.pipelines.cards.binary_card import OUTCOMES, param, sentence
from tagcast.pipelines.cards.card_files import FACTS, HTML, MARKDOWN
from tagcast.pipelines.cards.document import (
    Block,
    Bullets,
    Document,
    Facts,
    Grid,
    Paragraph,
    Picture,
    Row,
    Section,
)
from tagcast.pipelines.evidence.amount import AmountFindings, amount_promise
from tagcast.serving.catalog.definition_text import outcome_words, population_words

if TYPE_CHECKING:
    from tagcast.features.ingest.event_log import EventLog
    from tagcast.models.stats.metrics import Estimate
    from tagcast.models.training.amount import AmountResult
    from tagcast.models.training.dataset import TrainingFrame
    from tagcast.registry.gates.checks import GateReport
    from tagcast.registry.versions.tracking import Tracking
    from tagcast.registry.versions.versions import Version

FIGURES = {
    "mae": "mean absolute error",
    "rmse": "root mean squared error",
    "spearman": "rank correlation (Spearman)",
    "coverage": "share of amounts inside their 80 % interval",
    "width": "mean width of the interval",
    "tier_accuracy": "share of right tiers",
    "mean_confidence": "mean confidence",
    "promise_margin": "share of right tiers minus mean confidence",
}
ROUNDED_BELOW = 10
"""Figures from here on are said with one decimal: amounts, not shares."""
OTHER_SEASON_DAYS = 364


@dataclass(frozen=True)
class AmountFacts:
    """Everything the card is made of; fields as :class:`tagcast.pipelines.cards.sections.CardFacts` has them."""

    result: AmountResult
    rows: int
    report: GateReport
    version: Version
    events: EventLog
    found: AmountFindings
    titles: dict[str, str]


def keep_amount_card(
    tracking: Tracking,
    version: Version,
    result: AmountResult,
    frame: TrainingFrame,
    report: GateReport,
    found: AmountFindings,
    *,
    events: EventLog,
) -> None:
    """Write the card of ``version`` and keep it with it.

    Raises
    ------
    ModelError
        When it cannot be stored.
    """
    from tagcast.features.catalog.feature_set import FeatureSet
    from tagcast.pipelines.cards.document import to_html, to_markdown
    from tagcast.registry.versions.cards import store_card

    titles = {name: f.en for name, f in FeatureSet.parse(result.model.feature_set).titles().items()}
    card = build_amount_card(AmountFacts(result, len(frame.y), report, version, events, found, titles))
    facts = {
        "tiers": result.model.definition.levels,
        "confusion": result.confusion,
        "drivers": [{"feature": name, "size": size} for name, size in found.drivers.items()],
    }
    texts = {
        HTML: to_html(card),
        MARKDOWN: to_markdown(card),
        FACTS: json.dumps(facts, ensure_ascii=False, indent=1, allow_nan=False) + "\n",
    }
    store_card(tracking, version, texts)


def build_amount_card(facts: AmountFacts) -> Document:
    """Return the card as a page of plain blocks."""
    definition, version = facts.result.model.definition, facts.version
    sections = (
        Section("Definition", _definition(facts)),
        Section("Population and data span", _span(facts)),
        Section("Quality on the test snapshot", _quality(facts)),
        Section("Tiers and promise", _tiers(facts)),
        Section("Drivers: what the amount is made of", _drivers(facts)),
        Section("Limits", [Bullets(_limits(facts))]),
        Section("Checks", _checks(facts)),
        Section("Version", _version(facts)),
    )
    return Document(
        definition.title.both,
        f"{version.name}, trained {version.created:%Y-%m-%d %H:%M} UTC, owner {definition.owner}",
        sections,
    )


def _definition(facts: AmountFacts) -> list[Block]:
    d = facts.result.model.definition
    rows = [
        ("Tag", f"{d.name} ({' › '.join(d.path)})"),
        ("Predicts", outcome_words(d)),
        ("For", population_words(d)),
        ("Tiers", ", ".join(f"{name} from {start:,g}" for name, start in d.levels.items())),
        ("Says", "the tier in which the amount most probably lies"),
        ("Said only", f"with a confidence of {d.min_confidence:g} or more; otherwise unknown"),
        ("Good for", f"{d.expires_after_days} days after scoring"),
        ("Sensitivity", d.sensitivity),
    ]
    return [Paragraph(d.description.en, d.description.translation), Facts(rows)]


def _span(facts: AmountFacts) -> list[Block]:
    events, split, cases = facts.events, facts.result.split, facts.result.cases
    last = split.test + timedelta(days=split.horizon_days - 1)
    before = cases["train_spent"] + cases["train_none"]
    test = cases["test_spent"] + cases["test_none"]
    rows = [
        (
            "Events",
            f"{events.rows:,} of {events.profiles:,} profiles, {events.first_day} to {events.last_day}",
        ),
        ("Used for training", f"{events.first_day} to {last}"),
        ("Horizon", f"{split.horizon_days} days"),
        ("Snapshots", ", ".join(map(str, split.snapshots))),
        ("All snapshots", f"{facts.rows:,} rows, mean amount {facts.result.model.mean_amount:,.2f}"),
        ("Before the test snapshot", f"{before:,} rows, {cases['train_spent']:,} with any spend"),
        ("Test snapshot", f"{split.test}: {test:,} rows, {cases['test_spent']:,} with any spend"),
    ]
    return [
        Facts(rows),
        Paragraph(
            "A profile counts once in each snapshot in which it is eligible. The figures are those of the recipe "
            "without the test snapshot; the version in use has then learned from all snapshots."
        ),
    ]


def _quality(facts: AmountFacts) -> list[Block]:
    result = facts.result
    mine, reference = result.test["tagcast"], result.test["baseline"]
    rows = [
        (
            text,
            _interval(mine[name]),
            _interval(reference[name]) if name in reference else "–",
            _interval(result.differences[name], sign=True) if name in result.differences else "–",
        )
        for name, text in FIGURES.items()
    ]
    errors = ", ".join(f"{TITLES[kind]} {error:,.4g}" for kind, error in sorted(result.candidates.items()))
    return [
        Grid(
            ("figure", "this model (95 % interval)", TITLES[result.baseline_kind], "difference"),
            rows,
        ),
        Bullets([f"Validation RMSE of the candidates: {errors or 'none'}; chosen: {TITLES[result.chosen]}."]),
        *_pictures(facts, {"amounts": "Mean amount over mean prediction; on the line is perfect."}),
    ]


def _tiers(facts: AmountFacts) -> list[Block]:
    tiers = facts.result.model.definition.values
    table = [
        (f"said {name}", *(f"{count:,}" for count in row))
        for name, row in zip(tiers, facts.result.confusion, strict=True)
    ]
    bands = [
        (
            f"confidence ≥ {band.confidence:g}" if band.confidence else "all that was said",
            f"{band.said:,}",
            f"{band.mean_confidence:.3f}" if band.said else "–",
            f"{band.share_right:.3f}" if band.said else "–",
        )
        for band in amount_promise(facts.result)
    ]
    return [
        Grid(("tier", *(f"came {name}" for name in tiers)), table),
        Paragraph(
            "Confidence is a floor: of the tiers said with it, at least that share should turn out right."
        ),
        Grid(("level", "said", "promised", "came true"), bands),
        *_pictures(facts, {"tiers": "Tiers said and tiers that came."}),
    ]


def _drivers(facts: AmountFacts) -> list[Block]:
    rows = [(facts.titles.get(name, name), name, f"{size:.3f}") for name, size in facts.found.drivers.items()]
    if not rows:
        return [Paragraph("No feature moves the amount: everybody is given the same.")]
    return [
        Paragraph(
            "Mean size of a feature's contribution to the logarithm of the amount: .1 is a tenth more or less."
        ),
        Grid(("feature", "name", "mean contribution"), rows),
        *_pictures(
            facts,
            {
                "shap_summary": "Each dot is a profile; colour is the feature's value.",
                "waterfall": "The profile of the highest prediction: what it is made of, from the average (E[f(X)]) on.",
            },
        ),
    ]


def _limits(facts: AmountFacts) -> list[str]:
    result, d = facts.result, facts.result.model.definition
    first, last = result.split.snapshots[0], result.split.test + timedelta(days=result.split.horizon_days - 1)
    short = (last - first).days < OTHER_SEASON_DAYS
    return [
        *map(sentence, result.notes),
        f"Outcomes were seen from {first} to {last}"
        + (": a season outside them is unknown to it." if short else ", a year or more."),
        f"It says nothing of anybody but {population_words(d)}.",
        "The predicted amount is a mean: most profiles spend less, a few much more. The interval holds four of five.",
        "Segments were not measured: it may be weak for some.",
    ]


def _checks(facts: AmountFacts) -> list[Block]:
    report = facts.report
    rows = [(check.name.replace("_", " "), OUTCOMES[check.outcome], check.text) for check in report.checks]
    verdict = "The gate passed this version" if report.passed else "The gate refused this version"
    return [Paragraph(f"{verdict}: {report.reason}."), Grid(("check", "outcome", "figures"), rows)]


def _version(facts: AmountFacts) -> list[Block]:
    version, result = facts.version, facts.result
    params = ", ".join(f"{k} {param(v)}" for k, v in sorted(result.best_params.items()))
    rows = [
        ("Version", version.name),
        ("Trained", f"{version.created:%Y-%m-%d %H:%M} UTC"),
        ("Model digest", result.model.digest()),
        ("Run", version.run_id),
        ("Model", f"{TITLES[result.chosen]}: {params}" if params else TITLES[result.chosen]),
        ("Seed", str(result.model.seed)),
    ]
    return [Facts(rows)]


def _pictures(facts: AmountFacts, captions: dict[str, str]) -> list[Block]:
    pictures = [Picture(facts.found.figures[n], text) for n, text in captions.items()]
    return [Row(pictures)]


def _interval(estimate: Estimate, *, sign: bool = False) -> str:
    if estimate.value != estimate.value:  # NaN: a constant has no ranking
        return "–"
    style = ("+" if sign else "") + (",.1f" if abs(estimate.high) >= ROUNDED_BELOW else ".3f")
    return f"{estimate.value:{style}} ({estimate.low:{style}} to {estimate.high:{style}})"
