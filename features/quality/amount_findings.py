"""Amounts and categories day by day: missing from a day on, in another unit, and what unknown spend means for a tag."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from statistics import median
from typing import TYPE_CHECKING

import numpy as np

from tagcast.features.core.messages import Joined, Message, listed, msg
from tagcast.features.quality.finding import Finding, SourceColumns, lines_of, literal, setting
from tagcast.features.quality.stretches import Stretch, blind_stretches

if TYPE_CHECKING:
    from tagcast.features.quality.daily_counts import DailyCounts

WEEK_DAYS = 7
_WINDOW = re.compile(r"_(\d+)d$")
PRICE_STEP = 20.0
"""A step of the usual price that no season makes: euros and cents are 100."""
STEP_DAYS = 28
LEAST_STEP_DAYS = 3
LEAST_STEP_LINES = 20


def unknown_amounts(one: DailyCounts) -> tuple[Stretch, ...]:
    """Return the stretches in which most purchases of a source have no amount, though they usually do."""
    return blind_stretches(one.days, one.purchases, one.amounts)


def amount_findings(counts: Sequence[DailyCounts], columns: SourceColumns) -> Iterator[Finding]:
    """Yield days without amounts or categories, days on which nothing is paid, and steps of the usual price."""
    for one in counts:
        where = f"sources.{one.source}"
        for stretch in unknown_amounts(one):
            yield Finding(
                "warning",
                "missing_amounts",
                where,
                _lacking_amounts(stretch),
                msg("load those days again with their amounts: what was spent then is unknown, not nothing"),
            )
        for stretch in blind_stretches(one.days, one.amounts, one.paid):
            yield Finding(
                "warning", "zero_amounts", where, _nothing_paid(stretch), _unknown_for_zero(columns, one)
            )
        for stretch in blind_stretches(one.days, one.purchases, one.categories):
            lines = lines_of(stretch.lines, stretch.total)
            message = (
                msg("{lines} have no category since {first}", lines=lines, first=stretch.first_day)
                if stretch.open_end
                else msg(
                    "{lines} have no category from {first} to {last}",
                    lines=lines,
                    first=stretch.first_day,
                    last=stretch.last_day,
                )
            )
            hint = msg("load those days again with their categories, or complete the join that brings them")
            yield Finding("warning", "missing_categories", where, message, hint)
        if step := price_step(one):
            day, before, after = step
            yield Finding(
                "warning",
                "price_step",
                where,
                msg(
                    "the usual price goes from {before:,.2f} to {after:,.2f} on {day}: another unit or currency?",
                    before=before,
                    after=after,
                    day=day,
                ),
                msg(
                    "if so, remove amount from columns and derive it, as in {example}",
                    example=_one_unit(columns, one.source, step),
                ),
            )


def price_step(one: DailyCounts) -> tuple[date, float, float] | None:
    """Return the day on which the usual price jumps ``PRICE_STEP`` times up or down, with the price before and after.

    Compared are medians of daily medians over up to ``STEP_DAYS`` days with sales before and after each day; of
    several jumps, the largest.
    """
    there = ~np.isnan(one.price)
    days = [day for day, is_there in zip(one.days, there, strict=True) if is_there]
    price, lines = one.price[there], one.amounts[there]
    prices = price.tolist()  # of so few, a list has its median in a tenth of what NumPy takes
    best: tuple[float, date, float, float] | None = None
    for index in range(LEAST_STEP_DAYS, len(days) - LEAST_STEP_DAYS + 1):
        past, ahead = slice(max(0, index - STEP_DAYS), index), slice(index, index + STEP_DAYS)
        if min(lines[past].sum(), lines[ahead].sum()) < LEAST_STEP_LINES:
            continue
        before, after = median(prices[past]), median(prices[ahead])
        # The day itself has to be a step, not one near it that a median already sees.
        step = abs(np.log(after / before))
        local = abs(np.log(price[index] / price[index - 1])) if step >= np.log(PRICE_STEP) else 0.0
        if step >= np.log(PRICE_STEP) and (best is None or local > best[0]):
            best = (local, days[index], before, after)
    return best and best[1:]


def _one_unit(columns: SourceColumns, source: str, step: tuple[date, float, float]) -> str:
    day, before, after = step
    time, amount = columns.sql("event_time", source), columns.sql("amount", source)
    factor = 10.0 ** round(float(np.log10(after / before)))
    inside = f"{amount} / {factor:g}" if factor > 1 else f"{amount} * {1 / factor:g}"
    return setting("amount", f"CASE WHEN {time} >= {literal(str(day))} THEN {inside} ELSE {amount} END")


def _lacking_amounts(stretch: Stretch) -> Message:
    if stretch.lines == stretch.total and stretch.open_end:
        return msg(
            "no line has an amount since {first} ({lines:,} lines)",
            first=stretch.first_day,
            lines=stretch.lines,
        )
    lines = lines_of(stretch.lines, stretch.total)
    if stretch.open_end:
        return msg("{lines} have no amount since {first}", lines=lines, first=stretch.first_day)
    return msg(
        "{lines} have no amount from {first} to {last}",
        lines=lines,
        first=stretch.first_day,
        last=stretch.last_day,
    )


def _nothing_paid(stretch: Stretch) -> Message:
    lines = lines_of(stretch.lines, stretch.total)
    if stretch.open_end:
        return msg(
            "{lines} have an amount of zero since {first}, where others have one",
            lines=lines,
            first=stretch.first_day,
        )
    return msg(
        "{lines} have an amount of zero from {first} to {last}, where others have one",
        lines=lines,
        first=stretch.first_day,
        last=stretch.last_day,
    )


def _unknown_for_zero(columns: SourceColumns, one: DailyCounts) -> Message:
    return msg(
        "if a loader wrote zero for what it did not know, load those days again; until then remove amount from columns "
        "and derive it, as in {example}",
        example=setting("amount", f"NULLIF({columns.sql('amount', one.source)}, 0)"),
    )


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


def spend_counted_as_nothing(stretches: Sequence[Stretch]) -> Message:
    """Return what unknown spend does to a tag that only has features made of amounts."""
    return msg(
        "what was spent is unknown: no amounts {days}; its features made of amounts count those days as nothing",
        days=_days(stretches),
    )


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
