"""A trained amount tag as a bundle of plain files, beside :mod:`tagcast.models.artifacts.binary_model` for a yes or no.

::

    model.json        definition, features, how the amount is predicted, ranges, digests of the others
    forest.txt        LightGBM's native text (absent where a baseline predicts)
    calibration.json  drift of the mean, conformal tables, how sure a tier is

Every number of a row depends on that row alone: same bits in any batch and on any number of threads.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tagcast.models.artifacts import files as bundle_files
from tagcast.models.artifacts.files import MODEL_FILE, FeatureRange
from tagcast.models.calibration.amount_calibrator import AmountCalibrator
from tagcast.models.definitions.model_tag import TagDefinition
from tagcast.models.estimators.amount_regressor import AmountRegressor
from tagcast.models.estimators.blend import NOTHING, PartScores
from tagcast.models.stats.season_coverage import unseen_share

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class PredictedAmount:
    """What an amount tag says of n profiles.

    Parameters
    ----------
    score : ndarray of shape (n,)
        Predicted mean amount, never below 0, in the currency of the data.
    lower, upper : ndarray of shape (n,)
        Interval that holds 80 % of the amounts; ``lower <= score <= upper``.
    tier : ndarray of shape (n,)
        Place in ``definition.values`` of the likeliest tier, of equal ones the lower.
    confidence : ndarray of shape (n,)
        Conservative probability that the amount lies in that tier.
    chances : ndarray of shape (n, tiers)
        Probability of each tier, before caution.
    """

    score: Floats
    lower: Floats
    upper: Floats
    tier: npt.NDArray[np.intp]
    confidence: Floats
    chances: Floats


@dataclass(frozen=True)
class AmountModel:
    """One trained amount tag.

    Parameters
    ----------
    definition : TagDefinition
        As it was at training.
    features : tuple of str
        Columns of X, in order.
    feature_set : str
        Which features and windows they come from.
    scorer : AmountRegressor
        Predicts the amount, before what past snapshots have shown of its drift.
    calibrator : AmountCalibrator
    mean_amount : float
        Of training.
    snapshots : tuple of date
        Trained on.
    ranges : dict of str to FeatureRange
        By feature.
    seed : int
    """

    definition: TagDefinition
    features: tuple[str, ...]
    feature_set: str
    scorer: AmountRegressor
    calibrator: AmountCalibrator
    mean_amount: float
    snapshots: tuple[date, ...]
    ranges: Mapping[str, FeatureRange]
    seed: int

    def __post_init__(self) -> None:
        if len(set(self.features)) != len(self.features) or not all(self.features):
            raise ValueError("features need names, each its own")
        if not self.definition.is_amount:
            raise ValueError(f"{self.definition.name} predicts no amount")
        if self.calibrator.starts != tuple(self.definition.levels.values()):
            raise ValueError(
                f"tables of tiers {self.calibrator.starts} do not go with {self.definition.levels}"
            )

    @property
    def horizon_days(self) -> int:
        """Days that the prediction looks ahead."""
        return self.definition.horizon_days

    @property
    def first_day(self) -> date:
        """The day on which the last outcomes that training used were known."""
        return max(self.snapshots) + timedelta(days=self.horizon_days)

    @property
    def used_features(self) -> frozenset[int]:
        """Columns of X that can change the amount."""
        return self.scorer.used_features

    def unseen_season(self, as_of: date) -> float:
        """Return the share of the window after ``as_of`` that lies in a season training never saw."""
        return unseen_share(self.snapshots, as_of, self.horizon_days)

    def raw(self, X: Floats | pd.DataFrame) -> Floats:
        """Return the predicted log amount, shape (n,), that :meth:`contributions` add up to but for a constant.

        Parameters
        ----------
        X : array or DataFrame of shape (n, p)
            An array has the columns of ``features`` in order; a DataFrame may have them in any.

        Raises
        ------
        ModelError
            When columns are missing or too many.
        """
        return self.scorer.raw(self.matrix(X))

    def predict(
        self, X: Floats | pd.DataFrame, as_of: date | None = None, known: PartScores = NOTHING
    ) -> PredictedAmount:
        """Return what the tag says for X as :meth:`raw` takes it.

        Parameters
        ----------
        X : array or DataFrame of shape (n, p)
        as_of : date, optional
            Moment of the prediction; :attr:`first_day` by default. Intervals widen and confidence falls with the
            time since the last known outcomes, and where the window's season is new.
        known : mapping of str to ndarray of shape (n,)
            What the forest says, where it was worked out before (:mod:`tagcast.models.inference.engine`).
        """
        when = as_of or self.first_day
        amount = self.scorer.amount(self.matrix(X), known)
        said = self.calibrator.predict(amount, when, self.unseen_season(when))
        return PredictedAmount(*said)

    def contributions(self, X: Floats | pd.DataFrame, *, exact: bool, known: PartScores = NOTHING) -> Floats:
        """Return each feature's part of the log amount, shape (n, p): see :mod:`tagcast.models.inference.attributions`."""
        return self.scorer.contributions(self.matrix(X), exact=exact, known=known)

    def matrix(self, X: Floats | pd.DataFrame) -> Floats:
        """Return X as a C-ordered float array with the columns of ``features``."""
        return bundle_files.matrix(self.definition.name, self.features, X)

    @cached_property
    def files(self) -> dict[str, str]:
        """The bundle: file name to text."""
        return bundle_files.sealed(
            {
                "definition": self.definition.model_dump(mode="json"),
                "features": list(self.features),
                "feature_set": self.feature_set,
                "scorer": self.scorer.to_json(),
                "mean_amount": self.mean_amount,
                "snapshots": [str(day) for day in self.snapshots],
                "ranges": {name: asdict(r) for name, r in self.ranges.items()},
                "seed": self.seed,
            },
            self.calibrator.to_json(),
            None if self.scorer.forest is None else self.scorer.forest.text,
        )

    def digest(self) -> str:
        """Return the bundle's sha256; model.json holds the digests of the other files."""
        return bundle_files.sha256(self.files[MODEL_FILE])

    def save(self, folder: Path) -> None:
        """Write the bundle's files into ``folder`` (made where it does not exist)."""
        bundle_files.write(self.files, folder)

    @classmethod
    def load(cls, folder: Path) -> AmountModel:
        """Read a bundle.

        Raises
        ------
        ModelError
            When a file is missing, malformed or not the one that was saved; it is named.
        """
        return bundle_files.read(folder, cls._of)

    @classmethod
    def _of(cls, data: dict[str, Any], calibration: Any, forest: str | None) -> AmountModel:
        return cls(
            definition=TagDefinition.model_validate(data["definition"]),
            features=tuple(map(str, data["features"])),
            feature_set=str(data["feature_set"]),
            scorer=AmountRegressor.from_json(data["scorer"], forest),
            calibrator=AmountCalibrator.from_json(calibration),
            mean_amount=float(data["mean_amount"]),
            snapshots=tuple(map(date.fromisoformat, data["snapshots"])),
            ranges={name: FeatureRange(**r) for name, r in data["ranges"].items()},
            seed=int(data["seed"]),
        )
