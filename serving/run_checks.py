"""What has to hold of a run before it is put in force, looked at batch by batch."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from models.vocabulary import UNKNOWN
from serving.predictions import RunInfo, TagRun, column_name


class RunChecks:
    """Counts what is wrong with a run.

    Parameters
    ----------
    run : RunInfo
    staged : int
        Profiles that were staged.
    """

    def __init__(self, run: RunInfo, staged: int) -> None:
        self.run = run
        self.staged = staged
        self.profiles = 0
        self.disordered = 0
        self.outside = 0
        self.nameless = 0
        self.rows = dict.fromkeys((tag.tag for tag in run.tags), 0)
        self._last: str | None = None

    def look(self, batch: pa.RecordBatch) -> None:
        """Look at one batch of staged columns."""
        if not batch.num_rows:
            return
        ids = batch.column("profile_id")
        self.profiles += len(ids)
        self.nameless += ids.null_count
        rising = pc.sum(pc.greater(ids[1:], ids[:-1])).as_py() or 0
        self.disordered += len(ids) - 1 - rising
        self.disordered += self._last is not None and not self._last < str(ids[0])
        self._last = str(ids[-1])
        for tag in self.run.tags:
            self._look_at(tag, batch)

    def _look_at(self, tag: TagRun, batch: pa.RecordBatch) -> None:
        def column(part: str) -> pa.Array:
            return batch.column(column_name(tag.tag, part))

        value = column("value")
        there = _mask(pc.is_valid(value))
        sayable = np.array([w in {*tag.values, UNKNOWN} for w in value.dictionary.to_pylist()], bool)
        silent = np.array([w == UNKNOWN for w in value.dictionary.to_pylist()], bool)
        code = pc.fill_null(value.indices, 0).to_numpy(zero_copy_only=False)
        score, lower, upper, confidence = (
            column(part).to_numpy(zero_copy_only=False) for part in ("score", "lower", "upper", "confidence")
        )
        most = sys.float_info.max if tag.is_amount else 1.0
        # Each comparison is false for a missing number.
        right = sayable[code] & (score >= 0) & (score <= most) & (confidence >= 0) & (confidence <= 1)
        right &= (lower >= 0) & (lower <= score) & (upper >= score) & (upper <= most)
        right &= silent[code] == _mask(pc.is_valid(column("unknown_because")))
        stray = ~there & _mask(pc.is_valid(column("score")))
        self.rows[tag.tag] += int(there.sum())
        self.outside += int((there & ~right).sum()) + int(stray.sum())

    def failed(self) -> list[str]:
        """Return what is wrong, empty where all is right."""
        expected = {tag.tag: tag.population for tag in self.run.tags}
        return [
            text
            for wrong, text in (
                (
                    self.profiles != self.staged,
                    f"{self.staged:,} profiles were added, {self.profiles:,} are there",
                ),
                (self.nameless, f"{self.nameless:,} profiles have no id"),
                (self.disordered, f"{self.disordered:,} profiles stand twice or out of order"),
                (self.outside, f"{self.outside:,} predictions have values outside their range"),
                (self.rows != expected, f"rows by tag are {self.rows}, expected {expected}"),
            )
            if wrong
        ]


def _mask(column: Any) -> npt.NDArray[np.bool_]:
    return np.asarray(column.to_numpy(zero_copy_only=False), bool)
