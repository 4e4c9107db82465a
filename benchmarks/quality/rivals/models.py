"""The models that tagcast is held against: each a function from a task's rows to scores of its test rows.

- ``base_rate``: the share of true outcomes in training, for everyone;
- ``rfm``: recency, frequency and monetary value by rank, averaged, calibrated on the training snapshots;
- ``logistic``: scikit-learn, standardised log-scaled features, its default strength;
- ``lightgbm``: LightGBM with its default settings;
- ``lightgbm_tuned``: 30 Optuna trials, chosen on the last training snapshot, fitted again on all;
- ``flaml``: FLAML's AutoML, with the seconds that tagcast's training took, chosen on the same snapshot;
- ``bgnbd``: BG/NBD by ``lifetimes`` (tasks that ask for silence), as it comes;
- ``three_voice``: the mean of the log-odds of ``logistic``, ``lightgbm_tuned`` and ``bgnbd`` (two elsewhere).

Every one gets all features of the same snapshots. Choosing is on the last training snapshot, by models
that learned from snapshots labelled by its day.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from benchmarks.quality.tasks import TaskData
from benchmarks.results import ROOT

if TYPE_CHECKING:
    from lightgbm import LGBMClassifier

Floats = npt.NDArray[np.float64]

TRIALS = 30
MOST_TREES = 2000
PATIENCE = 50
LEAST_SECONDS = 30
TINY = 1e-6


def base_rate(data: TaskData) -> Floats:
    """Return the training rate for everyone."""
    return np.full(len(data.test.y), data.train.y.mean())


def rfm(data: TaskData) -> Floats:
    """Return the calibrated RFM ranking."""
    from tagcast.models.estimators.rfm import RfmRanking

    ranking = RfmRanking.fit(data.train.rfm.to_numpy(float), data.train.y, data.train.as_of)
    return ranking.predict(data.test.rfm.to_numpy(float), data.test.as_of)


def logistic(data: TaskData) -> Floats:
    """Return scikit-learn's logistic regression on log-scaled features."""
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, StandardScaler

    model = make_pipeline(
        FunctionTransformer(lambda X: np.sign(X) * np.log1p(np.abs(X))),
        SimpleImputer(strategy="median", add_indicator=True),
        StandardScaler(),
        LogisticRegression(max_iter=5000),
    )
    model.fit(data.train.X.to_numpy(float), data.train.y)
    return np.asarray(model.predict_proba(data.test.X.to_numpy(float))[:, 1])


def lightgbm(data: TaskData) -> Floats:
    """Return LightGBM with its default settings."""
    return _scores(_forest({}).fit(data.train.X.to_numpy(float), data.train.y), data)


def lightgbm_tuned(data: TaskData) -> Floats:
    """Return LightGBM tuned by Optuna on the last training snapshot, fitted again on all snapshots."""
    import lightgbm as lgb
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    X, y = data.train.X.to_numpy(float), data.train.y
    known, last = data.last_fold

    def objective(trial: optuna.Trial) -> float:
        settings: dict[str, Any] = {
            "learning_rate": trial.suggest_float("learning_rate", 0.01, 0.2, log=True),
            "num_leaves": trial.suggest_int("num_leaves", 4, 128, log=True),
            "min_child_samples": trial.suggest_int("min_child_samples", 5, 200, log=True),
            "subsample": trial.suggest_float("subsample", 0.5, 1.0),
            "colsample_bytree": trial.suggest_float("colsample_bytree", 0.3, 1.0),
            "reg_alpha": trial.suggest_float("reg_alpha", 1e-3, 10.0, log=True),
            "reg_lambda": trial.suggest_float("reg_lambda", 1e-3, 10.0, log=True),
        }
        model = _forest({**settings, "subsample_freq": 1, "n_estimators": MOST_TREES})
        stop = lgb.early_stopping(PATIENCE, verbose=False)
        model.fit(
            X[known],
            y[known],
            eval_X=(X[last],),
            eval_y=(y[last],),
            eval_metric="binary_logloss",
            callbacks=[stop],
        )
        trial.set_user_attr("trees", int(model.best_iteration_ or MOST_TREES))
        return float(model.best_score_["valid_0"]["binary_logloss"])

    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=0))
    study.optimize(objective, n_trials=TRIALS)
    best = {**study.best_params, "subsample_freq": 1, "n_estimators": study.best_trial.user_attrs["trees"]}
    return _scores(_forest(best).fit(X, y), data)


