"""What training takes as customers grow, and what learning from a draw costs: ``python -m benchmarks.training_size [--quick]``.

Two tags of the same made customers, a common outcome and one of about 1 %, are trained in one run of two processes, each size
in a process of its own: from the event log (built before) to the versions in MLflow. At the smaller size each tag is also
trained on all rows, and both recipes score every customer of the test snapshot.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.results import write_result
from benchmarks.rows import Bar, Row, Spread, measured, verdict_of
from benchmarks.speed.training import make_project
from benchmarks.timing import Cost, add_folder, printed

if TYPE_CHECKING:
    from tagcast.models.training.dataset import TrainingFrame

SIZES = (100_000, 1_000_000)
CPU_BARS = {100_000: Bar("at most", 90), 1_000_000: Bar("at most", 180)}
"""CPU seconds a tag, all processes together."""
MEMORY_BAR = Bar("below", 4096)
LOSS_BAR = Bar("at most", 0.0005)
TAGS = {
    "common": "outcome: {kind: no_event, horizon_days: 30}\nfeature_service: churn\n",
    "rare": "outcome: {kind: count_at_least, at_least: 5, horizon_days: 30}\nfeature_service: churn\n",
}
LOOK_SECONDS = 0.2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="2,000 customers, rows drawn all the same; no bars"
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES), help="customers")
    add_folder(parser)
    parser.add_argument(
        "--cost", type=int, help="train both tags of so many customers here and print the cost"
    )
    parser.add_argument(
        "--loss", choices=TAGS, help="train one tag on the draw and on all rows, and print the losses"
    )
    options = parser.parse_args()
    if options.quick:
        options.sizes = [2_000]
        draw_from_few()
    folders = {customers: options.folder / f"training-size-{customers}" for customers in options.sizes}
    if options.cost:
        print(json.dumps(asdict(cost_of(options.folder / f"training-size-{options.cost}"))))
        return
    if options.loss:
        print(json.dumps(losses_of(folders[min(folders)], options.loss)))
        return
    size = ["--quick"] if options.quick else ["--sizes", *map(str, options.sizes)]
    arguments = [*size, "--folder", str(options.folder)]
    rows = []
    for customers, folder in folders.items():
        make_project(folder, customers, 0.001, TAGS)
        cost = Cost(**printed("benchmarks.training_size", [*arguments, "--cost", str(customers)]))
        rows += report_cost(customers, cost, bars=not options.quick)
    for tag in TAGS:
        found = printed("benchmarks.training_size", [*arguments, "--loss", tag])
        rows.append(report_loss(tag, found, bars=not options.quick))
    write_result("training_size", vars(options), rows, now=datetime.now(UTC))


def draw_from_few() -> None:
    """Let trainings of a quick run draw as large ones do."""
    from tagcast.models.stats import draws

    draws.MOST_ROWS, draws.MODEL_ROWS = 4_000, 3_000


def report_cost(customers: int, cost: Cost, *, bars: bool) -> list[Row]:
    """Print what training took; return it as rows."""
    stem = f"training size: {customers:,} customers"
    cpu = measured(
        f"{stem}, CPU a tag", "s", [cost.cpu / len(TAGS)], "lower", CPU_BARS.get(customers) if bars else None
    )
    peak = measured(f"{stem}, peak memory", "MB", [cost.peak_mb], "lower", MEMORY_BAR if bars else None)
    wall = measured(f"{stem}, both tags waited for", "s", [cost.wall], "lower")
    for row in (cpu, wall, peak):
        print(f"{row.metric}: {row.value:,.1f} {row.unit}{said_of(row)}", flush=True)
    return [cpu, wall, peak]


def report_loss(tag: str, found: dict[str, Any], *, bars: bool) -> Row:
    """Print what learning from a draw costs one tag; return it as a row."""
    value, low, high = found["difference"]
    row = Row(
        f"training size: {tag} log loss, draw minus all rows",
        "log loss",
        value,
        "lower",
        Spread(low, value, high, "95 % interval"),
        *((str(LOSS_BAR), verdict_of(met=LOSS_BAR.is_met(value))) if bars else ()),
    )
    print(
        f"{tag}, {found['rate']:.2%} true, {found['drawn']:,} of {found['rows']:,} rows drawn: log loss {found['draw']:.5f}, "
        f"of all rows {found['all']:.5f}, difference {value:+.5f} ({low:+.5f} to {high:+.5f}){said_of(row)}; "
        f"mean score {found['mean_score']:.5f}, of all rows {found['mean_score_all']:.5f}, rate {found['test_rate']:.5f}",
        flush=True,
    )
    return row


def said_of(row: Row) -> str:
    """Return a row's bar and verdict, as printed behind its figure."""
    return f" (bar: {row.bar}, {row.verdict})" if row.bar else ""


