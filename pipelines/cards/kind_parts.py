"""What the cards of each kind of tag say in their own words and figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tagcast.features.core.messages import Text
from tagcast.models.estimators.amount_regressor import TITLES
from tagcast.pipelines.cards.document import Block, Grid
from tagcast.serving.catalog.definition_text import decision_words, outcome_words

if TYPE_CHECKING:
    from tagcast.models.definitions.model_tag import TagDefinition
    from tagcast.models.training.result import AmountResult


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
}
"""By :attr:`tagcast.models.definitions.model_tag.TagDefinition.kind`."""
