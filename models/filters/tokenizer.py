"""The words of the audience language."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NoReturn

from tagcast.features.core.errors import FilterError
from tagcast.features.core.messages import msg

_TOKEN = re.compile(
    r"""(?P<space>\s+)
      | (?P<number>[-+]?(?:\d++\.?+\d*+|\.\d++)(?:[eE][-+]?\d++)?(?![\w.]))
      | (?P<text>'(?:[^']++|'')*+')
      | (?P<quoted>"(?:[^"]++|"")++"(?:\.\w+)?)
      | (?P<word>[^\W\d]\w*(?:\.\w+)*)
      | (?P<op><=|>=|<>|!=|=|<|>)
      | (?P<mark>[(),])""",
    re.VERBOSE,
)
# Possessive (++, *+): what does not match is given up at once, instead of being tried in every shorter form.
MAX_TOKENS = 25_000
"""A list of the most values, and as much again around it; who writes more is stopped there, not at the end."""
_KEYWORDS = {"AND", "OR", "NOT", "IN", "BETWEEN", "IS", "NULL", "TRUE", "FALSE"}


@dataclass(frozen=True)
class Token:
    """A word and where it stands."""

    kind: str
    text: str
    position: int

    @property
    def keyword(self) -> str:
        """The keyword in capitals; empty for another word."""
        return self.text.upper() if self.kind == "word" and self.text.upper() in _KEYWORDS else ""


def tokens(text: str) -> list[Token]:
    """Return the words of ``text``, one called ``end`` last.

    Raises
    ------
    FilterError
        For what is no word, with its place, and for more words than anybody needs.
    """
    found: list[Token] = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            _bad_character(text, position)
        if len(found) >= MAX_TOKENS:
            raise FilterError(
                msg("the filter has more than {most:,} words", most=MAX_TOKENS),
                hint=msg("make it shorter"),
                position=position,
            )
        if match.lastgroup != "space":
            found.append(Token(match.lastgroup or "", match.group(), position))
        position = match.end()
    return [*found, Token("end", "", len(text))]


def _bad_character(text: str, position: int) -> NoReturn:
    mark = text[position]
    if mark in "'\"":
        raise FilterError(
            msg("the quote at character {position} is never closed", position=position + 1),
            hint=msg("close it with {mark}", mark=mark),
            position=position,
        )
    word = re.match(r"\S+", text[position:])
    raise FilterError(
        msg(
            "unexpected {word!r} at character {position}",
            word=(word.group() if word else mark)[:20],
            position=position + 1,
        ),
        hint=msg("a filter is made of conditions joined by AND, OR, NOT and parentheses"),
        position=position,
    )
