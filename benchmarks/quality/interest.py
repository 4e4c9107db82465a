"""One model for all categories, or one each: ``python -m benchmarks.quality.interest``.

Three ways to answer the eight interest tasks from the same rows: tagcast as it is (a model for each category),
one LightGBM over all (profile, category) pairs, and the mean of that forest's log-odds and each category's own
logistic regression. Judged on past snapshots, by which the choice was made, and on the test snapshot.

``python -m benchmarks.quality.interest --train 200`` instead trains tagcast's tags of the 200 categories with the most
buyers in one command, and says what that takes.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.quality.tasks import CONFIGS, ROOT, TASKS, TaskData, open_task_workspace, task_data
from benchmarks.results import write_result
from benchmarks.rows import Better, Row

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int8]
Days = npt.NDArray[np.datetime64]
VALIDATION_FOLDS = 3
TRIALS = 12
POPULARITY = ("category_purchase_days_30d", "category_purchase_days_90d")
MEANS: tuple[tuple[str, str, Better], ...] = (
    ("past log loss", "", "lower"),
    ("test log loss", "", "lower"),
    ("AUC", "", "higher"),
    ("calibration error", "", "lower"),
    ("training CPU", "s", "lower"),
    ("size", "kB", "lower"),
)
"""Columns of the table of means: title, unit, better direction."""
LOGISTIC = {"C": 0.012, "bends": 2}


@dataclass(frozen=True)
class Rows:
    """Pairs of one category: features with its popularity and place among the categories, outcomes, snapshots."""

    X: Floats
    y: Labels
    as_of: Days


@dataclass(frozen=True)
class Answer:
    """What one way gave: by category the log losses of past snapshots and the test scores; CPU-seconds, bytes."""

    past: list[float]
    score: list[Floats]
    seconds: float
    size: int


def pairs(frame: Any, place: int, places: int) -> Rows:
    """Return the rows of one category, bounded features only.

    Parameters
    ----------
    frame : TrainingFrame
    place, places : int
        Which of how many categories it is: a column each, as LightGBM's categories on small numbers of them.
    """
    kept = [name for name in frame.X.columns if name not in frame.growing]
    X, as_of = frame.X[kept].to_numpy(float), frame.as_of.astype("datetime64[D]")
    popular = np.empty((len(X), len(POPULARITY)))
    for day in np.unique(as_of):
        rows = as_of == day
        popular[rows] = [(frame.X.loc[rows, name].to_numpy(float) > 0).mean() for name in POPULARITY]
    which = np.zeros((len(X), places))
    which[:, place] = 1
    return Rows(np.ascontiguousarray(np.column_stack([X, popular, which])), frame.y, as_of)


def each(data: Sequence[TaskData], definitions: Sequence[Any]) -> tuple[Answer, list[float]]:
    """Return tagcast's answer, and for comparison the past log losses of its forests alone."""
    from tagcast.models.training import tag_kind
    from tagcast.models.training.splits import Split

    past, forests, scores, size, started = [], [], [], 0, time.process_time()
    for task, definition in zip(data, definitions, strict=True):
        days = np.unique(task.train.as_of).astype("datetime64[D]").tolist()
        split = Split(tuple(days), task.horizon_days)
        found = tag_kind.train(definition, task.train, split, feature_set=task.task.name, trials=TRIALS)
        past.append(found.candidates[found.chosen])
        forests.append(found.candidates["forest"])
        scores.append(found.model.predict(task.test.X, task.task.now).score)
        size += sum(map(len, found.model.files.values()))
    return Answer(past, scores, time.process_time() - started, size), forests


