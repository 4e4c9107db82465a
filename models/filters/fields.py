"""What a filter may name of a tag: its parts, and the values of a yes/no tag."""

from __future__ import annotations

import re
from datetime import datetime

YES_NO = ("yes", "no")


UNKNOWN = "unknown"


PARTS = ("value", "score", "confidence", "percentile", "band", "lower", "upper", "unknown_because")
"""Parts of a tag that a filter may use; ``value`` where none is named."""


_DATE = re.compile(r"\d{4}-\d{2}-\d{2}( \d{2}:\d{2}(:\d{2}(\.\d+)?)?)?")


NUMBER_PARTS = ("score", "confidence", "percentile", "lower", "upper")


def is_date(text: str) -> bool:
    """Return whether a text is a day, or a day and a time, as dates are stored: so written they sort by time."""
    if not _DATE.fullmatch(text):
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
