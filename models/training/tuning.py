"""Optuna finds the forest's parameters: seeded, pruned, side by side, and resumable to the same result.

Trials run in batches of ``BATCH``. A trial sees the finished trials of earlier batches and nothing of its own,
and its sampler is seeded by (seed, number): so neither the number of threads nor a kill in between changes
what is tried. Storage only keeps what is finished.

Trials learn with a step of ``TUNING_RATE``, which takes few trees; the models that are kept take smaller steps
and as many more trees (:mod:`tagcast.models.training.recipe`).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tagcast.features.core.errors import ModelError
from tagcast.models.estimators.forest import ForestScorer, binned

if TYPE_CHECKING:
    import lightgbm as lgb
    from optuna.distributions import BaseDistribution
    from optuna.study import Study
    from optuna.trial import FrozenTrial

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int8]

TUNING_RATE = 0.1
MAX_ROUNDS = 250
GOOD_DEFAULT = {"num_leaves": 6, "min_child_samples": 40, "feature_fraction": 0.6, "lambda_l2": 1.0}
"""The first trial: small trees won on four of five real tasks, so no budget is too small to try them."""
BATCH = 4
_RANDOM_TRIALS = 5  # before TPE models what it has seen
_NUMBER = "number"


@dataclass(frozen=True)
class TrainAndScore:
    """Arrays of one fold: learn on (X, y), score (X_score, y_score)."""

    X: Floats
    y: Labels
    X_score: Floats
    y_score: Labels

    @cached_property
    def binned(self) -> tuple[lgb.Dataset, lgb.Dataset]:
        """LightGBM's datasets of what is learned from and of what is scored."""
        train = binned(self.X, self.y)
        return train, binned(self.X_score, self.y_score, like=train)

    def of(self, columns: Sequence[int]) -> TrainAndScore:
        """Return the same rows with some of the columns."""
        return TrainAndScore(
            np.ascontiguousarray(self.X[:, columns]),
            self.y,
            np.ascontiguousarray(self.X_score[:, columns]),
            self.y_score,
        )


@dataclass(frozen=True)
class Trial:
    """One finished trial.

    Parameters
    ----------
    number : int
    params : dict
    losses : tuple of float
        Log loss on each fold until it was pruned, the latest fold first.
    rounds : int
        Mean of the best rounds over these folds.
    pruned : bool
    """

    number: int
    params: dict[str, Any]
    losses: tuple[float, ...]
    rounds: int
    pruned: bool

    @property
    def log_loss(self) -> float:
        """Mean over the folds that were seen."""
        return float(np.mean(self.losses))


@dataclass(frozen=True)
class TunedForest:
    """What tuning found.

    Parameters
    ----------
    params : dict
        LightGBM parameters without the learning rate.
    rounds : int
        Mean of the best rounds over the folds, at ``TUNING_RATE``.
    log_loss : float
        Mean over the folds, each at its best round.
    trials : tuple of Trial
        Finished trials in order, pruned ones among them.
    """

    params: dict[str, Any]
    rounds: int
    log_loss: float
    trials: tuple[Trial, ...]


