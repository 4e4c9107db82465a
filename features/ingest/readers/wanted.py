"""What is read of a place: columns by name, in any case, and those that paths lead into."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tagcast.features.ingest.readers.nested.value_paths import path_in


@dataclass(frozen=True)
class Wanted:
    """What is read of a place.

    Parameters
    ----------
    needed : frozenset of str
        Columns, in any case, and paths into columns; no other is read.
    whole : bool
        All columns are.
    time : str or None
        The column of times by which the lines of a database fall into buckets.
    """

    needed: frozenset[str]
    whole: bool = False
    time: str | None = None

    def has(self, name: str) -> bool:
        """Return whether a column is read."""
        lower = name.lower()
        if self.whole or any(lower == one.lower() for one in self.needed):
            return True
        paths = (path_in(one) for one in self.needed)
        return any(path is not None and path[0].lower() == lower for path in paths)

    def among(self, names: Sequence[str]) -> list[str]:
        """Return those of ``names`` that are read."""
        return [name for name in names if self.has(name)]
