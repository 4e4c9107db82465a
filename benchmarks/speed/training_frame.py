"""Training rows through Feast beside its other offline stores: ``python -m benchmarks.speed.training_frame [--quick]``.

The same rows of the same snapshots, at four moments, are fetched as a DataFrame sorted by moment and profile: by
``FeatureRepo.training_rows``, by ``get_historical_features`` on Feast's file (dask) and DuckDB stores, and by an ASOF
join written by hand. What comes is compared to the bit.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.results import write_result
from benchmarks.rows import Bar
from benchmarks.speed.made_events import MadeLog
from benchmarks.speed.made_snapshots import FEATURES, chunks, names
from benchmarks.timing import Ratio, add_folder, alternate, report, run_apart, run_here
from tagcast.features.compute.snapshots import Snapshots
from tagcast.features.core.duckdb import instant
from tagcast.features.core.engines.key_ranges import EVERYONE
from tagcast.features.feast_store.feature_store import FeatureRepo

if TYPE_CHECKING:
    import pandas as pd

DATES = [date(2024, 1, 1) + timedelta(days=30 * k) for k in range(4)]
MEMORY, THREADS = "2GB", 2
RIVALS = ("tagcast", "asof", "feast-duckdb", "feast-dask")
RATIOS = (
    Ratio("feast-dask", "tagcast", "higher", Bar("at least", 5), "wall"),
    Ratio("tagcast", "asof", "lower", Bar("at most", 1.3), "wall"),
    Ratio("feast-duckdb", "tagcast", "higher", note="the store used before"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="40,000 rows, once, without the DuckDB store")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--rivals", nargs="+", default=list(RIVALS), choices=RIVALS)
    add_folder(parser)
    parser.add_argument("--one", choices=RIVALS, help="run one rival here and print its cost")
    options = parser.parse_args()
    if options.quick:
        options.rows, options.repeats, options.rivals = 40_000, 1, ["tagcast", "asof", "feast-dask"]
    home = options.folder / f"frame-{options.rows}"
    snapshots = make_snapshots(home, options.rows // len(DATES))
    if options.one:
        run_one(options.one, snapshots)
        return
    arguments = ["--rows", str(options.rows), "--folder", str(options.folder)]
    costs = alternate(
        options.rivals,
        options.repeats,
        lambda name: run_apart("benchmarks.speed.training_frame", [*arguments, "--one", name]),
    )
    digests = {name: (home / f"{name}.digest").read_text(encoding="utf-8") for name in options.rivals}
    if len(set(digests.values())) > 1:
        raise RuntimeError(f"the rivals' rows differ: {digests}")
    title = f"{options.rows:,} rows, {len(names())} features, {len(DATES)} moments"
    rows = report("training frame", title, costs, ["tagcast"], RATIOS)
    write_result("training_frame", vars(options), rows, now=datetime.now(UTC))


def make_snapshots(home: Path, profiles: int) -> Snapshots:
    """Write a snapshot of ``profiles`` profiles at each moment, or take up those that are there."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    log = MadeLog(f"frame-{profiles}", "")
    snapshots = Snapshots(home, log, FEATURES, "UTC", memory_limit=MEMORY, threads=THREADS)
    for number, as_of in enumerate(DATES):
        file = snapshots.path("profile_activity", as_of) / EVERYONE.file_name
        manifest = file.parents[1] / "snapshot.json"
        if file.is_file() and manifest.is_file():
            continue
        file.parent.mkdir(parents=True, exist_ok=True)
        stamp = pa.timestamp("us", "UTC")
        fields = [("profile_id", pa.string()), *((n, pa.float64()) for n in names())]
        schema = pa.schema([*fields, ("event_timestamp", stamp), ("created_timestamp", stamp)])
        with pq.ParquetWriter(file, schema, compression="zstd") as writer:
            for ids, X in chunks(profiles, number):
                moment = pa.array([instant(as_of, "UTC")] * len(ids), stamp)
                columns = [pa.array(x, pa.float64(), from_pandas=True) for x in X.T]
                writer.write_table(pa.table([ids, *columns, moment, moment], schema=schema))
        text = {"as_of": str(as_of), "rows": {"profile_activity": [profiles]}, "bytes": {}, "events": ""}
        manifest.write_text(json.dumps(text), encoding="utf-8")
    return snapshots


def run_one(name: str, snapshots: Snapshots) -> None:
    """Run one rival, print its cost, keep a digest of its rows."""
    import pandas as pd

    profiles = [f"p{k:09d}" for k in range(snapshots.rows(DATES[0]))]
    entities = pd.concat([pd.DataFrame({"profile_id": profiles, "as_of": d}) for d in DATES])
    entities = entities.sample(frac=1, random_state=0, ignore_index=True)
    fetch = _by_hand(snapshots, entities) if name == "asof" else _by_feast(name, snapshots, entities)
    kept: list[Any] = []
    run_here(lambda: kept.append(fetch()))
    digest = sha256(np.ascontiguousarray(kept[0][names()].to_numpy("float64")).tobytes())
    for column in kept[0]["profile_id"]:
        digest.update(column.encode())
    file = snapshots.root.parent / f"{name}.digest"
    file.write_text(f"{kept[0].shape[0]} {digest.hexdigest()}", encoding="utf-8")


def _by_hand(snapshots: Snapshots, entities: pd.DataFrame) -> Callable[[], Any]:
    import duckdb

    config: Any = {"memory_limit": MEMORY, "threads": THREADS}
    connection = duckdb.connect(config=config)
    connection.execute("SET TimeZone = 'UTC'")
    moments = {d: instant(d, "UTC") for d in DATES}
    glob = str(snapshots.folder / "as_of=*" / "profile_activity" / EVERYONE.file_name)

    def fetch() -> Any:
        asked = entities[["profile_id"]].assign(moment=entities["as_of"].map(moments))
        connection.register("asked", asked)
        return connection.execute(
            """SELECT a.moment, f.* EXCLUDE (event_timestamp, created_timestamp)
               FROM asked a ASOF LEFT JOIN read_parquet($glob, hive_partitioning = false) f
               ON a.profile_id = f.profile_id AND a.moment >= f.event_timestamp
               ORDER BY a.moment, a.profile_id""",
            {"glob": glob},
        ).df()

    return fetch


def _by_feast(name: str, snapshots: Snapshots, entities: pd.DataFrame) -> Callable[[], Any]:
    import ibis.backends.duckdb  # noqa: F401  (imports are not timed)
    import pandas as pd

    repo = FeatureRepo(snapshots.root.parent / name, snapshots)
    store = repo.store()
    if name == "tagcast":
        return lambda: repo.training_rows("churn", entities)
    import yaml
    from feast import FeatureStore, RepoConfig

    config = yaml.safe_load((repo.root / "feature_store.yaml").read_text(encoding="utf-8"))
    kind = {"type": "duckdb" if name == "feast-duckdb" else "file"}
    store = FeatureStore(config=RepoConfig(**{**config, "offline_store": kind}))
    moments = {d: pd.Timestamp(instant(d, "UTC")).as_unit("us") for d in DATES}

    def fetch() -> Any:
        asked = entities[["profile_id"]].assign(event_timestamp=entities["as_of"].map(moments))
        job = store.get_historical_features(entity_df=asked, features=store.get_feature_service("churn"))
        return job.to_df().sort_values(["event_timestamp", "profile_id"], ignore_index=True)

    return fetch


if __name__ == "__main__":
    main()
