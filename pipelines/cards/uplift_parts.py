"""The card of a tag that predicts what an approach changes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from tagcast.features.core.messages import Language, Text, listed, msg
from tagcast.features.core.signed_numbers import points
from tagcast.models.estimators.effects import TITLES
from tagcast.pipelines.cards.document import Block, Grid, Paragraph
from tagcast.pipelines.cards.kind_parts import DEPENDENCE, CardParts, Words, of_100
from tagcast.serving.catalog.definition_text import decision_words, outcome_words

if TYPE_CHECKING:
    from tagcast.models.definitions.model_tag import TagDefinition
    from tagcast.pipelines.cards.sections import CardFacts


def _summary(facts: CardFacts) -> list[Words]:
    own, counts = facts.result.test["tagcast"], facts.evidence.decided.counts
    effect, area = own["effect"], own["area"]
    total, best = max(1, sum(counts.values())), facts.definition.asked
    lines: list[Words] = [
        msg(
            "Of 100 people approached at random, {effect} more have the outcome because of it ({low} to {high}); approaching nobody, "
            "which is doing nothing, gains none.",
            effect=points(effect.value),
            low=points(effect.low),
            high=points(effect.high),
        )
    ]
    if not math.isnan(area.value):
        lines.append(
            msg(
                "Approached by score rather than at random, 1,000 people gain {area} more outcomes on average over all sizes "
                "({low} to {high}).",
                area=f"{area.value:+,.1f}".replace("-", "−"),
                low=f"{area.low:+,.1f}".replace("-", "−"),
                high=f"{area.high:+,.1f}".replace("-", "−"),
            )
        )
    lines.append(
        msg(
            "Of 100 people it calls {persuadable} persuadable and leaves {unknown} unknown.",
            persuadable=of_100(counts.get(best, 0) / total),
            unknown=of_100(counts.get("unknown", 0) / total),
        )
    )
    return lines


def _at_the_rule(facts: CardFacts) -> list[Block]:
    counts = facts.evidence.decided.counts
    total = max(1, sum(counts.values()))
    rows = [(name, f"{n:,}", f"{n / total:.3f}") for name, n in counts.items()]
    say = facts.say
    return [Grid([say(msg("value")), say(msg("profiles")), say(msg("share"))], rows)]


def _effects(d: TagDefinition, language: Language) -> list[tuple[Text, Words]]:
    treatment = d.treatment
    if treatment is None:
        return []
    decision: tuple[Text, Words] = (msg("Decision"), decision_words(d, language))
    if treatment.campaigns:
        drawn = msg("drawn at random, with the share that each campaign held out")
        return [
            (msg("Campaigns"), listed(treatment.campaigns)),
            (msg("Who was approached"), drawn),
            decision,
        ]
    drawn = (
        msg("drawn at random")
        if treatment.random
        else msg("not drawn at random: a model of it makes both comparable")
    )
    return [
        (msg("Approached"), str(treatment.approached)),
        (msg("Left alone"), str(treatment.control)),
        (msg("Who was"), drawn),
        decision,
    ]


def _driver_lead(d: TagDefinition, language: Language) -> Text:
    return msg("“More” refers to {outcome}.", outcome=outcome_words(d, language))


def _arms(facts: CardFacts) -> list[Block]:
    say, cases, effect = facts.say, facts.result.cases, facts.result.test["tagcast"]["effect"]
    rows = [
        (say(title), f"{cases[f'{arm}_yes'] + cases[f'{arm}_no']:,}", f"{cases[f'{arm}_yes']:,}")
        for arm, title in (("approached", msg("approached")), ("control", msg("control")))
    ]
    average = msg(
        "Average effect {effect} points ({low} to {high}).",
        effect=points(effect.value),
        low=f"{100 * effect.low:.1f}",
        high=f"{100 * effect.high:.1f}",
    )
    heads = (msg("arm"), msg("cases"), msg("with a true outcome"))
    return [Grid([say(head) for head in heads], rows), Paragraph(say(average))]


UPLIFT_PARTS = CardParts(
    summary=_summary,
    at_the_rule=_at_the_rule,
    metrics={
        "effect": msg("average effect"),
        "slope": msg("slope of the best linear predictor (1 is calibrated)"),
        "area": msg("area above chance, outcomes a thousand people"),
        "relative_area": msg("twice the area over the average effect"),
        "effect_loss": msg("loss of effects against the average effect (below 0 is better)"),
        "floor_margin": msg("measured effect minus its floor"),
        "arms_auc": msg("AUC of telling the arms apart (.5 where chance decided)"),
        "sample_ratio": msg("probability of the share approached"),
        "without_overlap": msg("share with nobody to be compared with"),
    },
    leads=(("everyone", "area"), ("everyone", "effect_loss")),
    cases=msg("with a true outcome"),
    loss=msg("loss of effects"),
    candidates=TITLES,
    measures=msg(
        "The score is the difference in the probability of the outcome that an approach is expected to make, as far as people of "
        "this score show it; of a person alone nobody can know."
    ),
    driver_lead=_driver_lead,
    decision_rows=_effects,
    span=lambda result: msg(
        "average effect {effect}", effect=f"{result.test['tagcast']['effect'].value:+.3f}"
    ),
    pictures={
        "quality": {
            "qini": msg(
                "Outcomes gained as people are approached, highest scores first; the dashed line approaches as many at random."
            ),
            "effects": msg(
                "Measured effect of each tenth by score over the expected one; on the line is perfect."
            ),
        },
        "promise": {
            "promise": msg("Measured effect over mean lower bound; on or above the line keeps the floor.")
        },
        "drivers": {
            "shap_summary": msg(
                "Each dot is a profile of the test snapshot; right of 0 speaks for an approach."
            ),
            **DEPENDENCE,
        },
    },
    beside_promise=_arms,
    limits=(
        msg("An effect is that of the approach that was tried: another text, price or channel has another."),
        msg(
            "Quality is measured on all cases that were scored by models that had not seen them: effects of few people tell nothing."
        ),
    ),
    stands_in=msg("The average effect stands in: too few outcomes for a model of effects."),
    weak=msg(
        "Weak: the mean lower bound lies above the measured effect by more than two standard errors. About one in forty does "
        "so by chance."
    ),
    promise=msg(
        "The mean lower bound of an audience is a floor on the effect that is measured on it; below, “promised” is that "
        "floor and “came true” the measured effect of those predicted with at least a confidence."
    ),
)
