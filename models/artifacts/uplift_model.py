"""A trained tag that predicts what an approach changes: an effect scorer, and bounds that hold for audiences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from tagcast.models.artifacts.answer import Codes, Floats
from tagcast.models.artifacts.files import ReadFiles
from tagcast.models.artifacts.trained_model import TrainedModel
from tagcast.models.calibration.effect_calibrator import CalibratedEffect, EffectCalibrator
from tagcast.models.decisions.effects import effect_values
from tagcast.models.definitions.model_tag import TagDefinition
from tagcast.models.estimators.effects import EffectScorer


@dataclass(frozen=True, kw_only=True)
class UpliftModel(TrainedModel):
    """One trained uplift tag."""

    scorer: EffectScorer
    calibrator: EffectCalibrator

    kind: ClassVar[str] = "uplift"
    unit: ClassVar[str] = "difference in probability"

    def _values(
        self, found: CalibratedEffect, definition: TagDefinition, threshold: float, past: Codes | None
    ) -> tuple[Codes, Floats]:
        """Say what an approach most probably does; there is neither a threshold nor a margin around one."""
        code, confidence = effect_values(found.score, found.error, definition.decision)
        unsure = confidence < definition.min_confidence
        return np.where(unsure, len(definition.values), code).astype(np.int8), confidence

    @property
    def foreign(self) -> tuple[()]:
        """None: models of others predict outcomes, not what changes them."""
        return ()

    def _own_json(self) -> dict[str, Any]:
        return {"scorer": self.scorer.to_json()}

    @classmethod
    def _own_fields(cls, files: ReadFiles) -> dict[str, Any]:
        return {
            "scorer": EffectScorer.from_json(files.model["scorer"], files.forest),
            "calibrator": EffectCalibrator.from_json(files.calibration),
        }
