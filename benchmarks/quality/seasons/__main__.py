"""What last year's season is worth, and whether it does harm where there is none: ``python -m benchmarks.quality.seasons``.

tagcast's own training at one past day after another, of churn and interests of both years of Online Retail at horizons of 30, 60 and
90 days, and of CDNOW's churn. Each model scores everyone of its day twice: as it is, and without what it knows of last year's season.
Only days count on which a window a year back reaches into the window ahead, and whose own window closed before 10 September 2011.

Models are kept in ``benchmarks/out/cache``: what is learned does not depend on the constants of the season. Delete it where training
has changed.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks.quality.seasons.cases import LOGS, TRIALS, came_of, frames
from benchmarks.quality.tasks import DATA
from benchmarks.results import out_folder, write_result
from benchmarks.rows import Bar, Row, verdict_of

WORSE_AT_MOST = {"online retail": 0.001, "cdnow": 0.0005}
"""How much the log loss of a tag and horizon may rise; CDNOW has no season."""


def report(found: Sequence[dict[str, Any]]) -> list[Row]:
    """Print a table for each log; return its rows and verdicts."""
    from tagcast.pipelines.reports.terminal import table

    out: list[Row] = []
    for log in LOGS:
        mine = [f for f in found if f["log"] == log.name]
        if not mine:
            continue
        lines = []
        limit = WORSE_AT_MOST[log.name]
        for tag in sorted({f["tag"] for f in mine}):
            own = [f for f in mine if f["tag"] == tag]
            gap = float(np.mean([f["with"] - f["without"] for f in own]))
            worst, best = (pick(f["with"] - f["without"] for f in own) for pick in (max, min))
            means = {k: float(np.mean([f[k] for f in own])) for k in ("without", "broken", "broken_without", "excess", "excess_without")}  # fmt: skip
            met = Bar("at most", limit).is_met(gap)
            lines.append(
                (
                    tag, len(own), f"{means['without']:.4f}", f"{gap:+.4f}", f"{best:+.4f} to {worst:+.4f}",
                    f"{means['broken_without']:.1%} → {means['broken']:.1%}",
                    f"{means['excess_without']:+.3f} → {means['excess']:+.3f}", "met" if met else "MISSED",
                )
            )  # fmt: skip
            title = f"{log.name}, {tag}"
            out += [
                Row(f"{title}: log loss minus that without the season", "", gap, "lower", None, f"at most {limit}", verdict_of(met=met)),
                Row(f"{title}: audiences broken", "share", means["broken"], "lower"),
            ]  # fmt: skip
        overall = float(np.mean([f["with"] - f["without"] for f in mine]))
        promise = [float(np.mean([f[k] for f in mine])) for k in ("broken_without", "broken")]
        lines.append(
            ("all", len(mine), "", f"{overall:+.4f}", "", f"{promise[0]:.1%} → {promise[1]:.1%}", "", "")
        )
        table(
            f"{log.name}: with last year's season against without",
            (
                "tag",
                "days",
                "log loss without",
                "with it",
                "of single days",
                "audiences broken",
                "excess",
                "",
            ),
            lines,
        )
        bar = Bar("below", 0.0) if log is LOGS[0] else Bar("at most", WORSE_AT_MOST[log.name])
        out.append(Row(f"{log.name}, all: log loss minus that without the season", "", overall, "lower", None, str(bar), verdict_of(met=bar.is_met(overall))))  # fmt: skip
    return out


def main() -> None:
    """Train, score and judge."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality.seasons", description=__doc__)
    parser.add_argument("--log", choices=[log.name for log in LOGS], help="one of them alone")
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    os.environ.setdefault("TAGCAST_DATA", str(DATA))
    if not (
        Path(os.environ["TAGCAST_DATA"]) / "online_retail_ii_2010_2011_to_september_raw.parquet"
    ).is_file():
        sys.exit("TAGCAST_DATA names no folder with the data of CDNOW and both years of Online Retail II")
    kept = out_folder() / "cache" / "seasons"
    kept.mkdir(parents=True, exist_ok=True)
    found = []
    for log in (one for one in LOGS if asked.log in (None, one.name)):
        names = kept / f"{log.name}.json"
        if not names.is_file():
            with TemporaryDirectory(prefix="tagcast-bench-") as home:
                for name, rows in (made := frames(log, Path(home))).items():
                    (kept / f"{log.name} {name}.pickle").write_bytes(pickle.dumps(rows))
            names.write_text(json.dumps({name: d.horizon_days for name, (d, _) in made.items()}))
        jobs = [
            (name, as_of)
            for name, horizon in json.loads(names.read_text()).items()
            for as_of in log.days
            if as_of + timedelta(days=horizon) <= log.end
        ]
        with ProcessPoolExecutor(asked.workers, get_context("spawn")) as pool:
            for came in pool.map(partial(came_of, log, kept), jobs):
                if came is not None:
                    found.append(came)
                    print(*(f"{v:.4f}" if isinstance(v, float) else v for v in came.values()), flush=True)
    write_result("quality-seasons", {**vars(asked), "trials": TRIALS}, report(found), now=datetime.now(UTC), details={"cases": found})  # fmt: skip


if __name__ == "__main__":
    main()
