"""A small shop for tests: Poisson shoppers who come, go quiet and come back, written as a source file."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

from tagcast.features.catalog.feature_set import SHIPPED, FeatureSet
from tagcast.features.compute.aggregates.queries import aggregate_plan, file_parameter
from tagcast.features.compute.dated_statements import EVENTS
from tagcast.features.compute.snapshots import Snapshots

FIRST_DAY = date(2024, 1, 1)
CATEGORIES = ("coffee", "tea", "bread", "cheese")


def shop_lines(customers: int = 300, days: int = 240, seed: int = 1) -> pd.DataFrame:
    """Return order lines: ``customer, at, order_no, sku, kind, price, units, off``."""
    rng = np.random.default_rng(seed)
    rate = rng.gamma(1.2, 0.06, customers)
    loves = rng.dirichlet(np.full(len(CATEGORIES), 0.7), customers)
    rows = []
    order = 0
    for customer in range(customers):
        day = float(rng.uniform(0, 60))
        while day < days:
            order += 1
            at = datetime.combine(FIRST_DAY, datetime.min.time()) + timedelta(days=day)
            for kind in rng.choice(len(CATEGORIES), size=1 + rng.poisson(1.2), p=loves[customer]):
                price = round(float(rng.lognormal(1.5, 0.5)), 2)
                rows.append(
                    (
                        f"c{customer:04d}",
                        at,
                        f"o{order}",
                        f"{CATEGORIES[kind]}-{rng.integers(5)}",
                        CATEGORIES[kind],
                        price,
                        int(rng.integers(1, 4)),
                        round(price * 0.1, 2),
                    )
                )
            quiet = 60.0 if rng.random() < 0.06 else 0.0
            day += max(0.2, float(rng.exponential(1 / max(rate[customer], 0.01)))) + quiet
    frame = pd.DataFrame(rows, columns=["customer", "at", "order_no", "sku", "kind", "price", "units", "off"])
    return frame.assign(at=frame["at"].dt.floor("s"))


@dataclass(frozen=True)
class Log:
    """An event log written by hand, enough for snapshots."""

    id: str
    glob: str

    def id_before(self, _day: date) -> str:
        """Return the whole log's id: one written by hand has no digests of its days."""
        return self.id


def write_log(folder: Path, lines: pd.DataFrame, name: str = "log") -> Log:
    """Write ``lines`` in the event log's own columns and return a handle."""
    folder.mkdir(parents=True, exist_ok=True)
    returned = lines["returned"] if "returned" in lines else pd.Series(False, index=lines.index)
    kind = lines["event"] if "event" in lines else pd.Series("purchase", index=lines.index)
    frame = pd.DataFrame(
        {
            "profile_id": lines["customer"],
            "event_time": lines["at"],
            "event": kind,
            "amount": lines["price"],
            "quantity": lines["units"],
            "discount": lines["off"],
            "category": lines["kind"],
            "item_id": lines["sku"],
            "order_id": lines["order_no"],
            "is_return": returned,
        }
    )
    target = folder / f"{name}.parquet"
    with duckdb.connect() as connection:
        connection.register("frame", frame)
        connection.execute(
            """COPY (SELECT profile_id, event_time::TIMESTAMP AS event_time, event_time::DATE AS event_day,
                 hour(event_time)::TINYINT AS event_hour, event, amount::DECIMAL(18,4) AS amount,
                 quantity::DECIMAL(18,4) AS quantity, discount::DECIMAL(18,4) AS discount, category, item_id,
                 order_id, NULL::VARCHAR AS channel, is_return, 'shop' AS source FROM frame ORDER BY ALL)
               TO $target""",
            {"target": str(target)},
        )
    return Log(f"{name}-{len(lines)}", str(target))


def view_alone(view: str, events: str, feature_set: FeatureSet, as_of: date) -> pd.DataFrame:
    """Return the features of ``view`` in order of its keys, from statements that are put together for this one day.

    Parameters
    ----------
    view : str
    events : str
        Files of the event log.
    feature_set : FeatureSet
    as_of : date
    """
    (made,) = (one for one in feature_set.shipped if one.name == view)
    with duckdb.connect() as connection, tempfile.TemporaryDirectory() as folder:
        files = {}
        for other in made.beside_views:
            file = Path(folder) / f"{other}.parquet"
            view_alone(other, events, feature_set, as_of).to_parquet(file, index=False)
            files[file_parameter(other)] = str(file)
        connection.read_parquet(events).create_view(EVENTS)
        plan = aggregate_plan(made, connection.table(EVENTS).columns, [as_of])
        for name, query in (*plan.shared.items(), *plan.before[0].items()):
            connection.execute(f'CREATE TABLE "{name}" AS {query.sql("duckdb")}')
        rows = connection.execute(plan.at[0].sql("duckdb"), files).df()
    return rows.sort_values(list(made.keys), ignore_index=True)


