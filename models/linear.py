"""The fitted linear part of a tag model: a logistic regression as plain numbers, without scikit-learn.

Kept apart from the estimator that fits it (:mod:`models.logistic`), so that scoring neither imports
scikit-learn nor depends on BLAS: terms are added one after the other, so a row's bits do not depend on
the batch it came in or on the number of threads.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def compress(x: Floats) -> Floats:
    """Return ``sign(x) * log1p(|x|)``: tames counts and sums of any sign, leaves 0 and NaN alone."""
    return np.sign(x) * np.log1p(np.abs(x))


@dataclass(frozen=True)
class Term:
    """One addend of the log-odds: ``(z - centre) * slope``.

    Parameters
    ----------
    feature : int
        Column of X.
    missing : bool
        False: z is the compressed value, ``fill`` where it is NaN. True: z is 1 where the value is NaN.
    fill : float
        Median of the compressed training values.
    centre : float
        Training mean of z, so that a term is zero for the average profile.
    slope : float
        Log-odds per unit of z.
    """

    feature: int
    missing: bool
    fill: float
    centre: float
    slope: float

    def of(self, X: Floats) -> Floats:
        """Return the term for each row of ``X``."""
        column = np.ascontiguousarray(X[:, self.feature])
        if self.missing:
            z = np.isnan(column).astype(np.float64)
        else:
            z = compress(column)
            z[np.isnan(z)] = self.fill
        return (z - self.centre) * self.slope


@dataclass(frozen=True)
class LinearModel:
    """Log-odds as an intercept plus terms."""

    intercept: float
    terms: tuple[Term, ...]

    def raw(self, X: Floats) -> Floats:
        """Return log-odds, shape (n,), for X of shape (n, p); NaN means unknown."""
        total = np.full(len(X), self.intercept)
        for term in self.terms:
            total += term.of(X)
        return total

    def contributions(self, X: Floats) -> Floats:
        """Return log-odds against the average training profile per feature, shape (n, p).

        A feature's missing indicator is counted with the feature.
        """
        out = np.zeros(X.shape)
        for term in self.terms:
            out[:, term.feature] += term.of(X)
        return out

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {"intercept": self.intercept, "terms": [asdict(term) for term in self.terms]}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> LinearModel:
        """Read what :meth:`to_json` wrote; KeyError, TypeError or ValueError where it is malformed."""
        terms = tuple(
            Term(
                int(t["feature"]), bool(t["missing"]), float(t["fill"]), float(t["centre"]), float(t["slope"])
            )
            for t in data["terms"]
        )
        return cls(float(data["intercept"]), terms)
