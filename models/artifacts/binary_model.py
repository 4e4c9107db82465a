"""A trained tag as a bundle of plain files: what scoring needs, and nothing that could run.

::

    model.json        definition, features, weights, the linear part, cut, ranges, digests of the others
    forest.txt        LightGBM's native text (absent where the forest has no weight)
    calibration.json  tables from raw log-odds to score and bounds

Every number of a row depends on that row alone: same bits in any batch and on any number of threads.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tagcast.models.artifacts import files as bundle_files
from tagcast.models.artifacts.files import (
    CALIBRATION_FILE,
    FOREST_FILE,
    FORMAT,
    MODEL_FILE,
    FeatureRange,
    sha256,
)
from tagcast.models.calibration.binary_calibrator import Calibrator
from tagcast.models.definitions.model_tag import TagDefinition
from tagcast.models.estimators.blend import NOTHING, Blend, PartScores
from tagcast.models.estimators.forest import ForestScorer
from tagcast.models.stats.season_coverage import unseen_share

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]

__all__ = [
    "CALIBRATION_FILE",
    "FOREST_FILE",
    "FORMAT",
    "MODEL_FILE",
    "FeatureRange",
    "Predicted",
    "TagModel",
]


class Predicted(NamedTuple):
    """Calibrated probability, its bounds and the raw log-odds, each of shape (n,)."""

    score: Floats
    lower: Floats
    upper: Floats
    raw: Floats


@dataclass(frozen=True)
class TagModel:
    """One trained tag.

    Parameters
    ----------
    definition : TagDefinition
        As it was at training.
    features : tuple of str
        Columns of X, in order.
    feature_set : str
        Which features and windows they come from.
    blend : Blend
        The raw scorer.
    calibrator : Calibrator
    cut : float or None
        Score from which the tag says yes; None where each run's scores decide.
    base_rate : float
        Share of true outcomes in training.
    snapshots : tuple of date
        Trained on.
    ranges : dict of str to FeatureRange
        By feature.
    seed : int
    """

    definition: TagDefinition
    features: tuple[str, ...]
    feature_set: str
    blend: Blend
    calibrator: Calibrator
    cut: float | None
    base_rate: float
    snapshots: tuple[date, ...]
    ranges: Mapping[str, FeatureRange]
    seed: int

    def __post_init__(self) -> None:
        if len(set(self.features)) != len(self.features) or not all(self.features):
            raise ValueError("features need names, each its own")

    @property
    def horizon_days(self) -> int:
        """Days that the prediction looks ahead."""
        return self.definition.horizon_days

    def raw(self, X: Floats | pd.DataFrame) -> Floats:
        """Return uncalibrated log-odds, shape (n,).

        Parameters
        ----------
        X : array or DataFrame of shape (n, p)
            An array has the columns of ``features`` in order; a DataFrame may have them in any.

        Raises
        ------
        ModelError
            When columns are missing or too many.
        """
        return self.blend.raw(self.matrix(X))

    @property
    def first_day(self) -> date:
        """The day on which the last outcomes that training used were known."""
        return max(self.snapshots) + timedelta(days=self.horizon_days)

    def unseen_season(self, as_of: date) -> float:
        """Return the share of the window after ``as_of`` that lies in a season training never saw."""
        return unseen_share(self.snapshots, as_of, self.horizon_days)

    def predict(
        self, X: Floats | pd.DataFrame, as_of: date | None = None, known: PartScores = NOTHING
    ) -> Predicted:
        """Return score, lower, upper and raw for X as :meth:`raw` takes it.

        Parameters
        ----------
        X : array or DataFrame of shape (n, p)
        as_of : date, optional
            Moment of the prediction; :attr:`first_day` by default. Bounds widen with the time since the last
            known outcomes, and where the window's season is new.
        known : mapping of str to ndarray of shape (n,)
            Log-odds of parts that were worked out before (:mod:`tagcast.models.inference.engine`).
        """
        raw, when = self.blend.raw(self.matrix(X), known), as_of or self.first_day
        return Predicted(*self.calibrator.predict(raw, when, self.unseen_season(when)), raw)

    def matrix(self, X: Floats | pd.DataFrame) -> Floats:
        """Return X as a C-ordered float array with the columns of ``features``."""
        return bundle_files.matrix(self.definition.name, self.features, X)

    @property
    def used_features(self) -> frozenset[int]:
        """Columns of X that can change the score."""
        return self.blend.used_features

    def contributions(self, X: Floats | pd.DataFrame, *, exact: bool, known: PartScores = NOTHING) -> Floats:
        """Return each feature's part of the log-odds, shape (n, p): see :mod:`tagcast.models.inference.attributions`."""
        return self.blend.contributions(self.matrix(X), exact=exact, known=known)

    @cached_property
    def files(self) -> dict[str, str]:
        """The bundle: file name to text."""
        forest = self.blend.parts.get("forest")
        return bundle_files.sealed(
            {
                "definition": self.definition.model_dump(mode="json"),
                "features": list(self.features),
                "feature_set": self.feature_set,
                "blend": self.blend.to_json(),
                "forest_columns": list(forest.columns) if isinstance(forest, ForestScorer) else [],
                "cut": self.cut,
                "base_rate": self.base_rate,
                "snapshots": [str(day) for day in self.snapshots],
                "ranges": {name: asdict(r) for name, r in self.ranges.items()},
                "seed": self.seed,
            },
            self.calibrator.to_json(),
            forest.text if isinstance(forest, ForestScorer) else None,
        )

    def digest(self) -> str:
        """Return the bundle's sha256; model.json holds the digests of the other files."""
        return sha256(self.files[MODEL_FILE])

    def save(self, folder: Path) -> None:
        """Write the bundle's files into ``folder`` (made where it does not exist)."""
        bundle_files.write(self.files, folder)

    @classmethod
    def load(cls, folder: Path) -> TagModel:
        """Read a bundle.

        Raises
        ------
        ModelError
            When a file is missing, malformed or not the one that was saved; it is named.
        """
        return bundle_files.read(folder, cls._of)

    @classmethod
    def _of(cls, data: dict[str, Any], calibration: Any, forest: str | None) -> TagModel:
        columns = tuple(map(int, data["forest_columns"]))
        return cls(
            definition=TagDefinition.model_validate(data["definition"]),
            features=tuple(map(str, data["features"])),
            feature_set=str(data["feature_set"]),
            blend=Blend.from_json(data["blend"], ForestScorer(forest, columns) if forest else None),
            calibrator=Calibrator.from_json(calibration),
            cut=None if data["cut"] is None else float(data["cut"]),
            base_rate=float(data["base_rate"]),
            snapshots=tuple(map(date.fromisoformat, data["snapshots"])),
            ranges={name: FeatureRange(**r) for name, r in data["ranges"].items()},
            seed=int(data["seed"]),
        )
