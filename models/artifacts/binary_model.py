"""A trained tag that says yes or no: a blend of scorers, calibrated, and the score from which it says yes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from tagcast.models.artifacts.trained_model import Codes, Decided, Floats, TrainedModel
from tagcast.models.calibration.binary_calibrator import Calibrator
from tagcast.models.decisions.policy import decide_codes
from tagcast.models.definitions.model_tag import TagDefinition
from tagcast.models.estimators.blend import NOTHING, Blend, PartScores
from tagcast.models.estimators.forest import ForestScorer
from tagcast.models.kernels.additive_model import AdditiveModel

if TYPE_CHECKING:
    import pandas as pd


class Predicted(NamedTuple):
    """Calibrated probability, its bounds and the raw log-odds, each of shape (n,)."""

    score: Floats
    lower: Floats
    upper: Floats
    raw: Floats


@dataclass(frozen=True, kw_only=True)
class TagModel(TrainedModel):
    """One trained yes-or-no tag; beside what all models have:

    Parameters
    ----------
    blend : Blend
        The raw scorer, in log-odds.
    calibrator : Calibrator
    base_rate : float
        Share of true outcomes in training.
    """

    blend: Blend
    calibrator: Calibrator
    base_rate: float

    kind: ClassVar[str] = "model"
    unit: ClassVar[str] = "log-odds"

    def raw(self, X: Floats | pd.DataFrame) -> Floats:
        """Return uncalibrated log-odds, shape (n,)."""
        return self.blend.raw(self.matrix(X))

    def predict(
        self, X: Floats | pd.DataFrame, as_of: date | None = None, known: PartScores = NOTHING
    ) -> Predicted:
        """Return score, lower, upper and raw: :meth:`tagcast.models.artifacts.trained_model.TrainedModel.predict`."""
        raw, when = self.blend.raw(self.matrix(X), known), as_of or self.first_day
        return Predicted(*self.calibrator.predict(raw, when, self.unseen_season(when)), raw)

    def decide(
        self,
        X: Floats | pd.DataFrame,
        as_of: date,
        known: PartScores,
        *,
        definition: TagDefinition,
        threshold: float,
        past: Codes | None,
    ) -> Decided:
        """Say yes from ``threshold`` on: :func:`tagcast.models.decisions.policy.decide_codes`."""
        score, lower, upper, _ = self.predict(X, as_of, known)
        code, confidence = decide_codes(
            score,
            lower,
            upper,
            threshold=threshold,
            min_confidence=definition.min_confidence,
            hysteresis=definition.hysteresis,
            past=past,
        )
        return Decided(score, lower, upper, code, confidence)

    @property
    def used_features(self) -> frozenset[int]:
        """Columns of X that can change the score."""
        return self.blend.used_features

    @property
    def forest(self) -> ForestScorer | None:
        """The blend's forest."""
        part = self.blend.parts.get("forest")
        return part if isinstance(part, ForestScorer) else None

    @property
    def additive(self) -> AdditiveModel | None:
        """The blend's additive part."""
        part = self.blend.parts.get("logistic")
        return part if isinstance(part, AdditiveModel) else None

    def contributions(self, X: Floats | pd.DataFrame, *, exact: bool, known: PartScores = NOTHING) -> Floats:
        """Return each feature's part of the log-odds, shape (n, p)."""
        return self.blend.contributions(self.matrix(X), exact=exact, known=known)

    def _own_json(self) -> dict[str, Any]:
        return {
            "blend": self.blend.to_json(),
            "forest_columns": list(self.forest.columns) if self.forest else [],
            "threshold": self.threshold,
            "base_rate": self.base_rate,
        }

    def _calibration_json(self) -> dict[str, Any]:
        return self.calibrator.to_json()

    @classmethod
    def _own_fields(cls, data: dict[str, Any], calibration: Any, forest: str | None) -> dict[str, Any]:
        columns = tuple(map(int, data["forest_columns"]))
        return {
            "blend": Blend.from_json(data["blend"], ForestScorer(forest, columns) if forest else None),
            "calibrator": Calibrator.from_json(calibration),
            "threshold": None if data["threshold"] is None else float(data["threshold"]),
            "base_rate": float(data["base_rate"]),
        }
