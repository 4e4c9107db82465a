"""Which part of a window lies in a season that no snapshot has shown."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

YEAR_DAYS = 365
NEAR_DAYS = 30
"""A day this close to a known one counts as known: tags of the next month behave much like those of this."""
UNSURE = 0.2
"""Share of unseen days from which a tag is marked as unsure of its season."""


def unseen_share(snapshots: Sequence[date], as_of: date, horizon_days: int) -> float:
    """Return the share of ``[as_of, as_of + horizon)`` further than ``NEAR_DAYS`` from any labelled day of the year.

    Parameters
    ----------
    snapshots : sequence of date
        Each labelled by the ``horizon_days`` that follow it.
    as_of : date
        Start of the window that is predicted.
    horizon_days : int

    Examples
    --------
    >>> unseen_share([date(2021, 1, 1), date(2021, 4, 1)], date(2021, 7, 1), 90)  # July is near June
    0.6777777777777778
    >>> unseen_share([date(2020, 7, 1), date(2021, 4, 1)], date(2021, 7, 1), 90)  # seen a year ago
    0.0
    """
    seen = np.unique([_day(s, k) for s in snapshots for k in range(horizon_days)])
    ahead = np.array([_day(as_of, k) for k in range(horizon_days)])
    apart = np.abs(ahead[:, None] - seen[None, :])
    nearest = np.minimum(apart, YEAR_DAYS - apart).min(axis=1)
    return float((nearest > NEAR_DAYS).mean())


def year_back_share(snapshot: date, as_of: date, horizon_days: int) -> float:
    """Return the share of ``[as_of, as_of + horizon)`` that the window of ``snapshot`` covers a year or more later.

    0 for a snapshot of this year's season, whose outcomes the drift of the last snapshots follows anyway, and for windows of a year:
    those hold every season alike.

    Examples
    --------
    >>> year_back_share(date(2020, 7, 11), date(2021, 7, 1), 90)  # its window covers all but the first ten days
    0.8888888888888888
    >>> year_back_share(date(2021, 4, 1), date(2021, 7, 1), 90)
    0.0
    """
    if (as_of - snapshot).days < YEAR_DAYS - horizon_days or horizon_days >= YEAR_DAYS:
        return 0.0
    return max(0.0, 1.0 - float(days_apart([snapshot], [as_of])[0, 0]) / horizon_days)


def days_apart(ones: Sequence[date], others: Sequence[date]) -> npt.NDArray[np.int64]:
    """Return how many days of the year lie between each two, the shorter way round and whatever their years, shape (n, m)."""
    days, beside = (np.array([_day(day, 0) for day in both]) for both in (ones, others))
    apart = np.abs(days[:, None] - beside[None, :])
    nearest: npt.NDArray[np.int64] = np.minimum(apart, YEAR_DAYS - apart)
    return nearest


def unseen_days(snapshots: Sequence[date], horizon_days: int) -> list[tuple[str, str]]:
    """Return first and last day, as ``30 Jan``, of each stretch of the year that is unseen.

    Examples
    --------
    >>> unseen_days([date(2021, 3, 1)], 180)
    [('27 Sep', '29 Jan')]
    """
    seen = np.unique([_day(s, k) for s in snapshots for k in range(horizon_days)])
    apart = np.abs(np.arange(YEAR_DAYS)[:, None] - seen[None, :])
    unseen = np.minimum(apart, YEAR_DAYS - apart).min(axis=1) > NEAR_DAYS
    starts = np.flatnonzero(unseen & ~np.roll(unseen, 1))
    ends = np.flatnonzero(unseen & ~np.roll(unseen, -1))
    # A stretch over the turn of the year ends before it starts.
    last = {int(s): int(ends[ends >= s][0] if (ends >= s).any() else ends[0]) for s in starts}
    return [(_name(first), _name(end)) for first, end in last.items()]


def _name(day_of_year: int) -> str:
    return f"{date(2021, 1, 1) + timedelta(days=day_of_year):%-d %b}"


def _day(start: date, days: int) -> int:
    """Return the day of the year, 0 to 364; 29 February and 30 December of a leap year share theirs."""
    return min((start + timedelta(days=days)).timetuple().tm_yday - 1, YEAR_DAYS - 1)
