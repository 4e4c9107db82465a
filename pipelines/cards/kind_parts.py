"""What the cards of each kind of tag say in their own words and figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tagcast.features.core.messages import Joined, Language, Text, msg

if TYPE_CHECKING:
    from tagcast.models.definitions.model_tag import TagDefinition
    from tagcast.pipelines.cards.document import Block
    from tagcast.pipelines.cards.sections import CardFacts

Words = Text | Joined
FLOOR = msg(
    "Confidence is a floor: of the values predicted with it, at least that share should turn out right."
)
PROMISE = {"promise": msg("Share right over mean confidence; on or above the line keeps the promise.")}
DEPENDENCE = {
    "waterfall": msg(
        "The profile of the highest score: what its score is made of, from the average (E[f(X)]) on."
    ),
    "dependence": msg("Contribution of the strongest features over their value; the line joins medians."),
}


@dataclass(frozen=True)
class CardParts:
    """The words of one kind; what is called of the language gives texts that come in it from elsewhere.

    Parameters
    ----------
    summary : callable
        Of the facts of a card: what somebody who decides by the tag has to know, a sentence each.
    at_the_rule : callable
        Of the facts of a card: blocks on what the decision gives.
    metrics : mapping of str to Message or str
        Metric to what people call it.
    leads : sequence of (reference, metric)
        Whose paired differences are shown.
    cases : Message
        What the outcomes that count are, as in "120 of them true".
    loss : Message or str
        By what candidates are chosen.
    candidates : mapping of str to Message or str
        What people call a candidate.
    measures : Message
        What score and confidence are.
    driver_lead : callable
        Of a definition and a language: what drivers are the drivers of.
    decision_rows : callable
        Of a definition and a language: how it decides.
    span : callable
        Of a result: what its rows are worth on average.
    pictures : mapping of str to mapping of str to Message
        Section to its plots and their captions.
    beside_promise : callable
        Of the facts of a card: further blocks beside the promise.
    limits : tuple of Message
        Of every model of this kind.
    stands_in : Message
        Said where a reference stands in for a model.
    weak : Message
        What makes a segment weak.
    promise : Message
        What is promised.
    """

    summary: Callable[[CardFacts], Sequence[Words]]
    at_the_rule: Callable[[CardFacts], list[Block]]
    metrics: Mapping[str, Text]
    leads: tuple[tuple[str, str], ...]
    cases: Text
    loss: Text
    candidates: Mapping[str, Text]
    measures: Text
    driver_lead: Callable[[TagDefinition, Language], Text]
    decision_rows: Callable[[TagDefinition, Language], list[tuple[Text, Words]]]
    span: Callable[[Any], Text]
    pictures: Mapping[str, Mapping[str, Text]]
    beside_promise: Callable[[CardFacts], list[Block]]
    limits: tuple[Text, ...]
    stands_in: Text
    weak: Text
    promise: Text = FLOOR


def of_100(share: float) -> str:
    """Return a share as people out of 100: whole ones, tenths where they are few.

    Examples
    --------
    >>> of_100(0.6522), of_100(0.034), of_100(1.0)
    ('65', '3.4', '100')
    """
    people = 100 * share
    return f"{people:.0f}" if people >= 10 or people == round(people) else f"{people:.1f}"
