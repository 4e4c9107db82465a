"""What an approach changes for a profile: the scorer of an uplift tag, as plain numbers without scikit-learn.

Two-model lines predict the outcome with and without an approach, each by an additive model of log-odds; their difference in
probability is the effect. A doubly robust line and a forest predict the effect itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tagcast.features.core.messages import Text, msg
from tagcast.models.estimators.blend import NOTHING, PartScores
from tagcast.models.estimators.forest import ForestScorer
from tagcast.models.kernels.additive_model import AdditiveModel

Floats = npt.NDArray[np.float64]

TWO_LINES, LINE, FOREST = "two_lines", "line", "forest"
APPROACHED, CONTROL = "approached", "control"
AVERAGE = "average"
TITLES: dict[str, Text] = {
    TWO_LINES: msg("two regularised logistic lines, approached and control"),
    LINE: msg("doubly robust line"),
    "lines": msg("mean of two-model and doubly robust lines"),
    FOREST: msg("doubly robust LightGBM"),
    "all": msg("mean of lines and LightGBM"),
    AVERAGE: msg("average effect for all"),
}
"""Candidates, the simplest first; the average stands in where cases are too few."""
CANDIDATES: dict[str, dict[str, float]] = {
    TWO_LINES: {TWO_LINES: 1.0},
    LINE: {LINE: 1.0},
    "lines": {TWO_LINES: 0.5, LINE: 0.5},
    FOREST: {FOREST: 1.0},
    "all": {TWO_LINES: 0.25, LINE: 0.25, FOREST: 0.5},
    AVERAGE: {},
}
"""The weights of their parts."""


@dataclass(frozen=True)
class EffectScorer:
    """The expected difference in probability when approached, before it is calibrated.

    Parameters
    ----------
    weights : mapping of str to float
        Of ``two_lines``, ``line`` and ``forest``; what is left of 1 falls to ``average``.
    average : float
        The average effect of training.
    curves : mapping of str to AdditiveModel
        ``approached`` and ``control`` in log-odds of the outcome, ``line`` in effect.
    forest : ForestScorer or None
        In effect.
    """

    weights: Mapping[str, float]
    average: float
    curves: Mapping[str, AdditiveModel]
    forest: ForestScorer | None = None

    def __post_init__(self) -> None:
        needed = {TWO_LINES: {APPROACHED, CONTROL}, LINE: {LINE}, FOREST: set[str]()}
        wanted = set().union(*(needed[name] for name in self.weights))
        if wanted != set(self.curves) or (FOREST in self.weights) != (self.forest is not None):
            raise ValueError(f"weights {dict(self.weights)} do not go with the parts {sorted(self.curves)}")

    @property
    def used_features(self) -> frozenset[int]:
        """Columns of X that can change the effect."""
        used: set[int] = set() if self.forest is None else set(self.forest.used_features)
        for model in self.curves.values():
            used |= model.used_features
        return frozenset(used)

    def raw(self, X: Floats, known: PartScores = NOTHING) -> Floats:
        """Return the effect, shape (n,), for X of shape (n, p).

        ``known`` are parts that were worked out before, by the names of ``curves`` and ``forest``.
        """
        parts = {name: known[name] if name in known else model.raw(X) for name, model in self.curves.items()}
        total = np.full(len(X), (1 - sum(self.weights.values())) * self.average)
        for name, weight in self.weights.items():
            if name == TWO_LINES:
                total += weight * (_probability(parts[APPROACHED]) - _probability(parts[CONTROL]))
            elif name == LINE:
                total += weight * parts[LINE]
            elif self.forest is not None:
                total += weight * (known[FOREST] if FOREST in known else self.forest.raw(X))
        return total

    def predicted(self, X: Floats, known: PartScores = NOTHING) -> Floats:
        """Return :meth:`raw`: the effect is what is calibrated."""
        return self.raw(X, known)

    def contributions(self, X: Floats, *, exact: bool, known: PartScores = NOTHING) -> Floats:
        """Return each feature's part of the effect, shape (n, p).

        A probability's parts are Aumann and Shapley's: along the straight way from the average training profile, where all
        curves are 0, each curve has its share of what the sum of them changes. Like SHAP's they add up to the whole.
        """
        out = np.zeros(X.shape)
        for name, weight in self.weights.items():
            if name == TWO_LINES:
                out += weight * (_shares(self.curves[APPROACHED], X) - _shares(self.curves[CONTROL], X))
            elif name == LINE:
                out += weight * self.curves[LINE].contributions(X)
            elif self.forest is not None:
                given = known[FOREST] if FOREST in known else self.forest.contributions(X, exact=exact)
                out += weight * given
        return out

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values; the forest is LightGBM's own text, its columns are here."""
        return {
            "weights": [[name, weight] for name, weight in self.weights.items()],
            "average": self.average,
            "curves": {name: model.to_json() for name, model in self.curves.items()},
            "forest_columns": None if self.forest is None else list(self.forest.columns),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any], forest_text: str | None) -> EffectScorer:
        """Read what :meth:`to_json` wrote; KeyError, TypeError or ValueError where it is malformed."""
        forest = None
        if data["forest_columns"] is not None:
            if forest_text is None:
                raise ValueError("the forest has no file")
            forest = ForestScorer(forest_text, tuple(map(int, data["forest_columns"])))
        return cls(
            {str(name): float(weight) for name, weight in data["weights"]},
            float(data["average"]),
            {str(name): AdditiveModel.from_json(one) for name, one in data["curves"].items()},
            forest,
        )


def _probability(odds: Floats) -> Floats:
    # By the smaller exponential: none overflows.
    small = np.exp(-np.abs(odds))
    return np.where(odds >= 0, 1.0, small) / (1.0 + small)


def _shares(model: AdditiveModel, X: Floats) -> Floats:
    """Return each feature's part in the probability of ``model``, shape (n, p)."""
    given = model.contributions(X)
    way = np.zeros(len(X))
    for j in range(X.shape[1]):  # one column after the other: the same bits in any batch
        way += given[:, j]
    start = _probability(np.full(len(X), model.intercept))
    gained = _probability(model.intercept + way) - start
    slope = start * (1 - start)  # what a step is worth where there is no way to go
    moved = np.abs(way) > 1e-12  # below, the quotient is rounding
    rate = np.where(moved, gained / np.where(moved, way, 1.0), slope)
    return given * rate[:, None]
