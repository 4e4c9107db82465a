"""What growing features, row weights and wider bounds change where the season is new: ``python -m benchmarks.quality.season``.

Each part of a model is fitted on a task's training snapshots in four ways (with or without the features that
grow with the calendar, rows of earlier snapshots counting as much as late ones or less) and judged on the test snapshot; then the trained
tag's promise, with and without the wider bounds of an unseen season. Nothing is chosen by these figures.
"""

from __future__ import annotations

import os
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from benchmarks.quality.promise import AUDIENCES
from benchmarks.quality.tasks import DATA, TASKS, Task, TaskData, open_task_workspace, task_data
from benchmarks.results import write_result
from benchmarks.rows import Row
from tagcast.models.kernels.additive_model import compress

if TYPE_CHECKING:
    from tagcast.models.artifacts.binary_model import TagModel

Floats = npt.NDArray[np.float64]
NAMES = ("online retail churn 90 d", "online retail value 90 d", "cdnow churn 90 d")
HALF_LIFE_DAYS = 90
TREES = 150  # small ones; the same for every variant


def part_losses(data: TaskData) -> list[tuple[str, bool, bool, float, float]]:
    """Return part, growing features used, rows weighted, AUC and log loss on the test snapshot."""
    import lightgbm as lgb

    from tagcast.models.stats.metrics import auc, log_loss
    from tagcast.models.training.recipe import LEARNING_RATE
    from tagcast.models.training.tuning import GOOD_DEFAULT

    age = (data.train.as_of.max() - data.train.as_of) / np.timedelta64(1, "D")
    params = {**GOOD_DEFAULT, "learning_rate": LEARNING_RATE, "n_estimators": TREES, "verbosity": -1}
    params |= {"deterministic": True, "force_row_wise": True, "n_jobs": 1, "random_state": 0}
    found = []
    for growing in (True, False):
        names = [n for n in data.train.X.columns if growing or n not in data.train.growing]
        X, asked = (frame.X[names].to_numpy(float) for frame in (data.train, data.test))
        for weighted in (False, True):
            weight = 0.5 ** (age / HALF_LIFE_DAYS) if weighted else np.ones(len(age))
            weight *= len(weight) / weight.sum()
            line = _log_scaled().fit(X, data.train.y, logisticregression__sample_weight=weight)
            trees = lgb.LGBMClassifier(**params).fit(X, data.train.y, sample_weight=weight)
            for part, model in (("logistic regression", line), ("LightGBM", trees)):
                score = np.asarray(model.predict_proba(asked)[:, 1])
                y = data.test.y
                found.append((part, growing, weighted, auc(y, score), log_loss(y, score)))
    return found


def _log_scaled() -> Any:
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, StandardScaler

    return make_pipeline(
        FunctionTransformer(compress),
        SimpleImputer(strategy="median", add_indicator=True),
        StandardScaler(),
        LogisticRegression(C=0.05, max_iter=5000),
    )


def promises(data: TaskData, model: TagModel) -> list[tuple[str, float, float, float]]:
    """Return bounds, share of audiences broken, mean excess and share said, without and with the unseen season."""
    from tagcast.models.decisions.policy import decide, needs_population, threshold_from_scores
    from tagcast.models.evaluation.random_audiences import audience_promise

    raw, unseen = model.raw(data.test.X), model.unseen_season(data.task.now)
    found = []
    for name, share in (("as if the season were known", 0.0), (f"{unseen:.0%} unseen", unseen)):
        score, lower, upper = model.calibrator.predict(raw, data.task.now, share)
        rule = model.definition.decision
        threshold = threshold_from_scores(rule, score) if needs_population(rule) else model.threshold
        value, confidence = decide(
            score, lower, upper, threshold=threshold, min_confidence=model.definition.min_confidence
        )
        percentile = 100 * np.argsort(np.argsort(score, kind="stable"), kind="stable") / len(score)
        judged = audience_promise(
            data.test.X, None, value, confidence, percentile, data.test.y, audiences=AUDIENCES, seed=0
        )
        found.append((name, judged.broken_share, judged.mean_excess, float((value != "unknown").mean())))
    return found


def trained(task: Task, data: TaskData, definition: Any, snapshots: tuple[date, ...]) -> TagModel:
    """Return tagcast's model of the task, learned from its training rows."""
    from tagcast.models.training import tag_kind
    from tagcast.models.training.splits import Split

    split = Split(snapshots, definition.horizon_days)
    return tag_kind.train(definition, data.train, split, feature_set=task.name).model


def run(task: Task, home: Path) -> list[Row]:
    """Print the tables of one task; return them as rows."""
    from tagcast.pipelines.project.progress import quiet
    from tagcast.pipelines.reports.terminal import table

    workspace = open_task_workspace(task, home, quiet)
    data = task_data(task, workspace)
    (definition,) = (d for d in workspace.definitions(task.now) if d.name == task.tag)
    model = trained(task, data, definition, workspace.plan(definition, task.now).split.snapshots)
    yes = {True: "yes", False: "no"}
    losses, kept = part_losses(data), promises(data, model)
    table(
        f"{task.name}, as of {task.now}: {len(data.test.y):,} people, base rate {data.test.y.mean():.3f}, "
        f"{data.train.y.mean():.3f} in training",
        ("part", "growing features", "rows weighted", "AUC", "log loss"),
        [(p, yes[g], yes[w], f"{a:.4f}", f"{loss:.4f}") for p, g, w, a, loss in losses],
    )
    table(
        f"The promise to {AUDIENCES:,} random audiences",
        ("bounds", "broken", "excess", "said"),
        [(n, f"{b:.1%}", f"{e:+.3f}", f"{s:.0%}") for n, b, e, s in kept],
    )
    rows = []
    for part, growing, weighted, area, loss in losses:
        title = f"{task.name}: {part}, growing features {yes[growing]}, rows weighted {yes[weighted]}"
        rows += [Row(f"{title}: AUC", "", area, "higher"), Row(f"{title}: log loss", "", loss, "lower")]
    # The share unseen is part of the printed name and moves with the data: rows are distinguished by a word.
    for word, (_, broken, excess, said) in zip(("season known", "season unseen"), kept, strict=True):
        rows += [
            Row(f"{task.name}: {word}: audiences broken", "share", broken, "lower"),
            Row(f"{task.name}: {word}: mean excess", "", excess, "neither"),
            Row(f"{task.name}: {word}: share with a value", "share", said, "higher"),
        ]
    return rows


def main() -> None:
    """Run every task; exit 2 where the data are not there."""
    if not (DATA / "cdnow_master.parquet").is_file() and "TAGCAST_DATA" not in os.environ:
        sys.exit("TAGCAST_DATA names no folder with the data of CDNOW and Online Retail II")
    os.environ.setdefault("TAGCAST_DATA", str(DATA))
    rows: list[Row] = []
    with TemporaryDirectory(prefix="tagcast-bench-") as homes:
        for task in (t for t in TASKS if t.name in NAMES):
            home = Path(homes) / task.project
            home.mkdir(exist_ok=True)
            rows += run(task, home)
    write_result("season", {}, rows, now=datetime.now(UTC))


if __name__ == "__main__":
    main()
