"""What is read of a place: columns by name, in any case, and those that paths lead into."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tagcast.features.core.errors import DataError
from tagcast.features.core.messages import msg
from tagcast.features.ingest.readers.nested.value_paths import path_in
from tagcast.features.ingest.sql_allow_list import suggest


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
    loaded_at : str or None
        The column that says when a line of a database was loaded; it need not be read itself.
    """

    needed: frozenset[str]
    whole: bool = False
    time: str | None = None
    loaded_at: str | None = None

    def has(self, name: str) -> bool:
        """Return whether a column is read."""
        lower = name.lower()
        if self.whole or any(lower == one.lower() for one in self.needed):
            return True
        paths = (path_in(one) for one in self.needed)
        return any(path is not None and path[0].lower() == lower for path in paths)

    def check(self, names: Sequence[str], where: str) -> None:
        """Raise DataError where a table with columns of these names lacks one that is needed."""
        for one in sorted(self.needed):
            if not any(Wanted(frozenset({one})).has(name) for name in names):
                raise DataError(
                    msg("{where}: there is no column {name!r}", where=where, name=one),
                    hint=suggest(one, list(names)),
                )

    def load_column(self, names: Sequence[str], where: str) -> str:
        """Return how a table's columns call the one that says when a line was loaded; DataError where none is."""
        name = self.loaded_at or ""
        found = next((one for one in names if one.lower() == name.lower()), None)
        if found is None:
            raise DataError(
                msg("{where}: there is no column {name!r}", where=f"{where}: loaded_at", name=name),
                hint=suggest(name, list(names)),
            )
        return found

    def spelt(self, names: Sequence[str]) -> dict[str, str]:
        """Return how each of a table's columns is called: as it is needed, where that differs in upper and lower case alone."""
        whole = [path[0] if (path := path_in(one)) is not None else one for one in sorted(self.needed)]
        called = {one.lower(): one for one in reversed(whole) if one not in names}
        alone = {name.lower() for name in names if sum(name.lower() == other.lower() for other in names) == 1}
        return {name: called.get(name.lower(), name) if name.lower() in alone else name for name in names}

    def among(self, names: Sequence[str]) -> list[str]:
        """Return those of ``names`` that are read."""
        return [name for name in names if self.has(name)]
