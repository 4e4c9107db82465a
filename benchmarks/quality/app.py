"""The tags of an app beside other models: ``python -m benchmarks.quality.app [--people 2000]``.

``examples/app`` as it stands on made events; each rival learns from the rows and features that tagcast learns from, read by
``project.training_frame``, is chosen on its validation snapshots, and is measured on its test snapshot, which chose nothing.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.quality.subscription import TRIALS, drawn, forest
from benchmarks.quality.verdicts import judge
from benchmarks.results import ROOT, write_result
from benchmarks.rows import Bar, Row, Spread, verdict_of
from examples.app.make_events import app_events

Floats = npt.NDArray[np.float64]
EXAMPLE = ROOT / "examples" / "app"
AS_OF = "2024-06-08"
TAGS = ("logs_in_again", "buys_soon", "leaves_cart")
CHOICES_OF_C = (0.001, 0.01, 0.1, 1.0)
METRICS = ("auc", "log_loss", "calibration_error")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=2_000)
    options = parser.parse_args()
    rows, losses = [], []
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made) / "app"
        shutil.copytree(EXAMPLE, folder)
        app_events(options.people).to_parquet(folder / "events.parquet", index=False)
        for tag in TAGS:
            y, scores = scores_of(folder, tag)
            print(f"{tag}, {len(y):,} people at the test snapshot, {y.mean():.1%} true")
            judged = {row["model"]: row for row in judge(y, scores)}
            losses.append({name: row["log_loss"]["value"] for name, row in judged.items()})
            for name, row in judged.items():
                print(f"  {name:15} {', '.join(f'{m} {_with_interval(row[m])}' for m in METRICS)}")
                rows += [_row(tag, name, metric, row[metric]) for metric in METRICS]
    mean = {name: float(np.mean([loss[name] for loss in losses])) for name in losses[0]}
    least = min(loss for name, loss in mean.items() if name != "tagcast")
    met = Bar("at most", least).is_met(mean["tagcast"])
    for name, loss in mean.items():
        print(
            f"mean log loss, {name}: {loss:.4f}{f' (bar: the least, {verdict_of(met=met)})' if name == 'tagcast' else ''}"
        )
    rows.append(
        Row(
            "app: mean log loss, tagcast",
            "log loss",
            mean["tagcast"],
            "lower",
            None,
            "the least",
            verdict_of(met=met),
        )
    )
    write_result("quality-app", vars(options), rows, now=datetime.now(UTC))


def scores_of(folder: Path, tag: str) -> tuple[npt.NDArray[np.int8], dict[str, Floats]]:
    """Return the outcomes at the test snapshot and what each model says of them."""
    import tagcast

    project = tagcast.open(folder / "tagcast.toml", folder / "home")
    frame = project.training_frame(tag, AS_OF)
    features = list(frame.columns[list(frame.columns).index("weight") + 1 :])
    role = frame["role"].to_numpy()
    parts = {name: (frame.loc[role == name, features].to_numpy(float), frame.loc[role == name, "y"].to_numpy(np.int8)) for name in ("train", "validation", "test")}  # fmt: skip
    said = project.train(tag, AS_OF).predictions.set_index("profile_id")
    test = frame[role == "test"]
    learned = tuple(np.concatenate([parts[name][k] for name in ("train", "validation")]) for k in (0, 1))
    X, y = parts["test"]
    scores = {
        "tagcast": said.loc[test["profile_id"], "score"].to_numpy(float),
        "logistic": logistic(parts, learned, X),
        "lightgbm": forest(*learned, X, {}),
        "lightgbm_tuned": forest(*learned, X, tuned(parts)),
    }
    return y, scores


def logistic(parts: Mapping[str, Any], learned: tuple[Any, ...], X: Floats) -> Floats:
    """Return logistic regression on standardised columns, its penalty chosen on the validation snapshots."""
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import log_loss
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    def fitted(C: float, rows: tuple[Any, ...]) -> Any:
        filled = SimpleImputer(add_indicator=True, keep_empty_features=True)
        return make_pipeline(filled, StandardScaler(), LogisticRegression(C=C, max_iter=5000)).fit(*rows)

    held, y = parts["validation"]
    losses = {C: log_loss(y, fitted(C, parts["train"]).predict_proba(held)[:, 1]) for C in CHOICES_OF_C}
    best = min(losses, key=lambda C: losses[C])
    return np.asarray(fitted(best, learned).predict_proba(X)[:, 1])


def tuned(parts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of least log loss on the validation snapshots."""
    import optuna
    from sklearn.metrics import log_loss

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    held, y = parts["validation"]
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=0))
    study.optimize(
        lambda trial: float(log_loss(y, forest(*parts["train"], held, drawn(trial)))), n_trials=TRIALS
    )
    return dict(study.best_params)


def _with_interval(found: Mapping[str, float]) -> str:
    return f"{found['value']:.4f} ({found['low']:.4f} to {found['high']:.4f})"


def _row(tag: str, model: str, metric: str, found: Mapping[str, float]) -> Row:
    spread = Spread(found["low"], found["value"], found["high"], "95 % interval")
    better = ("higher" if metric == "auc" else "lower") if model == "tagcast" else "neither"
    return Row(f"app, {tag}: {model}, {metric}", "", found["value"], better, spread)


if __name__ == "__main__":
    main()
