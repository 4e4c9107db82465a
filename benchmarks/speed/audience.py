"""Counting audiences on both stores: ``python -m benchmarks.speed.audience [--quick]``.

Profiles with 12 tags whose scores follow a few hidden habits, made from a seed; filters of three conditions drawn at random:
a value, a confidence, a score. PostgreSQL is asked for exact counts and for estimates, whose error is shown. Then a run that
keeps facts too, as many as the features of ``benchmarks.speed.made_snapshots``: what it takes more to publish and to store, and
counts by one fact beside those by one tag.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks.results import write_result
from benchmarks.rows import Bar, Row, measured
from benchmarks.speed import made_snapshots
from benchmarks.speed.scoring import server
from tagcast.serving.publishing.publication import stage_run
from tagcast.serving.scoring.facts.columns import kept_facts
from tagcast.serving.store.base import ProfileStore
from tagcast.serving.store.factory import open_store
from tagcast.serving.store.schema import FactRun, RunInfo, TagRun, tag_fields

NOW = datetime(2024, 6, 1, tzinfo=UTC)
CHUNK = 50_000
WORDS = pa.array(["yes", "no", "unknown"])
BANDS = pa.array(["low", "medium", "high"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="50,000 profiles, 10 filters")
    parser.add_argument("--profiles", type=int, default=5_000_000)
    parser.add_argument("--tags", type=int, default=12)
    parser.add_argument("--filters", type=int, default=60)
    parser.add_argument("--facts-profiles", type=int, default=1_000_000, help="0: without the part on facts")
    parser.add_argument("--stores", nargs="+", choices=("duckdb", "postgres"), default=["duckdb", "postgres"])
    options = parser.parse_args()
    if options.quick:
        options.profiles, options.filters, options.facts_profiles = 50_000, 10, 50_000
    asked = list(filters(options.tags, options.filters)) if options.profiles else []
    print(f"{options.profiles:,} profiles × {options.tags} tags, {len(asked)} filters of three conditions")
    print(
        "| store | published in s | p50 ms | p95 ms | bar p95 ms | own CPU p95 ms |\n|---|---|---|---|---|---|"
    )
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="tagcast-audience-") as folder, server() as url:
        found = {}
        stores = [kind for kind in options.stores if kind == "duckdb" or url is not None]
        for kind in stores if options.profiles else ():
            store = open_store(url if kind == "postgres" else None, Path(folder), "benchmark")
            start = time.perf_counter()
            publish(store, options.profiles, options.tags)
            took = time.perf_counter() - start
            rows.append(measured(f"{kind}: published in", "s", [took], "lower"))
            bar = Bar("at most", {"duckdb": 50, "postgres": 700}[kind])
            found[kind], more = timed(store, asked, kind, took, bar, estimate=False)
            rows += more
            if kind == "postgres":
                estimates, more = timed(
                    store, asked, "postgres, estimated", None, Bar("at most", 50), estimate=True
                )
                exact = found[kind]
                inside = sum(
                    abs(e.members - x.members) <= e.margin for e, x in zip(estimates, exact, strict=True)
                )
                print(f"estimates whose margin holds the exact count: {inside} of {len(exact)}")
                rows += more
                rows.append(
                    measured("estimates within their margin", "share", [inside / len(exact)], "higher")
                )
        for kind in stores if options.facts_profiles else ():
            rows += with_facts(kind, url, Path(folder) / "facts", options.facts_profiles, options.tags)
    same = len(found) < 2 or all(
        a.members == b.members for a, b in zip(found["duckdb"], found["postgres"], strict=True)
    )
    if len(found) == 2:
        print("both stores count the same" if same else "THE STORES COUNT DIFFERENTLY")
        rows.append(measured("both stores count the same", "yes=1", [same], "higher", Bar("at least", 1)))
    write_result("audience", vars(options), rows, now=datetime.now(UTC))
    sys.exit(not same)


def with_facts(kind: str, url: str | None, folder: Path, profiles: int, tags: int) -> list[Row]:
    """Publish a run without and with facts, and count by one fact and by one tag."""
    rows: list[Row] = []
    runs: dict[str, tuple[FactRun, ...]] = {"without facts": (), "with facts": made_facts()}
    for name, facts in runs.items():
        store = open_store(url if kind == "postgres" else None, folder / name, f"benchmark {name}")
        start = time.perf_counter()
        publish(store, profiles, tags, facts)
        took = time.perf_counter() - start
        with store.reader() as reader:
            megabytes = reader.manifest.bytes / 1e6
        print(
            f"| {kind}, {name}: {len(facts)} facts, {megabytes:,.0f} MB | {took:,.1f} |",
            flush=True,
        )
        rows.append(measured(f"{kind}, {name}: published in", "s", [took], "lower"))
        rows.append(measured(f"{kind}, {name}: size", "MB", [megabytes], "lower"))
        asked = {
            "one tag": [f"tag_{k}.score >= 0.4" for k in range(tags)],
            "three tags": list(filters(tags, 12)),
        }
        if facts:
            some = [fact.name for fact in facts][:: max(1, len(facts) // tags)]
            asked |= {
                "one fact": [f"{one} > 3" for one in some],
                "a fact and a tag": [f"{one} > 3 AND tag_1 = 'yes'" for one in some],
            }
        for what, texts in asked.items():
            bar = Bar("at most", {"duckdb": 50, "postgres": 700}[kind])
            rows += timed(store, texts, f"{kind}, {name}, {what}", None, bar, estimate=False)[1]
            if kind == "postgres":
                estimated = f"{kind}, {name}, {what}, estimated"
                rows += timed(store, texts, estimated, None, Bar("at most", 50), estimate=True)[1]
    return rows


def made_facts() -> tuple[FactRun, ...]:
    """Return the features of made snapshots as facts."""
    return kept_facts(made_snapshots.FEATURES, None, ("city", "age"), {}, strict=True).every


def timed(
    store: ProfileStore, asked: list[str], name: str, took: float | None, bar: Bar, *, estimate: bool
) -> tuple[list[Any], list[Row]]:
    """Count every filter, the second time timed; return the counts and what they took.

    The line of the table is printed. CPU is this process's, not that of a server.
    """
    from tagcast.serving.audiences.queries import count

    answers, times, cpu = [], [], []
    with store.reader() as reader:
        for text in asked:
            count(reader, text, NOW, estimate=estimate)
        for text in asked:
            before, start = time.process_time(), time.perf_counter()
            answers.append(count(reader, text, NOW, estimate=estimate))
            times.append(1000 * (time.perf_counter() - start))
            cpu.append(1000 * (time.process_time() - before))
    shown = "" if took is None else f"{took:,.0f}"
    middle, high = np.quantile(times, [0.5, 0.95])
    own = np.quantile(cpu, 0.95)
    print(f"| {name} | {shown} | {middle:,.0f} | {high:,.0f} | {bar.limit} | {own:,.0f} |", flush=True)
    return answers, [
        measured(f"{name}: p50", "ms", [middle], "lower"),
        measured(f"{name}: p95", "ms", [high], "lower", bar),
        measured(f"{name}: own CPU p95", "ms", [own], "lower"),
    ]


def filters(tags: int, count: int) -> Iterator[str]:
    rng = np.random.default_rng(1)
    for _ in range(count):
        a, b, c = rng.choice(tags, 3, replace=False)
        third = [
            f"tag_{c}.score >= {rng.uniform(0.2, 0.7):.2f}",
            f"tag_{c} = 'yes'",
            f"NOT tag_{c}.band = 'low'",
        ]
        yield (
            f"tag_{a} = '{rng.choice(['yes', 'no'])}' AND tag_{b}.confidence >= {rng.uniform(0.5, 0.9):.2f} "
            f"AND {rng.choice(third)}"
        )


def publish(store: ProfileStore, profiles: int, tags: int, facts: tuple[FactRun, ...] = ()) -> None:
    """Publish made tags, and made facts beside them."""
    expires = datetime(2030, 1, 1, tzinfo=UTC)
    populations = np.zeros(tags, np.int64)
    with stage_run(store, "benchmark") as staging:
        for start in range(0, profiles, CHUNK):
            batch, population = made(start, min(CHUNK, profiles - start), tags)
            batch = beside(batch, facts, start)
            populations += population
            staging.add(batch)
        about = tuple(
            TagRun(
                f"tag_{k}", "1", "", "", ("made",), "", expires, ("low", "medium", "high"), int(n), "normal"
            )
            for k, n in enumerate(populations)
        )
        staging.publish(RunInfo("benchmark", NOW.date(), NOW, about, facts=facts), keep=1)


def beside(batch: pa.RecordBatch, facts: tuple[FactRun, ...], start: int) -> pa.RecordBatch:
    """Return made rows with made facts."""
    if not facts:
        return batch
    drawn = dict(zip(made_snapshots.names(), made_snapshots.rows(start, batch.num_rows, 7).T, strict=True))
    columns = [pa.array(drawn[fact.feature], from_pandas=True) for fact in facts]
    fields = [pa.field(fact.name, pa.float64()) for fact in facts]
    return pa.record_batch([*batch.columns, *columns], schema=pa.schema([*batch.schema, *fields]))


def made(start: int, count: int, tags: int) -> tuple[pa.RecordBatch, np.ndarray]:
    """Return one batch of staged columns, and how many each tag speaks of."""
    rng = np.random.default_rng([7, start])
    habits = rng.standard_normal((count, 3))
    fields = [
        pa.field("profile_id", pa.string()),
        pa.field("city", pa.string()),
        pa.field("age", pa.float64()),
    ]
    columns = [
        pa.array([f"p{i:09d}" for i in range(start, start + count)]),
        pa.array(np.array(["Oslo", "Bergen", "Tromsø"], object)[rng.integers(0, 3, count)]),
        pa.array(rng.integers(18, 90, count).astype(float)),
    ]
    population = np.zeros(tags, np.int64)
    weights = np.random.default_rng(5).standard_normal((3, tags))
    for k in range(tags):
        score = 1 / (1 + np.exp(-(habits @ weights[:, k] + rng.standard_normal(count) - 0.8)))
        lower, upper = score * 0.95, np.minimum(1, score * 1.05)
        yes = score >= 0.5
        confidence = np.where(yes, lower, 1 - upper)
        value = np.where(confidence < 0.5, 2, np.where(yes, 0, 1)).astype(np.int8)
        absent = rng.random(count) < 0.1
        population[k] = int((~absent).sum())
        because = pa.array(np.zeros(count, np.int16), mask=absent | (value != 2))
        reasons = pa.nulls(count, tag_fields("x")[7].type)
        parts = {
            "value": pa.DictionaryArray.from_arrays(pa.array(value, mask=absent), WORDS),
            "unknown_because": pa.DictionaryArray.from_arrays(because, pa.array(["confidence below 0.5"])),
            "score": pa.array(score, mask=absent),
            "lower": pa.array(lower, mask=absent),
            "upper": pa.array(upper, mask=absent),
            "confidence": pa.array(confidence, mask=absent),
            "band": pa.DictionaryArray.from_arrays(
                pa.array(np.digitize(score, [0.3, 0.6]).astype(np.int8), mask=absent), BANDS
            ),
            "reasons": reasons,
            "reasons_method": pa.DictionaryArray.from_arrays(
                pa.nulls(count, pa.int8()), pa.array(["shap", "path"])
            ),
        }
        for field in tag_fields(f"tag_{k}"):
            fields.append(field)
            columns.append(parts[field.name.rpartition(":")[2]])
    return pa.record_batch(columns, schema=pa.schema(fields)), population


if __name__ == "__main__":
    main()
