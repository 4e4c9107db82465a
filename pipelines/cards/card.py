"""The card of a model version: what a reader has to know before relying on its tag, on one page."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from tagcast.features.core.messages import Text
from tagcast.models.evaluation.grade_kinds import GRADE_KINDS
from tagcast.pipelines.cards.document import (
    Badge,
    Block,
    Bullets,
    Document,
    Facts,
    Folded,
    Grid,
    Paragraph,
    Section,
)
from tagcast.pipelines.cards.sections import CardFacts, calibration, driver_blocks, quality, segment_blocks
from tagcast.serving.catalog.definition_text import outcome_words, percent, population_words

OUTCOMES = {"pass": "✓ passed", "warn": "! warning", "fail": "✗ failed"}


def build_card(facts: CardFacts) -> Document:
    """Return the card as a page of plain blocks."""
    definition, version = facts.definition, facts.version
    sections = (
        Section("Grade", _grade(facts)),
        Section("Definition", _definition(facts)),
        Section("Population", _population(facts)),
        Section("Data span and split", _span(facts)),
        Section("Features", _features(facts)),
        Section("Quality on the test snapshot", quality(facts)),
        Section("Calibration and promise", calibration(facts)),
        Section("Drivers: what the score is made of", driver_blocks(facts)),
        Section("Segments where it is weak", segment_blocks(facts)),
        Section("Limits", [Bullets(_limits(facts))]),
        Section("Checks", _checks(facts)),
        Section("Version", _version(facts)),
    )
    return Document(
        definition.title.both,
        f"{version.name}, trained {version.created:%Y-%m-%d %H:%M} UTC, owner {definition.owner}",
        sections,
    )


def _grade(facts: CardFacts) -> list[Block]:
    rule = [f"{letter}: {text}" for letter, text in GRADE_KINDS[facts.definition.kind].rule.items()]
    return [
        Badge(facts.grade.letter, [sentence(r) for r in facts.grade.reasons]),
        Folded("How the grade is given", [Bullets(rule)]),
    ]


def _definition(facts: CardFacts) -> list[Block]:
    d = facts.definition
    rows = [
        ("Tag", f"{d.name} ({' › '.join(d.path)})"),
        ("Predicts", outcome_words(d)),
        ("For", population_words(d)),
        *facts.parts.decision_rows(d),
        ("Predicted only", f"with a confidence of {d.min_confidence:g} or more; otherwise unknown"),
        ("Good for", f"{d.expires_after_days} days from the day of the data"),
        ("Sensitivity", d.sensitivity),
    ]
    return [Paragraph(d.description.en, d.description.translation), Facts(rows)]


def _population(facts: CardFacts) -> list[Block]:
    cases, drawn_from = facts.result.cases, facts.drawn_from

    def counted(rows: int, yes: int) -> str:
        text = f"{rows:,} rows, {yes:,} of them {facts.parts.cases}"
        if drawn_from:  # Among drawn rows the rarer outcome is commoner than in the population.
            return text
        return f"{text} ({percent(round(yes / rows, 3)) if rows else '–'})"

    whole = f", drawn from {drawn_from:,}" if drawn_from else ""
    rows = [
        ("Who", population_words(facts.definition)),
        ("All snapshots", f"{counted(facts.rows, facts.yes)}{whole}, {facts.parts.span(facts.result)}"),
        ("Before the test snapshot", counted(cases["train_yes"] + cases["train_no"], cases["train_yes"])),
        ("Test snapshot", counted(cases["test_yes"] + cases["test_no"], cases["test_yes"])),
    ]
    return [Paragraph("A profile counts once in each snapshot in which it is eligible."), Facts(rows)]


def _span(facts: CardFacts) -> list[Block]:
    events, split = facts.events, facts.result.split
    last = split.test + timedelta(days=split.horizon_days - 1)
    validation = ", ".join(str(fold.score) for fold in split.validation_folds) or "none fits"
    rows = [
        (
            "Events",
            f"{events.rows:,} of {events.profiles:,} profiles, {events.first_day} to {events.last_day}",
        ),
        ("Used for training", f"{events.first_day} to {last}"),
        ("Event log", events.id),
        ("Horizon", f"{split.horizon_days} days"),
        ("Snapshots", ", ".join(map(str, split.feature_days))),
        ("Measured on", f"{split.test}, outcomes to {last}; nothing was chosen on it"),
        (
            "Learned from, for the test",
            "other profiles of the same day" if split.one_day else ", ".join(map(str, split.test_fold.train)),
        ),
        ("Possible validation snapshots", validation),
    ]
    return [
        Facts(rows),
        Paragraph(
            "The figures are those of the recipe without the test snapshot; the version in use has then "
            "learned from all snapshots."
        ),
    ]


def _features(facts: CardFacts) -> list[Block]:
    titles, names = facts.explanation.titles, facts.result.model.features
    found = facts.feature_set
    rows = [
        ("Used", f"{len(names)} features"),
        ("Windows", ", ".join(f"{days} days" for days in found.windows)),
        ("Feature set", found.id),
    ]
    listed = [(name, titles[name].en if name in titles else "", _zh(titles, name)) for name in names]
    return [Facts(rows), Folded("All features", [Grid(("feature", "title", "标题"), listed)])]


def _zh(titles: Mapping[str, object], name: str) -> str:
    return str(getattr(titles.get(name), "zh", ""))


def _limits(facts: CardFacts) -> list[str]:
    model, split, d = facts.result.model, facts.result.split, facts.definition
    first, last = split.feature_days[0], split.test + timedelta(days=split.horizon_days - 1)
    limits = [sentence(note) for note in facts.result.notes]
    limits.append(
        f"Outcomes were seen from {first} to {last}"
        + (": a season outside them is unknown to it." if (last - first).days < 364 else ", a year or more.")
    )
    limits += [f"It says nothing of anybody but {population_words(d)}.", *facts.parts.limits]
    unknown = [n for n, r in model.ranges.items() if r.missing > 0.5]
    if unknown:
        titles = facts.explanation.titles
        named = ", ".join(titles[n].en if n in titles else n for n in unknown)
        limits.append(f"Unknown for more than half of the profiles: {named}.")
    if not facts.segments:
        limits.append("Segments were not measured: it may be weak for some.")
    if facts.evidence.stand_in:
        limits.append(facts.parts.stands_in)
    return limits


def _checks(facts: CardFacts) -> list[Block]:
    rows = [
        (check.name.replace("_", " "), OUTCOMES[check.outcome], str(check.text))
        for check in facts.report.checks
    ]
    verdict = "The gate passed this version" if facts.report.passed else "The gate refused this version"
    return [Paragraph(f"{verdict}: {facts.report.reason}."), Grid(("check", "outcome", "figures"), rows)]


def _version(facts: CardFacts) -> list[Block]:
    version, result = facts.version, facts.result
    params = ", ".join(f"{k} {param(v)}" for k, v in sorted(result.best_params.items()))
    rows = [
        ("Version", version.name),
        ("Trained", f"{version.created:%Y-%m-%d %H:%M} UTC"),
        ("Model digest", result.model.digest()),
        ("Run", version.run_id),
        ("Model", f"{facts.parts.candidates.get(result.chosen, result.chosen)}: {params}".removesuffix(": ")),
        ("Seed", str(result.model.seed)),
    ]
    return [Facts(rows)]


def param(value: object) -> str:
    """Return a parameter's value as text."""
    if isinstance(value, Mapping):
        return "(" + ", ".join(f"{k} {param(v)}" for k, v in value.items()) + ")"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def sentence(part: Text) -> str:
    """Return ``part`` in English, with a capital and a full stop: a card is written once, in one language."""
    text = str(part)
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")
