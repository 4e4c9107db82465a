"""What one profile bought, from its events alone: since when, when last, how often and how much, and most of what."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

PURCHASE = "purchase"
WINDOWS_DAYS = (90, 365)
MOST_CATEGORIES = 3


@dataclass(frozen=True)
class PurchaseWindow:
    """Purchases of the last ``days`` days.

    Parameters
    ----------
    days : int
    orders : int
        As features count them: different orders of each day; days with a purchase where the log names no orders.
    spend : float or None
        Net of what was given back; None where the log has no amounts.
    """

    days: int
    orders: int
    spend: float | None


@dataclass(frozen=True)
class CategoryShare:
    """A category, and its share of the spend of the longest window; of its lines where the log has no amounts."""

    category: str
    share: float


@dataclass(frozen=True)
class Purchases:
    """What a profile bought before a day.

    Parameters
    ----------
    first, last : date or None
        Days of the first and the last purchase; None of somebody who never bought.
    days_since_last : int or None
    windows : tuple of PurchaseWindow
        By :data:`WINDOWS_DAYS`.
    categories : tuple of CategoryShare
        At most :data:`MOST_CATEGORIES`, the largest first.
    """

    first: date | None
    last: date | None
    days_since_last: int | None
    windows: tuple[PurchaseWindow, ...]
    categories: tuple[CategoryShare, ...]


def purchases_before(events: Iterable[Mapping[str, Any]], as_of: date) -> Purchases:
    """Return what was bought before ``as_of``, as the features of that day count it.

    Parameters
    ----------
    events : iterable of mapping
        Lines of the event log of one profile, in any order, as :func:`tagcast.features.ingest.event_log.last_events` has them.
    as_of : date
    """
    bought = [row for row in events if row["event"] == PURCHASE and row["event_day"] < as_of]
    if not bought:
        return Purchases(None, None, None, tuple(PurchaseWindow(n, 0, None) for n in WINDOWS_DAYS), ())
    days = [row["event_day"] for row in bought]
    windows = tuple(_window(_since(bought, as_of, n), n) for n in WINDOWS_DAYS)
    categories = _categories(_since(bought, as_of, WINDOWS_DAYS[-1]))
    return Purchases(min(days), max(days), (as_of - max(days)).days, windows, categories)


def _since(bought: Sequence[Mapping[str, Any]], as_of: date, days: int) -> list[Mapping[str, Any]]:
    start = as_of - timedelta(days=days)
    return [row for row in bought if row["event_day"] >= start]


def _window(bought: Sequence[Mapping[str, Any]], days: int) -> PurchaseWindow:
    ordered = [row for row in bought if row.get("order_id") is not None]
    orders = {(row["event_day"], row.get("order_id")) for row in ordered or bought}
    amounts = _amounts(bought)
    return PurchaseWindow(days, len(orders), sum(amounts) if amounts else None)


def _amounts(bought: Sequence[Mapping[str, Any]]) -> list[float]:
    return [float(row["amount"]) for row in bought if row.get("amount") is not None]


def _categories(bought: Sequence[Mapping[str, Any]]) -> tuple[CategoryShare, ...]:
    by_amount = bool(_amounts(bought))
    totals: dict[str, float] = defaultdict(float)
    for row in bought:
        if row.get("category") is not None:
            totals[str(row["category"])] += float(row["amount"] or 0) if by_amount else 1.0
    kept = {name: total for name, total in totals.items() if total > 0}
    whole = sum(kept.values())
    largest = sorted(kept, key=lambda name: (-kept[name], name))[:MOST_CATEGORIES]
    return tuple(CategoryShare(name, kept[name] / whole) for name in largest)
