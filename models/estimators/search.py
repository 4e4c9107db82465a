"""Optuna searches parameters: seeded, pruned, side by side, and resumable to the same result.

Trials run in batches of ``BATCH``. A trial sees the finished trials of earlier batches and nothing of its own,
and its sampler is seeded by (seed, number): so neither the number of threads nor a kill in between changes
what is tried. Storage only keeps what is finished.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from tagcast.features.core.errors import ModelError
from tagcast.features.core.messages import Text, msg

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.study import Study
    from optuna.trial import FrozenTrial

BATCH = 4
_RANDOM_TRIALS = 5  # before TPE models what it has seen
_NUMBER = "number"


@dataclass(frozen=True)
class Trial:
    """One finished trial.

    Parameters
    ----------
    number : int
    params : dict
    losses : tuple of float
        Loss on each fold until it was pruned, the latest fold first.
    rounds : int
        Trees that were best over these folds.
    pruned : bool
    seconds : float
        How long it took: for the record alone.
    """

    number: int
    params: dict[str, Any]
    losses: tuple[float, ...]
    rounds: int
    pruned: bool
    seconds: float = field(default=0.0, compare=False, repr=False)

    @property
    def loss(self) -> float:
        """Mean over the folds that were seen."""
        return float(np.mean(self.losses))


@dataclass(frozen=True)
class SearchOptions:
    """How long to search, and where what is finished is kept.

    Parameters
    ----------
    study_name : str
        Has to name data and settings: a study of this name in ``storage`` is continued.
    seed, trials : int
        ``trials`` counts those of an earlier, stopped run.
    timeout_s : float, optional
        No batch starts later than this many seconds from the start; the first always runs.
    threads : int
        Trials run side by side; the result is the same for any number.
    storage : str, optional
        SQLAlchemy URL of Optuna's database; in memory by default.
    progress : callable, optional
        Called with (finished trials, trials).
    """

    study_name: str
    seed: int
    trials: int
    timeout_s: float | None = None
    threads: int = 1
    storage: str | None = None
    progress: Callable[[int, int], None] | None = None


class Objective(Protocol):
    """What a search minimises, fold by fold.

    ``first`` are the settings of the first trials, which are never pruned; ``folds`` how many folds a trial has.
    """

    @property
    def first(self) -> Sequence[dict[str, Any]]:
        """Settings of the first trials, the likeliest first."""

    @property
    def folds(self) -> int:
        """Folds of a whole trial."""

    def space(self) -> dict[str, BaseDistribution]:
        """Return what the sampler draws from."""

    def measured(self, params: dict[str, Any]) -> Iterator[tuple[tuple[float, ...], int]]:
        """Yield, after each fold, the losses so far and the trees that were best over them."""


def best_of(trials: Sequence[Trial]) -> Trial:
    """Return the whole trial of least loss, of equal ones the earliest."""
    return min((t for t in trials if not t.pruned), key=lambda t: t.loss)


def stopped_note(finished: int, trials: int) -> list[Text]:
    """Return what a reader should know of a search that ended before its last trial."""
    if finished >= trials:
        return []
    text = msg(
        "tuning stopped after {finished} of {trials} trials: its time was up",
        finished=finished,
        trials=trials,
    )
    return [text]


def search(objective: Objective, options: SearchOptions, known: Sequence[Trial] = ()) -> tuple[Trial, ...]:
    """Return the finished trials in order; ``known`` are trials of ``objective.first`` that were run already.

    Raises
    ------
    ModelError
        When not a single trial is asked for.
    """
    import optuna

    trials = options.trials
    if trials < 1:
        raise ModelError(
            msg("tuning needs at least one trial, got {trials}", trials=trials),
            hint=msg("give --trials 1 or more"),
        )
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(study_name=options.study_name, storage=options.storage, load_if_exists=True)
    space = objective.space()
    finished = {t.number: t for t in map(_read, study.get_trials(deepcopy=False))}
    for trial in known:
        if trial.number not in finished:
            study.add_trial(_written(trial, space))
            finished[trial.number] = trial
    # The clock only bounds the work that someone allowed; it decides nothing else.
    deadline = math.inf if options.timeout_s is None else time.monotonic() + options.timeout_s
    with ThreadPoolExecutor(max(1, options.threads)) as pool:
        for start in range(0, trials, BATCH):
            if start and time.monotonic() >= deadline:
                break
            earlier = [finished[n] for n in sorted(finished) if n < start]
            todo = [n for n in range(start, min(start + BATCH, trials)) if n not in finished]
            for trial in pool.map(lambda n, seen=earlier: _run(n, seen, objective, options.seed), todo):
                study.add_trial(_written(trial, space))
                finished[trial.number] = trial
                if options.progress:
                    options.progress(len(finished), trials)
    return tuple(finished[n] for n in sorted(finished) if n < trials)


def _run(number: int, earlier: Sequence[Trial], objective: Objective, seed: int) -> Trial:
    trial = None
    if number < len(objective.first):
        params = dict(objective.first[number])
    else:
        space = objective.space()
        trial = _study(number, earlier, space, seed).ask(space)
        params = dict(trial.params)
    losses: tuple[float, ...] = ()
    rounds, begun = 0, time.monotonic()
    for step, found in enumerate(objective.measured(params)):
        losses, rounds = found
        if trial is not None and step < objective.folds - 1:
            trial.report(float(np.mean(losses)), step)
            if trial.should_prune():
                break
    return Trial(number, params, losses, rounds, len(losses) < objective.folds, time.monotonic() - begun)


def _study(number: int, earlier: Sequence[Trial], space: dict[str, BaseDistribution], seed: int) -> Study:
    """Return a study of its own in memory that has seen ``earlier`` and is seeded for trial ``number``."""
    import optuna

    sampler_seed = int(np.random.SeedSequence([seed, number]).generate_state(1)[0])
    study = optuna.create_study(
        sampler=optuna.samplers.TPESampler(seed=sampler_seed, n_startup_trials=_RANDOM_TRIALS),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=_RANDOM_TRIALS - 1, n_warmup_steps=0),
    )
    for trial in earlier:
        study.add_trial(_written(trial, space))
    return study


def _written(trial: Trial, space: dict[str, BaseDistribution]) -> FrozenTrial:
    import optuna

    state = optuna.trial.TrialState
    return optuna.create_trial(
        state=state.PRUNED if trial.pruned else state.COMPLETE,
        value=trial.loss,
        params=trial.params,
        distributions=space,
        user_attrs={
            _NUMBER: trial.number,
            "rounds": trial.rounds,
            "losses": list(trial.losses),
            "seconds": trial.seconds,
        },
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
        float(attributes.get("seconds", 0.0)),  # a study that an older tagcast began has none
    )
