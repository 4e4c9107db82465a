"""Models of others as tagcast scores with them: a part of a blend, or the predictor of an amount.

Whatever the model is, it is a function of a row's features. What a feature did for a row's score is measured by occlusion:
the score minus that of the same row with the feature at its typical value in training. For models that add up it is what SHAP says; in
others what features do together counts for each of them. It costs a prediction a feature, so that only the rows that get
exact reasons are asked about all features; the others about the ``LEADING`` that moved a sample of training most.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol, Self

import numpy as np
import numpy.typing as npt

from tagcast.features.core.messages import Text
from tagcast.models.candidates.answers import frame_of
from tagcast.models.candidates.frozen import FrozenModel, FrozenReference
from tagcast.models.candidates.storage import StoredEstimator
from tagcast.models.estimators.approach import unapproached
from tagcast.models.estimators.blend import NOTHING, PartScores
from tagcast.models.kernels.additive_model import AdditiveModel
from tagcast.models.stats.numerics import clip, logit

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]
LEADING = 8
"""Features a row is explained by, where it does not get exact reasons."""
SAMPLE_ROWS = 200
"""Training rows that show which features lead."""


class ForeignModel(Protocol):
    """A model of others, fitted: a function of a frame of features."""

    @property
    def name(self) -> str:
        """How the tag names the candidate."""

    @property
    def content(self) -> bytes | None:
        """Its file; None where it lies elsewhere."""

    def columns(self, features: tuple[str, ...]) -> tuple[int, ...]:
        """Return the places of the features that can change what it says."""

    def chances(self, frame: pd.DataFrame) -> Floats:
        """Return the probability of yes, shape (n,)."""

    def amounts(self, frame: pd.DataFrame) -> Floats:
        """Return the predicted amount, shape (n,), never below 0."""

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values: all but the content."""


class Candidate(Protocol):
    """What competes with tagcast's own parts, and makes a model of some rows."""

    @property
    def text(self) -> str:
        """How the tag names it."""

    @property
    def frozen(self) -> bool:
        """Whether it is not trained here: then it has to earn its weight."""

    @property
    def note(self) -> Text:
        """What a reader of the figures should know; empty where there is nothing."""

    def fit(
        self, X: Floats, features: tuple[str, ...], target: Floats, weight: Floats | None
    ) -> ForeignModel:
        """Fit on X of shape (n, p); ``target`` is 0 or 1, or an amount."""

    def rehearse(self, X: Floats, features: tuple[str, ...], target: Floats, weight: Floats | None) -> None:
        """Raise what :meth:`fit` and predicting would raise, on a few rows."""


@dataclass(frozen=True)
class Occlusion:
    """How scores of a model of others are explained.

    Parameters
    ----------
    typical : tuple of float
        Middle value of each feature in training; NaN where it was never known.
    leading : tuple of int
        Features that moved a sample of training most, at most ``LEADING``.
    """

    typical: tuple[float, ...]
    leading: tuple[int, ...]

    @classmethod
    def of(cls, raw: Callable[[Floats], Floats], X: Floats, columns: Sequence[int]) -> Occlusion:
        """Return it for a model whose raw score is ``raw``, fitted on ``X``, that reads ``columns``."""
        known = ~np.isnan(X)
        typical = tuple(
            float(np.median(X[known[:, j], j])) if known[:, j].any() else float("nan")
            for j in range(X.shape[1])
        )
        sample = X[np.linspace(0, len(X) - 1, min(SAMPLE_ROWS, len(X))).astype(int)]
        moved = np.abs(cls(typical, ()).contributions(raw, sample, columns)).mean(axis=0)
        order = np.argsort(-moved, kind="stable")[:LEADING]
        return cls(typical, tuple(j for j in order.tolist() if moved[j] > 0))

    def contributions(self, raw: Callable[[Floats], Floats], X: Floats, columns: Sequence[int]) -> Floats:
        """Return what each of ``columns`` adds to the raw score of each row, shape (n, p); 0 for the others."""
        out = np.zeros(X.shape)
        whole = raw(X)
        for j in columns:
            typical = self.typical[j]
            same = np.isnan(X[:, j]) if np.isnan(typical) else X[:, j] == typical
            rows = np.flatnonzero(~same)
            without = X[rows]
            without[:, j] = typical
            out[rows, j] = whole[rows] - raw(without)
        return out

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "typical": [None if np.isnan(value) else value for value in self.typical],
            "leading": list(self.leading),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Occlusion:
        """Read what :meth:`to_json` wrote."""
        typical = (float("nan") if value is None else float(value) for value in data["typical"])
        return cls(tuple(typical), tuple(map(int, data["leading"])))


