"""What several moments share: one pass over the events, aggregated as coarsely as all of them allow.

The borders of the windows of all moments cut time into cells; sums, counts, firsts and lasts of a cell serve every
window that holds it. Only what counts different things (days, orders, items) needs a finer grain, and is counted
apart over the few columns it needs: grouping all measures by day costs several times as much.

Every aggregate is taken over integers or DECIMAL and can be merged, so cells give the bits that the events give.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import reduce
from operator import add
from typing import TYPE_CHECKING, Any

from tagcast.features.catalog.feature_set import PURCHASE, SHIPPED, FeatureSet

if TYPE_CHECKING:
    import ibis.expr.types as ir

_EPOCH = date(1970, 1, 1)
_SATURDAY = 5  # Monday is 0
_FIRST_WEEKDAY = 3  # The first of January 1970 was a Thursday.
_NOON = 12
_EVENING = 18
_WINDOWED = (
    ("lines", ""), ("quantity", "quantity"), ("spend", ""), ("discount", "discount"), ("return_lines", "is_return"),
)  # fmt: skip
_LINE_SUMS = (*_WINDOWED, ("morning", ""), ("evening", ""))
DISTINCT_COLUMNS = {"items": "item_id", "categories": "category", "channels": "channel"}


def day_number(as_of: date) -> int:
    """Return the whole days from 1970 to ``as_of``."""
    return (as_of - _EPOCH).days


@dataclass(frozen=True)
class Partials:
    """Partial aggregates of one event log for some moments.

    Parameters
    ----------
    dates : tuple of date
        The moments that they serve.
    purchases : ibis table
        Lines bought and returned before the last date: ``day`` (days since 1970) and the log's own columns.
    tables : dict of str to ibis table
        ``people``; ``totals`` and ``history`` of one date, or ``sums`` and ``days`` by cell of several;
        ``pair_sums``, ``pair_days``, ``items`` and its like, ``event:<name>``.
    """

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

    def at(self, connection: Any, feature_set: FeatureSet, as_of: date) -> Partials:
        """Compute what the views at ``as_of`` share; ``connection`` keeps it until it is asked for another date."""
        if "totals" in self.tables:
            return self
        end = day_number(as_of)
        shared = {"totals": self.totals(feature_set, end), "history": self.history(feature_set, end)}
        kept = {n: connection.create_table(f"{n}_at", table, overwrite=True) for n, table in shared.items()}
        return replace(self, tables={**self.tables, **kept})

    def totals(self, feature_set: FeatureSet, end: int) -> ir.Table:
        """Return the sums of lines before day ``end`` by profile, over everything and over each window."""
        known = self.tables.get("totals")
        return _totals(self.tables["sums"], feature_set, end) if known is None else known

    def history(self, feature_set: FeatureSet, end: int) -> ir.Table:
        """Return purchase days, gaps and orders before day ``end`` by profile; without a purchase there is no row."""
        known = self.tables.get("history")
        return _history(self.tables["days"], feature_set, end) if known is None else known


def make_partials(
    events: ir.Table, feature_set: FeatureSet, dates: Sequence[date], views: Sequence[str] = tuple(SHIPPED)
) -> Partials:
    """Return the partial aggregates that snapshots at ``dates`` need, as expressions over ``events``.

    Parameters
    ----------
    events : ibis table
        The event log.
    feature_set : FeatureSet
    dates : sequence of date
        Only events of local days before the last of them are seen.
    views : sequence of str
        Those that they have to serve.
    """
    ends = [day_number(d) for d in dates]
    past = events.mutate(day=events.event_day.epoch_days()).filter(lambda t: t.day < max(ends))
    purchases = past.filter(past.event == PURCHASE)
    bought = purchases.filter(~purchases.is_return)
    lines, days = _lines(purchases), _days(bought, feature_set)
    cell = _cells(feature_set.windows, ends)
    tables = {"people": past.group_by("profile_id").aggregate(first=past.day.min())}
    if len(ends) == 1:
        # Nothing is shared: cells would be one more step.
        tables["totals"] = _totals(lines, feature_set, ends[0])
        tables["history"] = _history(days, feature_set, ends[0])
    else:
        needed = [name for name, needs in _LINE_SUMS if feature_set.has(needs)]
        tables["sums"] = _merged(lines, ["profile_id"], cell, total=needed, latest=["paid_last"])
        tables["days"] = _merged_days(days, cell)
    for name, column in DISTINCT_COLUMNS.items():
        if feature_set.has(column):
            tables[name] = _distinct(bought, name, column, feature_set, ends)
    for event in feature_set.events:
        seen = past.filter(past.event == event).select("profile_id", "day").distinct()
        tables[f"event:{event}"] = _counted(seen, ["profile_id"], cell)
    if feature_set.has("category") and "profile_category" in views:
        known = purchases.filter(purchases.category.notnull())
        pair = ["profile_id", "category"]
        spent = known.select(*pair, "day", spend=known.amount)
        tables["pair_sums"] = _merged(spent, pair, cell, total=["spend"])
        pair_days = known.filter(~known.is_return).select(*pair, "day").distinct()
        tables["pair_days"] = _counted(pair_days, pair, cell)
    return Partials(tuple(dates), purchases, tables)


def _cells(windows: Sequence[int], ends: Sequence[int]) -> Callable[[ir.Table], Any]:
    """Return what gives a row's cell: how many borders of windows lie at or before its day."""
    borders = sorted({*ends, *(end - n for end in ends for n in windows)})
    return lambda table: reduce(add, [(table.day >= border).cast("int16") for border in borders])