def pooled(data: Sequence[TaskData]) -> tuple[Answer, Answer]:
    """Return the answers of one forest over all pairs, alone and beside a logistic regression each."""
    from tagcast.models.estimators.search import SearchOptions, best_of
    from tagcast.models.training.recipe import Recipe
    from tagcast.models.training.tuning import TrainAndScore, tune

    started = time.process_time()
    train = [pairs(task.train, k, len(data)) for k, task in enumerate(data)]
    test = [pairs(task.test, k, len(data)) for k, task in enumerate(data)]
    X, y, as_of = (np.concatenate([getattr(rows, name) for rows in train]) for name in ("X", "y", "as_of"))
    horizon = np.timedelta64(data[0].horizon_days, "D")
    days = [day for day in np.unique(as_of) if (as_of + horizon <= day).any()]
    # The last snapshot is tagcast's test snapshot and has no part in its choice: none here either.
    choosing = [d for d in days if d + horizon <= days[-1]][-VALIDATION_FOLDS:]
    folds = [TrainAndScore(X[as_of + horizon <= d], y[as_of + horizon <= d], X[as_of == d], y[as_of == d]) for d in choosing]  # fmt: skip
    tuned = best_of(tune(folds, SearchOptions("pooled", 0, TRIALS)))
    recipe = Recipe(
        {"forest": 1.0}, 1.0, 0, (), tuple(range(X.shape[1])), tuned.params, tuned.rounds,
        round(np.mean([len(f.y) for f in folds])), None, (), 0,
    )  # fmt: skip
    forests = {d: recipe.fit(X[as_of + horizon <= d], y[as_of + horizon <= d], as_of) for d in days}
    final = recipe.fit(X, y, as_of)
    shared = time.process_time() - started
    alone = _answer(train, test, data, forests, final, choosing, own=False)
    beside = _answer(train, test, data, forests, final, choosing, own=True)
    size = sum(len(part.text) for part in final.parts.values() if hasattr(part, "text"))
    return tuple(Answer(a.past, a.score, shared + a.seconds, size + a.size) for a in (alone, beside))  # type: ignore[return-value]


def _answer(
    train: Sequence[Rows],
    test: Sequence[Rows],
    data: Sequence[TaskData],
    forests: dict[Any, Any],
    final: Any,
    choosing: Sequence[Any],
    *,
    own: bool,
) -> Answer:
    """Return past losses and calibrated test scores; with ``own`` half of the log-odds is a logistic regression's."""
    import json

    from tagcast.models.calibration.binary_calibrator import Calibrator
    from tagcast.models.estimators.logistic import fit_path
    from tagcast.models.training.validation_losses import case_losses

    past, scores, size, started = [], [], 0, time.process_time()
    horizon = np.timedelta64(data[0].horizon_days, "D")

    def raw(forest: Any, known: Rows, asked: Rows) -> Floats:
        shared: Floats = forest.raw(asked.X)
        if not own:
            return shared
        return (shared + fit_path(known.X, known.y, [LOGISTIC["C"]], bends=2)[0].raw(asked.X)) / 2

    def some(rows: Rows, kept: npt.NDArray[np.bool_]) -> Rows:
        return Rows(rows.X[kept], rows.y[kept], rows.as_of[kept])

    for rows, asked, task in zip(train, test, data, strict=True):
        held = {
            d: raw(f, some(rows, rows.as_of + horizon <= d), some(rows, rows.as_of == d))
            for d, f in forests.items()
        }
        truth = {d: rows.y[rows.as_of == d] for d in held}
        past.append(float(np.mean([case_losses(truth[d], held[d]).mean() for d in choosing])))
        when = np.concatenate([np.full(len(held[d]), d) for d in held])
        calibrator = Calibrator.fit(
            np.concatenate(list(held.values())), np.concatenate(list(truth.values())), when
        )
        scores.append(calibrator.predict(raw(final, rows, asked), task.task.now).score)
        size += len(json.dumps(calibrator.to_json()))
    return Answer(past, scores, time.process_time() - started, size)


