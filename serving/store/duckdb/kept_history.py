"""Which changes of values the embedded store keeps: a file an entry of its log."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path


class DuckDbHistory:
    """The folder ``history/``.

    Parameters
    ----------
    folder : Path
    last : callable
        Returns the number of the active entry, 0 of none.
    """

    def __init__(self, folder: Path, last: Callable[[], int]) -> None:
        self._folder, self._last = folder, last

    def _numbers(self) -> list[int]:
        return sorted(int(f.name[:6]) for f in self._folder.glob("*.parquet") if f.name[:6].isdigit())

    def since(self) -> int:
        """Return the first entry whose changes are there."""
        return min(self._numbers(), default=self._last() + 1)

    def forget(self, until: int) -> None:
        """Delete files, the oldest first: a kill in between leaves no gap."""
        for number in self._numbers():
            if number <= until:
                (self._folder / f"{number:06}.parquet").unlink()
