"""Regularised logistic regression on log-scaled features, each a line or a bent line: what little data suits.

The estimator follows scikit-learn's contract; what scoring needs of it is :class:`tagcast.models.kernels.additive_model.AdditiveModel`.
Imports scikit-learn, so only training imports this module.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from tagcast.models.kernels.additive_model import AdditiveModel, Curve, Floats, compress

C_GRID = {0: (0.01, 0.05, 0.3), 2: (0.003, 0.012)}
"""By number of bends a feature: the inverse strengths of the L2 penalty that are tried."""


def fit_path(
    X: Floats,
    y: npt.NDArray[np.int8],
    strengths: Sequence[float],
    *,
    bends: int = 0,
    columns: Sequence[int] | None = None,
    weight: Floats | None = None,
) -> list[AdditiveModel]:
    """Fit one model for each C of ``strengths`` (rising); the features are prepared once for all.

    Newton's method with a Cholesky factor starts at each C from the solution of the one before. One BLAS
    thread, so that the sums keep their order.

    Parameters
    ----------
    X : ndarray of shape (n, p)
    y : ndarray of shape (n,)
        0 or 1.
    strengths : sequence of float
    bends : int
        Quantiles at which each feature's line may bend.
    columns : sequence of int, optional
        Features to learn from; all by default.
    weight : ndarray of shape (n,), optional
        Times each row counts in the loss; where features are centred and where lines bend is a matter of the rows themselves.
    """
    with threadpool_limits(1):
        found = standardised(X, range(X.shape[1]) if columns is None else columns, bends)
        if found is None:
            rate = float(np.average(y, weights=weight))
            odds = float(np.log(rate / (1 - rate)))
            return [AdditiveModel(odds, ()) for _ in strengths]
        fit = LogisticRegression(solver="newton-cholesky", tol=1e-5, max_iter=100, warm_start=True)
        models = []
        for C in strengths:
            with warnings.catch_warnings():
                # On data that can be split without error Newton gives up on the last digits.
                warnings.simplefilter("ignore", ConvergenceWarning)
                fit.set_params(C=C).fit(found.Z, y, sample_weight=weight)
            models.append(found.model(fit.coef_[0], float(fit.intercept_[0])))
    return models


@dataclass(frozen=True)
class Standardised:
    """Prepared columns of a regression, each of mean 0 and deviation 1.

    Parameters
    ----------
    Z : ndarray of shape (n, k)
    """

    Z: Floats
    _terms: Sequence[_Term]
    _centre: Floats
    _scale: Floats

    def model(self, coefficients: Floats, intercept: float) -> AdditiveModel:
        """Return the model of a regression on ``Z``."""
        return _model(self._terms, coefficients / self._scale, self._centre, intercept)


def standardised(X: Floats, columns: Sequence[int] | range, bends: int) -> Standardised | None:
    """Return the prepared columns of some features; None where none varies."""
    prepared = _prepare(X, columns, bends)
    Z = np.column_stack([c.of_z(z) for c, z in prepared]) if prepared else np.empty((len(X), 0))
    terms = [c for c, _ in prepared]
    centre, scale = Z.mean(axis=0), Z.std(axis=0)
    # A spread that is mere rounding (a constant 0.1 has a mean of 0.09999…) is no information.
    varying = scale > 1e-10 * np.maximum(1.0, np.abs(centre))
    terms = [term for term, kept in zip(terms, varying, strict=True) if kept]
    if not terms:
        return None
    Z, centre, scale = Z[:, varying], centre[varying], scale[varying]
    Z -= centre
    Z /= scale
    return Standardised(Z, terms, centre, scale)


@dataclass(frozen=True)
class _Term:
    """A column of the regression: a feature's compressed value, a hinge of it, or an indicator of NaN.

    ``hinge`` is None for the value itself, NaN for the indicator.
    """

    feature: int
    hinge: float | None
    least: float
    most: float
    fill: float

    def of_z(self, z: Floats) -> Floats:
        """Return the column for compressed values."""
        if self.hinge is None:
            return z
        if np.isnan(self.hinge):
            return z
        return np.maximum(z - self.hinge, 0.0)

    def at(self, z: Floats) -> Floats:
        """Return the column at compressed values that are known."""
        return np.zeros(len(z)) if self.hinge is not None and np.isnan(self.hinge) else self.of_z(z)


def _prepare(X: Floats, columns: Sequence[int] | range, bends: int) -> list[tuple[_Term, Floats]]:
    """Return the terms and, for each, the values it is computed from."""
    found: list[tuple[_Term, Floats]] = []
    seen: set[bytes] = set()
    for j in columns:
        z = compress(np.ascontiguousarray(X[:, j]))
        gone = np.isnan(z)
        known = z[~gone]
        if not len(known):
            continue
        fill, least, most = float(np.median(known)), float(known.min()), float(known.max())
        z[gone] = fill
        found.append((_Term(j, None, least, most, fill), z))
        at = np.quantile(known, np.arange(1, bends + 1) / (bends + 1)).tolist() if bends else []
        found.extend((_Term(j, k, least, most, fill), z) for k in sorted(set(at)) if least < k < most)
        if gone.any() and (key := gone.tobytes()) not in seen:
            seen.add(key)
            found.append((_Term(j, float("nan"), least, most, fill), gone.astype(np.float64)))
    return found


def _model(terms: Sequence[_Term], slopes: Floats, centre: Floats, intercept: float) -> AdditiveModel:
    """Return the fitted columns as a curve a feature, zero for the average training profile."""
    by_feature: dict[int, list[int]] = {}
    for place, term in enumerate(terms):
        by_feature.setdefault(term.feature, []).append(place)
    curves = []
    for feature, places in by_feature.items():
        first = terms[places[0]]
        hinges = [t.hinge for p in places if (t := terms[p]).hinge is not None and not np.isnan(t.hinge)]
        knots = np.unique([first.least, *hinges, first.most])  # one knot where only its absence varies
        at, unknown = np.zeros(len(knots)), 0.0
        for p in places:
            term, slope = terms[p], float(slopes[p])
            at += (term.at(knots) - centre[p]) * slope
            missing = term.hinge is not None and np.isnan(term.hinge)
            there = 1.0 if missing else float(term.at(np.array([term.fill]))[0])
            unknown += (there - float(centre[p])) * slope
        curves.append(Curve(feature, tuple(knots.tolist()), tuple(at.tolist()), unknown))
    return AdditiveModel(intercept, tuple(curves))
