"""Who leaves a telephone company: ``python -m benchmarks.quality.subscription``.

``examples/subscription`` as it stands, YAML and TOML alone, on IBM's sample, which has no dates: 70 % of the customers are
learned from, stratified, seed 0; the labels of the others are in no table that tagcast sees. Beside it logistic regression
and LightGBM on the same attributes, each level a column, chosen on the customers learned from alone.
"""

from __future__ import annotations

import argparse
import os
import runpy
import shutil
import tempfile
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.quality.tasks import DATA
from benchmarks.quality.verdicts import judge
from benchmarks.results import ROOT, write_result
from benchmarks.rows import Bar, Better, Row, Spread, verdict_of

Floats = npt.NDArray[np.float64]
EXAMPLE = ROOT / "examples" / "subscription"
TAKEN_ON, LABELLED_BY = date(2024, 1, 1), date(2024, 2, 1)
HELD_OUT = 0.3
TRIALS = 30
FOLDS = 5
BARS: Mapping[str, tuple[Better, Bar]] = {
    "auc": ("higher", Bar("at least", 0.849)),
    "log_loss": ("lower", Bar("at most", 0.411)),
    "calibration_error": ("lower", Bar("at most", 0.02)),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("TAGCAST_DATA", DATA)))
    options = parser.parse_args()
    from sklearn.model_selection import train_test_split

    with tempfile.TemporaryDirectory() as made:
        folder = Path(made) / "subscription"
        shutil.copytree(EXAMPLE, folder)
        prepare = runpy.run_path(str(EXAMPLE / "prepare.py"))
        prepare["write_tables"](options.data / "telco_churn.parquet", folder)
        import pandas as pd

        labels = pd.read_parquet(folder / "labels.parquet")
        known, held = train_test_split(labels, test_size=HELD_OUT, random_state=0, stratify=labels["Churn"])
        known.to_parquet(folder / "labels.parquet", index=False)
        scores = {"tagcast": by_tagcast(folder, held["customerID"])}
        attributes = pd.read_parquet(folder / "customers.parquet").set_index("customerID")
    columns = pd.get_dummies(attributes, dtype=float).fillna(0.0)
    X, X_held = (columns.loc[some["customerID"]].to_numpy(float) for some in (known, held))
    y, y_held = ((some["Churn"] == "Yes").to_numpy(np.int8) for some in (known, held))
    scores |= {
        "logistic": logistic(X, y, X_held),
        "lightgbm": forest(X, y, X_held, {}),
        "lightgbm_tuned": forest(X, y, X_held, tuned(X, y)),
    }
    judged = judge(y_held, scores)
    for row in judged:
        shown = [f"{m} {row[m]['value']:.4f} ({row[m]['low']:.4f} to {row[m]['high']:.4f})" for m in BARS]
        print(f"{row['model']:15} {', '.join(shown)}")
    rows = [_row(row, metric) for row in judged for metric in BARS]
    for made_row in rows:
        if made_row.bar:
            print(f"{made_row.metric}: {made_row.bar}: {made_row.verdict}")
    write_result("quality-subscription", vars(options), rows, now=datetime.now(UTC))


def _row(row: Mapping[str, Any], metric: str) -> Row:
    better, bar = BARS[metric]
    found = row[metric]
    spread = Spread(found["low"], found["value"], found["high"], "95 % interval")
    if row["model"] != "tagcast":
        return Row(f"{row['model']}, {metric}", "", found["value"], "neither", spread)
    verdict = verdict_of(met=bar.is_met(found["value"]))
    return Row(f"tagcast, {metric}", "", found["value"], better, spread, str(bar), verdict)


def by_tagcast(folder: Path, asked: Any) -> Floats:
    """Return the published scores of customers whose labels it did not have."""
    import pandas as pd
    from click.testing import CliRunner

    from tagcast.pipelines.cli.main import cli

    def run(*command: str) -> None:
        given = [*command, "--config", str(folder / "tagcast.toml"), "--home", str(folder / "home")]
        found = CliRunner().invoke(cli, given)
        if found.exit_code:
            raise RuntimeError(found.output)

    run("train", "leaves", "--as-of", str(LABELLED_BY))
    run("score", "leaves", "--as-of", str(TAKEN_ON), "--out", str(folder / "scores.parquet"))
    published = pd.read_parquet(folder / "scores.parquet").set_index("profile_id")["score"]
    return np.asarray(published.loc[asked], dtype=np.float64)


def logistic(X: Floats, y: npt.NDArray[np.int8], X_held: Floats) -> Floats:
    """Return scikit-learn's logistic regression on standardised columns."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=5000)).fit(X, y)
    return np.asarray(model.predict_proba(X_held)[:, 1])


def forest(X: Floats, y: npt.NDArray[np.int8], X_held: Floats, parameters: Mapping[str, Any]) -> Floats:
    """Return LightGBM with these parameters."""
    from lightgbm import LGBMClassifier

    model = LGBMClassifier(n_jobs=2, random_state=0, verbose=-1, deterministic=True, **parameters).fit(X, y)
    return np.asarray(model.predict_proba(X_held)[:, 1])


def drawn(trial: Any) -> dict[str, Any]:
    """Return LightGBM's parameters as Optuna draws them."""
    return {
        "learning_rate": trial.suggest_float("learning_rate", 0.01, 0.2, log=True),
        "n_estimators": trial.suggest_int("n_estimators", 50, 600, log=True),
        "num_leaves": trial.suggest_int("num_leaves", 4, 64, log=True),
        "min_child_samples": trial.suggest_int("min_child_samples", 5, 200, log=True),
        "colsample_bytree": trial.suggest_float("colsample_bytree", 0.3, 1.0),
        "reg_lambda": trial.suggest_float("reg_lambda", 1e-3, 10.0, log=True),
    }


def tuned(X: Floats, y: npt.NDArray[np.int8]) -> dict[str, Any]:
    """Return the parameters of least log loss over folds of the customers learned from."""
    import optuna
    from sklearn.metrics import log_loss
    from sklearn.model_selection import StratifiedKFold

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    folds = list(StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(X, y))

    def objective(trial: Any) -> float:
        given = drawn(trial)
        return float(np.mean([log_loss(y[b], forest(X[a], y[a], X[b], given)) for a, b in folds]))

    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=0))
    study.optimize(objective, n_trials=TRIALS)
    return dict(study.best_params)


if __name__ == "__main__":
    main()
