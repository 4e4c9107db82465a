"""Features on Spark beside one machine.

The same snapshot of the same log (one date, five windows, both views): by DuckDB in this process with two threads, and in tasks of
``local[2]``, whose bits are compared.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from benchmarks.on_spark.process_tree import run_tree
from benchmarks.on_spark.spark import engine_of
from benchmarks.rows import Bar, Row, measured
from benchmarks.speed.made_events import MadeLog, as_ofs, make_log
from benchmarks.timing import Ratio, alternate, report, run_apart
from tagcast.features.catalog.feature_set import FeatureSet
from tagcast.features.compute.snapshots import Snapshots

SET = FeatureSet(
    (7, 30, 90, 180, 365), ("amount", "category", "discount", "is_return", "item_id", "order_id", "quantity")
)
EVENTS = 20
MEMORY, THREADS = "1GB", 2
RATIO = Ratio("spark", "duckdb", "lower", Bar("at most", 4))
EXECUTOR_MB = Bar("at most", 1_536)
GROWTH = Bar("at most", 1.1)


def features(folder: Path, sizes: Sequence[int], repeats: int) -> list[Row]:
    """Build snapshots of each size in turn; return what both took."""
    rows: list[Row] = []
    each: dict[int, float] = {}
    for size in sizes:
        log = make_log(folder, size, size * EVENTS)
        events = pq.read_metadata(log.glob).num_rows
        arguments = ["--size", str(size), "--folder", str(folder)]
        costs = alternate(
            ["duckdb", "spark"],
            repeats,
            lambda name, arguments=arguments: run_apart(
                "benchmarks.on_spark.features", [*arguments, "--one", name]
            ),
        )
        compare(folder, log)
        title = f"features, {size:,} customers, {events:,} events"
        rows += report(f"features, {size:,} customers", title, costs, ["duckdb", "spark"], [RATIO])
        peak = [cost.peak_mb for cost in costs["spark"]]
        rows.append(measured(f"{size:,} customers: Java and its tasks", "MB", peak, "lower", EXECUTOR_MB))
        each[size] = sum(cost.cpu for cost in costs["spark"]) / len(costs["spark"]) / size
    if len(each) > 1:
        *_, before, last = sorted(each)
        growth = each[last] / each[before]
        print(f"CPU of a customer at {last:,} over that at {before:,}: {growth:.2f} (bar: {GROWTH})")
        rows.append(
            measured(f"CPU of a customer, {last:,} over {before:,}", "ratio", [growth], "lower", GROWTH)
        )
    return rows


def main() -> None:
    """Run one of the two here and print its cost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, required=True, help="customers")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--one", choices=("duckdb", "spark"), required=True)
    options = parser.parse_args()
    log = make_log(options.folder, options.size, options.size * EVENTS)
    made = options.folder / f"made-{options.one}"
    shutil.rmtree(made, ignore_errors=True)
    made.mkdir(parents=True)
    with engine_of(options.one, made) as engine:
        threads = 1 if engine.elsewhere else THREADS  # of a task
        snapshots = Snapshots(made, log, SET, "UTC", memory_limit=MEMORY, threads=threads, engine=engine)
        run_tree(lambda: snapshots.ensure(as_ofs(1)), own=not engine.elsewhere)


def compare(folder: Path, log: MadeLog) -> None:
    """Refuse to report what differs in any bit."""
    day = as_ofs(1)[0]
    for view in SET.views:
        sides: list[Any] = [
            Snapshots(folder / f"made-{name}", log, SET, "UTC").files(view, day)
            for name in ("duckdb", "spark")
        ]
        one, other = (pq.ParquetDataset(files).read() for files in sides)
        if not one.equals(other):
            sys.exit(f"{view} differs")


if __name__ == "__main__":
    main()
