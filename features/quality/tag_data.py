"""What oddities of the data mean for one tag: whose spend is unknown, whose days are empty, whose category ended."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date, timedelta

from tagcast.features.core.messages import Joined, Message, listed, msg
from tagcast.features.quality.stretches import Stretch

WEEK_DAYS = 7
_WINDOW = re.compile(r"_(\d+)d$")


def window_days(feature: str) -> int | None:
    """Return over how many days a feature looks back, None where over all history.

    Examples
    --------
    >>> window_days("spend_30d"), window_days("basket_mean")
    (30, None)
    """
    found = _WINDOW.search(feature)
    return int(found.group(1)) if found else None


def touching(stretches: Iterable[Stretch], first: date | None, end: date) -> tuple[Stretch, ...]:
    """Return the stretches with a day from ``first`` (None: any) up to, not with, ``end``."""
    return tuple(s for s in stretches if s.first_day < end and (first is None or s.last_day >= first))


def unknown_for(stretches: Sequence[Stretch], features: Iterable[str], as_of: date) -> tuple[Stretch, ...]:
    """Return the stretches of unknown spend that one of ``features`` sums over at ``as_of``."""
    found: dict[Stretch, None] = {}
    for feature in features:
        days = window_days(feature)
        found.update(
            dict.fromkeys(touching(stretches, as_of - timedelta(days=days) if days else None, as_of))
        )
    return tuple(found)


def serious(stretches: Sequence[Stretch]) -> bool:
    """Return whether spend is unknown up to today, or for a week at least: shorter holes hardly change a sum."""
    return any(s.open_end or s.length_days >= WEEK_DAYS for s in stretches)


def spend_unknown(stretches: Sequence[Stretch]) -> Message:
    """Return that spend is unknown, and on which days."""
    return msg("it speaks of spend, and what was spent is unknown: no amounts {days}", days=_days(stretches))


def spend_hint(stretches: Sequence[Stretch]) -> Message:
    """Return what helps where spend is unknown."""
    if any(s.open_end for s in stretches):
        first = min(s.first_day for s in stretches if s.open_end)
        return msg(
            "load those days again with their amounts (unknown is not nothing), or use --as-of {first}",
            first=first,
        )
    return msg("load those days again with their amounts: unknown is not nothing")


def _days(stretches: Sequence[Stretch]) -> Joined:
    return listed(
        msg("since {first}", first=s.first_day)
        if s.open_end
        else msg("from {first} to {last}", first=s.first_day, last=s.last_day)
        for s in stretches
    )
