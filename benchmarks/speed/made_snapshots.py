"""Snapshots and models of any size for benchmarks: made from a seed, the same on every machine.

A shopper has a rate of buying, a basket and a time of joining; features follow from them with noise, rounded as real ones
are, missing where there is no history. Forests are trained on a sample of such rows, each tag on an outcome of its own.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tagcast.features.catalog.feature_set import FeatureSet
from tagcast.features.compute.snapshots import Snapshots
from tagcast.features.core.duckdb import instant
from tagcast.features.core.engines.key_ranges import EVERYONE
from tagcast.features.core.errors import ModelError
from tagcast.models.artifacts.binary_model import TagModel
from tagcast.models.artifacts.files import FeatureRange
from tagcast.models.calibration.binary_calibrator import Calibrator
from tagcast.models.definitions.loader import parse_definition
from tagcast.models.estimators.blend import Blend
from tagcast.models.estimators.forest import ForestScorer, binned
from tagcast.models.stats.psi import FeatureBins
from tagcast.serving.scoring.scorer import LoadedTag

Floats = npt.NDArray[np.float64]

AS_OF = date(2024, 6, 1)
FEATURES = FeatureSet.parse("7,30,90,180;amount,category,discount,item_id,order_id,quantity;")
CHUNK = 100_000
"""Profiles drawn together; the seed of a chunk is its number, so that a large base begins as a small one."""
SAMPLE = 60_000
TREES, LEAVES = 300, 31
QUICK_TREES = 60
"""Of the quick form of a benchmark, whose models take long to train otherwise."""


@dataclass(frozen=True)
class Log:
    """What snapshots ask of an event log; there are no events behind these."""

    id: str
    glob: str = ""

    def id_before(self, _day: date) -> str:
        """Return the id."""
        return self.id


def rows(chunk: int, count: int, seed: int) -> Floats:
    """Return the profile features of one chunk, shape (count, p)."""
    rng = np.random.default_rng([seed, chunk])
    rate, basket = rng.gamma(0.7, 0.05, count), rng.lognormal(3, 0.7, count)
    tenure = np.floor(rng.uniform(1, 400, count))
    recency = np.minimum(np.floor(rng.exponential(1 / np.maximum(rate, 2e-3))), tenure)
    X = np.empty((count, len(names())))
    for j, name in enumerate(names()):
        X[:, j] = _feature(name, rng, rate, basket, tenure, recency)
    return X


def names() -> list[str]:
    """Return the profile features in order."""
    return [feature.name for feature in FEATURES.features("profile_activity")]


def _feature(
    name: str, rng: np.random.Generator, rate: Floats, basket: Floats, tenure: Floats, recency: Floats
) -> Floats:
    if name == "recency_days":
        return recency
    if name.startswith("tenure"):
        return tenure
    tail = name.rsplit("_", 1)[-1]
    days = np.minimum(float(tail[:-1]), tenure) if tail.endswith("d") and tail[:-1].isdigit() else tenure
    count = rng.poisson(rate * days) * (recency <= days)
    if name.startswith(("spend", "discount", "basket")) and "trend" not in name and "share" not in name:
        return np.round(
            np.maximum(count, name.startswith("basket")) * basket * rng.lognormal(0, 0.3, len(rate)), 2
        )
    if "trend" in name or "over" in name or "share" in name or name.endswith("rate"):
        ratio = np.round(rng.gamma(2, 0.5, len(rate)) * (1 + rate), 6)
        return np.where(count > 0, ratio, np.nan)
    if name.startswith("gap"):
        return np.where(
            count > 1, np.round(1 / np.maximum(rate, 1e-3) * rng.gamma(3, 1 / 3, len(rate)), 4), np.nan
        )
    return np.floor(count * rng.uniform(1, 3, len(rate))).astype(float)


def make_snapshot(home: Path, profiles: int, *, seed: int = 0) -> Snapshots:
    """Write a snapshot of ``profiles`` profiles under ``home``, or take up the one that is there.

    Each size has a folder of its own, so that sizes measured in turn are not drawn anew each time.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    log = Log(f"made-{profiles}-{seed}")
    snapshots = Snapshots(home / log.id, log, FEATURES, "UTC")
    file = snapshots.path("profile_activity", AS_OF) / EVERYONE.file_name
    manifest = file.parents[1] / "snapshot.json"
    if (
        file.is_file()
        and manifest.is_file()
        and json.loads(manifest.read_text()) == _manifest(file, log, profiles)
    ):
        return snapshots
    file.parent.mkdir(parents=True, exist_ok=True)
    schema = pa.schema([("profile_id", pa.string()), *((name, pa.float64()) for name in names())])
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        for ids, X in chunks(profiles, seed):
            # Missing features are nulls, as DuckDB writes them.
            columns = [pa.array(column, pa.float64(), from_pandas=True) for column in X.T]
            writer.write_table(pa.table([ids, *columns], schema=schema), row_group_size=CHUNK)
    manifest.write_text(json.dumps(_manifest(file, log, profiles)))
    return snapshots


