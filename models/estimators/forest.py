"""Boosted trees: LightGBM made deterministic, stored as its native text, with cheap path attribution.

Each forest grows on one thread, whose sums have one order; several forests grow side by side instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import lightgbm as lgb

    from tagcast.models.kernels.path_attribution import ForestPaths
    from tagcast.models.kernels.threshold_ranks import Encoding

Floats = npt.NDArray[np.float64]

EARLY_STOPPING_ROUNDS = 20
MAX_BIN = 63
"""A feature's values are distinguished at so many quantiles: finer ones gained nothing on past snapshots and cost a
fifth more."""


def lightgbm_params(params: dict[str, Any], *, seed: int) -> dict[str, Any]:
    """Return LightGBM's parameters: the learned ones and those that make it deterministic and quiet."""
    return {
        "objective": "binary",
        "metric": "binary_logloss",
        "deterministic": True,
        "force_row_wise": True,  # on one thread the same sums in the same order as by columns, sooner
        "max_bin": MAX_BIN,
        "feature_pre_filter": False,  # one binned dataset serves every min_child_samples
        "seed": seed,
        "num_threads": 1,
        "verbosity": -1,
        **params,
    }


def binned(
    X: Floats, y: npt.NDArray[np.int8], *, weight: Floats | None = None, like: lgb.Dataset | None = None
) -> Any:
    """Return LightGBM's binned dataset of ``X`` and ``y``, rows counting ``weight`` times; ``like`` gives the bins of a validation set."""
    import lightgbm as lgb

    params = lightgbm_params({}, seed=0)
    data = lgb.Dataset(X, label=y, weight=weight, reference=like, params=params, free_raw_data=False)
    return data.construct()


def trees_for(rows: int, best: float, tuned_rows: int) -> int:
    """Return the trees for ``rows`` rows where ``best`` were best on ``tuned_rows``: with their square root, at most half as many more or less."""
    return max(1, round(best * float(np.clip(np.sqrt(rows / tuned_rows), 0.5, 1.5))))


