"""What a text is used as in an expression, and what helps where it is no such thing."""

from __future__ import annotations

from typing import Literal

from tagcast.features.core.messages import Message, msg
from tagcast.features.ingest.texts.numbers import expression_hint

Use = Literal["number", "time", "boolean", "text"]
USES: dict[Use, Message] = {
    "number": msg("a number"),
    "time": msg("a time"),
    "boolean": msg("yes or no"),
    "text": msg("text"),
}


def use_hint(use: Use, column: str, example: str) -> Message:
    """Return how a ``column`` with texts as ``example`` can be used as something else than text."""
    if use == "number":
        return expression_hint(column, example)
    if use == "time":
        return msg("make it one, as in {example}", example="strptime(day, '%d/%m/%Y')")
    return msg("compare it with a text, as in {example}", example="paid = 'Y'")
