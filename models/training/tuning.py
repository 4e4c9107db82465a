"""The forest's parameters of a yes or no, by log loss over the folds (:mod:`tagcast.models.estimators.search`).

Trials learn with a step of ``TUNING_RATE``, which takes few trees; the models that are kept take smaller steps
and as many more trees (:mod:`tagcast.models.training.recipe`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tagcast.models.estimators.forest import ForestScorer, binned
from tagcast.models.estimators.search import SearchOptions, Trial, search
from tagcast.models.stats.draws import Weight, scaled

if TYPE_CHECKING:
    import lightgbm as lgb
    from optuna.distributions import BaseDistribution

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int8]

TUNING_RATE = 0.1
MAX_ROUNDS = 250
GOOD_DEFAULT = {"num_leaves": 6, "min_child_samples": 40, "feature_fraction": 0.6, "lambda_l2": 1.0}
"""The first trial: small trees won on four of five real tasks, so no budget is too small to try them."""


@dataclass(frozen=True)
class TrainAndScore:
    """Arrays of one fold: learn on (X, y), score (X_score, y_score); weights say how many rows each stands for."""

    X: Floats
    y: Labels
    X_score: Floats
    y_score: Labels
    weight: Weight = None
    weight_score: Weight = None

    @cached_property
    def binned(self) -> tuple[lgb.Dataset, lgb.Dataset]:
        """LightGBM's datasets of what is learned from and of what is scored."""
        train = binned(self.X, self.y, weight=scaled(self.weight))
        return train, binned(self.X_score, self.y_score, weight=self.weight_score, like=train)

    def of(self, columns: Sequence[int]) -> TrainAndScore:
        """Return the same rows with some of the columns."""
        if tuple(columns) == tuple(range(self.X.shape[1])):
            return self
        return TrainAndScore(
            np.ascontiguousarray(self.X[:, columns]),
            self.y,
            np.ascontiguousarray(self.X_score[:, columns]),
            self.y_score,
            self.weight,
            self.weight_score,
        )


@dataclass(frozen=True)
class _LogLoss:
    """Log loss of forests with early stopping, the latest fold first: it is most like what will be scored."""

    sets: Sequence[tuple[lgb.Dataset, lgb.Dataset]]
    seed: int
    first: Sequence[dict[str, Any]] = (GOOD_DEFAULT,)

    @property
    def folds(self) -> int:
        return len(self.sets)

    def space(self) -> dict[str, BaseDistribution]:
        return forest_space()

    def measured(self, params: dict[str, Any]) -> Iterator[tuple[tuple[float, ...], int]]:
        losses: list[float] = []
        rounds: list[int] = []
        for train, watch in self.sets:
            _, best, loss = ForestScorer.fit(
                train, {**params, "learning_rate": TUNING_RATE}, MAX_ROUNDS, seed=self.seed, watch=watch
            )
            losses.append(loss)
            rounds.append(best)
            yield tuple(losses), round(float(np.mean(rounds)))


def forest_space() -> dict[str, BaseDistribution]:
    """Return the parameters of any forest."""
    from optuna.distributions import FloatDistribution, IntDistribution

    return {
        "num_leaves": IntDistribution(3, 32, log=True),
        "min_child_samples": IntDistribution(10, 200, log=True),
        "feature_fraction": FloatDistribution(0.2, 1.0),
        "lambda_l2": FloatDistribution(1e-2, 30.0, log=True),
    }


def tune(
    folds: Sequence[TrainAndScore], options: SearchOptions, first: Trial | None = None
) -> tuple[Trial, ...]:
    """Search the parameters with the least mean log loss over ``folds``, without the learning rate.

    Parameters
    ----------
    folds : sequence of TrainAndScore
        In time order.
    options : SearchOptions
    first : Trial, optional
        The trial number 0, where it is known already: ``GOOD_DEFAULT`` on every fold, the latest first.

    Returns
    -------
    tuple of Trial
        Finished trials in order, pruned ones among them; ``rounds`` are trees at ``TUNING_RATE``.
    """
    objective = _LogLoss([fold.binned for fold in reversed(folds)], options.seed)
    return search(objective, options, () if first is None else (first,))
