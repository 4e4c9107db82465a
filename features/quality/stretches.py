"""Stretches of days: without events, and with lines that lack what lines usually have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

LEAST_EMPTY_DAYS = 7
LEAST_EVENT_DAYS = 20
LEAST_BLIND_LINES = 10
LEAST_BLIND_DAYS = 2
USUALLY_KNOWN = 0.8
"""Share of lines that have it on other days; less, and nothing stopped."""


@dataclass(frozen=True)
class Stretch:
    """Days in a row.

    Parameters
    ----------
    first_day, last_day : date
    lines : int
        Lines in it that lack something; 0 for days without events.
    total : int
        All lines in it.
    open_end : bool
        Whether it reaches the last day of the data.
    """

    first_day: date
    last_day: date
    lines: int = 0
    total: int = 0
    open_end: bool = False

    @property
    def length_days(self) -> int:
        """Days from the first to the last, both counted."""
        return (self.last_day - self.first_day).days + 1


def empty_stretches(days: Sequence[date]) -> tuple[Stretch, ...]:
    """Return unusual stretches without events between ``days``: a week or more, and three times the usual gap.

    Parameters
    ----------
    days : sequence of date
        Days with events, rising.
    """
    if len(days) < LEAST_EVENT_DAYS:
        return ()
    gaps = np.diff(np.array(days, dtype="datetime64[D]")).astype(int)
    usual = int(np.quantile(gaps, 0.98, method="higher"))
    if usual >= LEAST_EMPTY_DAYS:  # One long silence among few days with events is no rhythm.
        usual = int(np.quantile(gaps, 0.9, method="higher"))
    one = timedelta(days=1)
    return tuple(
        Stretch(before + one, after - one)
        for before, after, gap in zip(days, days[1:], gaps, strict=False)
        if gap > LEAST_EMPTY_DAYS and gap > 3 * usual
    )


def blind_stretches(
    days: Sequence[date], lines: npt.NDArray[np.int64], known: npt.NDArray[np.int64]
) -> tuple[Stretch, ...]:
    """Return stretches in which most lines lack what lines of other days have.

    Parameters
    ----------
    days : sequence of date
        Rising.
    lines, known : array of int
        Of each day: lines, and those that have it.
    """
    there = lines > 0
    days = [day for day, is_there in zip(days, there, strict=True) if is_there]
    lines, known = lines[there], known[there]
    blind = known * 2 < lines
    found: list[Stretch] = []
    starts = np.flatnonzero(np.diff(np.concatenate(([0], blind.astype(int), [0]))) == 1)
    ends = np.flatnonzero(np.diff(np.concatenate(([0], blind.astype(int), [0]))) == -1)
    for start, end in zip(starts, ends, strict=True):
        total = int(lines[start:end].sum())
        lacking = total - int(known[start:end].sum())
        if lacking >= LEAST_BLIND_LINES and end - start >= LEAST_BLIND_DAYS:
            found.append(Stretch(days[start], days[end - 1], lacking, total, bool(end == len(days))))
    elsewhere = int(lines.sum()) - sum(s.total for s in found)
    there_known = int(known.sum()) - sum(s.total - s.lines for s in found)
    usual = there_known >= USUALLY_KNOWN * elsewhere and elsewhere >= LEAST_BLIND_LINES
    return tuple(found) if usual else ()