@dataclass(frozen=True)
class ForestScorer:
    """A fitted forest.

    Parameters
    ----------
    text : str
        LightGBM's model text without the parameters section.
    columns : tuple of int
        Of X, those the forest has learned from, in its own order.
    """

    text: str
    columns: tuple[int, ...]

    @classmethod
    def fit(
        cls,
        data: lgb.Dataset,
        params: dict[str, Any],
        rounds: int,
        *,
        seed: int,
        watch: lgb.Dataset | None = None,
        columns: Sequence[int] | None = None,
    ) -> tuple[ForestScorer, int, float]:
        """Train on binned ``data``.

        Parameters
        ----------
        data, watch : lightgbm.Dataset
            ``watch``, where given, stops training once its log loss has not improved for
            ``EARLY_STOPPING_ROUNDS``.
        params : dict
            Learned parameters.
        rounds : int
            Trees, at most.
        seed : int
        columns : sequence of int, optional
            Which columns of X ``data`` holds; all by default.

        Returns
        -------
        forest, rounds, log_loss
            Of the best round on ``watch``; without it, all rounds and NaN.
        """
        import lightgbm as lgb

        booster = lgb.train(
            lightgbm_params(params, seed=seed),
            data,
            rounds,
            valid_sets=[watch] if watch is not None else None,
            callbacks=[lgb.early_stopping(EARLY_STOPPING_ROUNDS, verbose=False)] if watch is not None else [],
            keep_training_booster=True,  # else it is written and read once more
        )
        used = tuple(range(data.num_feature())) if columns is None else tuple(columns)
        if watch is None:
            return cls(_without_parameters(booster.model_to_string()), used), rounds, float("nan")
        best = booster.best_iteration
        loss = float(booster.best_score["valid_0"]["binary_logloss"])
        return cls(_without_parameters(booster.model_to_string(num_iteration=best)), used), best, loss

    @classmethod
    def grow(
        cls,
        X: Floats,
        target: Floats,
        params: dict[str, Any],
        trees: int,
        *,
        seed: int,
        columns: Sequence[int],
        start: Floats | None = None,
    ) -> ForestScorer:
        """Train ``trees`` trees on the ``columns`` of X of shape (n, p), for any objective of LightGBM's.

        Where ``start`` gives a raw score of each row to begin from, :meth:`raw` is what the trees add to it.
        """
        import lightgbm as lgb

        own = np.ascontiguousarray(X[:, columns])
        every = lightgbm_params(params, seed=seed)
        data = lgb.Dataset(own, label=target, init_score=start, params=every)
        return cls.fit(data, params, trees, seed=seed, columns=columns)[0]

    def given(self, column: int | None, value: float) -> ForestScorer:
        """Return the same forest where a numeric ``column`` of X, if any, is ``value`` for everybody, without splits on it."""
        import lightgbm as lgb

        from tagcast.models.kernels.lightgbm_pruning import pruned

        if column is None or column not in self.columns:
            return self
        text = pruned(self.text, self.columns.index(column), value)
        rest = tuple(own for own in self.columns if own != column)
        return ForestScorer(_without_parameters(lgb.Booster(model_str=text).model_to_string()), rest)

    def raw_after(self, X: Floats, trees: int) -> Floats:
        """Return :meth:`raw` of the first ``trees`` trees."""
        found = self.booster.predict(self._own(X), raw_score=True, num_iteration=trees, num_threads=1)
        return np.asarray(found, float)

    @cached_property
    def booster(self) -> lgb.Booster:
        """LightGBM's own object, read from the text."""
        import lightgbm as lgb

        return lgb.Booster(model_str=self.text)

    def __getstate__(self) -> dict[str, Any]:
        """Leave LightGBM's object behind, which its text holds: whoever is sent a forest to score need not load LightGBM."""
        return {name: value for name, value in vars(self).items() if name != "booster"}

    @property
    def used_features(self) -> frozenset[int]:
        """Columns of X that can change the log-odds."""
        from tagcast.models.kernels.lightgbm_parser import features_split_on

        return frozenset(self.columns[k] for k in features_split_on(self.text))

    def _own(self, X: Floats) -> Floats:
        return X if self.columns == tuple(range(X.shape[1])) else np.ascontiguousarray(X[:, self.columns])

    def raw(self, X: Floats) -> Floats:
        """Return log-odds, shape (n,), for X of shape (n, p)."""
        return np.asarray(self.booster.predict(self._own(X), raw_score=True, num_threads=1), float)

    def contributions(self, X: Floats, *, exact: bool) -> Floats:
        """Return :meth:`shap_values` or :meth:`path_values`."""
        return self.shap_values(X) if exact else self.path_values(X)

    def shap_values(self, X: Floats) -> Floats:
        """Return exact TreeSHAP contributions in log-odds, shape (n, p)."""
        out = np.zeros(X.shape)
        found = self.booster.predict(self._own(X), pred_contrib=True, num_threads=1)
        out[:, self.columns] = np.asarray(found, float)[:, :-1]
        return out

    def path_values(self, X: Floats) -> Floats:
        """Return path attributions in log-odds, shape (n, p): a hundredth of the cost of SHAP (:mod:`tagcast.models.kernels.path_attribution`).

        Where the kernel cannot represent the forest they are SHAP's after all.
        """
        if self._paths is None:
            return self.shap_values(X)
        encoding, paths = self._paths
        out = np.zeros(X.shape)
        paths.add_to(out, encoding.encode(np.ascontiguousarray(X)))
        return out

    @cached_property
    def _paths(self) -> tuple[Encoding, ForestPaths] | None:
        from tagcast.models.kernels.forest_kernel import ForestKernel
        from tagcast.models.kernels.lightgbm_parser import UnsupportedForestError, parse_forest
        from tagcast.models.kernels.path_attribution import ForestPaths
        from tagcast.models.kernels.threshold_ranks import Encoding

        try:
            trees = parse_forest(self.text)
            encoding = Encoding.over([(trees, self.columns)])
            return encoding, ForestPaths.of(ForestKernel.pack(trees, self.columns, encoding), encoding)
        except UnsupportedForestError:
            return None


def _without_parameters(text: str) -> str:
    """Drop the section that repeats the training parameters, threads among them."""
    head, _, tail = text.partition("\nparameters:")
    return head + tail.partition("end of parameters")[2]
