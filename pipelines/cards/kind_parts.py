"""What the cards of each kind of tag say in their own words and figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tagcast.features.core.messages import Text
from tagcast.features.core.signed_numbers import points
from tagcast.models.estimators.amount_regressor import TITLES
from tagcast.models.estimators.effects import TITLES as EFFECT_TITLES
from tagcast.pipelines.cards.document import Block, Grid, Paragraph
from tagcast.serving.catalog.definition_text import decision_words, outcome_words

if TYPE_CHECKING:
    from tagcast.models.definitions.model_tag import TagDefinition
    from tagcast.models.training.result import AmountResult, AnyResult


@dataclass(frozen=True)
class CardParts:
    """The words of one kind.

    Parameters
    ----------
    metrics : mapping of str to str
        Metric to what people call it.
    leads : sequence of (reference, metric)
        Whose paired differences are shown.
    cases : str
        What the outcomes that count are, as in "120 of them true".
    loss : str
        By what candidates are chosen.
    candidates : mapping of str to Message or str
        What people call a candidate.
    measures : str
        What score and confidence are.
    driver_lead : callable
        Of a definition: what drivers are the drivers of.
    decision_rows : callable
        Of a definition: how it decides.
    span : callable
        Of a result: what its rows are worth on average.
    pictures : mapping of str to mapping of str to str
        Section to its plots and their captions.
    beside_promise : callable
        Of a result: further blocks beside the promise.
    limits : tuple of str
        Of every model of this kind.
    stands_in : str
        Said where a reference stands in for a model.
    weak : str
        What makes a segment weak.
    promise : str
        What is promised.
    """

    metrics: Mapping[str, str]
    leads: tuple[tuple[str, str], ...]
    cases: str
    loss: str
    candidates: Mapping[str, Text]
    measures: str
    driver_lead: Callable[[TagDefinition], str]
    decision_rows: Callable[[TagDefinition], list[tuple[str, str]]]
    span: Callable[[Any], str]
    pictures: Mapping[str, Mapping[str, str]]
    beside_promise: Callable[[Any], list[Block]]
    limits: tuple[str, ...]
    stands_in: str
    weak: str
    promise: str = (
        "Confidence is a floor: of the values predicted with it, at least that share should turn out right."
    )


_PROMISE = {"promise": "Share right over mean confidence; on or above the line keeps the promise."}
_DEPENDENCE = {
    "waterfall": "The profile of the highest score: what its score is made of, from the average (E[f(X)]) on.",
    "dependence": "Contribution of the strongest features over their value; the line joins medians.",
}


def _bands(d: TagDefinition) -> list[tuple[str, str]]:
    bands = ", ".join(f"{name} from {start:g}" for name, start in d.levels.items())
    return [("Decision", decision_words(d)), ("Bands of the score", bands)]


def _tiers(d: TagDefinition) -> list[tuple[str, str]]:
    tiers = ", ".join(f"{name} from {start:,g}" for name, start in d.levels.items())
    return [("Tiers", tiers), ("Decision", decision_words(d))]


def _confusion(result: AmountResult) -> list[Block]:
    from tagcast.pipelines.evidence.amount import confusion_of

    tiers = result.model.definition.values
    rows = [
        (f"predicted {name}", *(f"{count:,}" for count in row))
        for name, row in zip(tiers, confusion_of(result), strict=True)
    ]
    return [Grid(("tier", *(f"came {name}" for name in tiers)), rows)]


def _effects(d: TagDefinition) -> list[tuple[str, str]]:
    treatment = d.treatment
    if treatment is None:
        return []
    if treatment.campaigns:
        drawn = "drawn at random, with the share that each campaign held out"
        return [
            ("Campaigns", ", ".join(treatment.campaigns)),
            ("Who was approached", drawn),
            ("Decision", decision_words(d)),
        ]
    drawn = (
        "drawn at random" if treatment.random else "not drawn at random: a model of it makes both comparable"
    )
    rows = [
        ("Approached", str(treatment.approached)),
        ("Left alone", str(treatment.control)),
        ("Who was", drawn),
    ]
    return [*rows, ("Decision", decision_words(d))]


def _arms(result: AnyResult) -> list[Block]:
    cases, effect = result.cases, result.test["tagcast"]["effect"]
    rows = [
        (arm, f"{cases[f'{arm}_yes'] + cases[f'{arm}_no']:,}", f"{cases[f'{arm}_yes']:,}")
        for arm in ("approached", "control")
    ]
    average = (
        f"Average effect {points(effect.value)} points ({100 * effect.low:.1f} to {100 * effect.high:.1f})."
    )
    return [Grid(("arm", "cases", "with a true outcome"), rows), Paragraph(average)]


CARD_PARTS = {
    "model": CardParts(
        metrics={
            "auc": "AUC",
            "average_precision": "average precision",
            "log_loss": "log loss",
            "brier": "Brier score",
            "calibration_error": "calibration error",
            "lift_at_10": "lift in the top 10 %",
        },
        leads=(("rfm", "auc"), ("base_rate", "log_loss")),
        cases="true",
        loss="log loss",
        candidates={},
        measures="Score is meant as the probability of the outcome, calibrated on earlier snapshots.",
        driver_lead=lambda d: f"Likelier is meant of the outcome: {outcome_words(d)}.",
        decision_rows=_bands,
        span=lambda result: f"base rate {result.model.base_rate:.3f}",
        pictures={
            "quality": {"lift": "True outcomes found among the highest scores of the test snapshot."},
            "promise": {"calibration": "Observed rate over mean score; on the line is perfect.", **_PROMISE},
            "drivers": {
                "shap_summary": "Each dot is a profile of the test snapshot; right of 0 speaks for yes.",
                **_DEPENDENCE,
            },
        },
        beside_promise=lambda _result: [],
        limits=(),
        stands_in="This version ranks by recency, frequency and monetary value: no model was active.",
        weak="Weak: mean score and observed rate differ by more than two standard errors, or the interval of the "
        "segment's AUC lies below what its scores imply. About one in twenty does so by chance.",
    ),
    "amount": CardParts(
        metrics={
            "mae": "mean absolute error",
            "rmse": "root mean squared error",
            "spearman": "rank correlation (Spearman)",
            "coverage": "share of amounts inside their 80 % interval",
            "width": "mean width of the interval",
            "tier_accuracy": "share of right tiers",
            "mean_confidence": "mean confidence",
            "promise_margin": "share of right tiers minus mean confidence",
        },
        leads=(("baseline", "rmse"), ("baseline", "mae")),
        cases="with any spend",
        loss="RMSE",
        candidates=TITLES,
        measures="Score is the mean amount to expect; lower and upper hold four amounts of five.",
        driver_lead=lambda d: f"Larger is meant of the amount: {outcome_words(d)}.",
        decision_rows=_tiers,
        span=lambda result: f"mean amount {result.model.mean_amount:,.2f}",
        pictures={
            "quality": {"amounts": "Mean amount over mean prediction; on the line is perfect."},
            "promise": {"tiers": "Predicted and actual tiers.", **_PROMISE},
            "drivers": {
                "shap_summary": "Each dot is a profile of the test snapshot; right of 0 speaks for more.",
                **_DEPENDENCE,
            },
        },
        beside_promise=_confusion,
        limits=("The predicted amount is a mean: most profiles spend less, a few much more.",),
        stands_in="A reference predicts the amount: too few spent anything for a model.",
        weak="Weak: mean prediction and mean amount differ by more than two standard errors, or its intervals hold "
        "clearly fewer amounts than asked. About one in twenty does so by chance.",
    ),
    "uplift": CardParts(
        metrics={
            "effect": "average effect",
            "slope": "slope of the best linear predictor (1 is calibrated)",
            "area": "area above chance, outcomes a thousand people",
            "relative_area": "twice the area over the average effect",
            "effect_loss": "loss of effects against the average effect (below 0 is better)",
            "floor_margin": "measured effect minus its floor",
            "arms_auc": "AUC of telling the arms apart (.5 where chance decided)",
            "sample_ratio": "probability of the share approached",
            "without_overlap": "share with nobody to be compared with",
        },
        leads=(("everyone", "area"), ("everyone", "effect_loss")),
        cases="with a true outcome",
        loss="loss of effects",
        candidates=EFFECT_TITLES,
        measures="Score is the difference in the probability of the outcome that an approach is expected to make, as far as people of "
        "this score show it; of a person alone nobody can know.",
        driver_lead=lambda d: f"More is meant of {outcome_words(d)}.",
        decision_rows=_effects,
        span=lambda result: f"average effect {result.test['tagcast']['effect'].value:+.3f}",
        pictures={
            "quality": {
                "qini": "Outcomes gained as people are approached, highest scores first; the dashed line approaches as many by lot.",
                "effects": "Measured effect of each tenth by score over the expected one; on the line is perfect.",
            },
            "promise": {
                "promise": "Measured effect over mean lower bound; on or above the line keeps the floor."
            },
            "drivers": {
                "shap_summary": "Each dot is a profile of the test snapshot; right of 0 speaks for an approach.",
                **_DEPENDENCE,
            },
        },
        beside_promise=_arms,
        limits=(
            "An effect is that of the approach that was tried: another text, price or channel has another.",
            "Quality is measured on all cases that were scored by models that had not seen them: effects of few people tell nothing.",
        ),
        stands_in="The average effect stands in: too few outcomes for a model of effects.",
        weak="Weak: the mean lower bound lies above the measured effect by more than two standard errors. About one in forty does "
        "so by chance.",
        promise="The mean lower bound of an audience is a floor on the effect that is measured on it; below, “promised” is that "
        "floor and “came true” the measured effect of those predicted with at least a confidence.",
    ),
}
"""By :attr:`tagcast.models.definitions.model_tag.TagDefinition.kind`."""
