"""Turn the declared features into ibis expressions over the event log.

Every aggregate is taken over integers or DECIMAL, whose sums do not depend on the order of rows, so the
same events give the same bits on any number of threads; only the last step divides in floating point.
Days are whole local days counted from 1970: ``event_day < as_of`` is the same as ``event_time < as_of``,
because ``as_of`` is a local midnight.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from tagcast.features.catalog.builtin import EXPECTED_REPEATS_DAYS
from tagcast.features.catalog.feature_set import FeatureSet
from tagcast.features.compute.partial_aggregates import DISTINCT_COLUMNS, Partials, day_number

if TYPE_CHECKING:
    import ibis.expr.types as ir


def compile_partials(view: str, partials: Partials, feature_set: FeatureSet, as_of: date) -> ir.Table:
    """Return one row per entity of ``view`` with its features at ``as_of``.

    Parameters
    ----------
    view : str
    partials : Partials
        Aggregates of the event log, which several moments may share.
    feature_set : FeatureSet
    as_of : date
        One of ``partials.dates``; only events of earlier local days are seen.

    Returns
    -------
    ibis table
        The view's entity columns, then its features as float64; a feature that is undefined for an
        entity (a gap after one purchase) is NULL.
    """
    make = _profile_activity if view == "profile_activity" else _profile_category
    return make(partials, feature_set, as_of)


def _profile_activity(partials: Partials, feature_set: FeatureSet, as_of: date) -> ir.Table:
    end = day_number(as_of)
    people = partials.tables["people"]
    # Everyone with any event is an entity: a visitor who never bought has features, most of them unknown.
    table = people.filter(people["first"] < end).select("profile_id")
    parts = [partials.totals(feature_set, end), partials.history(feature_set, end)]
    if feature_set.has("amount"):
        parts.append(_last_basket(partials, feature_set, end))
    parts += [_counts(partials, name, as_of) for name in DISTINCT_COLUMNS if name in partials.tables]
    parts += [_other_event(partials, event, feature_set, end) for event in feature_set.events]
    for part in parts:
        table = table.left_join(part, "profile_id").drop("profile_id_right")
    return _finish(table, feature_set, _profile_columns(table, feature_set, end), "profile_activity")


def _last_basket(partials: Partials, feature_set: FeatureSet, end: int) -> ir.Table:
    """Sum the spend of the last purchase day whose spend is known.

    That day is not before the last line bought at a known amount: only a few lines a profile are read.
    """
    totals, lines = partials.totals(feature_set, end), partials.purchases
    paid = totals.select("profile_id", paid=totals.paid_last.fill_null(day_number(date.min)))
    lines = lines.filter(lines.day < end).select("profile_id", "day", "amount", "is_return")
    late = lines.inner_join(paid, [lines.profile_id == paid.profile_id, lines.day >= paid.paid])
    days = late.group_by(["profile_id", "day"]).aggregate(
        spend=late.amount.sum(), bought=(~late.is_return).any()
    )
    # Not left to argmax: what compiles to a FIRST keeps a NULL of the last day.
    days = days.filter(days.bought & days.spend.notnull())
    return days.group_by("profile_id").aggregate(basket_last=days.spend.argmax(days.day))


def _counts(partials: Partials, name: str, as_of: date) -> ir.Table:
    """Pick the counts of distinct values at one date."""
    suffix = f"@{partials.dates.index(as_of)}"
    table = partials.tables[name]
    picked = {c.removesuffix(suffix): table[c] for c in table.columns if c.endswith(suffix)}
    return table.select("profile_id", **{**picked, f"{name}_all": picked[f"{name}_all"].nullif(0)})


def _other_event(partials: Partials, event: str, feature_set: FeatureSet, end: int) -> ir.Table:
    days = partials.tables[f"event:{event}"]
    days = days.filter(days.day < end)
    counts = {
        f"{event}_days_{n}d": days.n.sum(where=days.day >= end - n).fill_null(0) for n in feature_set.windows
    }
    return days.group_by("profile_id").aggregate(
        **{f"{event}_recency_days": end - days["last"].max()}, **counts
    )


def _ratio(numerator: Any, denominator: Any) -> Any:
    bottom = denominator.cast("float64")
    return numerator.cast("float64") / bottom.nullif(0.0)


def _gap_sum(table: ir.Table) -> Any:
    """All gaps together reach from the first purchase day to the last."""
    return table["last"].cast("int64") - table["first"]


def _gap_columns(table: ir.Table, recency: Any, prefix: str = "") -> dict[str, Any]:
    """Mean gap, its spread, and the silence as a multiple of it; unknown after a single purchase day.

    The spread comes from exact integer sums: n·Σg² − (Σg)² keeps every bit that a running mean loses.
    """
    count = table.n - 1
    mean = _ratio(_gap_sum(table), count)
    return {
        f"{prefix}gap_mean_days": mean,
        f"{prefix}recency_over_gap": recency.cast("float64") / mean.nullif(0.0),
    }


def _profile_columns(table: ir.Table, feature_set: FeatureSet, end: int) -> dict[str, Any]:
    import ibis

    recency = end - table["last"]
    tenure = end - table["first"]
    count = table.n - 1
    total = _gap_sum(table)
    variance = _ratio(count * table.gap_squares - total * total, count * count)
    columns: dict[str, Any] = {
        "recency_days": recency,
        "tenure_days": tenure,
        "purchase_days_all": table.n,
        "purchase_day_rate": _ratio(table.n, tenure),
        "spend_rate": _ratio(table.spend_all, tenure),
        # LEAST skips what is NULL, and would make a visitor who never bought a customer of long standing.
        "tenure_bounded_days": tenure.isnull().ifelse(
            ibis.null(), ibis.least(tenure, feature_set.windows[-1])
        ),
        **_gap_columns(table, recency),
        "gap_std_days": variance.sqrt(),
        "gap_max_days": table.gap_max,
        "gap_last_days": table.gap_last,
        "recency_over_longest_gap": _ratio(recency, table.gap_max),
        "weekend_share": _ratio(table.weekend, table.n),
        "morning_share": _ratio(table.morning, table.lines_all),
        "evening_share": _ratio(table.evening, table.lines_all),
        "lines_per_purchase_day": _ratio(table.lines_all, table.n),
    }
    if feature_set.has("is_return"):
        columns["return_share"] = _ratio(table.return_lines_all, table.lines_all)
    if feature_set.has("discount"):
        columns["discount_share"] = _ratio(table.discount_all, table.spend_all + table.discount_all)
    if feature_set.has("amount"):
        mean = _ratio(table.spend_all, table.n)
        columns["basket_mean"], columns["basket_last"] = mean, table.basket_last
        columns["basket_last_over_mean"] = table.basket_last.cast("float64") / mean.nullif(0.0)
    for short, long in feature_set.trend_windows():
        for stem in ("purchase_days", "spend"):
            pace = _ratio(table[f"{stem}_{long}d"] * short, table[f"{stem}_{long}d"] * 0 + long)
            columns[f"{stem}_trend_{short}_{long}d"] = table[f"{stem}_{short}d"].cast(
                "float64"
            ) / pace.nullif(0.0)
    return columns


def _profile_category(partials: Partials, feature_set: FeatureSet, as_of: date) -> ir.Table:
    end, keys = day_number(as_of), ["profile_id", "category"]
    days, sums = partials.tables["pair_days"], partials.tables["pair_sums"]
    days, sums = days.filter(days.day < end), sums.filter(sums.day < end)
    history: dict[str, Any] = {
        "n": days.n.sum(), "first": days["first"].min(), "last": days["last"].max()
    }  # fmt: skip
    totals: dict[str, Any] = {"category_spend_all": sums.spend.sum()}
    for n in feature_set.windows:
        recent = {"days": days.day >= end - n, "sums": sums.day >= end - n}
        history[f"category_purchase_days_{n}d"] = days.n.sum(where=recent["days"]).fill_null(0)
        totals[f"category_spend_{n}d"] = sums.spend.sum(where=recent["sums"]).fill_null(0)
    table = days.group_by(keys).aggregate(**history)
    table = table.left_join(sums.group_by(keys).aggregate(**totals), keys)
    table = table.drop("profile_id_right", "category_right")
    bought, spent = partials.history(feature_set, end), partials.totals(feature_set, end)
    for whole in (
        bought.select("profile_id", profile_first=bought["first"], profile_days=bought.n),
        spent.select("profile_id", profile_spend=spent.spend_all),
    ):
        table = table.left_join(whole, "profile_id").drop("profile_id_right")
    table = table.mutate(exposure=end - table.profile_first)
    pace = table.group_by("category").aggregate(pace_days=table.n.sum(), pace_exposure=table.exposure.sum())
    table = table.left_join(pace, "category").drop("category_right")
    recency = end - table["last"]
    # Gamma-Poisson posterior mean: one purchase day of prior, at the pace of the category's own buyers.
    prior_exposure = _ratio(table.pace_exposure, table.pace_days)
    expected = (
        EXPECTED_REPEATS_DAYS
        * (table.n + 1).cast("float64")
        / (table.exposure.cast("float64") + prior_exposure)
    )
    columns = {
        "category_recency_days": recency,
        "category_tenure_days": end - table["first"],
        "category_purchase_days_all": table.n,
        "category_purchase_day_rate": _ratio(table.n, table.exposure),
        "category_spend_rate": _ratio(table.category_spend_all, table.exposure),
        "category_day_share": _ratio(table.n, table.profile_days),
        "category_spend_share": _ratio(table.category_spend_all, table.profile_spend),
        **_gap_columns(table, recency, "category_"),
        "category_expected_repeats": expected,
    }
    return _finish(table, feature_set, columns, "profile_category")


def _finish(table: ir.Table, feature_set: FeatureSet, columns: dict[str, Any], view: str) -> ir.Table:
    from tagcast.features.catalog.feature_set import SHIPPED

    features = {}
    for feature in feature_set.features(view):
        value = columns[feature.name] if feature.name in columns else table[feature.name]
        value = value.cast("float64")
        features[feature.name] = value if feature.absent is None else value.fill_null(feature.absent)
    return table.select(*SHIPPED[view], **features)
