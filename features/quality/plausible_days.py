"""Which days of a source can be: lines far before or after all others are a wrong clock, not events.

A day on which one line lies weeks after the last of thousands would be taken for "today", and everybody for silent
since. The rule looks at the number of lines of each day alone, so the same events give the same answer.

After the bulk, days are left out in two cases:

- Since the last day of the bulk there came less than a twentieth of the poorest stretch of the same length before
  (a stretch of ``LEAST_SPAN_DAYS`` or more): such a silence would be the first of its kind.
- A few lines after more than a year of nothing, or any after five years.

Days as full as others are kept in both: a business that opened again.

Before the bulk, history is often thin, so that only a few lines before half a year of nothing are left out, and the
zero of computer clocks (1970 and before) where a year of nothing follows it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import numpy as np
import numpy.typing as npt

LEAST_LINES = 20
"""Fewer lines have no bulk that others could be far from."""
LEAST_SPAN_DAYS = 5
"""Shorter stretches fall on holidays and long weekends."""
POORER = 20
"""So many times less than in the poorest stretch of the same length."""
THINNER = 5
"""A day after the bulk with more than a fifth of the usual lines is no stray one."""
FEW_DAYS = 7
"""A wrong clock marks a few days; events on more days are a business that began or opened again."""
YEAR_DAYS = 365
HALF_YEAR_DAYS = 180
FIVE_YEARS_DAYS = 1826
CLOCK_ZERO = date(1970, 1, 2)
"""1970-01-01 UTC, which is up to a day later elsewhere."""

_Ints = npt.NDArray[np.int64]


def plausible_days(lines: Mapping[date, int]) -> tuple[date, date]:
    """Return the first and the last day that can be.

    Parameters
    ----------
    lines : mapping of date to int
        Days with events, and how many lines each has; at least one.

    Returns
    -------
    first, last : date
        Days with events; what lies outside is implausible.

    Examples
    --------
    >>> from datetime import timedelta
    >>> start = date(2024, 1, 1)
    >>> bulk = {start + timedelta(days=n): 30 for n in range(60)}
    >>> plausible_days({**bulk, date(2024, 3, 20): 1})[1].isoformat()
    '2024-02-29'
    """
    ordered = sorted(lines)
    days = np.array([day.toordinal() for day in ordered], dtype=np.int64)
    counts = np.array([lines[day] for day in ordered], dtype=np.int64)
    first, last = 0, len(days) - 1
    if counts.sum() >= LEAST_LINES:
        first = _first(days, counts)
        while (shorter := _last(days[first : last + 1], counts[first : last + 1]) + first) < last:
            last = shorter
    return ordered[first], ordered[last]


def _first(days: _Ints, counts: _Ints) -> int:
    """Return the index of the first day of the bulk."""
    total = int(counts.sum())
    before = np.cumsum(counts)
    first = 0
    for index in range(1, len(days)):
        head, gap = int(before[index - 1]), int(days[index] - days[index - 1])
        if head * 2 >= total:
            break
        few = head <= max(1, total // 100) and index < FEW_DAYS
        zero = days[index - 1] <= CLOCK_ZERO.toordinal() and gap >= YEAR_DAYS
        if (few and gap >= HALF_YEAR_DAYS) or zero or (head * 5 <= total and gap >= FIVE_YEARS_DAYS):
            first = index
    return first


def _last(days: _Ints, counts: _Ints) -> int:
    """Return the index of the last day once the shortest implausible end is left out; the last one if none is."""
    total, end = int(counts.sum()), len(days) - 1
    tail = 0
    for index in range(end, 0, -1):
        tail += int(counts[index])
        if tail * 5 > total:
            break
        span, gap = int(days[end] - days[index - 1]), int(days[index] - days[index - 1])
        if gap >= FIVE_YEARS_DAYS:
            return index - 1
        # Days as full as others are a business that opened again, however long it was closed.
        thin = tail <= (end - index + 1) * max(1.0, float(np.median(counts[:index])) / THINNER)
        few = tail * 20 <= total and thin
        if few and gap >= YEAR_DAYS and end - index + 1 < FEW_DAYS:
            return index - 1
        if few and span >= LEAST_SPAN_DAYS and _poorest(days[:index], counts[:index], span) > POORER * tail:
            return index - 1
    return end


def _poorest(days: _Ints, counts: _Ints, span: int) -> int:
    """Return the fewest lines of any ``span`` days in a row; all lines where there are not so many days."""
    length = int(days[-1] - days[0]) + 1
    if span >= length:
        return int(counts.sum())
    dense = np.zeros(length + 1, dtype=np.int64)
    dense[days - days[0] + 1] = counts
    sums = np.cumsum(dense)
    return int((sums[span:] - sums[:-span]).min())
