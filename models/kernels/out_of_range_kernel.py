"""Which rows lie beyond what training saw: compiled, since every tag of a run needs it for every profile."""

from __future__ import annotations

import numpy as np

from tagcast.models.kernels.compilation import compiled

ODD, TOO_LITTLE = 1, 2


@compiled
def marks(X, low, high, least, never_missing):  # type: ignore[no-untyped-def]
    """Mark rows with a value outside ``low`` and ``high``, or missing where none may be; and those below ``least``.

    Parameters
    ----------
    X : ndarray of shape (n, p)
    low, high, least : ndarray of shape (p,)
    never_missing : ndarray of bool, shape (p,)

    Returns
    -------
    ndarray of uint8, shape (n,)
        ``ODD``, ``TOO_LITTLE``, their sum, or 0.
    """
    out = np.empty(len(X), np.uint8)
    for i in range(len(X)):
        odd, little = False, False
        for j in range(X.shape[1]):  # no way out early: so it is worked on several values at a time
            x = X[i, j]
            odd |= (x > high[j]) | (x < low[j]) | (np.isnan(x) & never_missing[j])
            little |= x < least[j]
        out[i] = ODD * odd + TOO_LITTLE * little
    return out
