"""A trained tag that predicts an amount: a regressor, and tables of how far amounts lie from what it says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar

import numpy as np

from tagcast.models.artifacts.answer import Codes, Floats
from tagcast.models.artifacts.files import ReadFiles
from tagcast.models.artifacts.trained_model import TrainedModel
from tagcast.models.calibration.amount_calibrator import AmountCalibrator, CalibratedAmount
from tagcast.models.definitions.model_tag import TagDefinition
from tagcast.models.estimators.amount_regressor import AmountRegressor
from tagcast.models.estimators.foreign import ForeignRegressor
from tagcast.models.stats.amount_outlook import AmountOutlook


@dataclass(frozen=True, kw_only=True)
class AmountModel(TrainedModel):
    """One trained amount tag; beside what all models have:

    Parameters
    ----------
    mean_amount : float
        Of training.
    """

    scorer: AmountRegressor | ForeignRegressor
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

    def _values(
        self, found: CalibratedAmount, definition: TagDefinition, threshold: float, past: Codes | None
    ) -> tuple[Codes, Floats]:
        """Say the likeliest tier where it is sure enough; there is neither a threshold nor a margin around one."""
        tier = np.where(found.confidence < definition.min_confidence, len(definition.values), found.tier)
        return tier.astype(np.int8), found.confidence

    def outlook(self, as_of: date) -> AmountOutlook:
        """Return chances of tiers and the spread of amounts by the prediction alone."""
        return self.calibrator.outlook(as_of, self.unseen_season(as_of))

    @property
    def foreign(self) -> tuple[ForeignRegressor, ...]:
        """The model of others that predicts the amount, where one does."""
        return (self.scorer,) if isinstance(self.scorer, ForeignRegressor) else ()

    def _own_json(self) -> dict[str, Any]:
        named = {"foreign": self.scorer.kind} if isinstance(self.scorer, ForeignRegressor) else {}
        return {"scorer": self.scorer.to_json(), **named, "mean_amount": self.mean_amount}

    @classmethod
    def _own_fields(cls, files: ReadFiles) -> dict[str, Any]:
        data = files.model
        scorer = (
            ForeignRegressor.from_json(
                str(data["foreign"]), data["scorer"], files.foreign.get(str(data["foreign"]))
            )
            if "foreign" in data
            else AmountRegressor.from_json(data["scorer"], files.forest)
        )
        return {
            "scorer": scorer,
            "calibrator": AmountCalibrator.from_json(files.calibration),
            "mean_amount": float(data["mean_amount"]),
        }