@dataclass(frozen=True)
class _Foreign(ABC):
    """A model of others and how it is explained.

    Parameters
    ----------
    features : tuple of str
        Columns of X.
    model : ForeignModel
    occlusion : Occlusion
    """

    features: tuple[str, ...]
    model: ForeignModel
    occlusion: Occlusion

    @classmethod
    def fit(
        cls,
        candidate: Candidate,
        X: Floats,
        features: tuple[str, ...],
        target: Floats,
        weight: Floats | None = None,
    ) -> Self:
        """Fit a candidate on X of shape (n, p) and what came true, shape (n,)."""
        model = candidate.fit(X, features, target, weight)
        raw = cls(features, model, Occlusion((), ())).raw
        return cls(features, model, Occlusion.of(raw, X, model.columns(features)))

    @property
    def frozen(self) -> FrozenReference | None:
        """Which registered model it is, where it is one."""
        return self.model.reference if isinstance(self.model, FrozenModel) else None

    @abstractmethod
    def raw(self, X: Floats) -> Floats:
        """Return what :meth:`contributions` tell of, shape (n,)."""

    def _frame(self, X: Floats) -> pd.DataFrame:
        """Return the features by name; what stands behind them is no feature."""
        return frame_of(X[:, : len(self.features)], self.features)

    @cached_property
    def used_features(self) -> frozenset[int]:
        """Columns of X that can change what it says."""
        return frozenset(self.model.columns(self.features))

    def contributions(self, X: Floats, *, exact: bool) -> Floats:
        """Return each feature's part of :meth:`raw` by occlusion, shape (n, p): of the leading ones alone unless ``exact``."""
        columns = sorted(self.used_features) if exact else self.occlusion.leading
        return self.occlusion.contributions(self.raw, X, columns)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values; where the model has a content, that is a file of its own."""
        return {"features": list(self.features), **self.model.to_json(), **self.occlusion.to_json()}

    @classmethod
    def from_json(cls, name: str, data: dict[str, Any], content: bytes | None) -> Self:
        """Read what :meth:`to_json` wrote; ``content`` is the model's file, of the candidate ``name``."""
        model: ForeignModel
        if content is None:
            model = FrozenModel.from_json(data)
        else:
            model = own = StoredEstimator(name, content, tuple(map(str, data["types"])))
            _ = own.estimator  # what cannot be loaded is said now, not in the middle of scoring
        return cls(tuple(map(str, data["features"])), model, Occlusion.from_json(data))


class ForeignPart(_Foreign):
    """A model of others as a part of a blend: :class:`tagcast.models.estimators.blend.Part`."""

    def raw(self, X: Floats) -> Floats:
        """Return log-odds, shape (n,), for X of shape (n, p)."""
        return logit(clip(self.model.chances(self._frame(X))))


class ForeignRegressor(_Foreign):
    """A model of others that predicts an amount: :class:`tagcast.models.estimators.blend.Scorer`.

    No part of it is worked out before it is asked.
    """

    @property
    def kind(self) -> str:
        """How the tag names the candidate."""
        return self.model.name

    @property
    def forest(self) -> None:
        """None: it has no forest of tagcast's own."""

    @property
    def curves(self) -> Mapping[str, AdditiveModel]:
        """Empty: it has no additive part."""
        return {}

    def raw(self, X: Floats, _known: PartScores = NOTHING) -> Floats:
        """Return the logarithm of 1 + amount, shape (n,)."""
        return np.log1p(self.predicted(X))

    def predicted(self, X: Floats, _known: PartScores = NOTHING) -> Floats:
        """Return the predicted amount, shape (n,), never below 0."""
        return self.model.amounts(self._frame(X))

    def contributions(self, X: Floats, *, exact: bool, known: PartScores = NOTHING) -> Floats:
        """Return each feature's part of the log amount by occlusion, shape (n, p)."""
        del known
        return super().contributions(X, exact=exact)


@dataclass(frozen=True)
class ForeignRecipe:
    """How a model of others that predicts an amount is fitted on any rows: its candidate, and what the columns are called.

    Rows of whom a campaign approached, as the column ``approach`` of X says, are left aside.
    """

    candidate: Candidate
    features: tuple[str, ...]
    approach: int | None = None

    @property
    def kind(self) -> str:
        """How the tag names the candidate."""
        return self.candidate.text

    def fit(self, X: Floats, amount: Floats) -> ForeignRegressor:
        """Fit on X of shape (n, p) and amounts of shape (n,)."""
        own, alone = unapproached(X, self.approach)
        return ForeignRegressor.fit(self.candidate, own, self.features, amount[alone])
