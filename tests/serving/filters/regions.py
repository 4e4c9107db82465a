"""Profiles of two regions, of which the southern ones are marked wherever they differ: with them, and as if they were not there."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa

from tagcast.features.core.home.stamp import mark
from tagcast.features.core.settings import load_settings
from tagcast.registry.state.database import open_state
from tagcast.serving.context import ServiceContext
from tagcast.serving.publishing.publication import stage_run
from tagcast.serving.store.base import ProfileStore
from tagcast.serving.store.reader_pool import RunReaderPool
from tagcast.serving.store.schema import PREDICTION_SCHEMA
from tests.support.published import NOW, run_info, said, staged
from tests.support.shop import CONFIG

MARK = "SUD"
NUMBER = 987654.0
"""The marker of southern numbers."""
EACH = 60
TAGS = ("churn_risk", "likes_tea")
ROWS = """
[profiles]
path = "people.csv"
key = "id"
columns = ["region", "city", "age", "email_ok", "secret"]
sensitive = ["secret"]

[consent]
email = "email_ok"

[access.rows]
north = "region = 'north'"
south = "region != 'north'"
young = "age < 40"
gone = "regoin = 'north'"
by_audience = "IN AUDIENCE 'the north'"
likely = "churn_risk = 'yes'"

[access.roles.analyst]
title = { en = "Analyst of the north", zh = "北区分析师" }
rights = ["see", "filter", "profiles"]
rows = "north"

[access.roles.reader]
rights = ["see", "filter", "export", "save"]
"""


def frame(*, south: bool) -> tuple[pa.RecordBatch, list[str]]:
    """Return attributes by rising id, and the ids."""
    rng = np.random.default_rng(11)
    ids, columns = [], {name: [] for name in ("region", "city", "age", "email_ok", "secret")}
    for place in range(2 * EACH):
        northern = place < EACH
        row = {
            "region": "north" if northern else f"{MARK}LAND",
            "city": ("Oslo", "Bergen", "Bodø")[place % 3] if northern else f"{MARK}hafen-{place % 4}",
            "age": float(18 + place % 45) if northern else NUMBER + place % 30,
            "email_ok": bool(rng.random() < 0.7),
            "secret": float(place % 3),
        }
        if northern or south:
            ids.append(f"n{place:03d}" if northern else f"{MARK}{place:03d}")
            for name, value in row.items():
                columns[name].append(value)
    order = np.argsort(ids)
    batch = pa.record_batch({"profile_id": ids, **columns}).take(pa.array(order))
    return batch, batch.column("profile_id").to_pylist()


def predicted(tag: str, seed: int, ids: list[str]) -> pa.RecordBatch:
    """Return what a tag says of each but every ninth; the same of a northern profile, whoever is there beside it."""
    batch = said(2 * EACH, seed, tag).to_pydict()
    rows = []
    for profile in ids:
        place = int(profile[-3:])
        row = {name: values[place] for name, values in batch.items()} | {"profile_id": profile}
        if place % 9 == 0:
            continue
        if place % 10 == 0:
            row |= {"value": "unknown", "unknown_because": "confidence below 0.5"}
        if profile.startswith(MARK):
            row |= {"reasons": [{"feature": "recency_days", "value": NUMBER, "contribution": 0.5}]}
            row |= {"unknown_because": f"{MARK} because" if row["value"] == "unknown" else None}
        rows.append(row)
    columns = {name: [row[name] for row in rows] for name in PREDICTION_SCHEMA.names}
    return pa.record_batch([pa.array(columns[f.name], f.type) for f in PREDICTION_SCHEMA], PREDICTION_SCHEMA)


def publish_regions(store: ProfileStore, *, south: bool = True) -> None:
    """Publish two runs, the second with other values."""
    base, ids = frame(south=south)
    for number in (1, 2):
        batches = [predicted(tag, 10 * number + place, ids) for place, tag in enumerate(TAGS)]
        info = run_info(f"run-{number}", len(ids), TAGS)
        tags = [replace(t, population=b.num_rows) for t, b in zip(info.tags, batches, strict=True)]
        scored = replace(info, tags=tuple(tags), as_of=info.as_of + timedelta(days=number - 1))
        with stage_run(store, f"run-{number}") as staging:
            staging.add(staged(base, *batches))
            staging.publish(scored, keep=5)


def regions(folder: Path, store: ProfileStore, *, south: bool = True) -> ServiceContext:
    """Return a service context over a store that has been published to."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tags").mkdir(exist_ok=True)
    (folder / "tagcast.toml").write_text(CONFIG.partition("[profiles]")[0] + ROWS, encoding="utf-8")
    settings = load_settings(folder / "tagcast.toml", folder / "home", folder)
    publish_regions(store, south=south)
    mark(settings.home, settings.name)
    moment = NOW + timedelta(hours=1)
    return ServiceContext(settings, RunReaderPool(store), open_state(settings), lambda: moment)
