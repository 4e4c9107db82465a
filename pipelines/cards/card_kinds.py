"""The words and figures of the cards of every kind of tag."""

from __future__ import annotations

from tagcast.pipelines.cards.amount_parts import AMOUNT_PARTS
from tagcast.pipelines.cards.binary_parts import BINARY_PARTS
from tagcast.pipelines.cards.kind_parts import CardParts
from tagcast.pipelines.cards.uplift_parts import UPLIFT_PARTS

CARD_PARTS: dict[str, CardParts] = {"model": BINARY_PARTS, "amount": AMOUNT_PARTS, "uplift": UPLIFT_PARTS}
"""By :attr:`tagcast.models.definitions.model_tag.TagDefinition.kind`."""
