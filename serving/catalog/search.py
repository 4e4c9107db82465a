"""Find tags by a few letters of what they are called, in either language, also where they are not quite right."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

ENOUGH = 70.0
"""Of 100: `chrun` finds `churn risk`, `coffee` does not find `tea`."""
_SHORTEST_GUESS = 3
"""Letters below which only what begins so is found: two letters are somewhere in nearly everything."""
_GUESSED = 0.95
_ENDING, _LONGEST_ENDING = 95.0, 3


def relevance(query: str, texts: Iterable[tuple[str, float]]) -> float:
    """Return how well ``query`` fits a tag, 0 to 100; below :data:`ENOUGH` it does not.

    Parameters
    ----------
    query : str
    texts : iterable of (str, float)
        What the tag is called, each with its weight up to 1.
    """
    query = _plain(query)
    return (
        max((weight * _fit(query, _plain(text)) for text, weight in texts), default=0.0) if query else 100.0
    )


def _fit(query: str, text: str) -> float:
    from rapidfuzz import fuzz, process
    from rapidfuzz.distance import OSA

    if query == text:
        return 100.0
    begins = f" {query}" in f" {text}"
    if query in text and (begins or len(query) >= _SHORTEST_GUESS or not query.isascii()):
        return 98.0 if begins else 95.0
    if len(query) < _SHORTEST_GUESS:
        return 0.0
    words = text.split()
    # Word by word, so that a slip in one word of several costs little; letters that changed places are one slip.
    each = [
        max(
            (
                _ENDING if _begins_alike(part, word) else 100 * OSA.normalized_similarity(part, word)
                for word in words
            ),
            default=0.0,
        )
        for part in query.split()
    ]
    worst = min(each)
    if query.isascii():
        return _GUESSED * worst
    # Chinese has no blanks: runs of signs are compared instead of words.
    return _GUESSED * max(worst, process.extractOne(query, [text], scorer=fuzz.partial_ratio)[1])


def _begins_alike(a: str, b: str) -> bool:
    """Return whether two words differ in their ending alone: ``buys`` and ``buy``, ``customer`` and ``customers``."""
    longer, shorter = sorted((a, b), key=len, reverse=True)
    return (
        len(shorter) >= _SHORTEST_GUESS
        and len(longer) - len(shorter) <= _LONGEST_ENDING
        and longer.startswith(shorter)
    )


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold()
    return " ".join("".join(c if c.isalnum() else " " for c in folded).split())
