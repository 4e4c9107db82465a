"""What training one tag takes, a common outcome beside a rare one: ``python -m benchmarks.speed.training [--quick]``.

Both tags are trained on the same customers, each in a process of its own with a home of its own, from the events to the
version in MLflow. Trees and trials are tagcast's defaults. How rare an outcome is should cost nothing.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

import numpy as np

from benchmarks.results import write_result
from benchmarks.rows import Bar, measured
from benchmarks.timing import Ratio, add_folder, alternate, report, run_apart, run_here

CUSTOMERS, DAYS = 50_000, 390
FIRST_DAY = "2025-01-01"
WAITED_SECONDS = 240
"""Somebody who waits for one tag on 50,000 customers waits no longer than that, on two cores."""
TAGS = {
    "rare": "outcome: {kind: any_event, category: Saffron, horizon_days: 30}\nfeature_service: interest\n",
    "common": "outcome: {kind: no_event, horizon_days: 30}\nfeature_service: churn\n",
}
RATIOS = (
    Ratio("rare", "common", "lower", note="one has features of a category beside those of the customer"),
)
CONFIG = """\
name = "training"
tags = "tags"
[[sources]]
name = "shop"
path = "shop.parquet"
event = "purchase"
[sources.columns]
profile_id = "customer"
event_time = "at"
amount = "price"
category = "kind"
"""
TAG = """\
name: {name}
title: {{en: {name}}}
description: {{en: A tag that is only measured}}
path: [Benchmark, Training]
owner: benchmarks
population: {{active_within_days: 90}}
{outcome}decision: {{rule: top_share, share: 0.01}}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="2,000 customers, once; no bar")
    parser.add_argument("--customers", type=int, default=CUSTOMERS)
    parser.add_argument(
        "--positives",
        type=float,
        default=0.001,
        help="share whose outcome is true, of the rare tag; default .001",
    )
    parser.add_argument("--repeats", type=int, default=1)
    add_folder(parser)
    parser.add_argument("--one", choices=TAGS, help="train one tag here and print its cost")
    options = parser.parse_args()
    if options.quick:
        options.customers, options.positives = 2_000, 0.02
    folder = options.folder / f"training-{options.customers}-{options.positives:g}"
    if options.one:
        train_one(folder, options.one)
        return
    make_project(folder, options.customers, options.positives)
    size = ["--customers", str(options.customers), "--positives", str(options.positives)]
    arguments = [*size, "--folder", str(options.folder)]
    costs = alternate(
        list(TAGS),
        options.repeats,
        lambda name: run_apart("benchmarks.speed.training", [*arguments, "--one", name]),
    )
    title = f"{options.customers:,} customers, outcomes of {options.positives:.1%} for the rare tag"
    rows = report("training", title, costs, list(TAGS), RATIOS)
    bar = None if options.quick else Bar("at most", WAITED_SECONDS)
    waited = measured("training: rare, waited for", "s", [c.wall for c in costs["rare"]], "lower", bar)
    write_result("training", vars(options), [*rows, waited], now=datetime.now(UTC))
    if waited.verdict == "missed":
        sys.exit(f"missed: the rare tag took {waited.value:.0f} s, more than {WAITED_SECONDS}")


def make_project(
    folder: Path, customers: int, positives: float, tags: Mapping[str, str] = MappingProxyType(TAGS)
) -> None:
    """Write a shop in which about ``positives`` of those who bought lately buy saffron within 30 days.

    ``tags`` are the outcome and the feature service of each tag, by name.
    """
    import pandas as pd

    if (folder / "tagcast.toml").is_file():
        return
    (folder / "tags").mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(5)
    lines = rng.poisson((rng.gamma(1.2, 0.02, customers) + 0.004) * DAYS)
    who = np.repeat(np.arange(customers), lines)
    day = rng.integers(0, DAYS, len(who))
    # One in fifty is fond of it, and buys it forty times as often as the others.
    fond = rng.random(customers) < 0.02
    rare = rng.random(len(who)) < np.where(fond[who], 20.0, 0.5) * positives
    kinds = np.where(rare, "Saffron", rng.choice(["Bread", "Milk", "Coffee", "Fruit"], len(who)))
    moment = pd.to_timedelta(day * 86_400 + rng.integers(30_000, 70_000, len(who)), unit="s")
    frame = pd.DataFrame(
        {
            "customer": [f"c{number:07d}" for number in who],
            "at": pd.Timestamp(FIRST_DAY) + moment,
            "price": rng.lognormal(2, 0.5, len(who)).round(2),
            "kind": kinds,
        }
    )
    frame.sort_values(["at", "customer"], kind="stable").to_parquet(folder / "shop.parquet", index=False)
    for name, outcome in tags.items():
        (folder / "tags" / f"{name}.yaml").write_text(
            TAG.format(name=name, outcome=outcome), encoding="utf-8"
        )
    (folder / "tagcast.toml").write_text(CONFIG, encoding="utf-8")


def train_one(folder: Path, tag: str) -> None:
    """Train one tag in a new home and print what it took."""
    import tagcast

    home = folder / f"home-{tag}"
    shutil.rmtree(home, ignore_errors=True)
    project = tagcast.open(folder / "tagcast.toml", home)

    def work() -> None:
        trained = project.train(tag)
        print(trained, file=sys.stderr)

    run_here(work)


if __name__ == "__main__":
    main()
