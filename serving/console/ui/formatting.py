"""Numbers, shares and moments as people read them."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime

NONE = "–"


def number(value: float | None) -> str:
    """Return a count or an amount: whole where it is, else with as many digits as tell something."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return NONE
    if float(value).is_integer() or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:,.1f}" if abs(value) >= 100 else f"{value:,.3g}"


def percent(share: float | None, digits: int = 1) -> str:
    """Return a share as a percentage; a little that is not nothing says so."""
    if share is None or math.isnan(share):
        return NONE
    if 0 < share < 0.5 * 10 ** -(digits + 2):
        return f"< {10**-digits:g}%"
    # All and nothing are exact: they need no decimals.
    return f"{100 * share:.{0 if share in {0, 1} else digits}f}%"


def of_100(share: float | None) -> str:
    """Return a probability as how many of 100, rounded down: a floor stays one."""
    return NONE if share is None or math.isnan(share) else str(math.floor(100 * share + 1e-9))


def day(when: date | datetime | None) -> str:
    """Return the day."""
    return NONE if when is None else when.strftime("%Y-%m-%d")


def minute(when: datetime | None) -> str:
    """Return day and minute with the zone, which is always UTC; a time without a zone is shown as it is."""
    if when is None:
        return NONE
    if when.tzinfo is None:
        return when.strftime("%Y-%m-%d %H:%M")
    return when.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