def cost_of(folder: Path) -> Cost:
    """Train both tags in a new home, and return what this process and those it started took."""
    import tagcast
    from tagcast.pipelines.project.project import open_project

    home = folder / "home"
    shutil.rmtree(home, ignore_errors=True)
    events = open_project(folder / "tagcast.toml", home).events  # builds the log
    print(f"{events.rows:,} events", file=sys.stderr)
    project = tagcast.open(folder / "tagcast.toml", home)
    before, start = _cpu(), time.perf_counter()
    with MemoryOfTree() as memory:
        for trained in project.train_all(list(TAGS)).values():
            print(trained, file=sys.stderr)
            if not trained.version:
                raise RuntimeError(f"{trained.tag} was not trained: {trained.reason}")
    return Cost(time.perf_counter() - start, _cpu() - before, memory.peak_mb)


def _cpu() -> float:
    """Return CPU seconds of this process and of those it has started and waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


class MemoryOfTree:
    """Looks, several times a second, how much memory this process and its children hold together."""

    def __init__(self) -> None:
        self.peak_mb = 0.0
        self._done = threading.Event()
        self._looking = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> MemoryOfTree:
        self._looking.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._done.set()
        self._looking.join()

    def _look(self) -> None:
        while not self._done.wait(LOOK_SECONDS):
            self.peak_mb = max(self.peak_mb, sum(map(_resident_mb, _tree(os.getpid()))))


def _tree(pid: int) -> list[int]:
    """Return a process and all that it has started."""
    found = [pid]
    for parent in found:
        for task in Path(f"/proc/{parent}/task").glob("*/children"):
            try:
                found += map(int, task.read_text(encoding="ascii").split())
            except OSError:
                continue  # it has just ended
    return found


def _resident_mb(pid: int) -> float:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    except (OSError, IndexError):
        return 0.0
    return pages * resource.getpagesize() / 2**20


def losses_of(folder: Path, tag: str) -> dict[str, Any]:
    """Train a tag on the draw and on all rows; both score every row of the test snapshot."""
    from tagcast.models.stats.metrics import log_loss, paired_difference
    from tagcast.models.training.tag_kind import kind_of, train
    from tagcast.pipelines.project.project import open_project
    from tagcast.pipelines.training.frames import training_frames, views_read
    from tagcast.pipelines.training.labelling.labels import labelled

    project = open_project(folder / "tagcast.toml", folder / "home")
    as_of = project.resolve_as_of(None)
    every = project.definitions(as_of)
    (definition,) = (d for d in every if d.name == tag)
    plan, feature_set = project.plan(definition, as_of), project.feature_set(every, as_of)
    with labelled(project, plan, as_of) as found:
        labels, part = found.rows(), found.drawn()
    frame = training_frames(project, [plan], {tag: labels}, feature_set, views_read(every))[tag]
    tested = {}
    for name, rows in (("all", frame), ("draw", with_whole_test(frame, part, plan.split.test))):
        result = train(
            definition,
            rows,
            plan.split,
            feature_set=feature_set.spec,
            trials=kind_of(definition).default_trials,
        )
        tested[name] = result.test_scores
    whole, some = tested["all"], tested["draw"]
    if not np.array_equal(whole.profile_id, some.profile_id):
        raise RuntimeError("the two trainings were tested on different customers")
    gap = paired_difference(whole.y, some.score, whole.score, "log_loss", np.random.default_rng(0))
    return {
        "all": log_loss(whole.y, whole.score),
        "draw": log_loss(whole.y, some.score),
        "difference": [gap.value, gap.low, gap.high],
        "rate": float(labels["y"].mean()),
        "test_rate": float(whole.y.mean()),
        "mean_score": float(some.score.mean()),
        "mean_score_all": float(whole.score.mean()),
        "rows": len(labels),
        "drawn": len(part),
    }


def with_whole_test(frame: TrainingFrame, part: Any, test: Any) -> TrainingFrame:
    """Return the drawn rows of earlier snapshots, and all of the test snapshot, whose rows count once."""
    weights = dict(zip(_keys(part["as_of"], part["profile_id"]), part["weight"], strict=True))
    at_test = frame.as_of == np.datetime64(test)
    weight = np.array([weights.get(key, 0.0) for key in _keys(frame.as_of.astype(object), frame.profile_id)])
    weight[at_test] = 1.0
    kept = weight > 0
    return replace(frame.only(kept), weight=weight[kept])


def _keys(as_of: Sequence[Any], profile_id: Sequence[Any]) -> list[tuple[Any, Any]]:
    return list(zip(as_of, profile_id, strict=True))


if __name__ == "__main__":
    main()
