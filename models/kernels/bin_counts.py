"""How many rows lie in which bin of each feature: compiled, since every tag of a run asks it of thousands of rows."""

from __future__ import annotations

import numpy as np

from tagcast.models.kernels.compilation import compiled


@compiled
def bin_counts(X, edges):  # type: ignore[no-untyped-def]
    """Count rows by bin.

    Parameters
    ----------
    X : ndarray of shape (n, p)
        NaN where unknown.
    edges : ndarray of shape (p, k)
        Rising; infinite beyond the last of a feature that has fewer.

    Returns
    -------
    ndarray of int64, shape (p, k + 2)
        Rows above as many edges as the place says; last those that are unknown.
    """
    rows, features = X.shape
    most = edges.shape[1]
    out = np.zeros((features, most + 2), np.int64)
    for i in range(rows):
        for j in range(features):
            x = X[i, j]
            place = most + 1
            if not np.isnan(x):
                place = 0
                for k in range(most):  # no way out early: so several edges are compared at a time
                    place += x > edges[j, k]
            out[j, place] += 1
    return out
