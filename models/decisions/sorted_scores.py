"""All scores of a run, as several sorted runs of some of them: what depends on everybody is read from the runs side by side.

Nothing here holds more than a block of scores, and nothing depends on how they are parted among the runs.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

BLOCK = 262_144
"""Scores that are held at a time, of all runs together."""
_NEGATIVE = 2**63


class SortedScores:
    """Scores that lie in sorted runs.

    Parameters
    ----------
    runs : sequence of Path or ndarray of shape (n,)
        Rising numbers without NaN each: files of float64 in the machine's order of bytes, or arrays.
    """

    def __init__(self, runs: Sequence[Path | Floats]) -> None:
        self._runs = [found for run in runs if len(found := _opened(run))]
        self._length = sum(map(len, self._runs))

    def __len__(self) -> int:
        return self._length

    def up_to(self, score: float, side: Literal["left", "right"] = "right") -> int:
        """Return how many scores are at most ``score``, or with ``side="left"`` how many are below it."""
        return sum(int(np.searchsorted(run, score, side)) for run in self._runs)

    def largest(self, place: int) -> float:
        """Return the score at ``place`` from above, 0 being the largest; IndexError where there are no so many.

        Notes
        -----
        Found by halving the numbers that it may be, at most 64 times: float64 have the order of their bits.
        """
        if not 0 <= place < len(self):
            raise IndexError(f"place {place} of {len(self)} scores")
        wanted = len(self) - place  # so many are at most the score
        low = min(_bits(float(run[0])) for run in self._runs)
        high = max(_bits(float(run[-1])) for run in self._runs)
        while low < high:
            middle = (low + high) // 2
            if self.up_to(_number(middle)) >= wanted:
                high = middle
            else:
                low = middle + 1
        return _number(low)

    def blocks(self) -> Iterator[Floats]:
        """Yield all scores rising, a block at a time."""
        rows = max(1, BLOCK // max(len(self._runs), 1))
        read = [0] * len(self._runs)
        held: list[Floats] = [np.empty(0)] * len(self._runs)
        while True:
            for k, run in enumerate(self._runs):
                if not len(held[k]) and read[k] < len(run):
                    held[k] = _copied(run, read[k], rows)
                    read[k] += len(held[k])
            unread = [k for k, run in enumerate(self._runs) if read[k] < len(run)]
            # Beyond the last held of a run that goes on, others may not be handed on yet: the run may hold less.
            bound = min((float(held[k][-1]) for k in unread), default=np.inf)
            parts = []
            for k, scores in enumerate(held):
                until = int(np.searchsorted(scores, bound, "right"))
                parts.append(scores[:until])
                held[k] = scores[until:]
            parts = [part for part in parts if len(part)]
            if not parts:
                return
            yield parts[0] if len(parts) == 1 else np.sort(np.concatenate(parts), kind="stable")


def _opened(run: Path | Floats) -> Floats:
    if not isinstance(run, Path):
        return run
    # A file without bytes cannot be mapped.
    return np.memmap(run, np.float64, "r") if run.stat().st_size else np.empty(0)


def _copied(run: Floats, first: int, rows: int) -> Floats:
    """Return some scores of a run; of a file they are read, since what is mapped would count as memory until the end."""
    if isinstance(run, np.memmap) and run.filename is not None:
        return np.fromfile(run.filename, np.float64, rows, offset=first * run.itemsize)
    return run[first : first + rows]


def _bits(score: float) -> int:
    """Return a whole number that has the order of the scores."""
    bits = int(struct.unpack("<Q", struct.pack("<d", score))[0])
    return bits if bits < _NEGATIVE else _NEGATIVE - bits


def _number(bits: int) -> float:
    """Return the score of :func:`_bits`."""
    return float(struct.unpack("<d", struct.pack("<Q", bits if bits >= 0 else _NEGATIVE - bits))[0])
