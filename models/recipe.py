"""The recipe of a model (which parts, which hyper-parameters) and how it is chosen on validation folds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from models.blend import Blend
from models.calibration import CLIP
from models.forest import ForestScorer, binned
from models.logistic import C_GRID, fit_path
from models.metrics import log_loss
from models.tuning import TrainAndScore, TunedForest, tune

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int8]

CANDIDATES: dict[str, dict[str, float]] = {
    "logistic": {"logistic": 1.0},
    "forest": {"forest": 1.0},
    "blend": {"logistic": 0.5, "forest": 0.5},
}
"""Weights of each candidate in the mean of log-odds; of equal ones the first wins."""


def probability(raw: Floats) -> Floats:
    """Return uncalibrated probabilities of log-odds, clipped as calibrated ones are."""
    return np.clip(1 / (1 + np.exp(-raw)), CLIP, 1 - CLIP)


@dataclass(frozen=True)
class Recipe:
    """All that is needed to fit the chosen model on any rows.

    Parameters
    ----------
    weights : dict of str to float
    C : float
        Inverse penalty of the logistic regression.
    forest_params : dict
    rounds : int
        Trees found best on ``tuned_rows`` rows.
    tuned_rows : int
        Mean rows of the validation folds' training parts.
    seed, threads : int
    """

    weights: dict[str, float]
    C: float
    forest_params: dict[str, Any]
    rounds: int
    tuned_rows: int
    seed: int
    threads: int

    def rounds_for(self, rows: int) -> int:
        """Return the trees for ``rows`` rows: with the square root of rows, at most doubled or halved."""
        return max(1, round(self.rounds * float(np.clip(np.sqrt(rows / self.tuned_rows), 0.5, 2.0))))

    def fit(self, X: Floats, y: Labels) -> Blend:
        """Fit the parts that have weight."""
        linear = fit_path(X, y, [self.C])[0] if "logistic" in self.weights else None
        forest = None
        if "forest" in self.weights:
            forest = ForestScorer.fit(
                binned(X, y, threads=self.threads),
                self.forest_params,
                self.rounds_for(len(y)),
                seed=self.seed,
                threads=self.threads,
            )[0]
        return Blend(self.weights, linear, forest)


@dataclass(frozen=True)
class Choice:
    """The chosen recipe and what spoke for it.

    Parameters
    ----------
    recipe : Recipe
    name : str
        Of the winning candidate.
    log_loss : dict of str to float
        Mean validation log loss of each candidate, uncalibrated.
    C_log_loss : dict of float to float
        Mean validation log loss of each C.
    tuned : TunedForest
    """

    recipe: Recipe
    name: str
    log_loss: dict[str, float]
    C_log_loss: dict[float, float]
    tuned: TunedForest


def linear_losses(folds: Sequence[TrainAndScore]) -> Floats:
    """Return the mean log loss over ``folds`` of the logistic part at each C of the grid, uncalibrated."""
    paths = [fit_path(fold.X, fold.y, C_GRID) for fold in folds]
    losses: Floats = np.array(
        [
            [log_loss(fold.y_score, probability(model.raw(fold.X_score))) for model in path]
            for fold, path in zip(folds, paths, strict=True)
        ]
    ).mean(axis=0)
    return losses


def choose(
    folds: Sequence[TrainAndScore],
    *,
    study_name: str,
    seed: int,
    trials: int,
    timeout_s: float | None,
    threads: int,
    storage: str | None,
    progress: Callable[[int, int], None] | None,
) -> Choice:
    """Choose C, the forest's parameters and the weights by mean log loss over ``folds``."""
    losses = linear_losses(folds)
    best_c = int(np.argmin(losses))
    tuned = tune(
        folds,
        study_name=study_name,
        seed=seed,
        trials=trials,
        timeout_s=timeout_s,
        threads=threads,
        storage=storage,
        progress=progress,
    )
    both = Recipe(
        weights=CANDIDATES["blend"],
        C=C_GRID[best_c],
        forest_params=tuned.params,
        rounds=tuned.rounds,
        tuned_rows=round(np.mean([len(fold.y) for fold in folds])),
        seed=seed,
        threads=threads,
    )
    found: dict[str, list[float]] = {name: [] for name in CANDIDATES}
    for fold in folds:
        fitted = both.fit(fold.X, fold.y)
        for name, weights in CANDIDATES.items():
            found[name].append(
                log_loss(fold.y_score, probability(fitted.reweighted(weights).raw(fold.X_score)))
            )
    table = {name: float(np.mean(loss)) for name, loss in found.items()}
    name = min(table, key=lambda candidate: table[candidate])
    return Choice(
        recipe=replace(both, weights=CANDIDATES[name]),
        name=name,
        log_loss=table,
        C_log_loss=dict(zip(C_GRID, map(float, losses), strict=True)),
        tuned=tuned,
    )
