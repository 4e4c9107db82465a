"""Texts that people give: cleaned and checked once, before any database sees them."""

from __future__ import annotations

import unicodedata

from tagcast.features.core.errors import TagcastError
from tagcast.features.core.messages import Message, msg


def checked(text: str, what: Message, *, at_most: int, at_least: int = 1, lines: bool = False) -> str:
    """Return ``text`` without blanks around it.

    Parameters
    ----------
    text : str
    what : str
        Names the field in errors.
    at_most, at_least : int
        Characters.
    lines : bool
        Whether it may have several lines.

    Raises
    ------
    TagcastError
        Where it is too short or too long, or holds characters that no database and no screen can show.
    """
    clean = unicodedata.normalize("NFC", text.strip()) if storable(text) else text
    if not storable(clean) or any(
        unicodedata.category(c) == "Cc" and not (lines and c in "\n\t\r") for c in clean
    ):
        raise TagcastError(
            msg("{what} holds a character that cannot be shown", what=what), hint=msg("leave it out")
        )
    if not at_least <= len(clean) <= at_most:
        raise TagcastError(
            msg(
                "{what} has {length:,} characters, expected {at_least:,} to {at_most:,}",
                what=what,
                length=len(clean),
                at_least=at_least,
                at_most=at_most,
            ),
            hint=msg("give a shorter one") if len(clean) > at_most else msg("give a longer one"),
        )
    return clean


def storable(text: str) -> bool:
    """Return whether every database can hold ``text``: no NUL, no half of a character."""
    return "\0" not in text and not any("\ud800" <= c <= "\udfff" for c in text)


def person_name(text: str) -> str:
    """Return the one spelling of a person's name: what looks alike on a keyboard is alike.

    Raises
    ------
    TagcastError
        Where it is no name.
    """
    folded = unicodedata.normalize("NFKC", text).casefold() if storable(text) else text
    return checked(folded, msg("the name"), at_most=64)
