"""The card of a tag that says yes or no."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from tagcast.features.core.messages import Language, Text, listed, msg, pmsg
from tagcast.models.training.recipe import PART_TITLES
from tagcast.pipelines.cards.document import Block, Facts, Paragraph
from tagcast.pipelines.cards.kind_parts import DEPENDENCE, PROMISE, CardParts, Words, of_100
from tagcast.pipelines.evidence.rule_quality import rule_quality
from tagcast.serving.catalog.definition_text import decision_words, outcome_words, percent

if TYPE_CHECKING:
    from tagcast.models.definitions.model_tag import TagDefinition
    from tagcast.pipelines.cards.sections import CardFacts


def _summary(facts: CardFacts) -> list[Words]:
    found = rule_quality(facts.result)
    nothing = msg(
        "Doing nothing, which is no for everyone, would be right for {no} of 100 and find none of those whom it is about.",
        no=of_100(1 - found.base_rate),
    )
    if found.precision is None:
        nobody = msg(
            "On the test snapshot the rule flagged nobody (value yes): nobody can be approached by it."
        )
        return [nobody, *_top_tenth(facts), nothing]
    flagged = msg(
        "Of 100 that it flags (value yes), {right} come true (95% range {low} to {high}); of 100 at random, {base} do.",
        right=of_100(found.precision),
        low=of_100(found.low or 0.0),
        high=of_100(found.high or 0.0),
        base=of_100(found.base_rate),
    )
    lines: list[Words] = [flagged]
    if found.lift is not None:
        average = msg("That is {lift} times the average.", lift=f"{found.lift:.1f}")
        lines = [listed([flagged, average], "paragraph")]
    if found.recall is not None:
        lines.append(
            msg(
                "It flags {share} of all profiles and so catches {caught} of 100 of those whom it is about.",
                share=percent(round(found.flagged / found.cases, 3)),
                caught=of_100(found.recall),
            )
        )
    return [*lines, *_top_tenth(facts), nothing]


def _top_tenth(facts: CardFacts) -> list[Words]:
    lift = facts.result.test["tagcast"].get("lift_at_10")
    if lift is None or math.isnan(lift.value):
        return []
    return [
        msg(
            "To reach more people, take the highest scores: in the top 10%, the outcome is {lift} times as common as on average.",
            lift=f"{lift.value:.1f}",
        )
    ]


def _at_the_rule(facts: CardFacts) -> list[Block]:
    found, say = rule_quality(facts.result), facts.say
    precision = "–"
    if found.precision is not None:
        low, high = f"{found.low:.3f}", f"{found.high:.3f}"
        precision = say(msg("{value} ({low} to {high})", value=f"{found.precision:.3f}", low=low, high=high))
    rows: list[tuple[Text, str]] = [
        (msg("Rule"), decision_words(facts.definition, facts.language)),
        (
            msg("Flagged (value yes)"),
            say(
                msg(
                    "{flagged:,} of {cases:,} profiles ({share})",
                    flagged=found.flagged,
                    cases=found.cases,
                    share=percent(round(found.flagged / max(1, found.cases), 3)),
                )
            ),
        ),
        (msg("Precision (flagged and true, of all flagged)"), precision),
        (
            msg("Recall (flagged and true, of all true)"),
            "–" if found.recall is None else f"{found.recall:.3f}",
        ),
        (msg("Lift (precision over the base rate)"), "–" if found.lift is None else f"{found.lift:.2f}"),
        (msg("Base rate (true, of all profiles)"), f"{found.base_rate:.3f}"),
    ]
    return [
        Paragraph(say(msg("At the tag's own rule, on profiles and outcomes that nothing was chosen on:"))),
        Facts([(say(name), value) for name, value in rows]),
    ]


def _driver_lead(d: TagDefinition, language: Language) -> Text:
    return msg("“Likelier” refers to the outcome: {outcome}.", outcome=outcome_words(d, language))


def _bands(d: TagDefinition, language: Language) -> list[tuple[Text, Words]]:
    bands = listed(
        msg("{name} from {start}", name=name, start=f"{start:g}") for name, start in d.levels.items()
    )
    return [(msg("Decision"), decision_words(d, language)), (msg("Bands of the score"), bands)]


BINARY_PARTS = CardParts(
    summary=_summary,
    at_the_rule=_at_the_rule,
    metrics={
        "auc": "AUC",
        "average_precision": msg("average precision"),
        "log_loss": msg("log loss"),
        "brier": msg("Brier score"),
        "calibration_error": msg("calibration error"),
        "lift_at_10": msg("lift in the top 10%"),
    },
    leads=(("rfm", "auc"), ("base_rate", "log_loss")),
    cases=pmsg("outcome", "true"),
    loss=msg("log loss"),
    candidates=PART_TITLES,
    measures=msg("The score is the probability of the outcome, calibrated on earlier snapshots."),
    driver_lead=_driver_lead,
    decision_rows=_bands,
    span=lambda result: msg("base rate {rate}", rate=f"{result.model.base_rate:.3f}"),
    pictures={
        "quality": {"lift": msg("True outcomes found among the highest scores of the test snapshot.")},
        "promise": {"calibration": msg("Observed rate over mean score; on the line is perfect."), **PROMISE},
        "drivers": {
            "shap_summary": msg("Each dot is a profile of the test snapshot; right of 0 speaks for yes."),
            **DEPENDENCE,
        },
    },
    beside_promise=lambda _facts: [],
    limits=(),
    stands_in=msg("This version ranks by recency, frequency and monetary value: no model was active."),
    weak=msg(
        "Weak: mean score and observed rate differ by more than two standard errors, or the interval of the "
        "segment's AUC lies below what its scores imply. About one in twenty does so by chance."
    ),
)
