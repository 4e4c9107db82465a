"""What one stored model says of rows of features, by itself: no snapshot, no store, no other tags."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from tagcast.models.decisions.policy import NEVER, codes_of, needs_population
from tagcast.models.estimators.blend import NOTHING
from tagcast.models.filters.fields import UNKNOWN
from tagcast.models.inference.abstention import RangeCheck, abstain, grounds

if TYPE_CHECKING:
    import pandas as pd

    from tagcast.models.artifacts.trained_model import TrainedModel


def predictions(
    model: TrainedModel,
    X: pd.DataFrame,
    as_of: date | None = None,
    *,
    threshold: float | None = None,
    previous: npt.NDArray[np.object_] | None = None,
) -> pd.DataFrame:
    """Return value, score, bounds and confidence of each row, as a run publishes them.

    Parameters
    ----------
    model : TrainedModel
    X : DataFrame of shape (n, p)
        The model's features, in any order; further columns are left aside. Rows are taken for members of the tag's population.
    as_of : date, optional
        Day of the features: bounds widen with the time since the last known outcomes. Default: the day on which those were known.
    threshold : float, optional
        Score from which a yes/no tag says yes. Default: what training has settled.
    previous : ndarray of str, shape (n,), optional
        The values before, for hysteresis.

    Returns
    -------
    DataFrame of shape (n, 6)
        ``value``, ``score``, ``lower``, ``upper``, ``confidence``, ``unknown_because``, with the index of X. Where the threshold
        depends on all scores of a run and is not given, value and confidence are missing: one row cannot know it.
    """
    import pandas as pd

    definition = model.definition
    matrix = model.matrix(X[list(model.features)])
    cut = model.threshold if threshold is None else threshold
    decided = model.decide(
        matrix,
        as_of or model.first_day,
        NOTHING,
        definition=definition,
        threshold=NEVER if cut is None else cut,
        past=None if previous is None else codes_of(previous),
    )
    check = RangeCheck(model)
    value, because = abstain(
        decided.value,
        len(definition.values),
        decided.confidence,
        definition.min_confidence,
        check.codes(matrix),
    )
    reasons = np.array([*grounds(definition.min_confidence, check.words), None], dtype=object)
    found = {
        "value": np.array([*definition.values, UNKNOWN], dtype=object)[value],
        "score": decided.score,
        "lower": decided.lower,
        "upper": decided.upper,
        "confidence": decided.confidence,
        "unknown_because": reasons[because],  # -1 is the last: none
    }
    if cut is None and needs_population(definition.decision):
        nothing = np.full(len(matrix), None, dtype=object)
        found |= {"value": nothing, "confidence": np.full(len(matrix), np.nan), "unknown_because": nothing}
    return pd.DataFrame(found, index=X.index)
