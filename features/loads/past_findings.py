"""Findings about a past that changed: days already loaded that are different in a later load."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tagcast.features.core.messages import Joined, Message, Text, listed, msg, nmsg
from tagcast.features.loads.day_totals import DayChange, PastChange
from tagcast.features.quality.finding import Finding


def past_findings(changes: Iterable[PastChange]) -> Iterator[Finding]:
    """Yield a warning for each source and load whose past was another than before."""
    for change in changes:
        yield Finding(
            "warning",
            "past_changed",
            f"sources.{change.source}",
            msg(
                "{days}, {difference} (noticed when the data reached {found_on})",
                days=_days(change),
                difference=_difference(change),
                found_on=change.found_on,
            ),
            msg(
                "ask who keeps the source whether it was corrected. If so, train again ({command}): the models learned "
                "from what it was; if not, put the lines back and load again",
                command="tagcast train --all",
            ),
        )


def _days(change: PastChange) -> Message:
    return nmsg(
        "{n:,} day already loaded is different ({between})",
        "{n:,} days already loaded are different ({between})",
        change.days,
        between=str(change.first_day)
        if change.days == 1
        else msg("{first} to {last}", first=change.first_day, last=change.last_day),
    )


def _difference(change: PastChange) -> Joined | Text:
    parts: list[Text] = []
    if change.fewer:
        parts.append(nmsg("{n:,} line fewer", "{n:,} lines fewer", change.fewer))
    if change.more:
        parts.append(nmsg("{n:,} line more", "{n:,} lines more", change.more))
    if change.amount != change.amount_before:
        parts.append(
            msg(
                "amounts sum to {amount:,.2f} where they were {before:,.2f}",
                amount=change.amount,
                before=change.amount_before,
            )
        )
    if not parts:
        return (
            msg("the same lines under other ids")
            if change.ids_only
            else msg("as many lines with other values")
        )
    if change.days > 1:
        parts.append(msg("largest: {days}", days=listed(map(_day, change.largest))))
    return listed(parts)


def _day(day: DayChange) -> Message:
    if day.lines != day.lines_before:
        return msg(
            "{day} {before:,} → {lines:,} lines", day=day.day, before=day.lines_before, lines=day.lines
        )
    return msg(
        "{day} {before:,.2f} → {amount:,.2f}", day=day.day, before=day.amount_before, amount=day.amount
    )
