"""A service context over a store of made profiles: attributes of every kind, two tags and an amount."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from tagcast.features.core.settings import load_settings
from tagcast.registry.access.roles import Person
from tagcast.registry.state.database import open_state
from tagcast.serving.context import ServiceContext
from tagcast.serving.publishing.publication import stage_run
from tagcast.serving.store.base import ProfileStore
from tagcast.serving.store.reader_pool import RunReaderPool
from tagcast.serving.store.schema import RunInfo
from tests.support.published import NOW, run_info, said, staged
from tests.support.shop import CONFIG

ROWS = 400
TAGS = ("churn_risk", "interest.茶 & 'tea'")
TIERS = ("low", "medium", "high")
CITIES = ["Oslo", "O'Hare", "100%_\\", "北京", '=cmd|"x"!A1', None]
ANALYST = Person("ann", "data_scientist")
MARKETER = Person("mo", "marketer")
VIEWER = Person("vi", "viewer")
PROFILES = """
[profiles]
path = "people.csv"
key = "id"
columns = ["city", "age", "income", "email_ok", "sms"]
sensitive = ["income"]

[consent]
email = "email_ok"
sms = "sms"
"""


def people(rows: int = ROWS) -> pa.RecordBatch:
    """Return profiles with attributes of every kind, some unknown."""
    rng = np.random.default_rng(3)
    age = rng.integers(18, 90, rows).astype(float)
    return pa.record_batch(
        {
            "profile_id": [f"p{i:04d}" for i in range(rows)],
            "city": pa.array([CITIES[k] for k in rng.integers(0, len(CITIES), rows)], pa.string()),
            "age": pa.array(age, mask=rng.random(rows) < 0.1),
            "income": rng.integers(1, 4, rows) * 10_000.0,
            "email_ok": pa.array(rng.random(rows) < 0.7, mask=rng.random(rows) < 0.1),
            "sms": pa.array([["yes", "no", "maybe"][k] for k in rng.integers(0, 3, rows)]),
        }
    )


def _like(batch: pa.RecordBatch, ids: list[str], **columns: list[object]) -> pa.RecordBatch:
    for name, values in {"profile_id": ids, **columns}.items():
        place = batch.schema.get_field_index(name)
        batch = batch.set_column(
            place, batch.schema.field(name), pa.array(values, batch.schema.field(name).type)
        )
    return batch


def predicted(rows: int = ROWS, seed: int = 0) -> list[pa.RecordBatch]:
    """Return what the tags say: each of nine profiles of ten, some of them unknown."""
    rng = np.random.default_rng(seed)
    ids = [f"p{i:04d}" for i in range(rows)]
    batches = []
    for tag in TAGS:
        some = [i for i in ids if rng.random() < 0.9]
        batch = said(len(some), int(rng.integers(1000)), tag)
        value, because = batch.column("value").to_pylist(), [None] * len(some)
        for k in np.flatnonzero(rng.random(len(some)) < 0.1):
            value[k], because[k] = "unknown", "confidence below 0.5"
        batches.append(_like(batch, some, value=value, unknown_because=because))
    score = np.round(rng.exponential(100, rows), 2)
    place = np.digitize(score, [50, 150])
    words = [TIERS[k] for k in place]
    amounts = {
        "score": list(score),
        "lower": list(score * 0.5),
        "upper": list(score * 2),
        "confidence": [0.6] * rows,
        "value": words,
        "band": words,
    }
    return [*batches, _like(said(rows, 1, "spend"), ids, **amounts)]


def about(batches: list[pa.RecordBatch], run_id: str = "run") -> RunInfo:
    """Return the run of ``batches``."""
    base = run_info(run_id, 1).tags[0]
    words = {
        "churn_risk": ("Churn risk", "流失风险"),
        TAGS[1]: ("Likes tea", "爱喝茶"),
        "spend": ("Spend", "消费"),
    }
    tags = []
    for batch in batches:
        name = batch.column("tag")[0].as_py()
        en, zh = words[name]
        tag = replace(base, tag=name, title_en=en, title_zh=zh, population=batch.num_rows)
        if name == "spend":
            tag = replace(tag, bands=TIERS, values=TIERS, kind="amount")
        if name == TAGS[1]:
            tag = replace(tag, sensitivity="sensitive")
        tags.append(tag)
    return RunInfo(run_id, date(2024, 4, 30), NOW, tuple(tags))


def publish_made(store: ProfileStore, run_id: str = "run", seed: int = 0) -> None:
    """Publish made profiles."""
    batches = predicted(seed=seed)
    with stage_run(store, run_id) as staging:
        staging.add(staged(people(), *batches))
        staging.publish(about(batches, run_id), keep=5)


def frame(seed: int = 0) -> pd.DataFrame:
    """Return the same profiles as a table, a row each, with the store's names of columns."""
    table = pa.Table.from_batches([staged(people(), *predicted(seed=seed))])
    plain = [c.cast(pa.string()) if pa.types.is_dictionary(c.type) else c for c in table.columns]
    found = pa.table(plain, names=table.column_names).to_pandas()
    for tag in (*TAGS, "spend"):
        score = found[f"{tag}:score"]
        # The share scored lower, ties counted half.
        found[f"{tag}:percentile"] = 100 * (score.rank() - 0.5) / score.notna().sum()
    return found


def desk_over(
    store: ProfileStore, folder: Path, config: str = PROFILES, now: datetime | None = None
) -> ServiceContext:
    """Return a service context over ``store`` with a state of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tags").mkdir(exist_ok=True)
    (folder / "tagcast.toml").write_text(CONFIG.partition("[profiles]")[0] + config, encoding="utf-8")
    settings = load_settings(folder / "tagcast.toml", folder / "home", folder)
    moment = now or NOW + timedelta(hours=1)
    return ServiceContext(settings, RunReaderPool(store), open_state(settings), lambda: moment)
