"""Optuna finds the forest's parameters: seeded, pruned, and resumable to the same result.

Each trial's sampler is seeded by (seed, number of finished trials), and only finished trials count: a
study that was killed and goes on later sees exactly what it would have seen uninterrupted.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from features.errors import ModelError
from models.forest import MAX_ROUNDS, ForestScorer, binned

if TYPE_CHECKING:
    import lightgbm as lgb
    from optuna.distributions import BaseDistribution
    from optuna.study import Study

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int8]

GOOD_DEFAULT = {
    "num_leaves": 6,
    "learning_rate": 0.05,
    "min_child_samples": 40,
    "feature_fraction": 0.6,
    "lambda_l2": 1.0,
}
"""The first trial: small trees won on four of five real tasks, so no budget is too small to try them."""
_RANDOM_TRIALS = 4  # before TPE models what it has seen


@dataclass(frozen=True)
class TrainAndScore:
    """Arrays of one fold: learn on (X, y), score (X_score, y_score)."""

    X: Floats
    y: Labels
    X_score: Floats
    y_score: Labels


@dataclass(frozen=True)
class TunedForest:
    """What tuning found.

    Parameters
    ----------
    params : dict
        LightGBM parameters.
    rounds : int
        Mean of the best rounds over the folds.
    log_loss : float
        Mean over the folds, each at its best round.
    trials : int
        Finished trials, pruned ones among them.
    """

    params: dict[str, Any]
    rounds: int
    log_loss: float
    trials: int


def _space() -> dict[str, BaseDistribution]:
    from optuna.distributions import FloatDistribution, IntDistribution

    return {
        "num_leaves": IntDistribution(4, 64, log=True),
        "learning_rate": FloatDistribution(0.02, 0.2, log=True),
        "min_child_samples": IntDistribution(5, 200, log=True),
        "feature_fraction": FloatDistribution(0.2, 1.0),
        "lambda_l2": FloatDistribution(1e-2, 30.0, log=True),
    }


def tune(
    folds: Sequence[TrainAndScore],
    *,
    study_name: str,
    seed: int,
    trials: int,
    timeout_s: float | None = None,
    threads: int = 1,
    storage: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> TunedForest:
    """Search the parameters with the least mean log loss over ``folds``.

    Parameters
    ----------
    folds : sequence of TrainAndScore
        In time order.
    study_name : str
        Has to name data and settings: a study of this name in ``storage`` is continued.
    seed, trials, threads : int
        ``trials`` counts those of an earlier, stopped run.
    timeout_s : float, optional
        No trial starts later than this many seconds from now; the first always runs.
    storage : str, optional
        SQLAlchemy URL of Optuna's database; in memory by default.
    progress : callable, optional
        Called with (finished trials, trials).
    """
    import optuna

    if trials < 1:
        raise ModelError(f"tuning needs at least one trial, got {trials}", mend="give --trials 1 or more")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        study_name=study_name,
        storage=storage,
        load_if_exists=True,
        pruner=optuna.pruners.MedianPruner(n_startup_trials=_RANDOM_TRIALS, n_warmup_steps=0),
    )
    sets = [_binned_fold(fold, threads) for fold in folds]
    # The clock only bounds the work that someone allowed; it decides nothing else.
    deadline = math.inf if timeout_s is None else time.monotonic() + timeout_s
    while (finished := len(_finished(study))) < trials and (not finished or time.monotonic() < deadline):
        if progress:
            progress(finished, trials)
        _run_trial(study, sets, seed, finished, threads)
    if progress:
        progress(finished, trials)
    # Of trials with the same loss the earliest: min() keeps the first.
    best = min((t for t in _finished(study) if t.state.name == "COMPLETE"), key=lambda t: t.value)
    return TunedForest(dict(best.params), int(best.user_attrs["rounds"]), float(best.value), finished)


def _finished(study: Study) -> list[Any]:
    """Return completed and pruned trials; one that was killed half-way stays RUNNING and never counts."""
    return [t for t in study.get_trials(deepcopy=False) if t.state.name in {"COMPLETE", "PRUNED"}]


def _binned_fold(fold: TrainAndScore, threads: int) -> tuple[lgb.Dataset, lgb.Dataset]:
    train = binned(fold.X, fold.y, threads=threads)
    return train, binned(fold.X_score, fold.y_score, threads=threads, like=train)


def _run_trial(
    study: Study, sets: Sequence[tuple[lgb.Dataset, lgb.Dataset]], seed: int, number: int, threads: int
) -> None:
    import optuna

    space = _space()
    if number == 0:
        # Added when it is finished: an enqueued trial would be left behind by a kill.
        losses, rounds = zip(*(_fit(pair, GOOD_DEFAULT, seed, threads) for pair in sets), strict=True)
        study.add_trial(
            optuna.create_trial(
                value=float(np.mean(losses)),
                params=GOOD_DEFAULT,
                distributions=space,
                user_attrs={"rounds": round(float(np.mean(rounds)))},
                intermediate_values={step: float(np.mean(losses[: step + 1])) for step in range(len(losses))},
            )
        )
        return
    sampler_seed = int(np.random.SeedSequence([seed, number]).generate_state(1)[0])
    # constant_liar would let a trial that was killed half-way have a say.
    study.sampler = optuna.samplers.TPESampler(
        seed=sampler_seed, n_startup_trials=_RANDOM_TRIALS, constant_liar=False
    )
    trial = study.ask(space)
    found: list[tuple[float, int]] = []
    for step, pair in enumerate(sets):
        found.append(_fit(pair, trial.params, seed, threads))
        trial.report(float(np.mean([loss for loss, _ in found])), step)
        if step < len(sets) - 1 and trial.should_prune():
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
            return
    trial.set_user_attr("rounds", round(float(np.mean([rounds for _, rounds in found]))))
    study.tell(trial, float(np.mean([loss for loss, _ in found])))


def _fit(
    pair: tuple[lgb.Dataset, lgb.Dataset], params: dict[str, Any], seed: int, threads: int
) -> tuple[float, int]:
    _, rounds, loss = ForestScorer.fit(pair[0], params, MAX_ROUNDS, seed=seed, threads=threads, watch=pair[1])
    return loss, rounds
