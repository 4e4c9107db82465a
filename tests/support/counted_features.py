"""Features counted by hand, line by line in plain Python: what they mean, with nothing of how they are computed.

Money is added as Decimal, so that no order of addition matters; only the last division is in floating point.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

Line = Mapping[str, Any]
Number = int | float | Decimal | None
REPEATS_OVER_DAYS = 30


def profile_features(
    lines: Iterable[Line], as_of: date, windows: Sequence[int], events: Sequence[str] = ()
) -> dict[str, dict[str, float]]:
    """Return every feature of every profile that has any event before ``as_of``; NaN where one is unknown."""
    of: dict[str, list[Line]] = defaultdict(list)
    for line in lines:
        if line["event_day"] < as_of:
            of[line["profile_id"]].append(line)
    return {profile: _plain(_profile(mine, as_of, windows, events)) for profile, mine in of.items()}


def pair_features(
    lines: Iterable[Line], as_of: date, windows: Sequence[int]
) -> dict[tuple[str, str], dict[str, float]]:
    """Return every feature of each profile and category that it has bought before ``as_of``."""
    paid = [line for line in lines if line["event"] == "purchase" and line["event_day"] < as_of]
    of: dict[tuple[str, str], list[Line]] = defaultdict(list)
    for line in paid:
        if line["category"] is not None:
            of[line["profile_id"], line["category"]].append(line)
    days_of = {pair: _bought_days(mine) for pair, mine in of.items()}
    whole = {profile: _bought_days([x for x in paid if x["profile_id"] == profile]) for profile, _ in of}
    found = {}
    for (profile, category), mine in of.items():
        days = days_of[profile, category]
        if not days:
            continue
        buyers = [p for p, c in of if c == category and days_of[p, c]]
        pace_days = sum(len(days_of[p, category]) for p in buyers)
        pace_exposure = sum((as_of - whole[p][0]).days for p in buyers)
        exposure, spend = (as_of - whole[profile][0]).days, _sum(mine, "amount")
        mean = _over((days[-1] - days[0]).days, len(days) - 1)
        recency = (as_of - days[-1]).days
        row: dict[str, Number] = {
            "category_recency_days": recency,
            "category_tenure_days": (as_of - days[0]).days,
            "category_purchase_days_all": len(days),
            "category_spend_all": spend or 0,
            "category_purchase_day_rate": _over(len(days), exposure) or 0,
            "category_spend_rate": _over(spend, exposure) or 0,
            "category_day_share": _over(len(days), len(whole[profile])) or 0,
            "category_spend_share": _over(
                spend, _sum([x for x in paid if x["profile_id"] == profile], "amount")
            )
            or 0,
            "category_gap_mean_days": mean,
            "category_recency_over_gap": _over(recency, mean),
            "category_expected_repeats": REPEATS_OVER_DAYS
            * float(len(days) + 1)
            / (exposure + pace_exposure / pace_days),
        }
        for window in windows:
            start = as_of - timedelta(days=window)
            row[f"category_purchase_days_{window}d"] = sum(day >= start for day in days)
            row[f"category_spend_{window}d"] = _sum(_since(mine, start), "amount") or 0
        found[profile, category] = _plain(row)
    return found


def _profile(
    mine: list[Line], as_of: date, windows: Sequence[int], events: Sequence[str]
) -> dict[str, Number]:
    paid = [line for line in mine if line["event"] == "purchase"]
    bought = [line for line in paid if not line["is_return"]]
    days = _bought_days(paid)
    n = len(days) or None
    recency, tenure = ((as_of - days[-1]).days, (as_of - days[0]).days) if days else (None, None)
    gaps = [(b - a).days for a, b in pairwise(days)]
    mean_gap = _over(sum(gaps), len(gaps))
    spend, discount = _sum(paid, "amount"), _sum(bought, "discount")
    basket = _over(spend, n)
    row: dict[str, Number] = {
        "recency_days": recency,
        "tenure_days": tenure,
        "purchase_days_all": n,
        "spend_all": spend,
        "purchase_day_rate": _over(n, tenure),
        "spend_rate": _over(spend, tenure),
        "tenure_bounded_days": None if tenure is None else min(tenure, windows[-1]),
        "gap_mean_days": mean_gap,
        "gap_std_days": math.sqrt(
            (len(gaps) * sum(gap * gap for gap in gaps) - sum(gaps) ** 2) / len(gaps) ** 2
        )
        if gaps
        else None,
        "gap_max_days": max(gaps, default=None),
        "gap_last_days": gaps[-1] if gaps else None,
        "recency_over_gap": _over(recency, mean_gap),
        "recency_over_longest_gap": _over(recency, max(gaps, default=None)),
        "basket_mean": basket,
        "basket_last": None,
        "weekend_share": _over(sum(day.isoweekday() > 5 for day in days), n),
        "morning_share": _over(sum(line["event_time"].hour < 12 for line in bought), len(bought)),
        "evening_share": _over(sum(line["event_time"].hour >= 18 for line in bought), len(bought)),
        "items_all": len(_known(bought, "item_id")) or None,
        "categories_all": len(_known(bought, "category")) or None,
        "lines_per_purchase_day": _over(len(bought), n),
        "return_share": _over(len(paid) - len(bought), len(bought)),
        "discount_share": None
        if discount is None or spend is None
        else _over(discount, Decimal(spend) + Decimal(discount)),
    }
    for day in days:  # the last one whose spend is known stays
        of_day = _sum([line for line in paid if line["event_day"] == day], "amount")
        row["basket_last"] = row["basket_last"] if of_day is None else of_day
    row["basket_last_over_mean"] = _over(row["basket_last"], basket)
    for window in windows:
        start = as_of - timedelta(days=window)
        late, late_paid = _since(bought, start), _since(paid, start)
        row |= {
            f"purchase_days_{window}d": len(_bought_days(late)),
            f"orders_{window}d": len(
                {(x["event_day"], x["order_id"]) for x in late if x["order_id"] is not None}
            ),
            f"lines_{window}d": len(late),
            f"quantity_{window}d": _sum(late, "quantity") or 0,
            f"spend_{window}d": _sum(late_paid, "amount") or 0,
            f"discount_{window}d": _sum(late, "discount") or 0,
            f"return_lines_{window}d": len(late_paid) - len(late),
            f"items_{window}d": len(_known(late, "item_id")),
            f"categories_{window}d": len(_known(late, "category")),
        }
        for event in events:
            seen = {line["event_day"] for line in _since(mine, start) if line["event"] == event}
            row[f"{event}_days_{window}d"] = len(seen)
    for short, long in pairwise(windows):
        for stem in ("purchase_days", "spend"):
            usual = _over(Decimal(row[f"{stem}_{long}d"] or 0) * short, long)
            row[f"{stem}_trend_{short}_{long}d"] = _over(row[f"{stem}_{short}d"], usual)
    for event in events:
        last = max((line["event_day"] for line in mine if line["event"] == event), default=None)
        row[f"{event}_recency_days"] = None if last is None else (as_of - last).days
    return row


def _bought_days(lines: Iterable[Line]) -> list[date]:
    return sorted({line["event_day"] for line in lines if not line["is_return"]})


def _since(lines: Iterable[Line], start: date) -> list[Line]:
    return [line for line in lines if line["event_day"] >= start]


def _known(lines: Iterable[Line], column: str) -> set[str]:
    return {line[column] for line in lines if line[column] is not None}


def _sum(lines: Iterable[Line], column: str) -> Decimal | None:
    """Add what is known; None where nothing is."""
    known = [line[column] for line in lines if line[column] is not None]
    return sum(known, Decimal(0)) if known else None


def _over(top: Number, bottom: Number) -> float | None:
    return None if top is None or not bottom else float(top) / float(bottom)


def _plain(row: Mapping[str, Number]) -> dict[str, float]:
    return {name: math.nan if value is None else float(value) for name, value in row.items()}
