"""One language of the console: messages rendered into it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from tagcast.features.core.messages import Joined, Language, Message, Text, render
from tagcast.serving.console.i18n.entities import of_others

NAMES: dict[Language, str] = {"en": "English", "zh": "中文"}
SHORT: dict[Language, str] = {"en": "EN", "zh": "中文"}


class Translator(NamedTuple):
    """One language: ``say(msg("Tags"))`` returns a message in it.

    Parameters
    ----------
    language : str
    others : bool
        Whether what is said is of another entity than the profile: no customers.
    """

    language: Language
    others: bool = False

    def __call__(self, text: Text | Joined) -> str:
        """Return a message in the language; a plain text stays as it is."""
        if self.others and isinstance(text, Message):
            text = of_others(text)
        return render(text, self.language)

    def of(self, by_language: Mapping[str, str]) -> str:
        """Return a text that is given in one language or both; the other stands in where ours is missing."""
        return by_language.get(self.language) or next(filter(None, by_language.values()), "")

    def word(self, words: Mapping[Any, Message], word: str) -> str:
        """Return the title of a word of the data where ``words`` has one, else the word itself."""
        return self(words.get(word, word))
