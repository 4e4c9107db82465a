"""Until when the values of a run are good: so many days from the day of its data, whenever it was scored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from tagcast.features.core.duckdb import instant
from tagcast.features.core.messages import Message, msg

if TYPE_CHECKING:
    from datetime import date

    from tagcast.serving.store.manifest import Entry


@dataclass(frozen=True)
class Validity:
    """From when the values of a run count.

    Data that nobody brings up to date any more grow old however often they are scored again. A project whose data were of
    the past from its first run on (a public data set, an evaluation) has no today in them: there the moment of scoring
    stands for it, and lists and pages say how old the data are.

    Parameters
    ----------
    data_day : datetime
        When the day that the run is as of begins.
    scored_at : datetime
    youngest : timedelta
        The least by which data were older than the clock when they were scored, over all runs of the project; a clock
        that was behind the data says nothing.
    """

    data_day: datetime
    scored_at: datetime
    youngest: timedelta

    def until(self, good_for: timedelta) -> datetime:
        """Return when values expire that are good for so long."""
        always_past = self.youngest >= good_for
        # Where the clock is behind the data, the earlier of both: nothing is good for longer than it says.
        return (self.scored_at if always_past else min(self.scored_at, self.data_day)) + good_for

    def note(self, good_for: timedelta) -> Message | None:
        """Say that values have expired before anybody sees them; None where they have not."""
        if self.until(good_for) > self.scored_at:
            return None
        return msg(
            "expired as it is published: the data end on {day}, {days:,} days ago, and its values are good for {valid} days; "
            "bring the sources up to date and score again",
            day=(self.data_day - timedelta(days=1)).date(),
            days=(self.scored_at - self.data_day).days + 1,
            valid=good_for.days,
        )


def validity(log: Sequence[Entry], as_of: date, scored_at: datetime, timezone: str) -> Validity:
    """Return from when the values of a run count, given the log of the runs before it."""

    def age(day: date, at: datetime) -> timedelta:
        return at - instant(day, timezone)

    ages = [age(as_of, scored_at), *(age(e.run.run.as_of, e.run.run.scored_at) for e in log)]
    youngest = min((old for old in ages if old >= timedelta()), default=timedelta())
    return Validity(instant(as_of, timezone), scored_at, youngest)
