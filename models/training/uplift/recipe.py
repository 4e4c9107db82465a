"""All that is needed to fit the chosen effect learner on any rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.linear_model import RidgeCV
from threadpoolctl import threadpool_limits

from tagcast.models.estimators.effects import (
    APPROACHED,
    CANDIDATES,
    CONTROL,
    FOREST,
    LINE,
    TWO_LINES,
    EffectScorer,
)
from tagcast.models.estimators.forest import ForestScorer, trees_for
from tagcast.models.estimators.logistic import standardised
from tagcast.models.kernels.additive_model import AdditiveModel
from tagcast.models.training.uplift.arms import Arms, Floats

STRENGTHS = np.logspace(0, 5, 11)
"""Ridge penalties of the doubly robust line, chosen by generalised cross-validation."""
FOREST_PARAMS = {"objective": "regression", "metric": "None", "learning_rate": 0.05}


@dataclass(frozen=True)
class EffectRecipe:
    """How an effect is learned.

    Parameters
    ----------
    kind : str
        A key of :data:`tagcast.models.estimators.effects.CANDIDATES`.
    C, bends : float, int
        Of the two-model lines: the inverse strength of their penalty, and bends a feature.
    params : dict
        The forest's own.
    trees, tuned_rows : int
        Trees found best, and on how many rows.
    columns : tuple of int
        Features that are learned from.
    seed : int
    """

    kind: str
    C: float = 0.05
    bends: int = 0
    params: dict[str, Any] = field(default_factory=dict)
    trees: int = 1
    tuned_rows: int = 1
    columns: tuple[int, ...] = ()
    seed: int = 0

    def trees_for(self, rows: int) -> int:
        """Return the trees for ``rows`` rows."""
        return trees_for(rows, self.trees, self.tuned_rows)

    def fit(self, arms: Arms) -> EffectScorer:
        """Fit on the rows of an experiment."""
        return self.fit_on(arms, arms.effects())

    def fit_on(self, arms: Arms, effects: Floats) -> EffectScorer:
        """Fit on the rows of an experiment whose pseudo-outcomes, of shape (n,), are known."""
        weights = CANDIDATES[self.kind]
        curves: dict[str, AdditiveModel] = {}
        if TWO_LINES in weights:
            ((curves[APPROACHED], curves[CONTROL]),) = arms.lines((self.C,), self.bends)
        if LINE in weights:
            curves[LINE] = effect_line(arms.X, effects)
        forest = self.grow(arms.X, effects, self.trees_for(len(effects))) if FOREST in weights else None
        return EffectScorer(weights, float(effects.mean()), curves, forest)

    def grow(self, X: Floats, effects: Floats, trees: int) -> ForestScorer:
        """Return a forest of ``trees`` trees over pseudo-outcomes."""
        return ForestScorer.grow(
            X, effects, {**FOREST_PARAMS, **self.params}, trees, seed=self.seed, columns=self.columns
        )


def effect_line(X: Floats, effects: Floats) -> AdditiveModel:
    """Return a ridge regression of pseudo-outcomes as an additive model."""
    with threadpool_limits(1):
        found = standardised(X, range(X.shape[1]), 0)
        if found is None:
            return AdditiveModel(float(effects.mean()), ())
        fit = RidgeCV(STRENGTHS).fit(found.Z, effects)
        return found.model(np.asarray(fit.coef_, float), float(fit.intercept_))
