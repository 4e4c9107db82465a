"""Who is eligible at ``as_of``, and what they did afterwards: populations and outcomes as ibis expressions.

Populations look back (``event_day < as_of``), outcomes look ahead (``as_of <= event_day < as_of + horizon``).
A return is money given back: it lowers net spend, and never counts as an activity.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from tagcast.features.catalog.feature_set import PURCHASE
from tagcast.features.compute.window_aggregates import WindowRule, measured, window_label
from tagcast.features.core.errors import DataError
from tagcast.features.core.messages import msg
from tagcast.features.entities.pair import Pair

if TYPE_CHECKING:
    import ibis.expr.types as ir

AMOUNT = "amount"
"""The outcome that is no yes or no."""
TOP_SHARE = "top_share"
"""The outcome that depends on everybody's."""


@dataclass(frozen=True)
class Eligibility:
    """Who belongs to a population at ``as_of``; with nothing set, everyone with an event before it.

    Parameters
    ----------
    active_within_days : int, optional
        A purchase in the last so many days.
    category, not_bought_within_days : str, int, optional
        No purchase of the category in the last so many days.
    """

    active_within_days: int | None = None
    category: str | None = None
    not_bought_within_days: int | None = None


@dataclass(frozen=True)
class OutcomeRule:
    """What counts as the outcome in the window that starts at ``as_of``.

    Parameters
    ----------
    kind : str
        ``no_event``, ``any_event``, ``count_at_least`` (distinct days), ``sum_at_least`` (net spend),
        ``top_share`` (of the population, by net spend, only above zero) or ``amount`` (net spend itself).
    horizon_days : int
    event : str
    pair : Pair, optional
        Only events of this category, or of this one of an entity.
    at_least : float, optional
    share : float, optional
    """

    kind: str
    horizon_days: int
    event: str = PURCHASE
    pair: Pair | None = None
    at_least: float | None = None
    share: float | None = None


def population(events: ir.Table, as_of: date, eligibility: Eligibility) -> ir.Table:
    """Return the ``profile_id`` of everyone eligible at ``as_of``, each once."""
    past = events.filter(events.event_day < as_of)
    members = past
    if eligibility.active_within_days:
        start = as_of - timedelta(days=eligibility.active_within_days)
        members = past.filter((past.event == PURCHASE) & ~past.is_return & (past.event_day >= start))
    members = members.select("profile_id").distinct()
    if eligibility.not_bought_within_days:
        start = as_of - timedelta(days=eligibility.not_bought_within_days)
        buyers = past.filter(
            (past.event == PURCHASE)
            & ~past.is_return
            & (past.category == eligibility.category)
            & (past.event_day >= start)
        )
        members = members.anti_join(buyers.select("profile_id").distinct(), "profile_id")
    return members


def outcome_of(
    events: ir.Table, members: ir.Table, as_of: date, rule: OutcomeRule | WindowRule, *, observed_until: date
) -> ir.Table:
    """Return ``profile_id`` and ``y`` (int8, 0 or 1) of ``members``.

    Of an amount ``y`` is whether there was any, and ``amount`` (float64, never below 0) how much: more given
    back than bought is no spend.

    Parameters
    ----------
    events : ibis table
        The event log.
    members : ibis table
        ``profile_id``, each once; a ``top_share`` is a share of these. With ``bound`` where each is held against
        a bound of its own.
    as_of : date
    rule : OutcomeRule or WindowRule
    observed_until : date
        First day that is not observed; the window has to end at or before it.

    Raises
    ------
    DataError
        When the window is not fully observed: silence that has not happened yet is no label.
    """
    check_observed(as_of, rule, observed_until)
    if isinstance(rule, WindowRule):
        joined = members.left_join(measured(events, as_of, rule), "profile_id").drop("profile_id_right")
        y = window_label(joined, rule).cast("int8")
        return joined.select("profile_id", y=y).order_by("profile_id")
    joined = spent(events, members, as_of, rule)
    return joined.select("profile_id", **label_columns(joined, rule)).order_by("profile_id")


