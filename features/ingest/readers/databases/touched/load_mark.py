"""How far the loads of a place have come by the column that says when lines were loaded, and when all is compared again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

LAG_DAYS = 3
"""Lines count as touched that were loaded so many days before the newest one that was known.

A line bears the time at which its transaction began, or its batch, and is seen once that has ended: two days are for those. A
third is for clocks, and for columns without a zone, which may be fourteen hours ahead of UTC or twelve behind.
"""
COMPARED_EVERY_DAYS = 7
"""After so many days all lines are compared, also those that no load has touched."""


@dataclass
class LoadMark:
    """How far the loads of a place have come.

    Parameters
    ----------
    column : str
        That says when a line was loaded; empty where the source names none.
    newest : str
        The last day in it that is not in the future, or empty.
    compared : str
        Day of the last load that compared all lines, or empty.
    """

    column: str = ""
    newest: str = ""
    compared: str = ""

    def since(self, column: str | None, now: datetime | None) -> date | None:
        """Return the first day whose lines count as touched; None where all lines are to be compared.

        Parameters
        ----------
        column : str, optional
            That the source names today.
        now : datetime, optional
            With a timezone.
        """
        if now is None or column != self.column or not (self.newest and self.compared):
            return None
        passed = day_of(now) - date.fromisoformat(self.compared)
        # A load of the future was one with another clock: what it says of the days since is worth nothing.
        if not timedelta(0) <= passed < timedelta(days=COMPARED_EVERY_DAYS):
            return None
        return date.fromisoformat(self.newest) - timedelta(days=LAG_DAYS)


def day_of(now: datetime) -> date:
    """Return the day of a moment, in UTC."""
    return now.astimezone(UTC).date()


def future_from(now: datetime) -> date:
    """Return the first day that is in the future wherever a database stands."""
    return day_of(now) + timedelta(days=2)
