"""The raw scorer of a tag: mean log-odds of a logistic regression and a forest, or either alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from models.forest import ForestScorer
from models.linear import LinearModel

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Blend:
    """Weighted log-odds of its parts.

    Parameters
    ----------
    weights : mapping of str to float
        Of ``logistic`` and ``forest``; a part without weight is not kept.
    linear : LinearModel or None
    forest : ForestScorer or None
    """

    weights: Mapping[str, float]
    linear: LinearModel | None
    forest: ForestScorer | None

    def __post_init__(self) -> None:
        parts = {"logistic": self.linear, "forest": self.forest}
        present = {name for name, part in parts.items() if part is not None}
        if not present or set(self.weights) != present or min(self.weights.values()) <= 0:
            raise ValueError(f"weights {dict(self.weights)} do not go with the parts {sorted(present)}")

    def reweighted(self, weights: Mapping[str, float]) -> Blend:
        """Return the same parts under other weights, without those that get none."""
        return Blend(
            weights,
            self.linear if "logistic" in weights else None,
            self.forest if "forest" in weights else None,
        )

    @cached_property
    def used_features(self) -> frozenset[int]:
        """Columns of X that can change the log-odds."""
        used = {term.feature for term in self.linear.terms if term.slope} if self.linear else set()
        if self.forest is not None:
            used |= set(np.flatnonzero(self.forest.booster.feature_importance("split")).tolist())
        return frozenset(used)

    def raw(self, X: Floats) -> Floats:
        """Return log-odds, shape (n,), for X of shape (n, p)."""
        total = np.zeros(len(X))
        if self.linear is not None:
            total += self.weights["logistic"] * self.linear.raw(X)
        if self.forest is not None:
            total += self.weights["forest"] * self.forest.raw(X)
        return total

    def contributions(self, X: Floats, *, exact: bool) -> Floats:
        """Return each feature's part of the log-odds, shape (n, p): see :mod:`models.reasons`."""
        total = np.zeros(X.shape)
        if self.linear is not None:
            total += self.weights["logistic"] * self.linear.contributions(X)
        if self.forest is not None:
            total += self.weights["forest"] * (
                self.forest.shap_values(X) if exact else self.forest.path_values(X)
            )
        return total
