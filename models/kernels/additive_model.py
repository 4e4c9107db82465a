"""The fitted additive part of a tag model: a curve a feature as plain numbers, without scikit-learn.

Kept apart from the estimator that fits it (:mod:`tagcast.models.estimators.logistic`), so that scoring neither imports
scikit-learn nor depends on BLAS: curves are added one after the other, so a row's bits do not depend on the
batch it came in or on the number of threads.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def compress(x: Floats) -> Floats:
    """Return ``sign(x) * log1p(|x|)``: tames counts and sums of any sign, leaves 0 and NaN alone."""
    return np.sign(x) * np.log1p(np.abs(x))


@dataclass(frozen=True)
class Curve:
    """One feature's part of the log-odds: straight between knots, flat beyond what training saw.

    Parameters
    ----------
    feature : int
        Column of X.
    knots : tuple of float
        Compressed values, strictly rising.
    values : tuple of float
        Log-odds at the knots, against the average training profile.
    unknown : float
        Log-odds where the feature is NaN.
    """

    feature: int
    knots: tuple[float, ...]
    values: tuple[float, ...]
    unknown: float

    def __post_init__(self) -> None:
        if len(self.knots) != len(self.values) or not self.knots or (np.diff(self.knots) <= 0).any():
            raise ValueError(f"a curve needs a value a knot, knots rising; found {self.knots}, {self.values}")

    def of(self, X: Floats) -> Floats:
        """Return the part for each row of ``X``."""
        column = np.ascontiguousarray(X[:, self.feature])
        part: Floats = np.interp(compress(column), self.knots, self.values)
        part[np.isnan(column)] = self.unknown
        return part


@dataclass(frozen=True)
class AdditiveModel:
    """Log-odds as an intercept plus a curve a feature."""

    intercept: float
    curves: tuple[Curve, ...]

    @property
    def used_features(self) -> frozenset[int]:
        """Columns of X that can change the log-odds."""
        return frozenset(c.feature for c in self.curves if any(v != c.unknown for v in c.values))

    def raw(self, X: Floats) -> Floats:
        """Return log-odds, shape (n,), for X of shape (n, p); NaN means unknown."""
        total = np.full(len(X), self.intercept)
        for curve in self.curves:
            total += curve.of(X)
        return total

    def contributions(self, X: Floats, *, exact: bool = True) -> Floats:
        """Return log-odds against the average training profile per feature, shape (n, p); always exact."""
        out = np.zeros(X.shape)
        for curve in self.curves:
            out[:, curve.feature] = curve.of(X)
        return out

    def given(self, feature: int | None, value: float) -> AdditiveModel:
        """Return the same model where ``feature``, if any, is ``value`` for everybody: its curve becomes a part of the intercept."""
        for curve in self.curves:
            if curve.feature == feature:
                known = float(curve.of(np.full((1, feature + 1), value))[0])
                return AdditiveModel(self.intercept + known, tuple(c for c in self.curves if c is not curve))
        return self

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "intercept": self.intercept,
            "curves": [[c.feature, c.knots, c.values, c.unknown] for c in self.curves],
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> AdditiveModel:
        """Read what :meth:`to_json` wrote; KeyError, TypeError or ValueError where it is malformed."""
        curves = tuple(
            Curve(int(feature), tuple(map(float, knots)), tuple(map(float, values)), float(unknown))
            for feature, knots, values, unknown in data["curves"]
        )
        return cls(float(data["intercept"]), curves)