def _manifest(file: Path, log: Log, profiles: int) -> dict[str, Any]:
    return {
        "as_of": str(AS_OF),
        "starts_at": instant(AS_OF, "UTC").isoformat(),
        "events": log.id,
        "spec": FEATURES.spec,
        "borders": [],
        "rows": {"profile_activity": [profiles]},
        "bytes": {"profile_activity": [file.stat().st_size]},
    }


def chunks(profiles: int, seed: int) -> Iterator[tuple[Any, Floats]]:
    """Yield ids (an Arrow array) and features, chunk by chunk."""
    import pyarrow as pa

    for number in range(0, profiles, CHUNK):
        count = min(CHUNK, profiles - number)
        ids = pa.array([f"p{k:09d}" for k in range(number, number + count)])
        yield ids, rows(number // CHUNK, count, seed)


def make_tags(count: int, *, seed: int = 0, trees: int = TREES, leaves: int = LEAVES) -> list[LoadedTag]:
    """Return ``count`` tags whose models are a forest of ``trees`` trees with ``leaves`` leaves each."""
    X = rows(1_000_000, SAMPLE, seed)
    rng = np.random.default_rng(seed)
    filled = np.nan_to_num(np.log1p(X))
    filled = (filled - filled.mean(0)) / (filled.std(0) + 1e-9)
    return [_tag(number, X, filled, rng, trees, leaves) for number in range(count)]


def stored_tags(folder: Path, count: int, *, trees: int = TREES) -> list[LoadedTag]:
    """Return the first ``count`` of ten tags kept under ``folder``, made with ``trees`` trees where none are there."""
    places = [folder / "tags" / str(number) for number in range(10)]
    try:
        models = [TagModel.load(place) for place in places]
    except ModelError:
        models = []
    if (
        not all(model.bins for model in models) or not models
    ):  # not there yet, or of an older version of tagcast
        models = [tag.model for tag in make_tags(10, trees=trees)]
        for model, place in zip(models, places, strict=True):
            shutil.rmtree(place, ignore_errors=True)
            model.save(place)
        models = [TagModel.load(place) for place in places]
    return [LoadedTag(model, "1") for model in models[:count]]


def _tag(
    number: int, X: Floats, filled: Floats, rng: np.random.Generator, trees: int, leaves: int
) -> LoadedTag:
    truth = filled @ rng.normal(0, 0.35, X.shape[1]) + np.sin(2 * filled @ rng.normal(0, 0.2, X.shape[1])) - 1
    y = (rng.random(len(X)) < 1 / (1 + np.exp(-truth))).astype(np.int8)
    half = len(X) // 2
    params = {"learning_rate": 0.05, "num_leaves": leaves, "min_child_samples": 20, "max_bin": 63}
    forest, _, _ = ForestScorer.fit(binned(X[:half], y[:half]), params, trees, seed=number)
    days = np.repeat(
        np.array([AS_OF - timedelta(days=60), AS_OF - timedelta(days=30)], "datetime64[D]"), half // 2
    )
    definition = parse_definition(DEFINITION.format(number=number), "benchmark")
    model = TagModel(
        definition=definition,
        features=tuple(names()),
        feature_set=FEATURES.spec,
        scorer=Blend({"forest": 1.0}, {"forest": forest}),
        calibrator=Calibrator.fit(forest.raw(X[half:]), y[half:], days),
        threshold=0.5,
        base_rate=float(y.mean()),
        snapshots=tuple(np.unique(days).tolist()),
        ranges={name: _range(X[:half, j]) for j, name in enumerate(names())},
        seed=0,
        bins={name: FeatureBins.of(X[:half, j]) for j, name in enumerate(names())},
    )
    return LoadedTag(model, "1")


def _range(x: Floats) -> FeatureRange:
    low, middle, high, most = np.nanquantile(x, [0, 0.005, 0.995, 1])
    return FeatureRange(float(low), float(middle), float(high), float(most), float(np.isnan(x).mean()))


DEFINITION = """
name: benchmark.tag_{number:02d}
title: {{en: "Tag {number}", zh: "标签{number}"}}
description: {{en: "Made for benchmarks", zh: "基准测试用"}}
path: [Benchmark, Made]
owner: benchmarks
population: {{active_within_days: 400}}
outcome: {{kind: no_event, horizon_days: 30}}
feature_service: churn
decision: {{rule: threshold, threshold: 0.5}}
"""
