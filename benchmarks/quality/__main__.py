"""Model quality beside other models, on real data split by time: ``make bench-quality``.

Each task is trained as of a day, scores everyone of that day, and is judged by what they did in the window
after it, which no model has seen. All models learn from the same features of the same snapshots; ``rivals``
says who they are. tagcast is trained anew every time; rivals' scores are kept while nothing they come from
changes (``benchmarks/out/cache``).

``python -m benchmarks.quality cdnow`` runs the tasks whose name holds the word; ``--rivals a,b`` chooses rivals;
``--rivals-only`` leaves tagcast out.

Prints tables and verdicts, writes the same as JSON to ``benchmarks/out/quality.json``; exit 1 where a bar is
missed.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from benchmarks.quality.rivals import models as rivals
from benchmarks.quality.rivals.score_cache import Cache
from benchmarks.quality.tasks import DATA, TASKS, Task, open_task_workspace, task_data
from benchmarks.quality.verdicts import (
    METRICS,
    OWN,
    PAIRED,
    averages,
    judge,
    metric_rows,
    verdict_rows,
    verdicts,
)
from benchmarks.results import out_folder, write_result

if TYPE_CHECKING:
    from tagcast.pipelines.project.progress import Progress


def run(
    task: Task, home: Path, names: Sequence[str], show: Progress, *, with_tagcast: bool
) -> dict[str, Any]:
    """Train, score and judge one task; return its result as JSON values.

    Parameters
    ----------
    task : Task
    home : Path
        May hold what another task of the same project and day left: event log and features are taken up.
    names : sequence of str
        Rivals, of ``rivals.NAMES``.
    show : callable
        ``(stage, done, total)``.
    with_tagcast : bool
        Whether tagcast is trained, and its promise judged.
    """
    from benchmarks.quality.promise import promise
    from benchmarks.quality.tagcast_scores import train_and_score

    started = time.perf_counter()
    workspace = open_task_workspace(task, home, show)
    data = task_data(task, workspace)
    cache = Cache(out_folder() / "cache")
    result: dict[str, Any] = {
        "task": task.name,
        "reference": task.reference,
        "now": str(task.now),
        "judged_until": str(task.now + timedelta(days=data.horizon_days)),
        "profiles": len(data.test.y),
        "training_rows": len(data.train.y),
        "features": data.train.X.shape[1],
        "base_rate": float(data.test.y.mean()),
    }
    scores = {}
    seconds = 0.0
    if with_tagcast:
        said = train_and_score(task, workspace, data.test.profile_id)
        scores[OWN], seconds = said.score, said.seconds
        result |= {"chosen": said.chosen, "refused": said.refused, "notes": list(said.notes)}
        result |= {"tagcast_seconds": seconds, "promise": promise(data, said, workspace)}
    for name in names:
        show(f"{task.name}: {name}", 0, 1)
        budget = rivals.budget(seconds) if name == "flaml" else 0
        found = cache.scores(data, name, seconds=budget)
        if found is not None:
            scores[name] = found
        if budget:
            result["flaml_seconds"] = budget
        show(f"{task.name}: {name}", 1, 1)
    return {**result, "rows": judge(data.test.y, scores), "seconds": time.perf_counter() - started}


def report(results: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Print every table; return the verdicts."""
    from tagcast.pipelines.reports.terminal import say, table

    for result in results:
        lines = [
            (row["model"], *(_figure(row[m]) for m in METRICS), *(_gap(row, m) for m in PAIRED))
            for row in result["rows"]
        ]
        table(
            f"{result['task']}, as of {result['now']}: {result['profiles']:,} people, base rate "
            f"{result['base_rate']:.3f}; 95 % bootstrap intervals",
            ("model", "AUC", "average precision", "log loss", "calibration error", "tagcast minus it: AUC", "log loss"),
            lines,
        )  # fmt: skip
    reference = [result for result in results if result["reference"]]
    for title, judged_over in (("reference tasks", reference), ("tasks", results)):
        if judged_over and not (judged_over is results and results == reference):
            table(
                f"Mean over {len(judged_over)} {title} (rank)",
                ("model", "AUC", "average precision", "log loss", "calibration error"),
                [
                    (row["model"], *(f"{row[m]:.4f} ({row[f'{m}_rank']})" for m in METRICS))
                    for row in averages(judged_over)
                ],
            )
    judged = verdicts(results)
    for verdict in judged:
        say(f"{'met   ' if verdict['met'] else 'MISSED'} {verdict['bar']}: {verdict['found']}")
    return judged


def _figure(estimate: dict[str, float]) -> str:
    return f"{estimate['value']:.3f} ({estimate['low']:.3f}–{estimate['high']:.3f})"


def _gap(row: dict[str, Any], metric: str) -> str:
    gap = row.get(f"tagcast_minus_it_{metric}")
    return f"{gap['value']:+.4f} ({gap['low']:+.4f} to {gap['high']:+.4f})" if gap else "–"


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.quality", description="Model quality on real data."
    )
    parser.add_argument(
        "words", nargs="*", help="tasks whose name holds these words; all where none is given"
    )
    parser.add_argument(
        "--rivals", default=",".join(rivals.NAMES), help="comma-separated; default: %(default)s"
    )
    parser.add_argument("--rivals-only", action="store_true", help="leave tagcast out")
    asked = parser.parse_args()
    asked.rivals = [name for name in asked.rivals.split(",") if name]
    unknown = sorted(set(asked.rivals) - set(rivals.NAMES))
    if unknown:
        parser.error(f"unknown rivals {', '.join(unknown)}; known: {', '.join(rivals.NAMES)}")
    word = " ".join(asked.words).lower()
    asked.tasks = [task for task in TASKS if word in task.name]
    if not asked.tasks:
        parser.error(f"no task's name holds {word!r}; tasks: {', '.join(t.name for t in TASKS)}")
    return asked


def main() -> None:
    """Run the tasks whose data are there, print and write what came out; exit 1 where a bar is missed."""
    from tagcast.pipelines.reports.terminal import progress, say, start_logging

    asked, now = _asked(), datetime.now(UTC)
    arguments = {**vars(asked), "tasks": [task.name for task in asked.tasks]}
    start_logging()
    if (DATA / "cdnow_master.parquet").is_file():
        os.environ.setdefault("TAGCAST_DATA", str(DATA))
    results: list[dict[str, Any]] = []
    with TemporaryDirectory(prefix="tagcast-bench-") as homes, progress() as show:
        for task in asked.tasks:
            if "TAGCAST_DATA" not in os.environ and task.project != "completejourney":
                say(f"{task.name}: left out, TAGCAST_DATA names no folder with its data")
                continue
            home = Path(homes) / f"{task.project}-{task.now}"
            home.mkdir(exist_ok=True)
            results.append(run(task, home, asked.rivals, show, with_tagcast=not asked.rivals_only))
            # After every task: what is done stays when a later one is stopped.
            write_result("quality", arguments, metric_rows(results), now=now, details={"tasks": results})
    if not results:
        return  # a result of earlier stays
    judged = report(results)
    rows = [*metric_rows(results), *verdict_rows(judged)]
    details = {"tasks": results, "means": averages(results), "verdicts": judged}
    write_result("quality", arguments, rows, now=now, details=details)
    sys.exit(not all(verdict["met"] for verdict in judged))


if __name__ == "__main__":
    main()
