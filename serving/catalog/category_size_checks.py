"""The shape of the tag tree: leaf categories that hold too few tags to be worth a place, or too many to look through."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from tagcast.features.core.messages import Message, nmsg

FEWEST, MOST = 3, 20


@dataclass(frozen=True)
class LeafWarning:
    """A leaf category whose size is worth a second thought."""

    path: tuple[str, ...]
    tags: int

    @property
    def text(self) -> Message:
        """In words."""
        about = {"path": " › ".join(self.path), "fewest": FEWEST, "most": MOST}
        if self.tags < FEWEST:
            return nmsg(
                "{path} holds only {n} tag, expected {fewest} to {most}: merge it with a neighbour",
                "{path} holds only {n} tags, expected {fewest} to {most}: merge it with a neighbour",
                self.tags,
                **about,
            )
        return nmsg(
            "{path} holds {n} tag, expected {fewest} to {most}: divide it",
            "{path} holds {n} tags, expected {fewest} to {most}: divide it",
            self.tags,
            **about,
        )


def leaf_warnings(paths: Iterable[tuple[str, ...]]) -> list[LeafWarning]:
    """Return the leaf categories that hold under 3 or over 20 tags, given the path of each tag.

    Examples
    --------
    >>> [str(w.text) for w in leaf_warnings([("Value", "Spend")])]
    ['Value › Spend holds only 1 tag, expected 3 to 20: merge it with a neighbour']
    """
    sizes = Counter(paths)
    return [LeafWarning(path, n) for path, n in sorted(sizes.items()) if not FEWEST <= n <= MOST]