def _lines(purchases: ir.Table) -> ir.Table:
    """Return what a line adds to the sums of its cell."""
    import ibis

    bought, hour = ~purchases.is_return, purchases.event_hour
    return purchases.select(
        "profile_id",
        "day",
        lines=bought.cast("int32"),
        return_lines=purchases.is_return.cast("int32"),
        morning=(bought & (hour < _NOON)).cast("int32"),
        evening=(bought & (hour >= _EVENING)).cast("int32"),
        quantity=bought.ifelse(purchases.quantity, ibis.null()),
        spend=purchases.amount,
        discount=bought.ifelse(purchases.discount, ibis.null()),
        paid_last=(bought & purchases.amount.notnull()).ifelse(purchases.day, ibis.null()),
    )


def _merged(
    table: ir.Table, keys: list[str], cell: Any, *, total: Sequence[str], latest: Sequence[str] = ()
) -> ir.Table:
    """Add up rows by key and cell. ``day`` is any day of the cell: all lie on the same side of every border."""
    sums = {name: table[name].sum() for name in total}
    # DuckDB adds whole numbers up to 128 bits: a cell's counts need 32, and cells are what memory holds.
    sums = {n: value.cast("int32") if value.type().is_integer() else value for n, value in sums.items()}
    return table.group_by(*keys, cell=cell(table)).aggregate(
        day=table.day.min().cast("int32"),
        **sums,
        **{name: table[name].max().cast("int32") for name in latest},
    )


def _counted(days: ir.Table, keys: list[str], cell: Any) -> ir.Table:
    return days.group_by(*keys, cell=cell(days)).aggregate(
        day=days.day.min().cast("int32"),
        n=days.count().cast("int32"),
        first=days.day.min().cast("int32"),
        last=days.day.max().cast("int32"),
    )


def _days(bought: ir.Table, feature_set: FeatureSet) -> ir.Table:
    """Return a row a purchase day: its orders, and the gap that it ends."""
    import ibis

    if feature_set.has("order_id"):
        # Distinct in two steps: COUNT(DISTINCT) keeps a set a day, which costs twice as much.
        orders = bought.select("profile_id", "day", "order_id").distinct()
        days = orders.group_by(["profile_id", "day"]).aggregate(orders=orders.order_id.count())
    else:
        days = bought.select("profile_id", "day").distinct().mutate(orders=ibis.literal(0))
    gap = days.day - days.day.lag().over(ibis.window(group_by="profile_id", order_by="day"))
    gaps = days.mutate(gap=gap)
    # Twice modulo 7: days before 1970 are below zero.
    weekend = ((gaps.day + _FIRST_WEEKDAY) % 7 + 7) % 7 >= _SATURDAY
    return gaps.select(
        "profile_id", "day", "orders", n=ibis.literal(1, "int32"), weekend=weekend.cast("int32"),
        first=gaps.day, last=gaps.day, gap_squares=gaps.gap * gaps.gap, gap_max=gaps.gap, gap_last=gaps.gap,
    )  # fmt: skip


def _merged_days(days: ir.Table, cell: Any) -> ir.Table:
    merged = {"day": days.day.min(), "orders": days.orders.sum(), **_day_aggregates(days)}
    wide = {"gap_squares": "int64"}
    return days.group_by("profile_id", cell=cell(days)).aggregate(
        **{name: value.cast(wide.get(name, "int32")) for name, value in merged.items()}
    )


def _day_aggregates(days: ir.Table) -> dict[str, Any]:
    return {
        "n": days.n.sum(),
        "first": days["first"].min(),
        "last": days["last"].max(),
        "gap_squares": days.gap_squares.sum(),
        "gap_max": days.gap_max.max(),
        "gap_last": days.gap_last.argmax(days["last"]),
        "weekend": days.weekend.sum(),
    }


def _totals(sums: ir.Table, feature_set: FeatureSet, end: int) -> ir.Table:
    """Add up lines or cells."""
    sums = sums.filter(sums.day < end)
    totals: dict[str, Any] = {"paid_last": sums.paid_last.max(), "lines_all": sums.lines.sum()}
    totals |= {name: sums[name].sum() for name in ("morning", "evening")}
    windowed = [name for name, needs in _WINDOWED if feature_set.has(needs)]
    totals |= {f"{name}_all": sums[name].sum() for name in windowed if name not in {"lines", "quantity"}}
    for n in feature_set.windows:
        for name in windowed:
            totals[f"{name}_{n}d"] = sums[name].sum(where=sums.day >= end - n).fill_null(0)
    return sums.group_by("profile_id").aggregate(**totals)


def _history(days: ir.Table, feature_set: FeatureSet, end: int) -> ir.Table:
    """Add up days or cells of them."""
    days = days.filter(days.day < end)
    merged = _day_aggregates(days)
    for n in feature_set.windows:
        recent = days.day >= end - n
        merged[f"purchase_days_{n}d"] = days.n.sum(where=recent).fill_null(0)
        merged[f"orders_{n}d"] = days.orders.sum(where=recent).fill_null(0)
    return days.group_by("profile_id").aggregate(**merged)


def _distinct(
    bought: ir.Table, name: str, column: str, feature_set: FeatureSet, ends: Sequence[int]
) -> ir.Table:
    """Count distinct values a window: a value counts when it was last bought inside the window.

    The values themselves are as many as lines, so counts are taken for each date at once: ``items_7d@0`` is
    of the first.
    """
    known = bought.filter(bought[column].notnull())
    last = known.group_by(["profile_id", column]).aggregate(
        **{f"last@{k}": known.day.max(where=known.day < end) for k, end in enumerate(ends)}
    )
    counts = {}
    for k, end in enumerate(ends):
        at = last[f"last@{k}"]
        counts[f"{name}_all@{k}"] = at.count()
        counts |= {f"{name}_{n}d@{k}": last.count(where=at >= end - n) for n in feature_set.windows}
    return last.group_by("profile_id").aggregate(**counts)
