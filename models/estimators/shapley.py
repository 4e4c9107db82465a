"""Exact Shapley values of functions of few inputs, against one typical profile.

Source: L. S. Shapley, A value for n-person games, 1953.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations
from math import comb

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def shapley_values(f: Callable[[Floats], Floats], inputs: Floats, typical: Floats) -> Floats:
    """Return what each column adds to ``f`` against ``typical``, shape (n, k); rows sum to the difference.

    Parameters
    ----------
    f : callable
        From inputs of shape (n, k) to shape (n,); called 2^k times.
    inputs : ndarray of shape (n, k)
    typical : ndarray of shape (k,)
        What replaces a column that is left out.
    """
    k = inputs.shape[1]

    def value(present: Sequence[int]) -> Floats:
        mixed = np.tile(typical, (len(inputs), 1))
        mixed[:, list(present)] = inputs[:, list(present)]
        return f(mixed)

    values = {s: value(s) for size in range(k + 1) for s in combinations(range(k), size)}
    out = np.zeros(inputs.shape)
    for j in range(k):
        for s, without in values.items():
            if j not in s:
                weight = 1 / (k * comb(k - 1, len(s)))
                out[:, j] += weight * (values[tuple(sorted((*s, j)))] - without)
    return out
