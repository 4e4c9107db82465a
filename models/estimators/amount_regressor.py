"""How an amount is predicted: boosted trees, or what they have to beat.

``tweedie`` fits the mean on a logarithmic scale under a Tweedie deviance: zeros and a long tail at once. Its trees
start from the profile's own rates of spend (:class:`OwnSpend`) and correct them: trees alone are flat beyond the
largest leaf, where the best customers are. Held against trees alone on validation folds of the demo: RMSE 102.4
against 102.8. ``log1p`` fits log(1 + amount) by least squares and is scaled back so that its sum is that of training.
``own_rate`` assumes that a profile goes on spending at its own rate, ``mean`` that all spend alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from tagcast.features.core.messages import Text, msg
from tagcast.models.estimators.approach import unapproached
from tagcast.models.estimators.blend import NOTHING, PartScores
from tagcast.models.estimators.forest import ForestScorer, trees_for
from tagcast.models.estimators.shapley import shapley_values
from tagcast.models.kernels.additive_model import AdditiveModel

Floats = npt.NDArray[np.float64]

TITLES: dict[str, Text] = {
    "tweedie": "LightGBM (Tweedie)",
    "log1p": msg("LightGBM (log amount)"),
    "own_rate": msg("own spend rate"),
    "mean": msg("mean amount"),
}
BASELINES = ("own_rate", "mean")
LEAST_START = 0.05
"""Share of the mean amount that everybody starts from, at least: the logarithm of nothing is no start."""
FOREST_PARAMS = {
    "learning_rate": 0.1,
    "min_child_samples": 40,
    "feature_fraction": 0.6,
    "lambda_l2": 1.0,
}


@dataclass(frozen=True)
class OwnSpend:
    """What a profile spends if it goes on as before: a sum of its own rates, and something for everybody.

    Parameters
    ----------
    columns : tuple of int
        Of X: net spend in windows, or per day.
    weights : tuple of float
        Of each, never below 0.
    everybody : float
        Added for all; above 0.
    typical : tuple of float
        Middle value of each column in training, from which contributions are counted.
    """

    columns: tuple[int, ...]
    weights: tuple[float, ...]
    everybody: float
    typical: tuple[float, ...]

    def __post_init__(self) -> None:
        if not (self.everybody > 0 and len(self.columns) == len(self.weights) == len(self.typical)):
            raise ValueError("each rate needs a weight and a typical value, and everybody something")

    @classmethod
    def fit(cls, X: Floats, amount: Floats, columns: Sequence[int]) -> Self:
        """Fit the weights by least squares without negative ones (NNLS)."""
        from scipy.optimize import nnls

        least = LEAST_START * float(amount.mean())
        rates = np.maximum(np.nan_to_num(X[:, list(columns)]), 0.0)
        scale = np.maximum(rates.mean(axis=0), 1e-12)  # a rate a day and a sum of 90 days, alike
        weights, _ = nnls(np.column_stack([rates / scale, np.ones(len(X))]), amount)
        used = np.flatnonzero(weights[:-1] > 0).tolist()
        return cls(
            tuple(columns[j] for j in used),
            tuple((weights[used] / scale[used]).tolist()),
            max(float(weights[-1]), least),
            tuple(float(np.median(rates[:, j])) for j in used),
        )

    def log(self, X: Floats) -> Floats:
        """Return the logarithm of the amount, shape (n,), for X of shape (n, p)."""
        return self._log(X[:, self.columns])

    def _log(self, rates: Floats) -> Floats:
        total = np.full(len(rates), self.everybody)
        for j, weight in enumerate(self.weights):
            total += weight * np.maximum(np.nan_to_num(rates[:, j]), 0.0)
        logs: Floats = np.log(total)
        return logs

    def contributions(self, X: Floats) -> Floats:
        """Return exact Shapley values of the rates in log amount against the typical ones, shape (n, p)."""
        out = np.zeros(X.shape)
        if self.columns:
            out[:, self.columns] = shapley_values(self._log, X[:, self.columns], np.array(self.typical))
        return out


@dataclass(frozen=True)
class AmountRegressor:
    """A fitted predictor of amounts.

    Parameters
    ----------
    kind : str
        A key of ``TITLES``.
    constant : float
        Mean amount of training: the answer of ``mean``, and of ``own_rate`` where the rate is unknown.
    factor : float
        Of ``log1p``: sum of training amounts over the sum of those fitted.
    column : int
        Of X, the own spend; -1 where none is used.
    per_horizon : float
        What turns that column into spend per horizon.
    forest : ForestScorer or None
    start : OwnSpend or None
        Where the trees of ``tweedie`` start.
    """

    kind: str
    constant: float
    factor: float = 1.0
    column: int = -1
    per_horizon: float = 0.0
    forest: ForestScorer | None = None
    start: OwnSpend | None = None

    def __post_init__(self) -> None:
        grown = self.kind in {"tweedie", "log1p"}
        if (
            self.kind not in TITLES
            or grown != (self.forest is not None)
            or (self.kind == "tweedie") != (self.start is not None)
        ):
            raise ValueError(
                f"no amount is predicted by {self.kind!r} with{'' if self.forest else 'out'} a forest"
            )

    @property
    def used_features(self) -> frozenset[int]:
        """Columns of X that can change the amount."""
        if self.forest is not None:
            return self.forest.used_features | frozenset(self.start.columns if self.start else ())
        return frozenset({self.column} if self.kind == "own_rate" else ())

    def raw(self, X: Floats, known: PartScores = NOTHING) -> Floats:
        """Return the logarithm of the amount (of ``tweedie``) or of 1 + amount, shape (n,).

        ``known`` may hold what the forest adds, worked out before.
        """
        if self.forest is None:
            return self._rate(X)
        added = known["forest"] if "forest" in known else self.forest.raw(X)
        return added if self.start is None else self.start.log(X) + added

    def _rate(self, X: Floats) -> Floats:
        if self.kind == "mean":
            return np.full(len(X), np.log1p(self.constant))
        own = X[:, self.column] * self.per_horizon
        return np.log1p(np.maximum(np.where(np.isnan(own), self.constant, own), 0.0))

    @property
    def curves(self) -> Mapping[str, AdditiveModel]:
        """Empty: an amount has no additive part."""
        return {}

    def predicted(self, X: Floats, known: PartScores = NOTHING) -> Floats:
        """Return the predicted amount, shape (n,), never below 0."""
        raw = self.raw(X, known)
        found = np.exp(raw) if self.kind == "tweedie" else np.expm1(raw) * self.factor
        return np.maximum(found, 0.0)

    def amount_after(self, X: Floats, trees: int) -> Floats:
        """Return :meth:`predicted` by the first ``trees`` trees of the forest."""
        if self.forest is None:
            raise ValueError(f"{self.kind} has no trees")
        return self.predicted(X, {"forest": self.forest.raw_after(X, trees)})

    def contributions(self, X: Floats, *, exact: bool, known: PartScores = NOTHING) -> Floats:
        """Return each feature's part of the log amount, shape (n, p): SHAP where ``exact``, else along the path."""
        if self.forest is not None:
            given = known["forest"] if "forest" in known else self.forest.contributions(X, exact=exact)
            return given if self.start is None else given + self.start.contributions(X)
        out = np.zeros(X.shape)
        if self.kind == "own_rate":
            out[:, self.column] = self._rate(X) - np.log1p(self.constant)
        return out

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values; the forest is LightGBM's own text, its columns are here."""
        return {
            "kind": self.kind,
            "constant": self.constant,
            "factor": self.factor,
            "column": self.column,
            "per_horizon": self.per_horizon,
            "start": None if self.start is None else asdict(self.start),
            "forest_columns": None if self.forest is None else list(self.forest.columns),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any], forest_text: str | None) -> AmountRegressor:
        """Read what :meth:`to_json` wrote; KeyError, TypeError or ValueError where it is malformed."""
        forest = None
        if data["forest_columns"] is not None:
            if forest_text is None:
                raise ValueError("the forest has no file")
            forest = ForestScorer(forest_text, tuple(map(int, data["forest_columns"])))
        return cls(
            str(data["kind"]),
            float(data["constant"]),
            float(data["factor"]),
            int(data["column"]),
            float(data["per_horizon"]),
            forest,
            None
            if data["start"] is None
            else OwnSpend(
                tuple(map(int, data["start"]["columns"])),
                tuple(map(float, data["start"]["weights"])),
                float(data["start"]["everybody"]),
                tuple(map(float, data["start"]["typical"])),
            ),
        )


