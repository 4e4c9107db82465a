"""A registered model of somebody else as a candidate: never trained here, pinned to a version and to its files' digest.

The model is not copied: a tag's model keeps which version it blends, and the digest of that version's files. Loading it runs
its own code, pickles among it, so it is opened by the registry alone, and only where a tag names it
(:mod:`tagcast.registry.foreign.frozen_models`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tagcast.features.core.errors import ModelError
from tagcast.features.core.messages import Text, listed, msg
from tagcast.features.core.schema.operation import Mlflow
from tagcast.models.candidates.answers import Method, frame_of
from tagcast.models.candidates.raised import placed

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]
_NEAR = 1e-4
"""Least distance of a probability from 0 and 1, before its logarithm is taken."""


@dataclass(frozen=True)
class FrozenReference:
    """A pinned version of a registered model.

    Parameters
    ----------
    text : str
        How the tag names it.
    model : str
    version : int
    digest : str
        SHA-256 over the digests of its files.
    inputs : tuple of str
        Features that its signature names.
    """

    text: str
    model: str
    version: int
    digest: str
    inputs: tuple[str, ...]

    @property
    def name(self) -> str:
        """Name for people: ``mlflow:models:/team_churn@prod (version 3)``."""
        return f"{self.text} (version {self.version})"


OPENED: dict[FrozenReference, Callable[[pd.DataFrame], Floats]] = {}
"""What was opened in this process: a frame of the inputs to one number a row. Written by the registry alone."""


@dataclass(frozen=True)
class FrozenModel:
    """A registered model, and how its score reads as log-odds or as an amount.

    Parameters
    ----------
    reference : FrozenReference
    slope, intercept : float
        From the score (its log-odds, where ``chances``) to log-odds; of an amount, what it is multiplied with, and 0.
    is_chance : bool
        Whether the scores of training were probabilities.
    """

    reference: FrozenReference
    slope: float
    intercept: float
    is_chance: bool

    @property
    def name(self) -> str:
        """How the tag names the candidate."""
        return self.reference.text

    @property
    def content(self) -> None:
        """None: it has no file of its own among those of the tag's model."""

    def columns(self, features: tuple[str, ...]) -> tuple[int, ...]:
        """Return the places of its inputs among the features."""
        return tuple(j for j, name in enumerate(features) if name in self.reference.inputs)

    def chances(self, frame: pd.DataFrame) -> Floats:
        """Return the probability of yes, shape (n,)."""
        read = _read(scores_of(self.reference, frame), self.is_chance)
        chance: Floats = 1 / (1 + np.exp(-np.clip(self.slope * read + self.intercept, -40.0, 40.0)))
        return chance

    def amounts(self, frame: pd.DataFrame) -> Floats:
        """Return the predicted amount, shape (n,), never below 0."""
        return np.maximum(scores_of(self.reference, frame), 0.0) * self.slope

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {"frozen": asdict(self)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> FrozenModel:
        """Read what :meth:`to_json` wrote."""
        one = data["frozen"]
        pinned = one["reference"]
        reference = FrozenReference(
            str(pinned["text"]),
            str(pinned["model"]),
            int(pinned["version"]),
            str(pinned["digest"]),
            tuple(map(str, pinned["inputs"])),
        )
        return cls(reference, float(one["slope"]), float(one["intercept"]), bool(one["is_chance"]))


def scores_of(reference: FrozenReference, frame: pd.DataFrame) -> Floats:
    """Return what the model says of each row, shape (n,).

    Raises
    ------
    ModelError
        When it was not opened in this process.
    """
    if reference not in OPENED:
        raise ModelError(
            msg("{candidate} was not opened", candidate=reference.name),
            hint=msg("it lies in MLflow, and the commands of the project open it: tagcast score"),
        )
    if not len(frame):
        return np.empty(0)
    return OPENED[reference](frame[list(reference.inputs)])


def _read(score: Floats, is_chance: bool) -> Floats:
    if not is_chance:
        return score
    near = np.clip(score, _NEAR, 1 - _NEAR)
    return np.log(near) - np.log1p(-near)


@dataclass(frozen=True)
class FrozenCandidate:
    """What a tag says of one of its ``mlflow:`` candidates; picklable, so that workers can be given it.

    Parameters
    ----------
    reference : FrozenReference
    place : str
        File and key that name it, for messages.
    home : Path
    project : str
    mlflow : Mlflow
        Where the registry is opened.
    method : str
        ``predict_proba`` where a yes or no is learned, ``predict`` for an amount.
    """

    reference: FrozenReference
    place: str
    home: Path
    project: str
    mlflow: Mlflow
    method: Method

    @property
    def text(self) -> str:
        """How the tag names it."""
        return self.reference.text

    @property
    def frozen(self) -> bool:
        """True: it is not trained here, and has to earn its weight."""
        return True

    @property
    def note(self) -> Text:
        """What a reader of the figures should know."""
        return msg(
            "{candidate} was not trained here: if it has seen outcomes of these snapshots, its figures are too good",
            candidate=self.reference.name,
        )

    def fit(self, X: Floats, features: tuple[str, ...], target: Floats, weight: Floats | None) -> FrozenModel:
        """Return the model with its score read as log-odds (by logistic regression on it alone) or scaled to the amounts."""
        with placed(self.place):
            score = scores_of(self.reference, self._frame(X, features))
        if self.method == "predict":
            total = float(np.average(np.maximum(score, 0.0), weights=weight))
            slope = float(np.average(target, weights=weight)) / total if total > 0 else 1.0
            return FrozenModel(self.reference, slope, 0.0, is_chance=False)
        from sklearn.linear_model import LogisticRegression

        is_chance = bool(((score >= 0) & (score <= 1)).all()) and not np.isin(score, (0.0, 1.0)).all()
        read = _read(score, is_chance)
        spread = float(read.std()) or 1.0
        line = LogisticRegression().fit((read / spread)[:, None], target.astype(int), sample_weight=weight)
        return FrozenModel(
            self.reference, float(line.coef_[0, 0]) / spread, float(line.intercept_[0]), is_chance
        )

    def rehearse(self, X: Floats, features: tuple[str, ...], target: Floats, weight: Floats | None) -> None:
        """Score a few rows, one of them with nothing known.

        Raises
        ------
        ModelError
            When the tag lacks a feature of its signature, or it does not say one finite number a row.
        """
        self.fit(X, features, target, weight)
        with placed(self.place):
            scores_of(self.reference, self._frame(np.full((1, X.shape[1]), np.nan), features))

    def _frame(self, X: Floats, features: tuple[str, ...]) -> pd.DataFrame:
        if absent := [name for name in self.reference.inputs if name not in features]:
            raise ModelError(
                msg(
                    "{candidate}: its signature names features that the tag does not learn from: {features}",
                    candidate=self.reference.name,
                    features=listed(absent),
                ),
                hint=msg(
                    "add them to the tag's features (tagcast check lists what there is), or register a model of other inputs"
                ),
            )
        return frame_of(X, features)
