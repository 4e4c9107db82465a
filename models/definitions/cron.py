"""Cron expressions of five fields, read strictly: what no clock would ever run is refused where it is written.

The fields are those of crontab(5): minute, hour, day of month, month, day of week; each ``*``, a number, a range, a list
of these, or ``*`` and ranges with a step. Months and days of the week may be English names of three letters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from tagcast.features.core.messages import Message, msg, pmsg
from tagcast.features.core.validation import InvalidValueError

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_LONGEST = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_PART = re.compile(r"(?P<whole>\*|(?P<first>\w+)(-(?P<last>\w+))?)(/(?P<step>\d+))?", re.ASCII)


@dataclass(frozen=True)
class _Field:
    title: Message
    least: int
    most: int
    names: tuple[str, ...] = ()
    """In order, the first standing for ``least``."""


_FIELDS = (
    _Field(pmsg("field of cron", "minute"), 0, 59),
    _Field(pmsg("field of cron", "hour"), 0, 23),
    _Field(pmsg("field of cron", "day of the month"), 1, 31),
    _Field(pmsg("field of cron", "month"), 1, 12, _MONTHS),
    _Field(pmsg("field of cron", "day of the week"), 0, 7, _DAYS),
)


@dataclass(frozen=True)
class Cron:
    """When something is due.

    Parameters
    ----------
    minutes, hours, days, months, weekdays : frozenset of int
        What each field allows; Sunday is 0.
    any_day, any_weekday : bool
        Whether the field is ``*``: where neither is, a day counts that fits one of them.
    """

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    any_day: bool
    any_weekday: bool

    @classmethod
    def parse(cls, text: str) -> Cron:
        """Read five fields.

        Raises
        ------
        InvalidValueError
            Naming the field, what was found and what it takes.

        Examples
        --------
        >>> sorted(Cron.parse("*/15 3 * * mon-fri").minutes)
        [0, 15, 30, 45]
        """
        words = text.split()
        if len(words) != len(_FIELDS):
            raise InvalidValueError(
                msg("expected five cron fields, as in '0 3 * * *'; found {found!r}", found=text)
            )
        minutes, hours, days, months, weekdays = map(_values, _FIELDS, words)
        cron = cls(
            minutes,
            hours,
            days,
            months,
            frozenset(day % 7 for day in weekdays),
            words[2].startswith("*"),
            words[4].startswith("*"),
        )
        if cron.any_weekday and min(days) > max(_LONGEST[month - 1] for month in months):
            raise InvalidValueError(
                msg(
                    "a cron that never comes: no such month has a day {day}; found {found!r}",
                    day=min(days),
                    found=text,
                )
            )
        return cron


def last_due(text: str, now: datetime, timezone: str) -> datetime | None:
    """Return the last moment at or before ``now`` at which a cron came, as Debian's cron counts; None in fifty years.

    A time of day that a change of clocks skips comes right after the change, one that it repeats comes once.

    Parameters
    ----------
    text : str
        Five fields that :meth:`Cron.parse` takes.
    now : datetime
        With a zone.
    timezone : str
        IANA name of the zone that the cron is read in.

    Examples
    --------
    >>> from datetime import UTC
    >>> last_due("30 3 * * mon", datetime(2026, 11, 28, 12, tzinfo=UTC), "UTC")
    datetime.datetime(2026, 11, 23, 3, 30, tzinfo=datetime.timezone.utc)
    """
    now = now.astimezone(UTC)
    minute = now.replace(second=0, microsecond=0).astimezone(ZoneInfo(timezone))
    found = next(_moments(text, minute + timedelta(minutes=1), backwards=True), None)
    # Backwards, the first of two equal hours is passed over while the second one lasts.
    later = _moments(text, minute - timedelta(days=1) if found is None else found, backwards=False)
    while (coming := next(later, None)) is not None and coming.astimezone(UTC) <= now:
        found = coming
    return None if found is None else found.astimezone(UTC)


def _moments(text: str, start: datetime, *, backwards: bool) -> Iterator[datetime]:
    from cronsim import CronSim

    # The library ends a week on Saturday: 7 is its name of a Sunday that ends a range.
    moments: Iterator[datetime] = CronSim(
        re.sub(r"-sun\b", "-7", text, flags=re.IGNORECASE), start, reverse=backwards
    )
    return moments


def _values(field: _Field, text: str) -> frozenset[int]:
    found: set[int] = set()
    for part in text.split(","):
        match = _PART.fullmatch(part)
        if match is None:
            raise _wrong(field, part)
        first, last = field.least, field.most
        if match["whole"] != "*":
            first = _number(field, match["first"], part)
            last = _number(field, match["last"], part) if match["last"] else first
            if match["last"] and match["last"].lower() == "sun":
                last = field.most  # Sunday is 0 and 7: a range that ends with it ends the week
        step = int(match["step"] or 1)
        single = match["whole"] != "*" and match["last"] is None
        if first > last or not 1 <= step <= field.most or (single and match["step"]):
            raise _wrong(field, part)
        found.update(range(first, last + 1, step))
    return frozenset(found)


def _number(field: _Field, word: str, part: str) -> int:
    if word.lower() in field.names:
        return field.names.index(word.lower()) + field.least
    if not word.isdigit() or not field.least <= int(word) <= field.most:
        raise _wrong(field, part)
    return int(word)


def _wrong(field: _Field, part: str) -> InvalidValueError:
    problem = msg(
        "cron: {part!r} is no {field}: numbers from {least} to {most}, ranges as in {least}-{most}, lists, and steps as in */2",
        part=part,
        field=field.title,
        least=field.least,
        most=field.most,
    )
    if field.names:
        problem = msg(
            "cron: {part!r} is no {field}: numbers from {least} to {most}, names as in {name}, ranges, lists, and steps as in */2",
            part=part,
            field=field.title,
            least=field.least,
            most=field.most,
            name=field.names[1],
        )
    return InvalidValueError(problem)
