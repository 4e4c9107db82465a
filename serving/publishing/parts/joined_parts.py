"""Neighbouring parts of a run as one, so that a small run lies in one file however many ranges it was scored in."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import pyarrow as pa

from tagcast.features.core.engines.key_ranges import KeyRange
from tagcast.serving.publishing.parts.staged_part import StagedPart

LEAST_PROFILES = 500_000
"""Of a part that is laid out by itself. Whatever a file holds, it takes a little more than a millisecond of each question; so many
profiles take about five. A run whose files were smaller would be asked slowly for nothing
(``python -m benchmarks.store_parts``)."""


@dataclass(frozen=True)
class JoinedParts:
    """Parts of a run that follow one another, laid out together.

    Parameters
    ----------
    parts : tuple of StagedPart
        By rising range.
    """

    parts: tuple[StagedPart, ...]

    @property
    def within(self) -> KeyRange:
        """The range that they make together."""
        first, last = self.parts[0].within, self.parts[-1].within
        return KeyRange(first.number, first.first, last.end)

    @property
    def profiles(self) -> int:
        """How many there are in all of them."""
        return sum(part.profiles for part in self.parts)

    @contextmanager
    def open(self) -> Iterator[Iterator[pa.RecordBatch]]:
        """Yield the staged batches by rising id."""
        batches = self._batches()
        try:
            yield batches
        finally:
            batches.close()

    def _batches(self) -> Generator[pa.RecordBatch]:
        for part in self.parts:
            with part.open() as reader:
                yield from reader or ()


def joined(parts: Sequence[StagedPart]) -> list[JoinedParts]:
    """Return ``parts`` as few others, each with at least :data:`LEAST_PROFILES`, or one of everybody.

    Parameters
    ----------
    parts : sequence of StagedPart
        By rising range.
    """
    found: list[list[StagedPart]] = [[]]
    for part in parts:
        if _profiles(found[-1]) >= LEAST_PROFILES:
            found.append([])
        found[-1].append(part)
    if len(found) > 1 and _profiles(found[-1]) < LEAST_PROFILES:
        rest = found.pop()
        found[-1] += rest
    return [JoinedParts(tuple(some)) for some in found]


def _profiles(parts: Sequence[StagedPart]) -> int:
    return sum(part.profiles for part in parts)