def _space() -> dict[str, BaseDistribution]:
    from optuna.distributions import FloatDistribution, IntDistribution

    return {
        "num_leaves": IntDistribution(3, 32, log=True),
        "min_child_samples": IntDistribution(10, 200, log=True),
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
    first: Trial | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> TunedForest:
    """Search the parameters with the least mean log loss over ``folds``.

    Parameters
    ----------
    folds : sequence of TrainAndScore
        In time order.
    study_name : str
        Has to name data and settings: a study of this name in ``storage`` is continued.
    seed, trials : int
        ``trials`` counts those of an earlier, stopped run.
    timeout_s : float, optional
        No batch starts later than this many seconds from now; the first always runs.
    threads : int
        Trials run side by side; the result is the same for any number.
    storage : str, optional
        SQLAlchemy URL of Optuna's database; in memory by default.
    first : Trial, optional
        The trial number 0, where it is known already: ``GOOD_DEFAULT`` on every fold, the latest first.
    progress : callable, optional
        Called with (finished trials, trials).
    """
    import optuna

    if trials < 1:
        raise ModelError(f"tuning needs at least one trial, got {trials}", hint="give --trials 1 or more")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(study_name=study_name, storage=storage, load_if_exists=True)
    # The latest fold first: it is most like what will be scored, and what fails there is pruned.
    sets = [fold.binned for fold in reversed(folds)]
    finished = {t.number: t for t in map(_read, study.get_trials(deepcopy=False))}
    if first is not None and first.number not in finished:
        study.add_trial(_written(first))
        finished[first.number] = first
    # The clock only bounds the work that someone allowed; it decides nothing else.
    deadline = math.inf if timeout_s is None else time.monotonic() + timeout_s
    with ThreadPoolExecutor(max(1, threads)) as pool:
        for start in range(0, trials, BATCH):
            if start and time.monotonic() >= deadline:
                break
            earlier = [finished[n] for n in sorted(finished) if n < start]
            todo = [n for n in range(start, min(start + BATCH, trials)) if n not in finished]
            for trial in pool.map(lambda n, known=earlier: _run(n, known, sets, seed), todo):
                study.add_trial(_written(trial))
                finished[trial.number] = trial
                if progress:
                    progress(len(finished), trials)
    done = tuple(finished[n] for n in sorted(finished) if n < trials)
    # Of trials with the same loss the earliest: min() keeps the first.
    best = min((t for t in done if not t.pruned), key=lambda t: t.log_loss)
    return TunedForest(best.params, best.rounds, best.log_loss, done)


def _run(
    number: int, earlier: Sequence[Trial], sets: Sequence[tuple[lgb.Dataset, lgb.Dataset]], seed: int
) -> Trial:
    if number:
        trial = _study(number, earlier, seed).ask(_space())
        params = dict(trial.params)
    else:
        trial, params = None, dict(GOOD_DEFAULT)
    losses: list[float] = []
    rounds: list[int] = []
    for step, (train, watch) in enumerate(sets):
        _, best, loss = ForestScorer.fit(
            train, {**params, "learning_rate": TUNING_RATE}, MAX_ROUNDS, seed=seed, watch=watch
        )
        losses.append(loss)
        rounds.append(best)
        if trial is not None and step < len(sets) - 1:
            trial.report(float(np.mean(losses)), step)
            if trial.should_prune():
                break
    pruned = len(losses) < len(sets)
    return Trial(number, params, tuple(losses), round(float(np.mean(rounds))), pruned)


def _study(number: int, earlier: Sequence[Trial], seed: int) -> Study:
    """Return a study of its own in memory that has seen ``earlier`` and is seeded for trial ``number``."""
    import optuna

    sampler_seed = int(np.random.SeedSequence([seed, number]).generate_state(1)[0])
    study = optuna.create_study(
        sampler=optuna.samplers.TPESampler(seed=sampler_seed, n_startup_trials=_RANDOM_TRIALS),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=_RANDOM_TRIALS - 1, n_warmup_steps=0),
    )
    for trial in earlier:
        study.add_trial(_written(trial))
    return study


def _written(trial: Trial) -> FrozenTrial:
    import optuna

    state = optuna.trial.TrialState
    return optuna.create_trial(
        state=state.PRUNED if trial.pruned else state.COMPLETE,
        value=trial.log_loss,
        params=trial.params,
        distributions=_space(),
        user_attrs={_NUMBER: trial.number, "rounds": trial.rounds, "losses": list(trial.losses)},
        intermediate_values={
            step: float(np.mean(trial.losses[: step + 1])) for step in range(len(trial.losses))
        },
    )


def _read(stored: FrozenTrial) -> Trial:
    attributes = stored.user_attrs
    return Trial(
        int(attributes[_NUMBER]),
        dict(stored.params),
        tuple(map(float, attributes["losses"])),
        int(attributes["rounds"]),
        stored.state.name == "PRUNED",
    )
