"""Features counted directly: every measure by profile and day, one moment at a time.

The plainest way to say what each feature is, kept as what ``features/compile.py`` has to agree with to the bit.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from tagcast.features.catalog.builtin import EXPECTED_REPEATS_DAYS
from tagcast.features.catalog.feature_set import PURCHASE, FeatureSet, View

if TYPE_CHECKING:
    import ibis.expr.types as ir

_EPOCH = date(1970, 1, 1)
_SATURDAY = 5  # ibis counts Monday as 0
_NOON = 12
_EVENING = 18


def compile_view(view: View, events: ir.Table, feature_set: FeatureSet, as_of: date) -> ir.Table:
    """Return one row per entity of ``view`` with its features at ``as_of``.

    Parameters
    ----------
    view : str
    events : ibis table
        The event log.
    feature_set : FeatureSet
    as_of : date
        Only events of earlier local days are seen.

    Returns
    -------
    ibis table
        The view's entity columns, then its features as float64; a feature that is undefined for an
        entity (a gap after one purchase) is NULL.
    """
    day = (as_of - _EPOCH).days
    past = events.mutate(day=events.event_day.epoch_days()).filter(lambda t: t.day < day)
    make = _profile_activity if view == "profile_activity" else _profile_category
    return make(past, feature_set, day)


def _days(past: ir.Table, keys: list[str]) -> ir.Table:
    """Aggregate purchases and returns to one row per key and local day; windows then are plain sums."""
    import ibis

    bought = ~past.is_return
    hour = past.event_hour
    return (
        past.filter(past.event == PURCHASE)
        .group_by([*keys, "day"])
        .aggregate(
            lines=bought.cast("int64").sum(),
            return_lines=past.is_return.cast("int64").sum(),
            morning=(bought & (hour < _NOON)).cast("int64").sum(),
            evening=(bought & (hour >= _EVENING)).cast("int64").sum(),
            orders=past.order_id.nunique(where=bought),
            quantity=past.quantity.sum(where=bought),
            spend=past.amount.sum(),
            discount=past.discount.sum(where=bought),
            weekend=ibis.coalesce((past.event_day.day_of_week.index() >= _SATURDAY).cast("int64").max(), 0),
        )
    )


def _profile_activity(past: ir.Table, feature_set: FeatureSet, day: int) -> ir.Table:
    import ibis

    days = _days(past, ["profile_id"])
    active = days.filter(days.lines > 0)
    gaps = active.mutate(
        gap=active.day - active.day.lag().over(ibis.window(group_by="profile_id", order_by="day"))
    )
    history = gaps.group_by("profile_id").aggregate(
        n=gaps.count(),
        first=gaps.day.min(),
        last=gaps.day.max(),
        gap_sum=gaps.gap.sum(),
        gap_squares=(gaps.gap * gaps.gap).sum(),
        gap_max=gaps.gap.max(),
        gap_last=gaps.gap.argmax(gaps.day),
        basket_last=gaps.spend.argmax(gaps.day),
        weekend=gaps.weekend.sum(),
        morning=gaps.morning.sum(),
        evening=gaps.evening.sum(),
        lines_all=gaps.lines.sum(),
    )
    windows: dict[str, Any] = {"spend_all": days.spend.sum(), "return_lines_all": days.return_lines.sum()}
    for n in feature_set.windows:
        recent = days.day >= day - n
        windows[f"purchase_days_{n}d"] = (recent & (days.lines > 0)).cast("int64").sum()
        for name in ("orders", "lines", "quantity", "spend", "discount", "return_lines"):
            windows[f"{name}_{n}d"] = days[name].sum(where=recent).fill_null(0)
    windows["discount_all"] = days.discount.sum()
    sums = days.group_by("profile_id").aggregate(**windows)
    # Everyone with any event is an entity: a visitor who never bought has features, most of them unknown.
    table = past.select("profile_id").distinct().left_join(sums, "profile_id").drop("profile_id_right")
    table = table.left_join(history, "profile_id").drop("profile_id_right")
    for name, column in (("items", "item_id"), ("categories", "category"), ("channels", "channel")):
        if feature_set.has(column):
            table = table.left_join(_distinct(past, name, column, feature_set, day), "profile_id")
            table = table.drop("profile_id_right")
    for event in feature_set.events:
        table = table.left_join(_other_event(past, event, feature_set, day), "profile_id")
        table = table.drop("profile_id_right")
    return _finish(table, feature_set, _profile_columns(table, feature_set, day), "profile_activity")


def _distinct(past: ir.Table, name: str, column: str, feature_set: FeatureSet, day: int) -> ir.Table:
    """Count distinct values a window: a value counts when it was last bought inside the window."""
    bought = past.filter((past.event == PURCHASE) & ~past.is_return & past[column].notnull())
    last = bought.group_by(["profile_id", column]).aggregate(last=bought.day.max())
    counts = {f"{name}_{n}d": (last["last"] >= day - n).cast("int64").sum() for n in feature_set.windows}
    return last.group_by("profile_id").aggregate(**{f"{name}_all": last.count()}, **counts)


def _other_event(past: ir.Table, event: str, feature_set: FeatureSet, day: int) -> ir.Table:
    days = past.filter(past.event == event).select("profile_id", "day").distinct()
    counts = {f"{event}_days_{n}d": (days.day >= day - n).cast("int64").sum() for n in feature_set.windows}
    return days.group_by("profile_id").aggregate(**{f"{event}_recency_days": day - days.day.max()}, **counts)


def _ratio(numerator: Any, denominator: Any) -> Any:
    bottom = denominator.cast("float64")
    return numerator.cast("float64") / bottom.nullif(0.0)


def _gap_columns(table: ir.Table, recency: Any, prefix: str = "") -> dict[str, Any]:
    """Mean gap, its spread, and the silence as a multiple of it; unknown after a single purchase day.

    The spread comes from exact integer sums: n·Σg² − (Σg)² keeps every bit that a running mean loses.
    """
    count = table.n - 1
    mean = _ratio(table.gap_sum, count)
    return {
        f"{prefix}gap_mean_days": mean,
        f"{prefix}recency_over_gap": recency.cast("float64") / mean.nullif(0.0),
    }


def _profile_columns(table: ir.Table, feature_set: FeatureSet, day: int) -> dict[str, Any]:
    import ibis

    recency = day - table["last"]
    tenure = day - table["first"]
    count = table.n - 1
    variance = _ratio(count * table.gap_squares - table.gap_sum * table.gap_sum, count * count)
    basket_mean = _ratio(table.spend_all, table.n)
    columns: dict[str, Any] = {
        "recency_days": recency,
        "tenure_days": tenure,
        "purchase_days_all": table.n,
        "purchase_day_rate": _ratio(table.n, tenure),
        "spend_rate": _ratio(table.spend_all, tenure),
        "tenure_bounded_days": ibis.least(tenure, feature_set.windows[-1]),
        **_gap_columns(table, recency),
        "gap_std_days": variance.sqrt(),
        "gap_max_days": table.gap_max,
        "gap_last_days": table.gap_last,
        "recency_over_longest_gap": _ratio(recency, table.gap_max),
        "basket_mean": basket_mean,
        "basket_last": table.basket_last,
        "basket_last_over_mean": table.basket_last.cast("float64") / basket_mean.nullif(0.0),
        "weekend_share": _ratio(table.weekend, table.n),
        "morning_share": _ratio(table.morning, table.lines_all),
        "evening_share": _ratio(table.evening, table.lines_all),
        "lines_per_purchase_day": _ratio(table.lines_all, table.n),
        "return_share": _ratio(table.return_lines_all, table.lines_all),
        "discount_share": _ratio(table.discount_all, table.spend_all + table.discount_all),
    }
    for short, long in feature_set.trend_windows():
        for stem in ("purchase_days", "spend"):
            pace = _ratio(table[f"{stem}_{long}d"] * short, table[f"{stem}_{long}d"] * 0 + long)
            columns[f"{stem}_trend_{short}_{long}d"] = table[f"{stem}_{short}d"].cast(
                "float64"
            ) / pace.nullif(0.0)
    return columns


def _profile_category(past: ir.Table, feature_set: FeatureSet, day: int) -> ir.Table:
    import ibis

    known = past.filter(past.category.notnull())
    days = _days(known, ["profile_id", "category"])
    active = days.filter(days.lines > 0)
    gaps = active.mutate(
        gap=active.day
        - active.day.lag().over(ibis.window(group_by=["profile_id", "category"], order_by="day"))
    )
    keys = ["profile_id", "category"]
    history = gaps.group_by(keys).aggregate(
        n=gaps.count(), first=gaps.day.min(), last=gaps.day.max(), gap_sum=gaps.gap.sum()
    )
    windows: dict[str, Any] = {"category_spend_all": days.spend.sum()}
    for n in feature_set.windows:
        recent = days.day >= day - n
        windows[f"category_purchase_days_{n}d"] = (recent & (days.lines > 0)).cast("int64").sum()
        windows[f"category_spend_{n}d"] = days.spend.sum(where=recent).fill_null(0)
    table = history.left_join(days.group_by(keys).aggregate(**windows), keys)
    table = table.drop("profile_id_right", "category_right")
    everything = _days(past, ["profile_id"])
    whole = everything.group_by("profile_id").aggregate(
        profile_first=everything.day.min(where=everything.lines > 0),
        profile_days=(everything.lines > 0).cast("int64").sum(),
        profile_spend=everything.spend.sum(),
    )
    table = table.left_join(whole, "profile_id").drop("profile_id_right")
    table = table.mutate(exposure=day - table.profile_first)
    pace = table.group_by("category").aggregate(pace_days=table.n.sum(), pace_exposure=table.exposure.sum())
    table = table.left_join(pace, "category").drop("category_right")
    recency = day - table["last"]
    # Gamma-Poisson posterior mean: one purchase day of prior, at the pace of the category's own buyers.
    prior_exposure = _ratio(table.pace_exposure, table.pace_days)
    expected = (
        EXPECTED_REPEATS_DAYS
        * (table.n + 1).cast("float64")
        / (table.exposure.cast("float64") + prior_exposure)
    )
    columns = {
        "category_recency_days": recency,
        "category_tenure_days": day - table["first"],
        "category_purchase_days_all": table.n,
        "category_purchase_day_rate": _ratio(table.n, table.exposure),
        "category_spend_rate": _ratio(table.category_spend_all, table.exposure),
        "category_day_share": _ratio(table.n, table.profile_days),
        "category_spend_share": _ratio(table.category_spend_all, table.profile_spend),
        **_gap_columns(table, recency, "category_"),
        "category_expected_repeats": expected,
    }
    return _finish(table, feature_set, columns, "profile_category")


def _finish(table: ir.Table, feature_set: FeatureSet, columns: dict[str, Any], view: View) -> ir.Table:
    from tagcast.features.catalog.feature_set import VIEWS

    features = {}
    for feature in feature_set.features(view):
        value = columns[feature.name] if feature.name in columns else table[feature.name]
        value = value.cast("float64")
        features[feature.name] = value if feature.absent is None else value.fill_null(feature.absent)
    return table.select(*VIEWS[view], **features)
