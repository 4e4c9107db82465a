"""Models at the public door: read back from their files."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

    from tagcast.models.artifacts.trained_model import TrainedModel


def load_model_bundle(folder: str | Path) -> TrainedModel:
    """Read the model of a version from its files; stored MLflow models call this and :func:`predict`.

    Parameters
    ----------
    folder : str or Path
        The version's ``bundle``.

    Returns
    -------
    TrainedModel
        Of either kind: ``features``, ``predict``, ``contributions``.

    Raises
    ------
    ModelError
        When a file is missing, malformed or not the one that was saved; it is named.
    """
    from tagcast.models.artifacts.loader import load_bundle

    return load_bundle(Path(folder))


def predict(
    model: TrainedModel,
    X: pd.DataFrame,
    as_of: date | None = None,
    *,
    threshold: float | None = None,
    previous: npt.NDArray[np.object_] | None = None,
) -> pd.DataFrame:
    """Predict rows of features with one model, without a project; stored MLflow models call this.

    Parameters
    ----------
    model : TrainedModel
        Of :func:`load_model_bundle`.
    X : DataFrame of shape (n, p)
        The model's features, in any order, of members of the tag's population.
    as_of : date, optional
        Day of the features. Default: the day on which the last outcomes of training were known.
    threshold : float, optional
        Score from which a yes/no tag says yes. Default: what training has settled.
    previous : ndarray of str, shape (n,), optional
        The values before, for hysteresis.

    Returns
    -------
    DataFrame of shape (n, 6)
        ``value``, ``score``, ``lower``, ``upper``, ``confidence``, ``unknown_because``, as a run publishes them. Value and
        confidence are missing where the threshold depends on all scores of a run and is not given.

    Raises
    ------
    ModelError
        When a feature is missing.
    """
    from tagcast.models.inference.single_model import predictions

    return predictions(model, X, as_of, threshold=threshold, previous=previous)
