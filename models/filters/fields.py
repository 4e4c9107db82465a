"""What a filter may name of a tag: its parts, and the values of a yes/no tag."""

from __future__ import annotations

YES_NO = ("yes", "no")


UNKNOWN = "unknown"


PARTS = ("value", "score", "confidence", "percentile", "band", "lower", "upper", "unknown_because")
"""What a filter may ask of a tag; ``value`` where no part is named."""


NUMBER_PARTS = ("score", "confidence", "percentile", "lower", "upper")