@dataclass(frozen=True)
class AmountRecipe:
    """All that is needed to fit the chosen predictor on any rows.

    Parameters
    ----------
    kind : str
        A key of ``TITLES``.
    column, per_horizon : int, float
        Of the own spend, as :class:`AmountRegressor` takes them; -1 where there is none.
    columns : tuple of int
        Features that the forest learns from.
    rates : tuple of int
        Columns of own spend from which the trees of ``tweedie`` start.
    params : dict
        The forest's own, beside ``FOREST_PARAMS``.
    trees, tuned_rows : int
        Trees found best, and on how many rows.
    seed : int
    approach : int or None
        Column, the last one, that says whom a campaign approached. Only the forest learns from them, and predicts as if nobody was.
    """

    kind: str
    column: int = -1
    per_horizon: float = 0.0
    columns: tuple[int, ...] = ()
    rates: tuple[int, ...] = ()
    params: dict[str, Any] = field(default_factory=dict)
    trees: int = 1
    tuned_rows: int = 1
    seed: int = 0
    approach: int | None = None

    def trees_for(self, rows: int) -> int:
        """Return the trees for ``rows`` rows."""
        return trees_for(rows, self.trees, self.tuned_rows)

    def fit(self, X: Floats, amount: Floats) -> AmountRegressor:
        """Fit on X of shape (n, p) and amounts of shape (n,)."""
        features, alone = unapproached(X, self.approach)
        if self.kind in BASELINES:
            return AmountRegressor(self.kind, float(amount[alone].mean()), 1.0, self.column, self.per_horizon)
        grown = self.grow(X, amount, self.trees_for(len(amount)))
        factor = 1.0 if self.kind == "tweedie" else smearing(grown.predicted(features), amount[alone])
        return replace(grown, factor=factor)

    def grow(self, X: Floats, amount: Floats, trees: int) -> AmountRegressor:
        """Return the forest of ``trees`` trees, not yet scaled to the sum of training."""
        features, alone = unapproached(X, self.approach)
        start = OwnSpend.fit(features, amount[alone], self.rates) if self.kind == "tweedie" else None
        forest = ForestScorer.grow(
            X,
            amount if self.kind == "tweedie" else np.log1p(amount),
            {**FOREST_PARAMS, **self.params, "metric": "None"},
            trees,
            seed=self.seed,
            columns=self.columns,
            start=None if start is None else start.log(X),
        ).given(self.approach, 0.0)
        return AmountRegressor(self.kind, float(amount[alone].mean()), forest=forest, start=start)


def smearing(fitted: Floats, amount: Floats) -> float:
    """Return the factor that gives fitted amounts the sum of the true ones (1 where nothing was fitted)."""
    total = float(fitted.sum())
    return float(amount.sum()) / total if total > 0 else 1.0
