"""The card of a model version: what a reader has to know before relying on its tag, on one page in one language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from tagcast.features.core.messages import Joined, Text, listed, msg
from tagcast.models.evaluation.grade_kinds import GRADE_KINDS
from tagcast.pipelines.cards.document import (
    Badge,
    Block,
    Bullets,
    Document,
    Facts,
    Folded,
    Grid,
    Lead,
    Paragraph,
    Section,
    sections_to_markdown,
)
from tagcast.pipelines.cards.sections import CardFacts, calibration, driver_blocks, quality, segment_blocks
from tagcast.registry.gates.checks import CHECK_TITLES
from tagcast.serving.catalog.definition_text import outcome_words, percent, population_words
from tagcast.serving.console.i18n.vocabulary import CATEGORY_TITLES

OUTCOMES: dict[str, Text] = {
    "pass": msg("✓ passed"),
    "warn": msg("! warning"),
    "fail": msg("✗ failed"),
}


def build_card(facts: CardFacts) -> Document:
    """Return the card as a page of plain blocks: what to know of it first, how it was made last."""
    definition, version, say = facts.definition, facts.version, facts.say
    sections = (
        (msg("In short"), _summary(facts)),
        (msg("Grade"), _grade(facts)),
        (msg("Quality on the test snapshot"), quality(facts)),
        (msg("Calibration and promise"), calibration(facts)),
        (msg("Drivers: what the score is made of"), driver_blocks(facts)),
        (msg("Segments where it is weak"), segment_blocks(facts)),
        (msg("Limits"), [Bullets([say(limit) for limit in _limits(facts)])]),
        (msg("Definition"), _definition(facts)),
        (msg("Population"), _population(facts)),
        (msg("Data span and split"), _span(facts)),
        (msg("Features"), _features(facts)),
        (msg("Training notes"), _notes(facts)),
        (msg("Checks"), _checks(facts)),
        (msg("Version"), _version(facts)),
    )
    about = msg(
        "{version}, trained {time} UTC, owner {owner}",
        version=version.name,
        time=f"{version.created:%Y-%m-%d %H:%M}",
        owner=definition.owner,
    )
    title = definition.title.zh if facts.language == "zh" else definition.title.en
    return Document(
        title, say(about), [Section(say(name), blocks) for name, blocks in sections], facts.language
    )


def _summary(facts: CardFacts) -> list[Block]:
    definition, cases, language = facts.definition, facts.result.cases, facts.language
    predicts = msg(
        "It predicts: {outcome}. For: {population}.",
        outcome=outcome_words(definition, language),
        population=population_words(definition, language),
    )
    measured = msg(
        "Measured on the snapshot of {day}: {rows:,} profiles whose outcome is known, {yes:,} of them {cases}. Nothing was chosen on it.",
        day=str(facts.result.split.test),
        rows=cases["test_yes"] + cases["test_no"],
        yes=cases["test_yes"],
        cases=facts.parts.cases,
    )
    lines: list[Text | Joined] = [predicts, *facts.parts.summary(facts)]
    if facts.evidence.stand_in:
        lines.append(facts.parts.stands_in)
    return [Lead([facts.say(line) for line in lines]), Paragraph(facts.say(measured))]


def in_short(facts: CardFacts) -> str:
    """Return the card in short as Markdown: what it is good for, its grade, and what happened in training."""
    grade = facts.say(msg("Grade {letter}", letter=facts.grade.letter))
    parts = (
        Section(grade, _summary(facts)),
        Section(facts.say(msg("Training notes")), _notes(facts)),
    )
    return sections_to_markdown(parts, facts.language)


def _grade(facts: CardFacts) -> list[Block]:
    say = facts.say
    rule = [
        say(msg("{letter}: {text}", letter=letter, text=text))
        for letter, text in GRADE_KINDS[facts.definition.kind].rule.items()
    ]
    return [
        Badge(facts.grade.letter, [sentence(facts, r) for r in facts.grade.reasons]),
        Folded(say(msg("How the grade is given")), [Bullets(rule)]),
    ]


def _definition(facts: CardFacts) -> list[Block]:
    d, say, language = facts.definition, facts.say, facts.language
    path = " › ".join(say(CATEGORY_TITLES.get(part, part)) for part in d.path)
    rows: list[tuple[Text, Text | Joined]] = [
        (msg("Tag"), f"{d.name} ({path})"),
        (msg("Predicts"), outcome_words(d, language)),
        (msg("For"), population_words(d, language)),
        *facts.parts.decision_rows(d, language),
        (
            msg("Minimum confidence"),
            msg("{least}; below it the value is unknown", least=f"{d.min_confidence:g}"),
        ),
        (msg("Valid for"), msg("{n} days from the day of the data", n=d.expires_after_days)),
        (msg("Sensitivity"), d.sensitivity),
    ]
    meaning = d.description.zh if language == "zh" else d.description.en
    return [Paragraph(meaning), _facts(facts, rows)]


def _population(facts: CardFacts) -> list[Block]:
    cases, drawn_from, parts = facts.result.cases, facts.drawn_from, facts.parts

    def counted(rows: int, yes: int) -> Text:
        text = msg("{rows:,} rows, {yes:,} of them {cases}", rows=rows, yes=yes, cases=parts.cases)
        if drawn_from:  # Among drawn rows the rarer outcome is commoner than in the population.
            return text
        share = percent(round(yes / rows, 3)) if rows else "–"
        return msg("{counted} ({share})", counted=text, share=share)

    whole = [msg("drawn from {rows:,}", rows=drawn_from)] if drawn_from else []
    everything = listed([counted(facts.rows, facts.yes), *whole, parts.span(facts.result)])
    rows: list[tuple[Text, Text | Joined]] = [
        (msg("For"), population_words(facts.definition, facts.language)),
        (msg("All snapshots"), everything),
        (
            msg("Before the test snapshot"),
            counted(cases["train_yes"] + cases["train_no"], cases["train_yes"]),
        ),
        (msg("Test snapshot"), counted(cases["test_yes"] + cases["test_no"], cases["test_yes"])),
    ]
    once = msg("A profile counts once in each snapshot in which it is eligible.")
    return [Paragraph(facts.say(once)), _facts(facts, rows)]


def _span(facts: CardFacts) -> list[Block]:
    events, split = facts.events, facts.result.split
    last = split.test + timedelta(days=split.horizon_days - 1)
    validation = ", ".join(str(fold.score) for fold in split.validation_folds) or msg("none fits")
    learned = msg("other profiles of the same day")
    rows: list[tuple[Text, Text | Joined]] = [
        (
            msg("Events"),
            msg(
                "{rows:,} of {profiles:,} profiles, {first} to {last}",
                rows=events.rows,
                profiles=events.profiles,
                first=events.first_day,
                last=events.last_day,
            ),
        ),
        (msg("Used for training"), msg("{first} to {last}", first=events.first_day, last=last)),
        (msg("Event log"), events.id),
        (msg("Horizon"), msg("{n} days", n=split.horizon_days)),
        (msg("Snapshots"), ", ".join(map(str, split.feature_days))),
        (
            msg("Measured on"),
            msg("{day}, outcomes to {last}; nothing was chosen on it", day=split.test, last=last),
        ),
        (
            msg("Learned from, for the test"),
            learned if split.one_day else ", ".join(map(str, split.test_fold.train)),
        ),
        (msg("Possible validation snapshots"), validation),
    ]
    whole = msg(
        "The figures are those of the recipe without the test snapshot; the version in use has then learned from all snapshots."
    )
    return [_facts(facts, rows), Paragraph(facts.say(whole))]


def _features(facts: CardFacts) -> list[Block]:
    names, found, say = facts.result.model.features, facts.feature_set, facts.say
    rows: list[tuple[Text, Text | Joined]] = [
        (msg("Used"), msg("{n} features", n=len(names))),
        (msg("Windows"), msg("{days} days", days=", ".join(map(str, found.windows)))),
        (msg("Feature set"), found.id),
    ]
    listing = [(name, facts.title(name)) for name in names]
    whole = Grid((say(msg("feature")), say(msg("title"))), listing)
    return [_facts(facts, rows), Folded(say(msg("All features")), [whole])]


def _limits(facts: CardFacts) -> list[Text]:
    """Return where the model ends; how it came to be is a matter of its notes."""
    model, split, d, parts = facts.result.model, facts.result.split, facts.definition, facts.parts
    first, last = split.feature_days[0], split.test + timedelta(days=split.horizon_days - 1)
    seen = msg("Outcomes were seen from {first} to {last}, a year or more.", first=first, last=last)
    if (last - first).days < 364:
        seen = msg(
            "Outcomes were seen from {first} to {last}: a season outside them is unknown to it.",
            first=first,
            last=last,
        )
    covered = msg("It predicts for nobody but {population}.", population=population_words(d, facts.language))
    limits = [seen, covered, *parts.limits]
    if d.min_confidence > 0:
        total = max(1, sum(facts.evidence.decided.counts.values()))
        limits.append(
            msg(
                "It leaves {share} of them unknown: their confidence is below {least}.",
                share=percent(round(facts.evidence.decided.unknown / total, 3)),
                least=f"{d.min_confidence:g}",
            )
        )
    unknown = [n for n, r in model.ranges.items() if r.missing > 0.5]
    if unknown:
        names = listed(facts.title(n) for n in unknown)
        limits.append(msg("Unknown for more than half of the profiles: {features}.", features=names))
    if not facts.segments:
        limits.append(msg("Segments were not measured: it may be weak for some."))
    if not facts.evidence.out_of_time:
        limits.append(
            msg(
                "It was chosen on groups of profiles, not on later snapshots: how it holds over time is less certain."
            )
        )
    if facts.evidence.stand_in:
        limits.append(parts.stands_in)
    limits.append(
        msg("It describes what goes together, not what brings it about: an action may change nothing.")
    )
    return limits


def _notes(facts: CardFacts) -> list[Block]:
    """Return what happened in training, for those who train."""
    notes = [sentence(facts, note) for note in facts.result.notes]
    return [Bullets(notes)] if notes else [Paragraph(facts.say(msg("Nothing out of the ordinary.")))]


def _checks(facts: CardFacts) -> list[Block]:
    say = facts.say
    rows = [
        (say(CHECK_TITLES.get(check.name, check.name)), say(OUTCOMES[check.outcome]), say(check.text))
        for check in facts.report.checks
    ]
    reason = facts.report.reason
    verdict = (
        msg("The gate passed this version: {reason}.", reason=reason)
        if facts.report.passed
        else msg("The gate refused this version: {reason}.", reason=reason)
    )
    heads = (msg("check"), msg("outcome"), msg("figures"))
    return [Paragraph(say(verdict)), Grid([say(head) for head in heads], rows)]


def _version(facts: CardFacts) -> list[Block]:
    version, result = facts.version, facts.result
    params = ", ".join(f"{k} {param(v)}" for k, v in sorted(result.best_params.items()))
    chosen = facts.parts.candidates.get(result.chosen, result.chosen)
    model = msg("{name}: {params}", name=chosen, params=params) if params else chosen
    rows: list[tuple[Text, Text | Joined]] = [
        (msg("Version"), version.name),
        (msg("Trained"), f"{version.created:%Y-%m-%d %H:%M} UTC"),
        (msg("Model digest"), result.model.digest()),
        (msg("Run"), version.run_id),
        (msg("Model"), model),
        (msg("Seed"), str(result.model.seed)),
    ]
    return [_facts(facts, rows)]


def _facts(facts: CardFacts, rows: Sequence[tuple[Text, Text | Joined]]) -> Facts:
    return Facts([(facts.say(name), facts.say(value)) for name, value in rows])


def param(value: object) -> str:
    """Return a parameter's value as text."""
    if isinstance(value, Mapping):
        return "(" + ", ".join(f"{k} {param(v)}" for k, v in value.items()) + ")"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def sentence(facts: CardFacts, part: Text) -> str:
    """Return ``part`` in the language of the card, with a capital and a full stop."""
    text = facts.say(part)
    if facts.language == "zh":
        return text + ("" if text.endswith(("。", "！", "？", ".")) else "。")
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")
