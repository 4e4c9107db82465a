"""The card of a tag that predicts an amount."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tagcast.features.core.messages import Language, Text, listed, msg
from tagcast.models.estimators.amount_regressor import TITLES
from tagcast.pipelines.cards.document import Block, Grid, Paragraph
from tagcast.pipelines.cards.kind_parts import DEPENDENCE, PROMISE, CardParts, Words, of_100
from tagcast.pipelines.evidence.amount import confusion_of
from tagcast.serving.catalog.definition_text import decision_words, outcome_words

if TYPE_CHECKING:
    from tagcast.models.definitions.model_tag import TagDefinition
    from tagcast.pipelines.cards.sections import CardFacts


def _summary(facts: CardFacts) -> list[Words]:
    result, own = facts.result, facts.result.test["tagcast"]
    confusion, names = confusion_of(result), result.model.definition.values
    total = max(1, sum(map(sum, confusion)))
    came = [sum(row[k] for row in confusion) for k in range(len(names))]
    commonest = max(range(len(names)), key=came.__getitem__)
    error, reference = own["mae"], result.test["baseline"]["mae"]
    lines: list[Words] = [
        msg(
            "A predicted amount is off by {error} on average ({low} to {high}); the reference, {name}, is off by {other}.",
            error=f"{error.value:,.2f}",
            low=f"{error.low:,.2f}",
            high=f"{error.high:,.2f}",
            name=result.references["baseline"],
            other=f"{reference.value:,.2f}",
        )
    ]
    top, flagged = len(names) - 1, sum(confusion[-1])
    if flagged and came[top]:
        lines.append(
            msg(
                "Of 100 in the highest tier, {tier}, {right} come true, {lift} times the average; it catches {caught} of 100 of all who "
                "spend so much.",
                tier=names[top],
                right=of_100(confusion[top][top] / flagged),
                lift=f"{confusion[top][top] / flagged / (came[top] / total):.1f}",
                caught=of_100(confusion[top][top] / came[top]),
            )
        )
    lines.append(
        msg(
            "Of 100 tiers, {right} are right. Doing nothing, which is the tier {tier} for everyone, would be right for {other}.",
            right=of_100(own["tier_accuracy"].value),
            tier=names[commonest],
            other=of_100(came[commonest] / total),
        )
    )
    return lines


def _at_the_rule(facts: CardFacts) -> list[Block]:
    say, names, confusion = facts.say, facts.definition.values, confusion_of(facts.result)
    rows = []
    for k, name in enumerate(names):
        predicted, came, right = sum(confusion[k]), sum(row[k] for row in confusion), confusion[k][k]
        rows.append(
            (
                name,
                f"{predicted:,}",
                f"{right / predicted:.3f}" if predicted else "–",
                f"{right / came:.3f}" if came else "–",
            )
        )
    heads = (msg("tier"), msg("predicted"), msg("precision"), msg("recall"))
    return [
        Paragraph(
            say(
                msg(
                    "Of each tier: how many of those predicted came, and how many of those that came were predicted."
                )
            )
        ),
        Grid([say(head) for head in heads], rows),
    ]


def _tiers(d: TagDefinition, language: Language) -> list[tuple[Text, Words]]:
    tiers = listed(
        msg("{name} from {start}", name=name, start=f"{start:,g}") for name, start in d.levels.items()
    )
    return [(msg("Tiers"), tiers), (msg("Decision"), decision_words(d, language))]


def _driver_lead(d: TagDefinition, language: Language) -> Text:
    return msg("“Larger” refers to the amount: {outcome}.", outcome=outcome_words(d, language))


def _confusion(facts: CardFacts) -> list[Block]:
    tiers, say = facts.definition.values, facts.say
    rows = [
        (say(msg("predicted {tier}", tier=name)), *(f"{count:,}" for count in row))
        for name, row in zip(tiers, confusion_of(facts.result), strict=True)
    ]
    return [Grid((say(msg("tier")), *(say(msg("came {tier}", tier=name)) for name in tiers)), rows)]


AMOUNT_PARTS = CardParts(
    summary=_summary,
    at_the_rule=_at_the_rule,
    metrics={
        "mae": msg("mean absolute error"),
        "rmse": msg("root mean squared error"),
        "spearman": msg("rank correlation (Spearman)"),
        "coverage": msg("share of amounts inside their 80% interval"),
        "width": msg("mean width of the interval"),
        "tier_accuracy": msg("share of right tiers"),
        "mean_confidence": msg("mean confidence"),
        "promise_margin": msg("share of right tiers minus mean confidence"),
    },
    leads=(("baseline", "rmse"), ("baseline", "mae")),
    cases=msg("with any spend"),
    loss="RMSE",
    candidates=TITLES,
    measures=msg("The score is the mean amount to expect; lower and upper bound hold four amounts of five."),
    driver_lead=_driver_lead,
    decision_rows=_tiers,
    span=lambda result: msg("mean amount {amount}", amount=f"{result.model.mean_amount:,.2f}"),
    pictures={
        "quality": {"amounts": msg("Mean amount over mean prediction; on the line is perfect.")},
        "promise": {"tiers": msg("Predicted and actual tiers."), **PROMISE},
        "drivers": {
            "shap_summary": msg("Each dot is a profile of the test snapshot; right of 0 speaks for more."),
            **DEPENDENCE,
        },
    },
    beside_promise=_confusion,
    limits=(msg("The predicted amount is a mean: most profiles spend less, a few much more."),),
    stands_in=msg("A reference predicts the amount: too few spent anything for a model."),
    weak=msg(
        "Weak: mean prediction and mean amount differ by more than two standard errors, or its intervals hold "
        "clearly fewer amounts than asked. About one in twenty does so by chance."
    ),
)
