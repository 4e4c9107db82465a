"""A trained tag that says yes or no: a blend of scorers, calibrated, and the score from which it says yes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any, ClassVar

from tagcast.models.artifacts.answer import Codes, Floats
from tagcast.models.artifacts.files import ReadFiles
from tagcast.models.artifacts.trained_model import TrainedModel
from tagcast.models.calibration.binary_calibrator import Calibrated, Calibrator
from tagcast.models.calibration.binary_season import SeasonOffset
from tagcast.models.decisions.policy import decide_codes
from tagcast.models.definitions.model_tag import TagDefinition
from tagcast.models.estimators.blend import Blend
from tagcast.models.estimators.foreign import ForeignPart
from tagcast.models.estimators.forest import ForestScorer


@dataclass(frozen=True, kw_only=True)
class TagModel(TrainedModel):
    """One trained yes-or-no tag; beside what all models have:

    Parameters
    ----------
    base_rate : float
        Share of true outcomes in training.
    """

    scorer: Blend
    calibrator: Calibrator
    base_rate: float

    kind: ClassVar[str] = "model"
    unit: ClassVar[str] = "log-odds"

    def _values(
        self, found: Calibrated, definition: TagDefinition, threshold: float, past: Codes | None
    ) -> tuple[Codes, Floats]:
        """Say yes from ``threshold`` on: :func:`tagcast.models.decisions.policy.decide_codes`."""
        return decide_codes(
            found.score,
            found.lower,
            found.upper,
            threshold=threshold,
            min_confidence=definition.min_confidence,
            hysteresis=definition.hysteresis,
            past=past,
        )

    def season_ahead(self, as_of: date) -> SeasonOffset | None:
        """Return what last year's season adds to the log-odds of ``as_of``."""
        return self.calibrator.season_ahead(as_of)

    @cached_property
    def foreign(self) -> tuple[ForeignPart, ...]:
        """Models of others that have a part."""
        return tuple(part for part in self.scorer.parts.values() if isinstance(part, ForeignPart))

    def _own_json(self) -> dict[str, Any]:
        foreign = {part.model.name: part.to_json() for part in self.foreign}
        return {
            "blend": self.scorer.to_json(),
            **({"foreign": foreign} if foreign else {}),
            "forest_columns": list(self.forest.columns) if self.forest else [],
            "threshold": self.threshold,
            "base_rate": self.base_rate,
        }

    @classmethod
    def _own_fields(cls, files: ReadFiles) -> dict[str, Any]:
        data, columns = files.model, tuple(map(int, files.model["forest_columns"]))
        foreign = {
            name: ForeignPart.from_json(name, one, files.foreign.get(name))
            for name, one in data.get("foreign", {}).items()
        }
        forest = ForestScorer(files.forest, columns) if files.forest else None
        return {
            "scorer": Blend.from_json(data["blend"], forest, foreign),
            "calibrator": Calibrator.from_json(files.calibration),
            "threshold": None if data["threshold"] is None else float(data["threshold"]),
            "base_rate": float(data["base_rate"]),
        }
