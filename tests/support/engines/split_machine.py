"""An engine that works range by range in this process: what tasks of Spark do, without Spark."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tagcast.features.core.engines.key_ranges import KeyRange, borders_of, ranges_between


class SplitMachine:
    """Works on so many ranges, the last one first; work, items and answers are pickled, as on their way to a task.

    Parameters
    ----------
    parts : int
    borders : sequence of str, optional
        Where the ranges begin; default: about equal ones.
    """

    elsewhere = True

    def __init__(self, parts: int, borders: Sequence[str] | None = None) -> None:
        self.parts, self.borders = parts, borders
        self.done: list[str] = []

    def each(
        self, work: Callable[[Any], Any], items: Sequence[Any], doing: Any, progress: Any = None
    ) -> list[Any]:
        """Do the work of each item, in an order of no one's choosing, and the first of them twice."""
        self.done.append(str(doing))
        sent = pickle.dumps((work, list(items)))
        found = {}
        for number in [*reversed(range(len(items))), *range(min(1, len(items)))]:
            work, there = pickle.loads(sent)  # noqa: S301 - as a task does
            found[number] = pickle.loads(pickle.dumps(work(there[number])))  # noqa: S301
        return [found[number] for number in range(len(items))]

    def ranges(
        self,
        files: Sequence[Path],
        key: str = "profile_id",
        rows: int = 1_000_000,
        at_most: int | None = None,
    ) -> tuple[KeyRange, ...]:
        """Return the ranges."""
        borders = borders_of(files, key, self.parts, rows) if self.borders is None else self.borders
        return ranges_between(borders)
