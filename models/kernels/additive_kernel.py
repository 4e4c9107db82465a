"""Additive parts of many models over columns that are compressed once: the bits of :class:`tagcast.models.kernels.additive_model.Curve`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tagcast.models.kernels.additive_model import AdditiveModel
from tagcast.models.kernels.compilation import compiled

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class AdditiveKernel:
    """The curves of one model, one after the other.

    Parameters
    ----------
    intercept : float
    columns : ndarray of shape (c,)
        Of the compressed columns, by curve.
    start : ndarray of shape (c + 1,)
        Where each curve's knots begin.
    knots, values, slopes : ndarray
        Of all curves; the slope is that from its knot to the next, 0 at the last.
    unknown : ndarray of shape (c,)
        Log-odds where the column is missing.
    """

    intercept: float
    columns: npt.NDArray[np.int64]
    start: npt.NDArray[np.int64]
    knots: Floats
    values: Floats
    slopes: Floats
    unknown: Floats

    @classmethod
    def pack(cls, model: AdditiveModel, columns: Sequence[int]) -> AdditiveKernel:
        """Pack ``model``, whose features are ``columns`` of the compressed ones."""
        slopes = [
            np.r_[np.diff(curve.values) / np.diff(curve.knots), 0.0] if len(curve.knots) > 1 else np.zeros(1)
            for curve in model.curves
        ]
        return cls(
            model.intercept,
            np.array([columns[curve.feature] for curve in model.curves], np.int64),
            np.cumsum([0, *(len(curve.knots) for curve in model.curves)]).astype(np.int64),
            np.array([k for curve in model.curves for k in curve.knots], np.float64),
            np.array([v for curve in model.curves for v in curve.values], np.float64),
            np.concatenate([*slopes, np.empty(0)]),
            np.array([curve.unknown for curve in model.curves], np.float64),
        )

    def raw(self, Z: Floats) -> Floats:
        """Return the log-odds of rows of compressed columns, shape (n,)."""
        out = np.full(len(Z), self.intercept)
        _add_curves(Z, self.columns, self.start, self.knots, self.values, self.slopes, self.unknown, out)
        return out


@compiled
def _add_curves(Z, columns, start, knots, values, slopes, unknown, out):  # type: ignore[no-untyped-def]
    """Add each curve to ``out``, row by row, curve after curve: between knots as ``numpy.interp`` does it."""
    for i in range(len(Z)):
        total = out[i]
        for c in range(len(columns)):
            z, first, last = Z[i, columns[c]], start[c], start[c + 1] - 1
            if np.isnan(z):
                total += unknown[c]
            elif z < knots[first]:
                total += values[first]
            elif z >= knots[last]:
                total += values[last]
            else:
                k = first
                while z >= knots[k + 1]:
                    k += 1
                total += values[k] if z == knots[k] else slopes[k] * (z - knots[k]) + values[k]
        out[i] = total
