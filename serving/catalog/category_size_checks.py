"""The shape of the tag tree: leaf categories that hold too few tags to be worth a place, or too many to look through."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

FEWEST, MOST = 3, 20


@dataclass(frozen=True)
class LeafWarning:
    """A leaf category whose size is worth a second thought."""

    path: tuple[str, ...]
    tags: int

    @property
    def text(self) -> str:
        """In words."""
        few = self.tags < FEWEST
        what = f"only {self.tags}" if few else f"{self.tags}"
        hint = "join it with a neighbour" if few else "divide it"
        return f"{' › '.join(self.path)} holds {what} tag{'s' * (self.tags != 1)}, expected {FEWEST} to {MOST}: {hint}"


def leaf_warnings(paths: Iterable[tuple[str, ...]]) -> list[LeafWarning]:
    """Return the leaf categories that hold under 3 or over 20 tags, given the path of each tag.

    Examples
    --------
    >>> [w.text for w in leaf_warnings([("Value", "Spend")])]
    ['Value › Spend holds only 1 tag, expected 3 to 20: join it with a neighbour']
    """
    sizes = Counter(paths)
    return [LeafWarning(path, n) for path, n in sorted(sizes.items()) if not FEWEST <= n <= MOST]
