"""Messages of the service layer in the reader's language."""

from __future__ import annotations

import re
from functools import cache

from features.errors import TagcastError
from serving.console.words import Language
from serving.console.words_errors import PATTERNS


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple((re.compile(pattern, re.DOTALL), text) for pattern, text in PATTERNS)


def told(error: TagcastError, language: Language) -> tuple[str, str]:
    """Return message and mend; what no pattern knows stays as it is."""
    if language == "en":
        return error.message, error.mend
    return _translated(error.message), _translated(error.mend)


def _translated(text: str) -> str:
    for pattern, chinese in _patterns():
        match = pattern.fullmatch(text)
        if match:
            return chinese.format(**{k: v or "" for k, v in match.groupdict().items()})
    return text
