"""Model quality beside reference models, on real data split by time: ``make bench-quality``.

Each task is trained as of a day, scores everyone of that day, and is judged by what they did in the window
after it, which no model has seen. Every model learns from the same features of the same snapshots:

- ``tagcast``: `tagcast train` and `tagcast score`, through the registry and the profile store;
- ``logistic``: scikit-learn, standardised log-scaled features, its default strength;
- ``lightgbm``: LightGBM with its default settings;
- ``rfm``: recency, frequency and monetary value by rank, averaged, calibrated on the training snapshots.

``python -m benchmarks.quality cdnow`` runs the tasks whose title holds the word.

Prints a table and writes the same as JSON under ``benchmarks/out/``.
"""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "benchmarks" / "out"
DATA = Path(os.environ.get("TAGCAST_DATA", ROOT.parent / "shared" / "data"))
TRIALS = 20


@dataclass(frozen=True)
class Task:
    """One tag, trained and scored as of ``now``; ``bars`` are what it has to reach."""

    title: str
    config: str
    tag: str
    now: date
    bars: dict[str, float]


TASKS = (
    Task(
        "completejourney churn 30 d",
        "tagcast.toml",
        "churn_risk",
        date(2017, 12, 2),
        {"auc": 0.855, "log_loss": 0.295},
    ),
    Task(
        "completejourney COFFEE 30 d",
        "tagcast.toml",
        "interest.coffee",
        date(2017, 12, 2),
        {"auc": 0.85, "log_loss": 0.34},
    ),
    Task(
        "completejourney high value 90 d",
        "tagcast.toml",
        "high_value",
        date(2017, 10, 3),
        {"auc": 0.92, "log_loss": 0.275},
    ),
    Task("CDNOW churn 90 d", "examples/cdnow/tagcast.toml", "churn_risk", date(1998, 4, 1), {"auc": 0.835}),
)
METRICS = ("auc", "average_precision", "log_loss", "calibration_error")


def references(frame: Any, test: Any) -> dict[str, np.ndarray]:
    """Return the test scores of the reference models, trained on ``frame``."""
    from lightgbm import LGBMClassifier
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, StandardScaler

    from models.rfm import RfmRanking

    columns = list(frame.X.columns)
    log = FunctionTransformer(lambda X: np.sign(X) * np.log1p(np.abs(X)))
    logistic = make_pipeline(
        log,
        SimpleImputer(strategy="median", add_indicator=True),
        StandardScaler(),
        LogisticRegression(max_iter=5000),
    )
    forest = LGBMClassifier(verbosity=-1, random_state=0, n_jobs=1)
    scores = {}
    for name, model in (("logistic", logistic), ("lightgbm", forest)):
        model.fit(frame.X.to_numpy(), frame.y)
        scores[name] = model.predict_proba(test.X[columns].to_numpy())[:, 1]
    ranking = RfmRanking.fit(frame.rfm.to_numpy(), frame.y, frame.as_of)
    scores["rfm"] = ranking.predict(test.rfm.to_numpy(), test.as_of)
    return scores


