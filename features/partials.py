"""What several moments share: one pass over the events, aggregated as coarsely as all of them allow.

The borders of the windows of all moments cut time into cells; sums, counts, firsts and lasts of a cell serve every
window that holds it. Only what counts different things (days, orders, items) needs a finer grain, and is counted
apart over the few columns it needs: grouping all measures by day costs several times as much.

Every aggregate is taken over integers or DECIMAL and can be merged, so cells give the bits that the events give.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import reduce
from operator import add
from typing import TYPE_CHECKING, Any

from features.windows import PURCHASE, FeatureSet

if TYPE_CHECKING:
    import ibis.expr.types as ir

_EPOCH = date(1970, 1, 1)
_SATURDAY = 5  # Monday is 0
_FIRST_WEEKDAY = 3  # The first of January 1970 was a Thursday.
_NOON = 12
_EVENING = 18
DISTINCT_COLUMNS = {"items": "item_id", "categories": "category", "channels": "channel"}


def day_number(day: date) -> int:
    """Return the whole days from 1970 to ``day``."""
    return (day - _EPOCH).days


@dataclass(frozen=True)
class Cells:
    """Time cut at the borders of all windows of some moments.

    Parameters
    ----------
    borders : tuple of int
        Days since 1970, rising. Cell ``k`` holds the days from border ``k - 1`` up to, not with, border ``k``.
    """

    borders: tuple[int, ...]

    @classmethod
    def of(cls, windows: Sequence[int], dates: Sequence[date]) -> Cells:
        """Return the cells that ``windows`` before each of ``dates`` need."""
        ends = {day_number(d) for d in dates}
        return cls(tuple(sorted(ends | {end - n for end in ends for n in windows})))

    def number(self, day: ir.IntegerValue) -> ir.IntegerValue:
        """Return the cell of ``day`` as an expression."""
        return reduce(add, [(day >= border).cast("int16") for border in self.borders])

    def within(self, cell: ir.IntegerValue, end: int, days: int | None = None) -> ir.BooleanValue:
        """Say whether ``cell`` lies before day ``end`` and, if asked, in the ``days`` days before it."""
        past = cell <= bisect_left(self.borders, end)
        return past if days is None else past & (cell > bisect_left(self.borders, end - days))


@dataclass(frozen=True)
class Partials:
    """Partial aggregates of one event log for some moments.

    Parameters
    ----------
    cells : Cells
    dates : tuple of date
        The moments that they serve.
    purchases : ibis table
        Lines bought and returned before the last moment: ``day`` (days since 1970) and the log's own columns.
    tables : dict of str to ibis table
        ``people``, ``sums``, ``days``, ``pair_sums``, ``pair_days``, ``items`` and its like, ``event:<name>``.
    """

    cells: Cells
    dates: tuple[date, ...]
    purchases: ir.Table
    tables: Mapping[str, ir.Table]

    def computed(self, connection: Any) -> Partials:
        """Compute every table now, once; ``connection`` (ibis, to DuckDB) keeps them, on disk beyond its memory."""
        kept = {
            name: connection.create_table(f"partial_{number}", table)
            for number, (name, table) in enumerate(self.tables.items())
        }
        return replace(self, tables=kept)


def make_partials(events: ir.Table, feature_set: FeatureSet, dates: Sequence[date]) -> Partials:
    """Return the partial aggregates that snapshots at ``dates`` need, as expressions over ``events``.

    Parameters
    ----------
    events : ibis table
        The event log.
    feature_set : FeatureSet
    dates : sequence of date
        Only events of local days before the last of them are seen.
    """
    cells = Cells.of(feature_set.windows, dates)
    end = max(day_number(d) for d in dates)
    past = events.mutate(day=events.event_day.epoch_days()).filter(lambda t: t.day < end)
    purchases = past.filter(past.event == PURCHASE)
    bought = purchases.filter(~purchases.is_return)
    tables = {
        "people": past.group_by("profile_id").aggregate(first=past.day.min()),
        "sums": _sums(purchases, cells),
        "days": _days(bought, feature_set, cells),
    }
    for name, column in DISTINCT_COLUMNS.items():
        if feature_set.has(column):
            tables[name] = _distinct(bought, name, column, feature_set, dates)
    for event in feature_set.events:
        tables[f"event:{event}"] = _event_days(past, event, cells)
    if feature_set.has("category"):
        known = purchases.filter(purchases.category.notnull())
        tables["pair_sums"] = _pair_sums(known, cells)
        tables["pair_days"] = _pair_days(known.filter(~known.is_return), cells)
    return Partials(cells, tuple(dates), purchases, tables)


def _sums(purchases: ir.Table, cells: Cells) -> ir.Table:
    """Sum what lines bought and returned bring, by profile and cell."""
    bought, hour = ~purchases.is_return, purchases.event_hour
    return purchases.group_by("profile_id", cell=cells.number(purchases.day)).aggregate(
        lines=purchases.count(where=bought),
        return_lines=purchases.count(where=purchases.is_return),
        morning=purchases.count(where=bought & (hour < _NOON)),
        evening=purchases.count(where=bought & (hour >= _EVENING)),
        quantity=purchases.quantity.sum(where=bought),
        spend=purchases.amount.sum(),
        discount=purchases.discount.sum(where=bought),
        paid_last=purchases.day.max(where=bought & purchases.amount.notnull()),
    )


def _days(bought: ir.Table, feature_set: FeatureSet, cells: Cells) -> ir.Table:
    """Count purchase days, the gaps between them and the orders of each, by profile and cell.

    A gap belongs to the cell of the day that ends it.
    """
    import ibis

    if feature_set.has("order_id"):
        # Distinct in two steps: COUNT(DISTINCT) keeps a set a day, which costs twice as much.
        orders = bought.select("profile_id", "day", "order_id").distinct()
        days = orders.group_by(["profile_id", "day"]).aggregate(orders=orders.order_id.count())
    else:
        days = bought.select("profile_id", "day").distinct().mutate(orders=ibis.literal(0))
    gaps = days.mutate(
        gap=days.day - days.day.lag().over(ibis.window(group_by="profile_id", order_by="day")),
        # Twice modulo 7: days before 1970 are below zero.
        weekend=((days.day + _FIRST_WEEKDAY) % 7 + 7) % 7 >= _SATURDAY,
    )
    return gaps.group_by("profile_id", cell=cells.number(gaps.day)).aggregate(
        n=gaps.count(),
        orders=gaps.orders.sum(),
        weekend=gaps.count(where=gaps.weekend),
        first=gaps.day.min(),
        last=gaps.day.max(),
        gap_squares=(gaps.gap * gaps.gap).sum(),
        gap_max=gaps.gap.max(),
        gap_last=gaps.gap.argmax(gaps.day),
    )


def _distinct(
    bought: ir.Table, name: str, column: str, feature_set: FeatureSet, dates: Sequence[date]
) -> ir.Table:
    """Count distinct values a window: a value counts when it was last bought inside the window.

    The values themselves are as many as lines, so counts are taken for each moment at once: ``items_7d@0`` is
    of the first.
    """
    known = bought.filter(bought[column].notnull())
    ends = [day_number(d) for d in dates]
    last = known.group_by(["profile_id", column]).aggregate(
        **{f"last@{k}": known.day.max(where=known.day < end) for k, end in enumerate(ends)}
    )
    counts = {}
    for k, end in enumerate(ends):
        at = last[f"last@{k}"]
        counts[f"{name}_all@{k}"] = at.count()
        counts |= {f"{name}_{n}d@{k}": last.count(where=at >= end - n) for n in feature_set.windows}
    return last.group_by("profile_id").aggregate(**counts)


def _event_days(past: ir.Table, event: str, cells: Cells) -> ir.Table:
    days = past.filter(past.event == event).select("profile_id", "day").distinct()
    return days.group_by("profile_id", cell=cells.number(days.day)).aggregate(
        n=days.count(), last=days.day.max()
    )


def _pair_sums(known: ir.Table, cells: Cells) -> ir.Table:
    return known.group_by("profile_id", "category", cell=cells.number(known.day)).aggregate(
        spend=known.amount.sum()
    )


def _pair_days(bought: ir.Table, cells: Cells) -> ir.Table:
    days = bought.select("profile_id", "category", "day").distinct()
    return days.group_by("profile_id", "category", cell=cells.number(days.day)).aggregate(
        n=days.count(), first=days.day.min(), last=days.day.max()
    )
