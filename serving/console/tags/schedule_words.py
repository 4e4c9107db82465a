"""A schedule in words: the cron of a tag as people say it, in both languages."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from tagcast.features.core.messages import Message, listed, msg, nmsg, pmsg
from tagcast.models.definitions.cron import Cron

_WEEKDAYS = (
    msg("Sunday"),
    msg("Monday"),
    msg("Tuesday"),
    msg("Wednesday"),
    msg("Thursday"),
    msg("Friday"),
    msg("Saturday"),
)
_MONTHS = (
    msg("January"),
    msg("February"),
    msg("March"),
    msg("April"),
    pmsg("month", "May"),
    msg("June"),
    msg("July"),
    msg("August"),
    msg("September"),
    msg("October"),
    msg("November"),
    msg("December"),
)
_WORKING = frozenset(range(1, 6))
_NIGHT = range(6)
"""Hours that people call night."""
_MOST_TIMES = 6
"""Times of a day that are listed one by one."""


def schedule_words(cron: str) -> Message:
    """Return when a cron comes.

    Parameters
    ----------
    cron : str
        Five fields that :meth:`tagcast.models.definitions.cron.Cron.parse` takes.

    Examples
    --------
    >>> from tagcast.features.core.messages import render
    >>> render(schedule_words("0 3 * * *"), "en")
    'every night at 03:00'
    """
    plan = Cron.parse(cron)
    daily = plan.any_day and plan.any_weekday and len(plan.days) == 31 and len(plan.weekdays) == 7
    time, at_night = _time(plan)
    months = None
    if len(plan.months) < 12:
        months = msg("in {months}", months=listed(_MONTHS[month - 1] for month in sorted(plan.months)))
    if daily and len(plan.hours) == 24 and len(plan.months) == 12:
        return time
    every_day = msg("every night") if at_night else msg("every day")
    days = every_day if daily else _days(plan)
    if months is not None:
        return pmsg("schedule", "{days}, {months}, {time}", days=days, months=months, time=time)
    return pmsg("schedule", "{days} {time}", days=days, time=time)


def _days(plan: Cron) -> Message:
    """Return on which days it comes: where both kinds are limited by numbers, on those of either."""
    weekdays = None if plan.any_weekday and len(plan.weekdays) == 7 else _on_weekdays(plan.weekdays)
    month_days = None if plan.any_day and len(plan.days) == 31 else _on_month_days(plan.days)
    if weekdays is None or month_days is None:
        return weekdays or month_days or msg("every day")
    if plan.any_day or plan.any_weekday:  # a star with a step limits the other
        return msg("{weekdays}, if it is {days}", weekdays=weekdays, days=month_days)
    return msg("{weekdays} and {days}", weekdays=weekdays, days=month_days)


def _on_weekdays(weekdays: frozenset[int]) -> Message:
    if weekdays == _WORKING:
        return msg("Monday to Friday")
    if weekdays == {0, 6}:
        return msg("Saturdays and Sundays")
    monday_first = sorted(weekdays, key=lambda day: (day - 1) % 7)
    return msg("every {weekdays}", weekdays=listed(_WEEKDAYS[day] for day in monday_first))


def _on_month_days(days: Collection[int]) -> Message:
    return nmsg(
        "day {days} of the month", "days {days} of the month", len(days), days=listed(map(str, sorted(days)))
    )


def _time(plan: Cron) -> tuple[Message, bool]:
    """Return at what times of the day it comes, and whether all of them lie in the night."""
    hours, minutes = sorted(plan.hours), sorted(plan.minutes)
    if len(hours) == 24:
        step = _step(minutes, 60)
        if step is not None:
            return nmsg("every minute", "every {n} minutes", step), False
        at = listed(f":{minute:02}" for minute in minutes)
        return msg("every hour at {minutes}", minutes=at), False
    times = [f"{hour:02}:{minute:02}" for hour in hours for minute in minutes]
    if len(times) <= _MOST_TIMES:
        return msg("at {times}", times=listed(times)), all(hour in _NIGHT for hour in hours)
    return nmsg(
        "{n} time between {first} and {last}",
        "{n} times between {first} and {last}",
        len(times),
        first=times[0],
        last=times[-1],
    ), False


def _step(values: Sequence[int], whole: int) -> int | None:
    """Return by how much values follow one another, from 0 to the end; None where they do not evenly."""
    step = values[1] - values[0] if len(values) > 1 else whole
    return step if list(values) == list(range(0, whole, step)) and step < whole else None
