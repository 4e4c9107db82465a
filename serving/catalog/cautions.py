"""What speaks against relying on a tag's values today: they have expired, the data are old, or the season is new."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING

from tagcast.features.core.messages import Message, msg
from tagcast.models.stats.season_coverage import UNSURE

if TYPE_CHECKING:
    from tagcast.serving.store.schema import RunInfo, TagRun


def valid_until(run: RunInfo, tag: TagRun) -> date:
    """Return the last day of a tag's values, counted from the day of the data: scoring old data again makes them no newer."""
    return run.as_of + run.life(tag)


def cautions(run: RunInfo, tag: TagRun, now: datetime) -> tuple[Message, ...]:
    """Return what a reader of the tag's values should know first; nothing where all is well.

    Parameters
    ----------
    run : RunInfo
    tag : TagRun
        Of that run.
    now : datetime
    """
    found = []
    if tag.expires_at <= now:
        found.append(msg("expired on {day}; it matches no one until the next run", day=tag.expires_at.date()))
    elif valid_until(run, tag) < now.date():
        found.append(
            msg(
                "out of date: the data end on {day}, {days:,} days ago, and the values are good for {valid} days",
                day=run.as_of,
                days=(now.date() - run.as_of).days,
                valid=(valid_until(run, tag) - run.as_of).days,
            )
        )
    if tag.unseen_season >= UNSURE:
        found.append(
            msg(
                "new season: {share:.0%} of the days it predicts lie in a season that no training data has shown; its range is wider, and the promise may not hold",
                share=tag.unseen_season,
            )
        )
    return tuple(found)