def snapshots_of(
    log: Log, feature_set: FeatureSet, dates: Sequence[date], folder: Path
) -> dict[tuple[str, date], pd.DataFrame]:
    """Return the features of each view at each of ``dates`` by entity, all built together, anew."""
    home = Path(tempfile.mkdtemp(dir=folder))
    snapshots = Snapshots(home, log, feature_set, "UTC")
    snapshots.ensure(dates)
    stamps = ["event_timestamp", "created_timestamp"]
    return {
        (view, as_of): pd.read_parquet(snapshots.path(view, as_of)).drop(columns=stamps).set_index(list(keys))
        for view, keys in SHIPPED.items()
        for as_of in dates
        if feature_set.features(view)
    }


CONFIG = """\
name = "small shop"
timezone = "UTC"
tags = "tags"

[[sources]]
name = "shop"
path = "lines.parquet"
timezone = "UTC"
event = "purchase"

[sources.columns]
profile_id = "customer"
event_time = "at"
amount = "price"
quantity = "units"
discount = "off"
category = "kind"
item_id = "sku"
order_id = "order_no"

[profiles]
path = "customers.csv"
key = "customer"
columns = ["city", "age"]
"""

CHURN = """\
name: churn_risk
title: {en: Churn risk, zh: 流失风险}
description: {en: Active customers who will not buy in the next 30 days, zh: 未来30天内不再购买的活跃客户}
path: [Lifecycle, Retention]
owner: tests
population: {active_within_days: 60}
outcome: {kind: no_event, horizon_days: 30}
feature_service: churn
decision: {rule: threshold, threshold: 0.5}
snapshots: {min_history_days: 60}
"""

VALUE = """\
name: high_value
title: {en: High value, zh: 高价值}
description: {en: The fifth of active customers who will spend most, zh: 消费最高的五分之一活跃客户}
path: [Value, Spend]
owner: tests
population: {active_within_days: 60}
outcome: {kind: top_share, share: 0.2, horizon_days: 30}
feature_service: value
decision: {rule: top_share, share: 0.2}
snapshots: {min_history_days: 60}
"""

INTEREST = """\
name: interest.{category}
title: {en: "Interest in {category}", zh: "对{category}感兴趣"}
description: {en: "Will buy {category} in 30 days", zh: "30天内会购买{category}"}
path: [Interest, Groceries]
owner: tests
population: {active_within_days: 60}
outcome: {kind: any_event, category: "{category}", horizon_days: 30}
family: {top: 2}
feature_service: interest
decision: {rule: threshold, threshold: 0.5}
snapshots: {min_history_days: 60}
"""

AMOUNT = """\
name: spend_30d
title: {en: Spend in 30 days, zh: 未来30天消费额}
description: {en: Net spend of active customers in the next 30 days, zh: 活跃客户未来30天净消费额}
path: [Value, Spend]
owner: tests
population: {active_within_days: 60}
outcome: {kind: amount, horizon_days: 30, tiers: {low: 0, medium: 20, high: 60}}
feature_service: value
min_confidence: 0.3
snapshots: {min_history_days: 60}
"""


def write_shop(folder: Path, *, customers: int = 300, days: int = 240, seed: int = 1) -> Path:
    """Write a project (configuration, source, attributes, definitions) and return the configuration."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = shop_lines(customers, days, seed)
    lines.to_parquet(folder / "lines.parquet", index=False)
    rng = np.random.default_rng(seed)
    people = pd.DataFrame({"customer": sorted(lines["customer"].unique())})
    people["city"] = rng.choice(["Oslo", "Bergen", "Tromsø"], len(people))
    people["age"] = rng.integers(18, 90, len(people))
    people.to_csv(folder / "customers.csv", index=False)
    (folder / "tags").mkdir(exist_ok=True)
    for name, text in (("churn_risk", CHURN), ("high_value", VALUE), ("interest", INTEREST)):
        (folder / "tags" / f"{name}.yaml").write_text(text, encoding="utf-8")
    config = folder / "tagcast.toml"
    config.write_text(CONFIG, encoding="utf-8")
    return config
