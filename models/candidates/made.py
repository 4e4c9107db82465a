"""A candidate that a function of the project makes: fitted anew on each fold, stored without pickle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from tagcast.features.core.errors import ModelError
from tagcast.features.core.messages import Text, msg
from tagcast.models.candidates.answers import ANSWERS, Method, frame_of
from tagcast.models.candidates.maker import estimator_of, importable, weight_argument
from tagcast.models.candidates.names import PythonName
from tagcast.models.candidates.raised import placed, raised_in
from tagcast.models.candidates.storage import StoredEstimator, stored

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class MadeCandidate:
    """What a tag says of one of its ``python:`` candidates; picklable, so that workers can be given it.

    Parameters
    ----------
    name : PythonName
    place : str
        File and key that name it, for messages.
    folder : str
        Of tagcast.toml, where its module may lie.
    trusted : tuple of str
        Types that its estimators may hold beside those of tagcast's own libraries.
    seed : int
    method : str
        By which its estimators are asked: ``predict_proba`` for a yes or no, ``predict`` for an amount.
    """

    name: PythonName
    place: str
    folder: str
    trusted: tuple[str, ...]
    seed: int
    method: Method

    @property
    def text(self) -> str:
        """How the tag names it."""
        return self.name.text

    @property
    def frozen(self) -> bool:
        """False: it is trained in every fold, as tagcast's own parts are."""
        return False

    @property
    def note(self) -> Text:
        """Nothing that a reader of the figures should know."""
        return ""

    def check(self) -> None:
        """Check that the function returns an estimator: nothing is fitted.

        Raises
        ------
        DefinitionError
            Naming file, key, what was found and how to fix it.
        """
        with placed(self.place):
            estimator_of(self.name, self.folder, self.seed, method=self.method)

    def fit(
        self, X: Floats, features: tuple[str, ...], target: Floats, weight: Floats | None
    ) -> StoredEstimator:
        """Return an estimator that was made, fitted and stored.

        Parameters
        ----------
        X : ndarray of shape (n, p)
            The estimator sees a DataFrame with the names of ``features``.
        features : tuple of str
        target : ndarray of shape (n,)
        weight : ndarray of shape (n,), optional
            How many rows each stands for.

        Raises
        ------
        DefinitionError, ModelError
            When it cannot be made, does not take weights, does not fit or cannot be stored.
        """
        with placed(self.place):
            return stored(self.text, self._fitted(frame_of(X, features), target, weight), self.trusted)

    def rehearse(self, X: Floats, features: tuple[str, ...], target: Floats, weight: Floats | None) -> None:
        """Fit on a few rows, store, load and predict: whatever would fail after a long training fails here.

        Raises
        ------
        DefinitionError, ModelError
            As :meth:`fit`; also where the estimator cannot predict for unknown features, or predicts otherwise
            once it was stored.
        """
        with placed(self.place):
            frame, answers = frame_of(X, features), ANSWERS[self.method]
            fitted = self._fitted(frame, target, weight)
            kept = stored(self.text, fitted, self.trusted)
            # A profile of which nothing is known yet, and a frame as scoring gives it: any feature may be unknown.
            asked = frame_of(np.vstack([X, np.full((1, X.shape[1]), np.nan)]), features)
            try:
                before = answers(self.text, fitted, asked)
            except ModelError as error:
                raise ModelError(error.message, hint=error.hint or _IMPUTER) from error
            after = answers(self.text, kept.estimator, asked)
            if not np.allclose(before, after, rtol=1e-9, atol=1e-12):
                raise ModelError(
                    msg(
                        "{candidate}: once stored and loaded, the model predicts otherwise",
                        candidate=self.text,
                    ),
                    hint=msg(
                        "what it learns has to lie in its attributes: skops stores these, and neither globals nor files"
                    ),
                )

    def _fitted(self, frame: pd.DataFrame, target: Floats, weight: Floats | None) -> Any:
        importable(self.folder)
        estimator = estimator_of(self.name, self.folder, self.seed, method=self.method)
        weights = {}
        if weight is not None:
            argument = weight_argument(estimator)
            if argument is None:
                raise ModelError(
                    msg(
                        "{candidate}: fit takes no sample_weight, and the tag learns from a weighted draw of its rows",
                        candidate=self.text,
                    ),
                    hint=msg(
                        "use an estimator whose fit (of a Pipeline, that of its last step) takes sample_weight, or fewer "
                        "snapshots, so that all rows are learned from"
                    ),
                )
            weights[argument] = weight
        try:
            # One thread of linear algebra, so that sums keep their order.
            with threadpool_limits(1, user_api="blas"):
                estimator.fit(
                    frame, target.astype(np.int64) if self.method == "predict_proba" else target, **weights
                )
        except Exception as error:
            unknown = bool(frame.isna().to_numpy().any()) and "nan" in str(error).lower()
            hint: Text = (
                _IMPUTER
                if unknown
                else msg("it is fitted on a DataFrame of float64 features, named as the tag's features")
            )
            raise ModelError(
                msg(
                    "{candidate}: fit raises {reason}",
                    candidate=self.text,
                    reason=raised_in(error, self.folder),
                ),
                hint=hint,
            ) from error
        return estimator


_IMPUTER = msg(
    "features may be unknown (NaN): put an imputer first, as in {example}, or take an estimator that knows NaN, such as "
    "HistGradientBoostingClassifier",
    example="make_pipeline(SimpleImputer(keep_empty_features=True), …)",
)
