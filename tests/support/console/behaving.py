"""Profiles whose facts, attributes and tags hang together: who buys much lives in Oslo, and leaves their kind of home open."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa

from tagcast.serving.publishing.publication import stage_run
from tagcast.serving.store.base import ProfileStore
from tagcast.serving.store.schema import FactRun
from tests.support.published import run_info, said, staged

ROWS = 3_000
FACTS = (
    FactRun("spend_all", "spend_all", "profile_activity", "net spend, ever", "历史净消费额", "purchases", "购买",
            unit="currency", role="value"),
    FactRun("recency_days", "recency_days", "profile_activity", "days since the last purchase", "距上次购买天数", "purchases",
            "购买", unit="days", role="recency", since="last"),
    FactRun("visits", "visits", "profile_activity", "days with a purchase, ever", "历史购买天数", "purchases", "购买",
            unit="times", role="frequency"),
    FactRun("secret_spend", "secret_spend", "own", "secret spend", "机密消费额", "own", "自有", unit="currency", role="value"),
    FactRun("orders_30d", "orders_30d", "profile_activity", "orders, last 30 days", "近30天订单数", "purchases", "购买",
            unit="times", window_days=30),
)  # fmt: skip


def behaving(rows: int = ROWS) -> pa.RecordBatch:
    """Return profiles with attributes ``city``, ``home``, ``age``, ``mail`` and the columns of :data:`FACTS`."""
    rng = np.random.default_rng(11)
    good = rng.random(rows) < 0.2
    spend = np.round(rng.gamma(2, 50, rows) * np.where(good, 4, 1), 2)
    recency = np.where(good, rng.integers(0, 20, rows), rng.integers(5, 200, rows)).astype(float)
    never = ~good & (rng.random(rows) < 0.15)
    city = np.where(rng.random(rows) < np.where(good, 0.7, 0.3), "Oslo", rng.choice(["Bergen", "Bodø"], rows))
    home = rng.choice(["own", "rent"], rows)
    return pa.record_batch(
        {
            "profile_id": [f"p{k:05d}" for k in range(rows)],
            "city": city,
            "home": pa.array(home, mask=rng.random(rows) < np.where(good, 0.95, 0.6)),
            "age": pa.array(rng.integers(18, 90, rows).astype(float), mask=rng.random(rows) < 0.1),
            "mail": pa.array(rng.random(rows) < 0.5),
            "spend_all": pa.array(spend, mask=never),
            "recency_days": pa.array(recency, mask=never),
            "visits": pa.array((rng.poisson(3, rows) + 8 * good + 1).astype(float), mask=never),
            "secret_spend": np.round(rng.gamma(2, 50, rows), 2),
            "orders_30d": rng.poisson(1, rows).astype(float),
        }
    )


def publish_behaving(store: ProfileStore, rows: int = ROWS) -> None:
    """Publish them, with a tag ``churn_risk`` that is yes of every second."""
    with stage_run(store, "one") as staging:
        staging.add(_batch(rows))
        staging.publish(replace(run_info("one", rows), facts=FACTS), keep=1)


def behaving_frame(rows: int = ROWS) -> pd.DataFrame:
    """Return the same profiles as a table, a row each."""
    batch = _batch(rows)
    plain = [c.cast(pa.string()) if pa.types.is_dictionary(c.type) else c for c in batch.columns]
    return pa.table(plain, names=batch.schema.names).to_pandas()


def _batch(rows: int) -> pa.RecordBatch:
    tag = said(rows)
    ids = pa.array([f"p{k:05d}" for k in range(rows)])
    return staged(behaving(rows), tag.set_column(0, tag.schema.field(0), ids))
