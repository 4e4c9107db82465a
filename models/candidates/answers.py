"""What estimators of others answer, held against what an answer has to be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from tagcast.features.core.errors import ModelError
from tagcast.features.core.messages import Text, msg
from tagcast.models.candidates.raised import raised

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]


def frame_of(X: Floats, features: Sequence[str]) -> pd.DataFrame:
    """Return X of shape (n, p) as estimators of others see it: a DataFrame with the names of the features."""
    import pandas as pd

    return pd.DataFrame(X, columns=list(features))


def chances_of(name: str, estimator: Any, frame: pd.DataFrame) -> Floats:
    """Return the probability of yes, shape (n,).

    Raises
    ------
    ModelError
        When ``predict_proba`` raises, or answers anything but two probabilities a row.
    """
    if not len(frame):
        return np.empty(0)
    found = _asked(name, "predict_proba", estimator, frame)
    if found.shape != (len(frame), 2):
        raise _no_answer(name, "predict_proba", (len(frame), 2), str(found.shape))
    chance: Floats = np.ascontiguousarray(found[:, 1])
    if not ((chance >= 0) & (chance <= 1)).all():
        raise _no_answer(name, "predict_proba", (len(frame), 2), _odd(chance))
    return chance


def amounts_of(name: str, estimator: Any, frame: pd.DataFrame) -> Floats:
    """Return the predicted amounts, shape (n,), never below 0.

    Raises
    ------
    ModelError
        When ``predict`` raises, or answers anything but one finite number a row.
    """
    if not len(frame):
        return np.empty(0)
    found = _asked(name, "predict", estimator, frame)
    if found.shape not in {(len(frame),), (len(frame), 1)}:
        raise _no_answer(name, "predict", (len(frame),), str(found.shape))
    amount = found.ravel()
    if not np.isfinite(amount).all():
        raise _no_answer(name, "predict", (len(frame),), _odd(amount))
    return np.maximum(amount, 0.0)


def _asked(name: str, method: str, estimator: Any, frame: pd.DataFrame) -> Floats:
    try:
        return np.asarray(getattr(estimator, method)(frame), np.float64)
    except Exception as error:
        raise ModelError(
            msg("{candidate}: {method} raises {reason}", candidate=name, method=method, reason=raised(error))
        ) from error


def _odd(values: Floats) -> str:
    odd = (
        values[~np.isfinite(values)] if not np.isfinite(values).all() else values[(values < 0) | (values > 1)]
    )
    return repr(float(odd[0]))


def _no_answer(name: str, method: str, shape: tuple[int, ...], found: Text) -> ModelError:
    return ModelError(
        msg(
            "{candidate}: {method} has to return finite numbers of shape {shape}, probabilities between 0 and 1; found {found}",
            candidate=name,
            method=method,
            shape=str(shape),
            found=found,
        )
    )


Method = Literal["predict_proba", "predict"]
ANSWERS: dict[Method, Callable[[str, Any, pd.DataFrame], Floats]] = {
    "predict_proba": chances_of,
    "predict": amounts_of,
}
"""By the method that is asked."""
