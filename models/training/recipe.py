"""The recipe of a model: which parts, which features and hyperparameters, and what each weighs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tagcast.features.core.messages import Text, msg
from tagcast.models.estimators.approach import unapproached
from tagcast.models.estimators.bgnbd import BgNbdScorer
from tagcast.models.estimators.blend import Blend, Part
from tagcast.models.estimators.foreign import Candidate, ForeignPart
from tagcast.models.estimators.forest import ForestScorer, binned, trees_for
from tagcast.models.estimators.logistic import fit_path
from tagcast.models.estimators.rfm import RfmScorer
from tagcast.models.kernels.additive_model import AdditiveModel
from tagcast.models.stats.draws import Weight, part, scaled
from tagcast.models.training.tuning import TUNING_RATE

if TYPE_CHECKING:
    import lightgbm as lgb

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int8]
Days = npt.NDArray[np.datetime64]

PART_TITLES: dict[str, Text] = {
    "logistic": msg("logistic regression"),
    "forest": "LightGBM",
    "bgnbd": "BG/NBD",
    "rfm": msg("RFM ranking"),
    "average": msg("plain average of the parts"),
    "blend": msg("blend"),
}
LEARNING_RATE = 0.05
_OF_EVERYBODY = {"logistic", "forest", "bgnbd"}
"""Parts that learn from those whom a campaign approached, too."""


@dataclass(frozen=True)
class RepeatSpec:
    """What BG/NBD is fitted from: fields as in :class:`tagcast.models.estimators.bgnbd.BgNbdScorer`."""

    columns: tuple[int, int, int]
    first_counts: bool
    horizon_days: int
    buys: bool


class Known(NamedTuple):
    """What there is already of a fit on some rows.

    Parameters
    ----------
    binned : lightgbm.Dataset, optional
        The rows with the forest's columns.
    linear : AdditiveModel, optional
        The logistic part.
    """

    binned: lgb.Dataset | None = None
    linear: AdditiveModel | None = None


@dataclass(frozen=True)
class Recipe:
    """All that is needed to fit the chosen model on any rows.

    Parameters
    ----------
    weights : dict of str to float
        Of each part, adding up to 1.
    C : float
        Inverse penalty of the logistic regression.
    bends : int
        Quantiles at which each of its lines may bend.
    linear_columns, forest_columns : tuple of int
        Features that either part learns from.
    forest_params : dict
    rounds : int
        Trees found best on ``tuned_rows`` rows, at ``TUNING_RATE``.
    tuned_rows : int
        Mean rows of the validation folds' training parts.
    repeat : RepeatSpec or None
        None where the outcome is no purchase, or the data lack what BG/NBD needs.
    rfm_columns : tuple of int
    seed : int
    features : tuple of str
        What the columns are called: models of others see the names.
    foreign : tuple of Candidate
        Models of others, each a part by the name that the tag gives it.
    approach : int or None
        Column, the last one, that says whom a campaign approached. What is fitted predicts as if nobody was: logistic regression and
        forest learn from the column, BG/NBD looks at what was bought before, the others learn from who was not approached.
    """

    weights: dict[str, float]
    C: float
    bends: int
    linear_columns: tuple[int, ...]
    forest_columns: tuple[int, ...]
    forest_params: dict[str, Any]
    rounds: int
    tuned_rows: int
    repeat: RepeatSpec | None
    rfm_columns: tuple[int, ...]
    seed: int
    features: tuple[str, ...] = ()
    foreign: tuple[Candidate, ...] = ()
    approach: int | None = None

    def trees_for(self, rows: int) -> int:
        """Return the trees for ``rows`` rows, as many more as their steps are smaller."""
        return trees_for(rows, self.rounds * (TUNING_RATE / LEARNING_RATE), self.tuned_rows)

    def with_weights(self, weights: dict[str, float]) -> Recipe:
        """Return the same recipe under other weights."""
        return replace(self, weights=weights)

    def beside(self, foreign: Sequence[Candidate], features: tuple[str, ...]) -> Recipe:
        """Return the same recipe with models of others beside its parts, all of one weight."""
        names = [*self.weights, *(candidate.text for candidate in foreign)]
        weights = dict.fromkeys(names, 1 / len(names))
        return replace(self, weights=weights, features=features, foreign=tuple(foreign))

    def fit(
        self,
        X: Floats,
        y: Labels,
        as_of: Days,
        weight: Weight = None,
        known: Known = Known(),  # noqa: B008 - a value
    ) -> Blend:
        """Fit the parts that have weight.

        Parameters
        ----------
        X : ndarray of shape (n, p)
        y : ndarray of shape (n,)
        as_of : ndarray of shape (n,)
            Snapshot of each row.
        weight : ndarray of shape (n,), optional
            How many rows each stands for.
        known : Known
            What there is already of the fit on the same rows.
        """
        features, rows = unapproached(X, self.approach)
        everybody = X, y, as_of, scaled(weight)
        others = features, y[rows], as_of[rows], scaled(part(weight, rows))
        fitted: dict[str, Part] = {}
        for name in self.weights:
            learned_from = everybody if name in _OF_EVERYBODY else others
            fitted[name] = self._fit_part(name, *learned_from, known)
        return Blend(self.weights, fitted)

    def _fit_part(
        self,
        name: str,
        X: Floats,
        y: Labels,
        as_of: Days,
        weight: Weight,
        known: Known,
    ) -> Part:
        if name == "logistic":
            linear = known.linear
            if linear is None:
                (linear,) = fit_path(
                    X, y, [self.C], bends=self.bends, columns=self.linear_columns, weight=weight
                )
            return linear.given(self.approach, 0.0)
        if name == "forest":
            forest_data = known.binned
            if forest_data is None:
                own = np.ascontiguousarray(X[:, self.forest_columns])
                forest_data = binned(own, y, weight=weight)
            forest, *_ = ForestScorer.fit(
                forest_data,
                {**self.forest_params, "learning_rate": LEARNING_RATE},
                self.trees_for(len(y)),
                seed=self.seed,
                columns=self.forest_columns,
            )
            return forest.given(self.approach, 0.0)
        if name == "bgnbd" and self.repeat is not None:
            return BgNbdScorer.fit(
                X,
                y,
                as_of == as_of.max(),
                columns=self.repeat.columns,
                first_counts=self.repeat.first_counts,
                horizon_days=self.repeat.horizon_days,
                buys=self.repeat.buys,
                weight=weight,
            )
        if name == "rfm":
            return RfmScorer.fit(X, y, self.rfm_columns, weight)
        for candidate in self.foreign:
            if candidate.text == name:
                return ForeignPart.fit(candidate, X, self.features, y.astype(np.float64), weight)
        raise ValueError(f"no part is called {name!r}")


def rfm_recipe(columns: Sequence[int], seed: int, approach: int | None) -> Recipe:
    """Return the recipe of the calibrated RFM ranking, for data too small for a model."""
    return replace(bare_recipe(columns, seed, approach), weights={"rfm": 1.0})


def bare_recipe(columns: Sequence[int], seed: int, approach: int | None) -> Recipe:
    """Return a recipe without any part."""
    return Recipe({}, 1.0, 0, (), (), {}, 1, 1, None, tuple(columns), seed, approach=approach)


def part_title(name: str) -> Text:
    """Return what people call a part or a candidate: a model of others goes by the name that the tag gives it."""
    return PART_TITLES.get(name, name)
