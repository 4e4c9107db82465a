"""The year of a made shop in Berlin: what is sold and seen, when files of it arrive, and what its people change."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

ZONE = "Europe/Berlin"
FIRST_EVENT, AFTER = date(2024, 6, 1), date(2026, 1, 1)
ODD_FROM = date(2025, 1, 1)
"""From here on some files are late, and some come twice."""
CUSTOMERS, SEED = 160, 11

CONFIG = f"""\
name = "a year"
timezone = "{ZONE}"
tags = "tags"

[[sources]]
name = "orders"
path = "orders/*.csv"
timezone = "{ZONE}"
event = "purchase"
deduplicate = true

[sources.columns]
profile_id = "customer"
event_time = "at"
amount = "price"
category = "kind"
order_id = "order_no"

[[sources]]
name = "visits"
path = "visits/*.parquet"
timezone = "UTC"
event = "visit"

[sources.columns]
profile_id = "customer"
event_time = "at"

[publish]
keep = 3
"""
NOTIFY = """
[notify]
webhook = "${NIGHTS_WEBHOOK}"
on = ["refused", "failed", "stale", "promise_broken", "review_needed"]
"""

CHURN = """\
name: churn_risk
title: {en: Churn risk, zh: 流失风险}
description: {en: Active customers who will not buy in the next 30 days, zh: 未来30天内不再购买的活跃客户}
path: [Lifecycle, Retention]
owner: nights
population: {active_within_days: 60}
outcome: {kind: no_event, horizon_days: 30}
feature_service: churn
decision: {rule: threshold, threshold: 0.5}
snapshots: {min_history_days: 60}
refresh: "30 2 * * *"
retrain: {every_days: RETRAIN_DAYS, when: [promise_broken]}
"""
SPEND = """\
name: spend_14d
title: {en: Spend in 14 days, zh: 未来14天消费额}
description: {en: Net spend of active customers in the next 14 days, zh: 活跃客户未来14天净消费额}
path: [Value, Spend]
owner: nights
population: {active_within_days: 60}
outcome: {kind: amount, horizon_days: 14, tiers: {low: 0, medium: 15, high: 40}}
feature_service: value
snapshots: {min_history_days: 60}
refresh: "30 2 * * mon"
retrain: {every_days: RETRAIN_DAYS}
"""
STAGE = """\
kind: rule
name: stage
title: {en: Stage, zh: 阶段}
description: {en: Where a customer stands, zh: 客户所处阶段}
path: [Lifecycle, Stage]
owner: nights
cases:
  new: "tenure_days <= 60"
  lapsed: "recency_days > 45"