def flaml(data: TaskData, seconds: float) -> Floats:
    """Return FLAML's choice after ``seconds`` of search, fitted again on all snapshots."""
    from flaml import AutoML

    X, y = data.train.X, data.train.y
    known, last = data.last_fold
    plain: dict[str, Any] = {
        "task": "classification",
        "metric": "log_loss",
        "seed": 0,
        "n_jobs": 2,
        "verbose": 0,
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of FLAML and the libraries it drives
        search = AutoML()
        search.fit(
            X[known], y[known], X_val=X[last], y_val=y[last], time_budget=seconds, eval_method="holdout", **plain
        )  # fmt: skip
        chosen = search.best_estimator
        again = AutoML()
        again.fit(
            X, y, estimator_list=[chosen], starting_points={chosen: search.best_config},
            max_iter=1, eval_method="holdout", split_ratio=0.1, sample=False, retrain_full=True, **plain
        )  # fmt: skip
        return np.asarray(again.predict_proba(data.test.X)[:, 1], float)


def bgnbd(data: TaskData) -> Floats | None:
    """Return P(no purchase) by BG/NBD, None where the task asks for something else."""
    from benchmarks.quality.rivals.buy_till_you_die import no_purchase

    return no_purchase(data.history_test, data.horizon_days) if data.kind == "no_event" else None


def three_voice(scores: Mapping[str, Floats | None]) -> Floats:
    """Return the plain mean of log-odds of the voices that apply."""
    voices = [scores[name] for name in ("logistic", "lightgbm_tuned", "bgnbd")]
    odds = [np.log(p / (1 - p)) for v in voices if v is not None for p in [np.clip(v, TINY, 1 - TINY)]]
    return np.asarray(1 / (1 + np.exp(-np.mean(odds, axis=0))))


SINGLE: dict[str, Callable[[TaskData], Floats | None]] = {
    "base_rate": base_rate,
    "rfm": rfm,
    "logistic": logistic,
    "lightgbm": lightgbm,
    "lightgbm_tuned": lightgbm_tuned,
    "bgnbd": bgnbd,
}
"""Rivals that need the task's rows and nothing else."""

NAMES = (*SINGLE, "flaml", "three_voice")


def code_of(name: str) -> bytes:
    """Return the code and settings that one rival's scores come from, to tell whether kept ones still hold."""
    calibration = ROOT / "models" / "calibration"
    files = {
        "rfm": [
            ROOT / "models" / "estimators" / "rfm.py",
            calibration / "binary_calibrator.py",
            calibration / "venn_abers.py",
        ],
        "bgnbd": [Path(__file__).parent / "buy_till_you_die.py"],
    }
    functions: list[Callable[..., Any]] = [flaml if name == "flaml" else SINGLE[name]]
    settings: tuple[int, ...] = ()
    if name.startswith("lightgbm"):
        functions += [_forest, _scores]
    if name == "lightgbm_tuned":
        settings = (TRIALS, MOST_TREES, PATIENCE)
    # As syntax trees: layout and comments change no score.
    trees = [ast.dump(ast.parse(textwrap.dedent(inspect.getsource(function)))) for function in functions]
    return repr((trees, settings)).encode() + b"".join(file.read_bytes() for file in files.get(name, []))


def budget(tagcast_seconds: float) -> int:
    """Return FLAML's seconds: tagcast's, at least 30, in whole steps of 30 so that runs repeat."""
    return LEAST_SECONDS * max(1, round(tagcast_seconds / LEAST_SECONDS))


def bounded(scores: Floats) -> Floats:
    """Return probabilities clipped to where the log loss is finite."""
    return np.clip(scores, TINY, 1 - TINY)


def _forest(settings: Mapping[str, Any]) -> LGBMClassifier:
    from lightgbm import LGBMClassifier

    return LGBMClassifier(**{"verbosity": -1, "random_state": 0, "n_jobs": 1, **settings})


def _scores(model: LGBMClassifier, data: TaskData) -> Floats:
    # The booster itself: the classifier warns of feature names that arrays do not have.
    return np.asarray(model.booster_.predict(data.test.X.to_numpy(float)), float)
