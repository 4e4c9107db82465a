"""A store whose runs are several DuckDB files beside one of one file: ``python -m benchmarks.store_parts [--quick]``.

The same profiles and filters as benchmarks.speed.audience; each filter is counted on both stores in turn. The same by HTTP, and one
profile by the API: ``python -m benchmarks.speed.console --stores duckdb parts``.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks.results import write_result
from benchmarks.rows import Bar, measured
from benchmarks.speed.audience import NOW, filters, publish
from tagcast.serving.audiences.queries import count
from tagcast.serving.store.duckdb.store import DuckDbStore
from tagcast.serving.store.schema import RunInfo

PARTS = 8
SLICE = 2_000


class InParts(DuckDbStore):
    """A store that writes a run in eight parts."""

    def write(
        self, number: int, run: RunInfo, schema: pa.Schema, batches: Iterator[pa.RecordBatch], folder: Path
    ) -> tuple[int, ...]:
        """Share the rows out by the population of the first tag, which is at most all of them."""
        most = max(tag.population for tag in run.tags) // PARTS
        slices = (b.slice(start, SLICE) for b in batches for start in range(0, b.num_rows, SLICE))
        writer, files = self.parts.writer(run, schema), []
        while (batch := next(slices, None)) is not None:
            files.append(folder / f"part-{len(files)}")
            rest = slices if len(files) == PARTS else _some(slices, most - batch.num_rows)
            writer(files[-1], chain([batch], rest), folder)
        return self.parts.take_over(number, files, folder)


def _some(batches: Iterator[pa.RecordBatch], rows: int) -> Iterator[pa.RecordBatch]:
    while rows > 0 and (batch := next(batches, None)) is not None:
        rows -= batch.num_rows
        yield batch


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="100,000 profiles, 10 filters; no bars")
    parser.add_argument("--profiles", type=int, default=5_000_000)
    parser.add_argument("--tags", type=int, default=12)
    parser.add_argument("--filters", type=int, default=60)
    options = parser.parse_args()
    if options.quick:
        options.profiles, options.filters = 100_000, 10
    asked = list(filters(options.tags, options.filters))
    with tempfile.TemporaryDirectory(prefix="tagcast-parts-") as folder, ExitStack() as stack:
        stores = {"one file": DuckDbStore(Path(folder, "one")), "parts": InParts(Path(folder, "parts"))}
        for store in stores.values():
            publish(store, options.profiles, options.tags)
        readers = {name: stack.enter_context(store.reader()) for name, store in stores.items()}
        print(f"{options.profiles:,} profiles × {options.tags} tags, {len(asked)} filters")
        print(f"files: {', '.join(str(len(r.manifest.parts)) for r in readers.values())}")
        wall: dict[str, list[float]] = {name: [] for name in stores}
        cpu: dict[str, list[float]] = {name: [] for name in stores}
        counts: dict[str, list[Any]] = {name: [] for name in stores}
        for timed in (False, True):
            for place, text in enumerate(asked):
                for name in list(stores) if place % 2 else list(stores)[::-1]:
                    used, start = time.process_time(), time.perf_counter()
                    found = count(readers[name], text, NOW)
                    if timed:
                        wall[name].append(1000 * (time.perf_counter() - start))
                        cpu[name].append(1000 * (time.process_time() - used))
                        counts[name].append(found.members)
    print("| store | p50 ms | p95 ms | CPU p50 ms | CPU p95 ms |\n|---|---|---|---|---|")
    rows = []
    for name in stores:
        found_ms = [float(np.quantile(ms[name], q)) for ms in (wall, cpu) for q in (0.5, 0.95)]
        print(f"| {name} | {' | '.join(f'{ms:,.1f}' for ms in found_ms)} |")
        labels = ("p50", "p95", "CPU p50", "CPU p95")
        rows += [
            measured(f"{name}: {label}", "ms", [ms], "lower")
            for label, ms in zip(labels, found_ms, strict=True)
        ]
    p95 = {name: float(np.quantile(ms, 0.95)) for name, ms in wall.items()}
    ratio = p95["parts"] / p95["one file"]
    same = counts["parts"] == counts["one file"]
    print(f"p95 of parts over one file: {ratio:.2f}; {'same counts' if same else 'THE COUNTS DIFFER'}")
    bar = None if options.quick else Bar("at most", 1.5)
    rows.append(measured("p95 of parts over one file", "ratio", [ratio], "lower", bar))
    rows.append(measured("both count the same", "yes=1", [same], "higher", Bar("at least", 1)))
    write_result("store_parts", vars(options), rows, now=datetime.now(UTC))
    sys.exit(not same)


if __name__ == "__main__":
    main()
