"""A trained tag that predicts an amount: a regressor, and tables of how far amounts lie from what it says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from tagcast.models.artifacts.trained_model import Codes, Decided, Floats, TrainedModel
from tagcast.models.calibration.amount_calibrator import AmountCalibrator, CalibratedAmount
from tagcast.models.definitions.model_tag import TagDefinition
from tagcast.models.estimators.amount_regressor import AmountRegressor
from tagcast.models.estimators.blend import NOTHING, PartScores
from tagcast.models.estimators.forest import ForestScorer
from tagcast.models.kernels.additive_model import AdditiveModel
from tagcast.models.stats.amount_outlook import AmountOutlook

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class AmountModel(TrainedModel):
    """One trained amount tag; beside what all models have:

    Parameters
    ----------
    scorer : AmountRegressor
        Predicts the amount, before what past snapshots have shown of its drift.
    calibrator : AmountCalibrator
    mean_amount : float
        Of training.
    """

    scorer: AmountRegressor
    calibrator: AmountCalibrator
    mean_amount: float

    kind: ClassVar[str] = "amount"
    unit: ClassVar[str] = "log amount"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.calibrator.starts != tuple(self.definition.levels.values()):
            raise ValueError(
                f"tables of tiers {self.calibrator.starts} do not go with {self.definition.levels}"
            )

    def raw(self, X: Floats | pd.DataFrame) -> Floats:
        """Return the predicted log amount, shape (n,)."""
        return self.scorer.raw(self.matrix(X))

    def predict(
        self, X: Floats | pd.DataFrame, as_of: date | None = None, known: PartScores = NOTHING
    ) -> CalibratedAmount:
        """Return amount, interval, tier and confidence: :meth:`tagcast.models.artifacts.trained_model.TrainedModel.predict`."""
        when = as_of or self.first_day
        amount = self.scorer.amount(self.matrix(X), known)
        return self.calibrator.predict(amount, when, self.unseen_season(when))

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
        """Say the likeliest tier where it is sure enough; there is neither a threshold nor a margin around one."""
        found = self.predict(X, as_of, known)
        tier = np.where(found.confidence < definition.min_confidence, len(definition.values), found.tier)
        return Decided(found.score, found.lower, found.upper, tier.astype(np.int8), found.confidence)

    @property
    def used_features(self) -> frozenset[int]:
        """Columns of X that can change the amount."""
        return self.scorer.used_features

    @property
    def forest(self) -> ForestScorer | None:
        """The regressor's forest."""
        return self.scorer.forest

    @property
    def additive(self) -> AdditiveModel | None:
        """None: an amount has no additive part."""
        return None

    def contributions(self, X: Floats | pd.DataFrame, *, exact: bool, known: PartScores = NOTHING) -> Floats:
        """Return each feature's part of the log amount, shape (n, p)."""
        return self.scorer.contributions(self.matrix(X), exact=exact, known=known)

    def outlook(self, as_of: date) -> AmountOutlook:
        """Return chances of tiers and the spread of amounts by the prediction alone."""
        return self.calibrator.outlook(as_of, self.unseen_season(as_of))

    def _own_json(self) -> dict[str, Any]:
        return {"scorer": self.scorer.to_json(), "mean_amount": self.mean_amount}

    def _calibration_json(self) -> dict[str, Any]:
        return self.calibrator.to_json()

    @classmethod
    def _own_fields(cls, data: dict[str, Any], calibration: Any, forest: str | None) -> dict[str, Any]:
        return {
            "scorer": AmountRegressor.from_json(data["scorer"], forest),
            "calibrator": AmountCalibrator.from_json(calibration),
            "mean_amount": float(data["mean_amount"]),
        }
