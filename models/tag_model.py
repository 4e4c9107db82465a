"""A trained tag as a bundle of plain files: what scoring needs, and nothing that could run.

::

    model.json        definition, features, weights, the linear part, cut, ranges, digests of the others
    forest.txt        LightGBM's native text (absent where the forest has no weight)
    calibration.json  tables from raw log-odds to score and bounds

Every number of a row depends on that row alone: same bits in any batch and on any number of threads.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from features.errors import ModelError
from models.blend import Blend
from models.calibration import Calibrator
from models.forest import ForestScorer
from models.season import unseen_share
from models.tag import TagDefinition

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]

FORMAT = 2
MODEL_FILE, FOREST_FILE, CALIBRATION_FILE = "model.json", "forest.txt", "calibration.json"
_MEND = "train the tag again, or promote an older version"


class Predicted(NamedTuple):
    """Calibrated probability, its bounds and the raw log-odds, each of shape (n,)."""

    score: Floats
    lower: Floats
    upper: Floats
    raw: Floats


@dataclass(frozen=True)
class FeatureRange:
    """What training saw of a feature: extremes, .5 % and 99.5 % quantiles, and the share unknown (NaN)."""

    minimum: float
    low: float
    high: float
    maximum: float
    missing: float


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

    def predict(self, X: Floats | pd.DataFrame, as_of: date | None = None) -> Predicted:
        """Return score, lower, upper and raw for X as :meth:`raw` takes it.

        Parameters
        ----------
        X : array or DataFrame of shape (n, p)
        as_of : date, optional
            Moment of the prediction; :attr:`first_day` by default. Bounds widen with the time since the last
            known outcomes, and where the window's season is new.
        """
        raw, when = self.raw(X), as_of or self.first_day
        return Predicted(*self.calibrator.predict(raw, when, self.unseen_season(when)), raw)

    def matrix(self, X: Floats | pd.DataFrame) -> Floats:
        """Return X as a C-ordered float array with the columns of ``features``."""
        if not isinstance(X, np.ndarray):
            missing = [name for name in self.features if name not in X.columns]
            if missing:
                raise ModelError(
                    f"{self.definition.name}: the model's features {', '.join(missing)} are missing",
                    mend="build features with the feature set the model was trained on",
                )
            X = X[list(self.features)].to_numpy(np.float64)
        if X.ndim != 2 or X.shape[1] != len(self.features):
            raise ModelError(
                f"{self.definition.name}: expected {len(self.features)} features, found shape {X.shape}",
                mend="build features with the feature set the model was trained on",
            )
        return np.ascontiguousarray(X, dtype=np.float64)

    @cached_property
    def files(self) -> dict[str, str]:
        """The bundle: file name to text."""
        files = {CALIBRATION_FILE: _dump(self.calibrator.to_json())}
        forest = self.blend.parts.get("forest")
        if isinstance(forest, ForestScorer):
            files[FOREST_FILE] = forest.text
        files[MODEL_FILE] = _dump(
            {
                "format": FORMAT,
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
                "digests": {name: _sha256(text) for name, text in files.items()},
            }
        )
        return files

    def digest(self) -> str:
        """Return the bundle's sha256; model.json holds the digests of the other files."""
        return _sha256(self.files[MODEL_FILE])

    def save(self, folder: Path) -> None:
        """Write the bundle's files into ``folder`` (made where it does not exist)."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in self.files.items():
            (folder / name).write_text(text, encoding="utf-8", newline="\n")

    @classmethod
    def load(cls, folder: Path) -> TagModel:
        """Read a bundle.

        Raises
        ------
        ModelError
            When a file is missing, malformed or not the one that was saved; it is named.
        """
        place = folder / MODEL_FILE
        try:
            data = json.loads(place.read_text(encoding="utf-8"))
            if data["format"] != FORMAT:
                raise ModelError(
                    f"{place}: format {FORMAT} expected, found {data['format']!r}",
                    mend="train the tag again with this version of tagcast",
                )
            texts = {}
            for name, digest in data["digests"].items():
                place = folder / name
                texts[name] = place.read_bytes().decode("utf-8")
                # Before anything parses it: LightGBM may crash on a damaged text.
                if _sha256(texts[name]) != digest:
                    raise ModelError(f"{place}: changed or damaged since it was saved", mend=_MEND)
            place = folder / CALIBRATION_FILE
            calibrator = Calibrator.from_json(json.loads(texts[CALIBRATION_FILE]))
            place = folder / MODEL_FILE
            return cls(
                definition=TagDefinition.model_validate(data["definition"]),
                features=tuple(map(str, data["features"])),
                feature_set=str(data["feature_set"]),
                blend=Blend.from_json(
                    data["blend"],
                    ForestScorer(texts[FOREST_FILE], tuple(map(int, data["forest_columns"])))
                    if FOREST_FILE in texts
                    else None,
                ),
                calibrator=calibrator,
                cut=None if data["cut"] is None else float(data["cut"]),
                base_rate=float(data["base_rate"]),
                snapshots=tuple(map(date.fromisoformat, data["snapshots"])),
                ranges={name: FeatureRange(**r) for name, r in data["ranges"].items()},
                seed=int(data["seed"]),
            )
        except FileNotFoundError:
            raise ModelError(f"{place}: missing from the model", mend=_MEND) from None
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise ModelError(f"{place}: not a model file of tagcast ({reason})", mend=_MEND) from error


def _dump(data: dict[str, Any]) -> str:
    return json.dumps(data, ensure_ascii=False, sort_keys=True, allow_nan=False, separators=(",", ":")) + "\n"


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
