"""What the console says, in English and Chinese."""

from __future__ import annotations

from typing import Literal, NamedTuple

from tagcast.serving.console.i18n.audience_texts import AUDIENCE
from tagcast.serving.console.i18n.layout_texts import FRAME
from tagcast.serving.console.i18n.operations_texts import WORK
from tagcast.serving.console.i18n.tag_texts import TAGS

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = ("en", "zh")
NAMES: dict[Language, str] = {"en": "English", "zh": "中文"}
SHORT: dict[Language, str] = {"en": "EN", "zh": "中文"}
WORDS: dict[str, tuple[str, str]] = {**FRAME, **TAGS, **AUDIENCE, **WORK}
"""Key to what is said in each of :data:`LANGUAGES`, with ``{names}`` of what is put in."""


class Translator(NamedTuple):
    """One language: ``speaker("key", count=3)`` says it."""

    language: Language

    def __call__(self, key: str, **put_in: object) -> str:
        """Return what is said for ``key``.

        Raises
        ------
        KeyError
            When there is no such key.
        """
        text = WORDS[key][LANGUAGES.index(self.language)]
        return text.format(**put_in) if put_in else text

    def of(self, both: dict[str, str]) -> str:
        """Return the side of a text that exists in both languages."""
        return both.get(self.language) or both.get("en") or ""

    def known(self, prefix: str, word: str) -> str:
        """Return what is said for a word of the data where it is known, else the word itself."""
        return self(f"{prefix}.{word}") if f"{prefix}.{word}" in WORDS else word
