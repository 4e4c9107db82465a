"""What values of tags are called, where they are those that tags commonly have."""

from __future__ import annotations

from tagcast.features.core.messages import Message, msg, pmsg

VALUE_TITLES: dict[str, Message] = {
    "yes": msg("yes"),
    "no": msg("no"),
    "unknown": msg("unknown"),
    "true": msg("yes"),
    "false": msg("no"),
    "low": msg("low"),
    "medium": msg("medium"),
    "high": msg("high"),
    "persuadable": msg("persuadable"),
    "indifferent": msg("indifferent"),
    "do_not_disturb": msg("do not disturb"),
    "prospect": msg("prospect"),
    "new": pmsg("customer", "new"),
    "returning": msg("returning"),
    "lapsed": msg("lapsed"),
}
"""Values that many tags share; any other is shown as the definition spells it."""