def spent(events: ir.Table, members: ir.Table, as_of: date, rule: OutcomeRule) -> ir.Table:
    """Return ``members`` with ``days`` and ``net`` of the events of their window that a rule counts."""
    end = as_of + timedelta(days=rule.horizon_days)
    window = events.filter(
        (events.event_day >= as_of) & (events.event_day < end) & (events.event == rule.event)
    )
    if rule.pair is not None:
        window = window.filter(window[rule.pair.entity] == rule.pair.value)
    happened = window.group_by("profile_id").aggregate(
        days=window.event_day.nunique(where=~window.is_return), net=window.amount.sum()
    )
    joined = members.left_join(happened, "profile_id").drop("profile_id_right")
    return joined.mutate(days=joined.days.fill_null(0), net=joined.net.cast("float64").fill_null(0.0))


def label_columns(joined: ir.Table, rule: OutcomeRule) -> dict[str, ir.Value]:
    """Return ``y`` (int8), and ``amount`` of an amount, of what :func:`spent` found."""
    labels: dict[str, ir.Value] = {"y": _label(joined, rule).cast("int8")}
    if rule.kind == AMOUNT:
        labels["amount"] = joined.net.clip(lower=0.0)
    return labels


def check_observed(as_of: date, rule: OutcomeRule | WindowRule, observed_until: date) -> None:
    """Refuse a window that is not fully observed, as :func:`outcome_of` does."""
    end = as_of + timedelta(days=rule.horizon_days)
    if end > observed_until:
        raise DataError(
            msg(
                "the window {as_of} to {end} ({horizon_days} days) is not fully observed: events are known until {observed_until}",
                as_of=as_of,
                end=end,
                horizon_days=rule.horizon_days,
                observed_until=observed_until,
            ),
            hint=msg(
                "take a snapshot at or before {observed_until}, or wait",
                observed_until=observed_until - timedelta(days=rule.horizon_days),
            ),
        )


def _label(joined: ir.Table, rule: OutcomeRule) -> ir.BooleanValue:
    import ibis

    if rule.kind == "no_event":
        return joined.days == 0
    if rule.kind == "any_event":
        return joined.days > 0
    if rule.kind == "count_at_least":
        return joined.days >= rule.at_least
    if rule.kind == AMOUNT:
        return joined.net > 0
    if rule.kind == "sum_at_least":
        return joined.net >= rule.at_least
    # Those who tie with the last one inside the share are inside too, so that no order of rows decides.
    place = ibis.rank().over(ibis.window(order_by=ibis.desc(joined.net)))
    return (place < (joined.count() * rule.share).ceil()) & (joined.net > 0)


def top_values(
    events: ir.Table, column: str, as_of: date, count: int, event: str | None = PURCHASE
) -> list[str]:
    """Return the ``count`` values of ``column`` with the most distinct profiles in the year before ``as_of``.

    Parameters
    ----------
    events : ibis table
    column : str
        Categories, or an entity that events name.
    as_of : date
        Nothing at or after it is read.
    count : int
    event : str or None
        Profiles count by an event of this name; None: by any.

    Returns
    -------
    list of str
        Most profiles first, ties by name.
    """
    import ibis

    year = events.filter(
        (events.event_day < as_of)
        & (events.event_day >= as_of - timedelta(days=365))
        & ~events.is_return
        & events[column].notnull()
    )
    if event is not None:
        year = year.filter(year.event == event)
    counted = year.group_by(column).aggregate(_profiles=year.profile_id.nunique())
    return list(counted.order_by([ibis.desc("_profiles"), column]).limit(count)[column].execute())


def values_before(events: ir.Table, column: str, as_of: date) -> list[str]:
    """Return every value of ``column`` of the events before ``as_of``, by name."""
    named = events.filter((events.event_day < as_of) & events[column].notnull())
    return list(named.select(column).distinct().order_by(column)[column].execute())
