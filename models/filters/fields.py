"""What a filter may name of a tag: its parts, and the values of a yes/no tag."""

from __future__ import annotations

YES_NO = ("yes", "no")


UNKNOWN = "unknown"


PARTS = ("value", "score", "confidence", "percentile", "band", "lower", "upper", "unknown_because")
"""Parts of a tag that a filter may use; ``value`` where none is named."""


NUMBER_PARTS = ("score", "confidence", "percentile", "lower", "upper")
