"""Messages of the service layer in the reader's language."""

from __future__ import annotations

import re
from functools import cache

from tagcast.features.core.errors import TagcastError
from tagcast.features.core.messages import Joined, Text, render
from tagcast.serving.console.i18n import error_patterns as words_errors
from tagcast.serving.console.i18n import evidence_patterns as words_evidence
from tagcast.serving.console.i18n.translator import Language


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple(
        (re.compile(pattern, re.DOTALL), text)
        for pattern, text in (*words_errors.PATTERNS, *words_evidence.PATTERNS)
    )


def told(error: TagcastError, language: Language) -> tuple[str, str]:
    """Return message and hint; what no pattern knows stays as it is."""
    return translated(error.message, language), translated(error.hint, language)


def translated(text: Text | Joined, language: Language) -> str:
    """Return a sentence of models, gates or errors in a language, and sentences within it; unknown ones stay as they are."""
    if language == "en" or not isinstance(text, str):
        return render(text, language)
    for pattern, chinese in _patterns():
        match = pattern.fullmatch(text)
        if match:
            return chinese.format(**{k: translated(v or "", language) for k, v in match.groupdict().items()})
    parts = text.split("; ")
    return "；".join(translated(part, language) for part in parts) if len(parts) > 1 else text