def compare() -> list[Row]:
    """Print what the three ways give; return their means over the tags as rows."""
    from tagcast.models.stats.metrics import auc, calibration_error, log_loss, paired_difference
    from tagcast.pipelines.project.progress import quiet
    from tagcast.pipelines.reports.terminal import table

    tasks = [t for t in TASKS if t.tag.startswith("interest.")]
    with TemporaryDirectory(prefix="tagcast-bench-") as home:
        workspace = open_task_workspace(tasks[0], Path(home), quiet)
        every = {d.name: d for d in workspace.definitions(tasks[0].now)}
        data = [task_data(task, workspace) for task in tasks]
    own, forests = each(data, [every[t.tag] for t in tasks])
    alone, beside = pooled(data)
    lines = []
    for k, task in enumerate(data):
        y = task.test.y
        gaps = [paired_difference(y, own.score[k], a.score[k], "log_loss", np.random.default_rng(0)) for a in (alone, beside)]  # fmt: skip
        lines.append(
            (
                task.task.tag, *(f"{v:.4f}" for v in (own.past[k], forests[k], alone.past[k], beside.past[k])),
                *(f"{log_loss(y, a.score[k]):.4f}" for a in (own, alone, beside)),
                *(f"{g.value:+.4f} ({g.low:+.4f} to {g.high:+.4f})" for g in gaps),
            )
        )  # fmt: skip
    table(
        "Log loss: past snapshots, then the test snapshot; own minus it on the same people",
        ("tag", "past: own", "a forest each", "pooled", "pooled + own logistic", "test: own", "pooled", "pooled + own logistic", "own - pooled", "own - pooled + logistic"),
        lines,
    )  # fmt: skip
    every_way = (("a model each (tagcast)", own), ("one forest for all pairs", alone), ("the forest and a logistic regression each", beside))  # fmt: skip
    means = [
        (name, float(np.mean(a.past)), *(float(np.mean([f(t.test.y, s) for t, s in zip(data, a.score, strict=True)])) for f in (log_loss, auc, calibration_error)), a.seconds, a.size / 1000)
        for name, a in every_way
    ]  # fmt: skip
    table(
        "Mean of the eight",
        ("way", "past log loss", "test log loss", "AUC", "calibration error", "training CPU-s", "kB"),
        [(name, *(f"{x:.4f}" for x in figures[:4]), *(f"{x:.0f}" for x in figures[4:])) for name, *figures in means],
    )  # fmt: skip
    return [
        Row(f"{way}: {metric}", unit, figure, better if way == every_way[0][0] else "neither")
        for way, *figures in means
        for (metric, unit, better), figure in zip(MEANS, figures, strict=True)
    ]


def train(categories: int, trials: int) -> list[Row]:
    """Train the tags of the ``categories`` with the most buyers in one command; print and return what it took."""
    from tagcast.pipelines.project.project import open_project
    from tagcast.pipelines.reports.terminal import progress, say
    from tagcast.pipelines.training.train import train_tags

    with TemporaryDirectory(prefix="tagcast-bench-") as scratch, progress() as show:
        workspace = open_project(ROOT / CONFIGS["completejourney"], Path(scratch) / "home", show)
        text = (ROOT / "models" / "tags" / "interest.yaml").read_text(encoding="utf-8")
        head, _, tail = text.partition("  values: [")
        tags = Path(scratch) / "tags"
        tags.mkdir()
        definition = f"{head}  top: {categories}\n{tail.partition(chr(10))[2]}"
        (tags / "interest.yaml").write_text(definition, encoding="utf-8")
        workspace.settings = workspace.settings.model_copy(update={"tags": str(tags)})
        started = time.perf_counter()
        found = train_tags(workspace, None, as_of=date(2017, 12, 2), now=datetime.now(UTC), trials=trials)
        seconds = time.perf_counter() - started
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    cpu = sum(u.ru_utime + u.ru_stime for u in used)
    refused = [t for t in found if t.version is None]
    ranked = [t for t in found if t.chosen == "rfm"]
    largest = max(u.ru_maxrss for u in used) / 1e6
    champions = sum(t.alias == "champion" for t in found)
    say(
        f"{len(found)} categories, {trials} trials each: {seconds / 60:.1f} min wall, {cpu:.0f} CPU-s, largest process "
        f"{largest:.1f} GB; {len(found) - len(refused) - len(ranked)} models, "
        f"{len(ranked)} RFM rankings for want of outcomes, {len(refused)} refused, "
        f"{champions} champions"
    )
    for tag in refused:
        say(f"{tag.tag}: {tag.reason}")
    return [
        Row(f"{categories} categories: wall", "s", seconds, "lower"),
        Row(f"{categories} categories: CPU", "s", cpu, "lower"),
        Row(f"{categories} categories: largest process", "GB", largest, "lower"),
        Row(f"{categories} categories: champions", "tags", champions, "higher"),
        Row(f"{categories} categories: refused", "tags", len(refused), "lower"),
    ]


def main() -> None:
    """Compare the three ways, or train many categories."""
    from tagcast.pipelines.reports.terminal import start_logging

    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality.interest", description=__doc__)
    parser.add_argument("--train", type=int, metavar="N", help="train the N categories with the most buyers")
    parser.add_argument(
        "--trials", type=int, default=TRIALS, help="LightGBM settings a tag; default %(default)s"
    )
    asked = parser.parse_args()
    start_logging()
    rows = train(asked.train, asked.trials) if asked.train else compare()
    name = "interest-train" if asked.train else "interest"
    write_result(name, vars(asked), rows, now=datetime.now(UTC))


if __name__ == "__main__":
    main()