def run(task: Task, home: Path) -> dict[str, Any]:
    """Train, score and judge one task; return its rows."""
    from models.metrics import evaluate, paired_difference
    from models.splits import Split
    from pipelines.frames import label_rows, training_frames
    from pipelines.reporting import progress
    from pipelines.score import score_tags
    from pipelines.train import train_tags
    from pipelines.workspace import TagPlan, open_workspace
    from serving.profile_store import ProfileStore

    started = time.process_time()
    with progress() as show:
        workspace = open_workspace(ROOT / task.config, home, show)
        moment = datetime.now(UTC)
        (trained,) = train_tags(workspace, [task.tag], now=task.now, moment=moment, trials=TRIALS)
        score_tags(workspace, [task.tag], as_of=task.now, moment=moment)
        (definition,) = (d for d in workspace.definitions(task.now) if d.name == task.tag)
        plan = workspace.plan(definition, task.now)
        feature_set = workspace.feature_set(workspace.definitions(task.now), task.now)
        frame = training_frames(
            workspace, [plan], {task.tag: label_rows(workspace, plan, task.now)}, feature_set
        )[task.tag]
        # The window after the day of training: read only here, to judge.
        due = task.now + timedelta(days=definition.horizon_days)
        after = TagPlan(definition, Split((plan.split.snapshots[0], task.now), definition.horizon_days))
        both = training_frames(
            workspace, [after], {task.tag: label_rows(workspace, after, due)}, feature_set
        )[task.tag]
    rows_then = both.as_of == np.datetime64(task.now)
    test = replace(
        both,
        X=both.X[rows_then],
        y=both.y[rows_then],
        as_of=both.as_of[rows_then],
        profile_id=both.profile_id[rows_then],
        rfm=both.rfm[rows_then],
    )
    with ProfileStore(home / "store").reader() as reader:
        said = reader.predictions(task.tag).to_pandas().set_index("profile_id")
    scores = {"tagcast": said.loc[list(test.profile_id), "score"].to_numpy(), **references(frame, test)}
    rows = []
    for name, score in scores.items():
        figures = evaluate(test.y, score, np.random.default_rng(0))
        row: dict[str, Any] = {"model": name}
        for metric in METRICS:
            row[metric] = {
                "value": figures[metric].value,
                "low": figures[metric].low,
                "high": figures[metric].high,
            }
        if name != "tagcast":
            for metric in ("auc", "log_loss"):
                gap = paired_difference(test.y, scores["tagcast"], score, metric, np.random.default_rng(0))
                row[f"tagcast_minus_it_{metric}"] = {"value": gap.value, "low": gap.low, "high": gap.high}
        rows.append(row)
    mine = rows[0]
    met = {
        m: bool(mine[m]["value"] >= bar if m == "auc" else mine[m]["value"] <= bar)
        for m, bar in task.bars.items()
    }
    return {
        "task": task.title, "now": str(task.now), "judged_until": str(due), "profiles": len(test.y), "base_rate": float(test.y.mean()),
        "chosen": trained.chosen, "bars": task.bars, "met": met, "cpu_s": time.process_time() - started, "rows": rows,
    }  # fmt: skip


def main() -> None:
    """Run every task whose data are there, print and write the table; exit 1 where a bar is missed."""
    from pipelines.reporting import say, start_logging, table

    start_logging(verbose=False)
    asked = " ".join(sys.argv[1:]).lower()
    if (DATA / "cdnow_master.parquet").is_file():
        os.environ.setdefault("TAGCAST_DATA", str(DATA))
    results = []
    for task in (t for t in TASKS if asked in t.title.lower()):
        if "TAGCAST_DATA" not in os.environ and task.config != "tagcast.toml":
            say(f"{task.title}: left out, TAGCAST_DATA names no folder with its data")
            continue
        with TemporaryDirectory(prefix="tagcast-bench-") as home:
            results.append(run(task, Path(home)))
    lines = []
    for result in results:
        for row in result["rows"]:
            cells = [
                f"{row[m]['value']:.3f} ({row[m]['low']:.3f}–{row[m]['high']:.3f})" if m in row else "–"
                for m in METRICS
            ]
            lines.append((result["task"] if row["model"] == "tagcast" else "", row["model"], *cells))
    table(
        "Judged on the window after the day of training (95 % bootstrap intervals)",
        ("task", "model", "AUC", "average precision", "log loss", "calibration error"),
        lines,
    )
    OUT.mkdir(exist_ok=True)
    (OUT / "quality.json").write_text(json.dumps(results, indent=1), encoding="utf-8")
    missed = [f"{r['task']}: {m} bar {r['bars'][m]}" for r in results for m, ok in r["met"].items() if not ok]
    say("every bar is met" if not missed else "missed: " + "; ".join(missed))
    sys.exit(bool(missed))


if __name__ == "__main__":
    main()
