"""A company whose tags have names of their own: what they mean is in their definitions alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from tagcast.features.catalog.feature_set import FeatureSet
from tagcast.features.core.settings import load_settings
from tagcast.registry.state.database import open_state
from tagcast.serving.context import ServiceContext
from tagcast.serving.publishing.publication import stage_run
from tagcast.serving.store.base import ProfileStore
from tagcast.serving.store.reader_pool import RunReaderPool
from tagcast.serving.store.schema import RunInfo, TagRun
from tests.support.published import NOW, said, staged
from tests.support.shop import CONFIG

ROWS = 300
FEATURES = FeatureSet((30, 90), ("amount", "category"), ("visit",)).spec
MODEL = """\
name: {name}
title: {{en: {title}, zh: 标签}}
description: {{en: d, zh: d}}
path: [Own, Own]
owner: tests
outcome: {outcome}
feature_service: {service}
{rest}
"""
RULE = """\
kind: rule
name: {name}
title: {{en: {title}, zh: 标签}}
description: {{en: d, zh: d}}
path: [Own, Own]
owner: tests
{rest}
"""
YES_NO = "decision: {rule: threshold, threshold: 0.5}"
WINE = 'category: "RED WINE"'
TAGS = {
    # A name that promises what the outcome does not say, first in the alphabet.
    "churn_risk": MODEL.format(name="churn_risk", title="Comes", outcome="{kind: any_event, horizon_days: 30}", service="churn", rest=YES_NO),
    "quiet_ones": MODEL.format(name="quiet_ones", title="Quiet", outcome="{kind: no_event, event: visit, horizon_days: 60}", service="churn", rest=YES_NO),
    "purse": MODEL.format(name="purse", title="Purse", outcome="{kind: amount, horizon_days: 90, tiers: {small: 0, big: 100}}", service="value", rest=""),
    "wants_red": MODEL.format(name="wants_red", title="Wants red", outcome='{kind: any_event, category: "RED WINE", horizon_days: 30}', service="interest", rest=YES_NO),
    "wants_white": MODEL.format(name="wants_white", title="Wants white", outcome="{kind: any_event, category: WHITE, horizon_days: 30}", service="interest", rest=YES_NO),
    "has_red": RULE.format(name="has_red", title="Has red", rest=f'{WINE}\nrule: "category_purchase_days_90d >= 1"'),
    "phase": RULE.format(
        name="phase",
        title="Phase",
        rest='cases:\n  fresh: "visit_days_90d >= 1 AND tenure_days <= 45"\n  asleep: "visit_recency_days > 120"\notherwise: around',
    ),
    # Long here is not long away.
    "loyal": RULE.format(name="loyal", title="Loyal", rest='rule: "tenure_days >= 400"'),
    "new": RULE.format(name="new", title="Rich", rest='rule: "spend_90d >= 500"'),
}  # fmt: skip
VALUES = {
    "purse": ("small", "big"),
    "phase": ("fresh", "asleep", "around"),
}


def frame(seed: int = 0) -> pd.DataFrame:
    """Return score and value of every tag for every profile."""
    rng = np.random.default_rng(seed)
    columns: dict[str, object] = {"profile_id": [f"p{k:03d}" for k in range(ROWS)]}
    for tag in TAGS:
        score = rng.permutation(ROWS) / ROWS
        values = VALUES.get(tag, ("no", "yes"))
        place = np.minimum((score * len(values)).astype(int), len(values) - 1)
        columns[f"{tag}.score"] = score
        columns[tag] = [values[k] for k in place]
    return pd.DataFrame(columns)


def publish(store: ProfileStore, people: pd.DataFrame, tags: list[str]) -> None:
    """Publish a run of some of the tags."""
    batches = []
    for tag in tags:
        batch = said(len(people), 1, tag)
        words = people[tag].tolist()
        for name, values in {
            "profile_id": people["profile_id"].tolist(),
            "value": words,
            "score": people[f"{tag}.score"].tolist(),
            "lower": (0.9 * people[f"{tag}.score"]).tolist(),
            "upper": people[f"{tag}.score"].tolist(),
            "confidence": [0.8] * len(people),
        }.items():
            place = batch.schema.get_field_index(name)
            batch = batch.set_column(
                place, batch.schema.field(name), pa.array(values, batch.schema.field(name).type)
            )
        batches.append(batch)
    base = TagRun(
        "",
        "1",
        "",
        "",
        ("Own", "Own"),
        "tests",
        NOW + timedelta(days=30),
        ("low", "high"),
        len(people),
        "normal",
    )
    runs = tuple(
        replace(
            base,
            tag=tag,
            title_en=tag,
            title_zh=tag,
            kind="rule" if "kind: rule" in TAGS[tag] else "amount" if tag == "purse" else "model",
            values=VALUES.get(tag, ("yes", "no")),
            feature_set=FEATURES,
        )
        for tag in tags
    )
    profiles = pa.record_batch({"profile_id": people["profile_id"].tolist()})
    with stage_run(store, "run") as staging:
        staging.add(staged(profiles, *batches))
        staging.publish(RunInfo("run", date(2024, 4, 30), NOW, runs), keep=5)


def company(folder: Path, store: ProfileStore, people: pd.DataFrame, tags: list[str]) -> ServiceContext:
    """Return a service context over a run of some of the company's tags."""
    (folder / "tags").mkdir(parents=True)
    for tag in tags:
        (folder / "tags" / f"{tag}.yaml").write_text(TAGS[tag], encoding="utf-8")
    (folder / "tagcast.toml").write_text(CONFIG.partition("[profiles]")[0], encoding="utf-8")
    settings = load_settings(folder / "tagcast.toml", folder / "home", folder)
    publish(store, people, tags)
    moment = NOW + timedelta(hours=1)
    return ServiceContext(settings, RunReaderPool(store), open_state(settings), lambda: moment)
