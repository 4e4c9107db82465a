"""A stored model's exact contributions as the SHAP library's own object: for its plots, and for whoever knows it.

SHAP's explainers are not asked: they know the forest alone, while a tag may blend it with a linear part and a purchase model.
What tagcast reports and what is plotted here are the same numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from tagcast.models.inference.attributions import contributions

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    import shap

    from tagcast.models.artifacts.trained_model import TrainedModel

Floats = npt.NDArray[np.float64]


def explain(
    model: TrainedModel,
    X: Floats | pd.DataFrame,
    *,
    titles: Mapping[str, str] | None = None,
    given: Floats | None = None,
) -> shap.Explanation:
    """Return what each feature adds to the raw score of each row.

    Importing the SHAP library takes a good second of CPU: it happens here, with the first call.

    Parameters
    ----------
    model : TrainedModel
        As :func:`tagcast.models.artifacts.loader.load_bundle` returns it.
    X : array or DataFrame of shape (n, p)
        An array has the columns of ``model.features`` in order; a DataFrame may have them in any.
    titles : mapping of str to str, optional
        What people call a feature; one without goes by its name.
    given : ndarray of shape (n, p), optional
        Exact contributions of ``X``, where they are known already.

    Returns
    -------
    shap.Explanation
        ``values`` of shape (n, p), columns as ``model.features``: in log-odds, of an amount in log amount.
        ``base_values`` of shape (n,): with them each row adds up to ``model.raw(X)``. ``data`` is X.

    Raises
    ------
    ModelError
        When columns are missing or too many.

    Examples
    --------
    >>> explanation = explain(model, X)  # doctest: +SKIP
    >>> shap.plots.beeswarm(explanation)  # doctest: +SKIP
    """
    import shap

    matrix = model.matrix(X)
    values = contributions(model, matrix, exact=True) if given is None else given
    named = titles or {}
    return shap.Explanation(
        values=values,
        base_values=model.raw(matrix) - values.sum(axis=1),
        data=matrix,
        feature_names=[named.get(name, name) for name in model.features],
    )
