"""What a shop's mornings should have left behind, counted again from its raw events with pandas alone.

No line of tagcast is used here: days, stages, outcomes and judgements come from the orders and visits themselves, and from
what the runs predicted.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

import numpy as np
import pandas as pd

from tests.nights.shop_year import HORIZONS, TIERS, ZONE, ShopData

LEVELS = (0.0, 0.6, 0.8, 0.9)


def due_moment(day: date) -> datetime:
    """Return when half past two comes on a day: right after a change of clocks that skips it, the first time where it comes twice."""
    moment = pd.Timestamp(f"{day} 02:30").tz_localize(ZONE, ambiguous=True, nonexistent="shift_forward")
    return moment.tz_convert("UTC").to_pydatetime()


def today(data: ShopData, morning: date) -> date:
    """Return the day after the last event that has arrived by a morning."""
    return max(frame["day"].max() for frame in data.known(morning)) + timedelta(days=1)


def stages(data: ShopData, morning: date, as_of: date, lapsed: int) -> pd.Series:
    """Return the stage of everybody who was seen before ``as_of``, by customer, whose rule calls them lapsed after so many days."""
    orders, visits = (frame[frame["day"] < as_of] for frame in data.known(morning))
    bought = orders.groupby("customer")["day"].agg(["min", "max"])
    everyone = sorted({*orders["customer"], *visits["customer"]})
    found = {}
    for customer in everyone:
        if customer not in bought.index:
            found[customer] = "returning"  # nothing that the cases speak of is known
            continue
        first, last = bought.loc[customer]
        if (as_of - first).days <= 60:
            found[customer] = "new"
        else:
            found[customer] = "lapsed" if (as_of - last).days > lapsed else "returning"
    return pd.Series(found)


def judgement(
    data: ShopData, morning: date, tag: str, as_of: date, predicted: pd.DataFrame
) -> dict[float, tuple[int, float | None, float | None, int]]:
    """Return what a morning finds of a run's promise, by level of confidence: predicted, promised, right, gone.

    Parameters
    ----------
    data : ShopData
    morning : date
        When it is judged: what has arrived by then counts.
    tag : str
    as_of : date
        Of the run.
    predicted : DataFrame
        ``profile_id``, ``value`` and ``confidence`` of the tag in the run.
    """
    orders, _ = data.known(morning)
    window = orders[(orders["day"] >= as_of) & (orders["day"] < as_of + timedelta(days=HORIZONS[tag]))]
    if tag == "churn_risk":
        bought = set(window["customer"])
        actual = ["no" if one in bought else "yes" for one in predicted["profile_id"]]
    else:
        spent = window.groupby("customer")["price"].sum()
        amounts = predicted["profile_id"].map(spent).fillna(0.0).round(2)
        names, starts = list(TIERS), list(TIERS.values())
        actual = [names[int(np.searchsorted(starts, amount, side="right")) - 1] for amount in amounts]
    right = pd.Series(actual, index=predicted.index) == predicted["value"]
    found = {}
    for level in LEVELS:
        said = (predicted["value"] != "unknown") & (predicted["confidence"] >= level)
        if not said.any():
            found[level] = 0, None, None, 0
            continue
        found[level] = (
            int(said.sum()),
            float(predicted.loc[said, "confidence"].mean()),
            float(right[said].mean()),
            0,
        )
    return found
