"""Why a profile got its score: each feature's signed contribution to the log-odds, of an amount to its logarithm.

The linear part is exact: slope times distance from the average training profile. The forest is explained
by TreeSHAP (``exact``) or by path attribution, which names SHAP's top reason among its top three for
98 % of rows at a hundredth of the cost. Both are weighted as the model weighs them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pandas as pd

    from tagcast.models.artifacts.trained_model import TrainedModel

Floats = npt.NDArray[np.float64]
Reason = tuple[str, float | None, float]


def contributions(model: TrainedModel, X: Floats | pd.DataFrame, *, exact: bool) -> Floats:
    """Return contributions in log-odds (log amount), shape (n, p), columns as ``model.features``."""
    return model.contributions(X, exact=exact)


def explain(
    model: TrainedModel, X: Floats | pd.DataFrame, *, exact: bool, top: int = 3
) -> list[list[Reason]]:
    """Return each row's ``top`` features by size of contribution, largest first.

    Parameters
    ----------
    model : TrainedModel
    X : array or DataFrame of shape (n, p)
    exact : bool
        TreeSHAP rather than path attribution for the forest.
    top : int
        Reasons a row, at most: features without any contribution are no reason.

    Returns
    -------
    list of list of (feature, value, contribution)
        Value is None where the feature is unknown; contribution is in log-odds, positive towards yes;
        of an amount in log amount: .1 is a tenth more, roughly.
    """
    X = model.matrix(X)
    order, sizes = top_reasons(contributions(model, X, exact=exact), top)
    values = np.take_along_axis(X, order, axis=1)
    names = model.features
    return [
        [
            (names[j], None if value != value else value, size)  # noqa: PLR0124  # NaN differs from itself
            for j, value, size in zip(*row, strict=True)
            if size
        ]
        for row in zip(order.tolist(), values.tolist(), sizes.tolist(), strict=True)
    ]


def top_reasons(given: Floats, top: int) -> tuple[npt.NDArray[np.int64], Floats]:
    """Return the features of the ``top`` largest contributions of each row, and these, both of shape (n, top).

    Parameters
    ----------
    given : ndarray of shape (n, p)
    top : int
        At most p. A contribution of 0 is no reason: such entries stand last.
    """
    size = -np.abs(given)
    top = min(top, given.shape[1])
    order = np.empty((len(given), top), np.int64)
    rows = np.arange(len(given))
    # One minimum after the other, ties to the earlier feature: the same in any batch, and sooner than a sort.
    for place in range(top):
        order[:, place] = size.argmin(axis=1)
        size[rows, order[:, place]] = np.inf
    return order, np.take_along_axis(given, order, axis=1)
