"""Features on Spark beside one machine: ``make bench-spark``, or ``python -m benchmarks.on_spark [--quick]``.

The same snapshot of the same log (one date, five windows, both views): by DuckDB in this process with two threads, and in tasks of
``local[2]``, whose bits are compared. Counted is the CPU of the whole tree of processes, Java's among it, from a session that
is open; memory is that of all of them together at its greatest. Each size is measured by itself, so that what a customer
costs can be held against the size.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from benchmarks.results import write_result
from benchmarks.rows import Bar, Row, measured
from benchmarks.speed.made_events import MadeLog, as_ofs, make_log
from benchmarks.timing import Cost, Ratio, alternate, report, run_apart
from tagcast.features.catalog.feature_set import FeatureSet
from tagcast.features.compute.snapshots import Snapshots
from tagcast.features.core.engines.engine import ONE_MACHINE, Engine

SET = FeatureSet(
    (7, 30, 90, 180, 365), ("amount", "category", "discount", "is_return", "item_id", "order_id", "quantity")
)
SIZES = (200_000, 1_000_000, 3_000_000)
EVENTS = 20
MEMORY, THREADS = "1GB", 2
RATIO = Ratio("spark", "duckdb", "lower", Bar("at most", 4))
EXECUTOR_MB = Bar("at most", 1_536)
GROWTH = Bar("at most", 1.1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="20,000 and 50,000 customers, once")
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES), help="customers")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "tagcast-benchmarks")
    parser.add_argument("--one", choices=("duckdb", "spark"), help="run one here and print its cost")
    options = parser.parse_args()
    if options.quick:
        options.sizes = [20_000, 50_000]
    if options.one:
        (size,) = options.sizes
        run_one(
            options.one, make_log(options.folder, size, size * EVENTS), options.folder / f"made-{options.one}"
        )
        return
    rows: list[Row] = []
    each: dict[int, float] = {}
    for size in options.sizes:
        log = make_log(options.folder, size, size * EVENTS)
        events = pq.read_metadata(log.glob).num_rows
        arguments = ["--sizes", str(size), "--folder", str(options.folder)]
        costs = alternate(
            ["duckdb", "spark"],
            options.repeats,
            lambda name, arguments=arguments: run_apart("benchmarks.on_spark", [*arguments, "--one", name]),
        )
        compare(options.folder, log)
        title = f"{size:,} customers, {events:,} events"
        rows += report(f"features, {size:,} customers", title, costs, ["duckdb", "spark"], [RATIO])
        peak = [cost.peak_mb for cost in costs["spark"]]
        rows.append(
            measured(f"{size:,} customers: Java and tasks together", "MB", peak, "lower", EXECUTOR_MB)
        )
        each[size] = sum(cost.cpu for cost in costs["spark"]) / len(costs["spark"]) / size
    if len(each) > 1:
        *_, before, last = sorted(each)
        growth = each[last] / each[before]
        print(f"CPU of a customer at {last:,} over that at {before:,}: {growth:.2f} (bar: {GROWTH})")
        rows.append(
            measured(f"CPU of a customer, {last:,} over {before:,}", "ratio", [growth], "lower", GROWTH)
        )
    write_result("spark", {**vars(options), "set": asdict(SET)["windows"]}, rows, now=datetime.now(UTC))


def run_one(name: str, log: MadeLog, made: Path) -> None:
    """Build the snapshot and print what it cost."""
    import json

    shutil.rmtree(made, ignore_errors=True)
    made.mkdir(parents=True)
    engine: Engine = ONE_MACHINE
    if name == "spark":
        from tagcast.features.core.engines.spark_engine import SparkEngine
        from tagcast.features.core.schema.engine import Spark

        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
        engine = SparkEngine(Spark(session="local[2]"), made / "shared", "benchmark")
        engine.session.range(2).count()
    threads = THREADS if name == "duckdb" else 1  # of a task
    snapshots = Snapshots(made, log, SET, "UTC", memory_limit=MEMORY, threads=threads, engine=engine)
    with Watched() as peak:
        before, start = _cpu(), time.perf_counter()
        snapshots.ensure(as_ofs(1))
        wall, cpu = time.perf_counter() - start, _cpu() - before
    print(json.dumps(asdict(Cost(wall, cpu, max(peak)))))
    if name == "spark":
        engine.close()  # type: ignore[attr-defined]


class Watched:
    """Watches the memory of this process and all below it."""

    def __enter__(self) -> list[float]:
        self._over, self._found = threading.Event(), [0.0]
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self._found

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(0.2):
            self._found.append(sum(_held_mb(process) for process in _tree()))


def _tree() -> Iterator[int]:
    """Yield this process and all below it."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (found := _stat(int(entry.name))):
            parents.setdefault(int(found[1]), []).append(int(entry.name))
    waiting = [os.getpid()]
    while waiting:
        process = waiting.pop()
        yield process
        waiting += parents.get(process, [])


def _stat(process: int) -> Sequence[str]:
    try:
        return (
            Path(f"/proc/{process}/stat")
            .read_text(encoding="ascii", errors="replace")
            .rpartition(")")[2]
            .split()
        )
    except OSError:
        return ()


def _cpu() -> float:
    """Return the CPU seconds of this process and all below it, those that ended among them."""
    ticks = [sum(map(int, found[11:15])) for process in _tree() if (found := _stat(process))]
    return sum(ticks) / os.sysconf("SC_CLK_TCK")


def _held_mb(process: int) -> float:
    """Return the memory of a process; what it shares with others counts by its part."""
    try:
        text = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii")
    except OSError:
        return 0.0
    return int(text.split("Pss:")[1].split()[0]) / 1024


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
            raise SystemExit(f"{view} differs")


if __name__ == "__main__":
    main()
