"""Scoring and publishing on Spark beside one machine: ten tags of ``benchmarks.speed.scoring`` over the same snapshot."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

from benchmarks.on_spark.process_tree import run_tree
from benchmarks.on_spark.spark import engine_of
from benchmarks.rows import Bar, Row, measured
from benchmarks.speed.made_snapshots import QUICK_TREES, TREES, make_snapshot, stored_tags
from benchmarks.speed.scoring import TAGS, publish
from benchmarks.timing import Ratio, alternate, report, run_apart

RATIO = Ratio("spark", "duckdb", "lower", Bar("at most", 1.3))


def scoring(folder: Path, profiles: int, repeats: int, *, reasons: str, quick: bool) -> list[Row]:
    """Score and publish by both in turn; return what each took."""
    folder = folder / ("kernel-quick" if quick else "kernel")
    stored_tags(folder, TAGS, trees=QUICK_TREES if quick else TREES)
    make_snapshot(folder, profiles)
    arguments = ["--profiles", str(profiles), "--folder", str(folder), "--reasons", reasons]
    costs = alternate(
        ["duckdb", "spark"],
        repeats,
        lambda name: run_apart("benchmarks.on_spark.scoring", [*arguments, "--one", name]),
    )
    section = f"scoring, {profiles:,} profiles, {'with' if reasons == 'all' else 'without'} reasons"
    rows = report(section, section, costs, ["duckdb", "spark"], [RATIO])
    peak = [cost.peak_mb for cost in costs["spark"]]
    return [*rows, measured(f"{section}: Java and its tasks", "MB", peak, "lower")]


def main() -> None:
    """Run one of the two here and print its cost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profiles", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--reasons", choices=("all", "none"), required=True)
    parser.add_argument("--one", choices=("duckdb", "spark"), required=True)
    options = parser.parse_args()
    snapshots, tags = make_snapshot(options.folder, options.profiles), stored_tags(options.folder, TAGS)
    with engine_of(options.one, options.folder) as engine:
        run = partial(run_tree, own=not engine.elsewhere)
        publish(options.one, snapshots, tags, options.profiles, options.reasons, engine, run)


if __name__ == "__main__":
    main()