otherwise: returning
refresh: "30 2 * * *"
"""
TIERS = {"low": 0.0, "medium": 15.0, "high": 40.0}
HORIZONS = {"churn_risk": 30, "spend_14d": 14}


SHORTER_STAGE = ("recency_days > 45", "recency_days > 30")
LOWER_CHURN = ("threshold: 0.5", "threshold: 0.4")


@dataclass(frozen=True)
class Plan:
    """What happens when, beside what is sold.

    Parameters
    ----------
    first : date
        The first night.
    nights : int
    retrain_days : int
        Age at which models are trained anew.
    silent : tuple of date
        Days on which the scheduler is down: nobody calls.
    stage_edit, churn_edit : date
        Before these nights somebody changes the rule, and the threshold of the model's tag.
    full : dict of date to int
        Nights on which the disk is full, and how many kilobytes are still free.
    """

    first: date
    nights: int
    retrain_days: int
    silent: tuple[date, ...]
    stage_edit: date
    churn_edit: date
    full: dict[date, int]

    @property
    def trainings(self) -> frozenset[date]:
        """The nights on which a model is old enough: the first ones are made on the day before the first night."""
        every = range(self.retrain_days - 1, self.nights, self.retrain_days)
        return frozenset(self.first + timedelta(days=n) for n in every)

    def edits(self, day: date) -> dict[str, tuple[str, str]]:
        """Return what is replaced by what in files of tags before a night."""
        return {
            **({"stage": SHORTER_STAGE} if day == self.stage_edit else {}),
            **({"churn_risk": LOWER_CHURN} if day == self.churn_edit else {}),
        }


YEAR = Plan(
    first=date(2025, 1, 1),
    nights=365,
    retrain_days=100,
    silent=(date(2025, 6, 13), date(2025, 6, 14), date(2025, 6, 15)),
    stage_edit=date(2025, 2, 10),
    churn_edit=date(2025, 8, 5),
    full={date(2025, 1, 21): 0, date(2025, 3, 4): 60, date(2025, 6, 3): 300, date(2025, 9, 9): 900},
)
SPRING = Plan(
    first=date(2025, 3, 1),
    nights=45,
    retrain_days=25,
    silent=(date(2025, 4, 2), date(2025, 4, 3), date(2025, 4, 4)),
    stage_edit=date(2025, 3, 8),
    churn_edit=date(2025, 3, 20),
    full={date(2025, 3, 11): 0, date(2025, 3, 18): 300, date(2025, 4, 8): 900},
)
"""A short form, with all of it but one change of clocks."""


def hours_of(day: date) -> tuple[datetime, ...]:
    """Return ten past each hour from one to eight o'clock of a morning in the shop's zone, in UTC."""
    start = pd.Timestamp(day, tz=ZONE) + pd.Timedelta(minutes=10)
    moments = pd.date_range(start, periods=11, freq="h")
    return tuple(at.to_pydatetime().astimezone(UTC) for at in moments if 1 <= at.hour <= 8)


class ShopData:
    """What happens in the shop, and which files of it lie in a folder by which morning.

    Parameters
    ----------
    orders, visits : DataFrame
        ``customer``, ``at`` (UTC), ``day`` (in the shop's zone), ``arrives`` (the morning by which its file is there);
        orders have ``price``, ``kind`` and ``order_no``, too.
    again : mapping of date to date
        Mornings on which orders of an earlier day are delivered a second time, under another name.
    """

    def __init__(self, orders: pd.DataFrame, visits: pd.DataFrame, again: dict[date, date]) -> None:
        self.orders, self.visits, self.again = orders, visits, again

    @classmethod
    def make(cls) -> ShopData:
        """Return the shop's data: the same at each call."""
        rng = np.random.default_rng(SEED)
        visits = _visits(rng, (AFTER - FIRST_EVENT).days)
        bought = visits[rng.random(len(visits)) < 0.55].reset_index(drop=True)
        lines = bought.loc[bought.index.repeat(1 + rng.poisson(0.7, len(bought)))]
        orders = lines.assign(
            order_no=[f"o{number}" for number in lines.index],
            kind=rng.choice(["coffee", "tea", "bread", "cheese"], len(lines)),
            price=rng.lognormal(1.8, 0.5, len(lines)).round(2),
        ).drop_duplicates(["order_no", "kind"])
        days = [FIRST_EVENT + timedelta(days=n) for n in range((AFTER - FIRST_EVENT).days)]
        in_year = [day for day in days if day >= ODD_FROM]
        late = {
            name: dict(
                zip(rng.choice(in_year, 14, replace=False), rng.integers(1, 3, 14).tolist(), strict=True)
            )
            for name in ("orders", "visits")
        }
        # On some mornings nothing is there yet, of neither.
        for day in rng.choice(in_year, 5, replace=False):
            for lateness in late.values():
                lateness[day] = 1
        repeated = {
            day + timedelta(days=1): day - timedelta(days=int(rng.integers(0, 20)))
            for day in rng.choice(in_year, 10, replace=False)
        }
        return cls(_dated(orders, late["orders"]), _dated(visits, late["visits"]), repeated)

    def deliver(self, folder: Path, morning: date, *, first: bool = False) -> None:
        """Write the files that arrive on a morning; the first time all that came before."""
        for name, frame in (("orders", self.orders), ("visits", self.visits)):
            (folder / name).mkdir(parents=True, exist_ok=True)
            there = frame[frame["arrives"] <= morning if first else frame["arrives"] == morning]
            for day, lines in there.groupby("day"):
                self._write(folder, name, day, lines)
        if (day := self.again.get(morning)) is not None:
            # The shop's exporter sends a day anew under another name, and one under its own: no line of them is new.
            lines = self.orders[(self.orders["day"] == day) & (self.orders["arrives"] <= morning)]
            if len(lines):
                self._write(folder, "orders", day, lines, "-again")
            file = folder / "visits" / f"{day}.parquet"
            if file.exists():
                file.write_bytes(file.read_bytes())

    def _write(self, folder: Path, name: str, day: date, lines: pd.DataFrame, suffix: str = "") -> None:
        kept = lines.drop(columns=["day", "arrives"])
        if name == "orders":
            # The till writes what its clock on the wall shows.
            kept = kept.assign(at=kept["at"].dt.tz_convert(ZONE).dt.strftime("%Y-%m-%d %H:%M:%S"))
            kept.to_csv(folder / name / f"{day}{suffix}.csv", index=False)
        else:
            kept.assign(at=kept["at"].dt.tz_localize(None)).to_parquet(
                folder / name / f"{day}.parquet", index=False
            )

    def known(self, morning: date) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Return the orders and visits that have arrived by a morning."""
        return tuple(frame[frame["arrives"] <= morning] for frame in (self.orders, self.visits))


def _visits(rng: np.random.Generator, days: int) -> pd.DataFrame:
    """Return visits of customers who come and go; some at any hour, so that days end differently in UTC."""
    rows = []
    for number in range(CUSTOMERS * 2):
        # Half of them are there at the start; the others replace who leaves.
        start = float(rng.uniform(0, days)) if number >= CUSTOMERS else 0.0
        end = start + float(rng.exponential(400.0))
        rate, at = float(rng.gamma(1.5, 0.09)) + 0.02, start + float(rng.uniform(0, 10))
        while at < min(end, days):
            rows.append((f"c{number:04d}", at))
            at += float(rng.exponential(1 / rate)) + (45.0 if rng.random() < 0.04 else 0.0)
    frame = pd.DataFrame(rows, columns=["customer", "days"])
    start = pd.Timestamp(FIRST_EVENT, tz=ZONE)
    frame["at"] = (start + pd.to_timedelta(frame.pop("days"), unit="D")).dt.tz_convert("UTC").dt.floor("s")
    return frame.sort_values(["at", "customer"], ignore_index=True)


def _dated(frame: pd.DataFrame, late: dict[date, int]) -> pd.DataFrame:
    day = frame["at"].dt.tz_convert(ZONE).dt.date
    return frame.assign(day=day, arrives=[one + timedelta(days=1 + late.get(one, 0)) for one in day])


def write_project(folder: Path, home: Path, retrain_days: int) -> None:
    """Write configuration and tags of the shop, without data."""
    (folder / "tags").mkdir(parents=True)
    (folder / "tagcast.toml").write_text(CONFIG + NOTIFY, encoding="utf-8")
    for name, text in (("churn_risk", CHURN), ("spend_14d", SPEND), ("stage", STAGE)):
        (folder / "tags" / f"{name}.yaml").write_text(
            text.replace("RETRAIN_DAYS", str(retrain_days)), encoding="utf-8"
        )
    home.mkdir(parents=True, exist_ok=True)


def edit_tag(folder: Path, name: str, old: str, new: str) -> None:
    """Replace a part of a tag's file."""
    file = folder / "tags" / f"{name}.yaml"
    text = file.read_text(encoding="utf-8")
    assert old in text, f"{name}: {old!r} is not there"
    file.write_text(text.replace(old, new), encoding="utf-8")
