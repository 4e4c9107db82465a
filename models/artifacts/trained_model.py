"""What every trained tag is, whatever it predicts: features, ranges, a bundle of plain files, and nothing that could run.

::

    model.json        definition, features, how the score is made, ranges and bins of the features, digests of the others
    forest.txt        LightGBM's native text (absent where no forest has a part)
    calibration.json  from what the estimator gives to score, bounds and confidence
    foreign_1.skops   a model that a function of the project made (absent where none has a part)

Every number of a row depends on that row alone: same bits in any batch and on any number of threads; where a model of others
has a part, as far as its library keeps to that.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from tagcast.models.artifacts import files as bundle_files
from tagcast.models.artifacts.answer import AnyCalibrator, Codes, Decided, Floats, ScoreAndBounds
from tagcast.models.artifacts.files import MODEL_FILE, FeatureRange, ReadFiles
from tagcast.models.calibration.binary_season import SeasonOffset
from tagcast.models.definitions.model_tag import TagDefinition
from tagcast.models.definitions.score_scale import SCALES
from tagcast.models.estimators.blend import NOTHING, PartScores, Scorer
from tagcast.models.estimators.foreign import ForeignPart, ForeignRegressor
from tagcast.models.estimators.forest import ForestScorer
from tagcast.models.kernels.additive_model import AdditiveModel
from tagcast.models.stats.amount_outlook import AmountOutlook
from tagcast.models.stats.psi import FeatureBins
from tagcast.models.stats.season_coverage import unseen_share

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class TrainedModel(ABC):
    """One trained tag.

    Parameters
    ----------
    definition : TagDefinition
        As it was at training.
    features : tuple of str
        Columns of X, in order.
    feature_set : str
        Which features and windows they come from.
    snapshots : tuple of date
        Trained on.
    ranges : dict of str to FeatureRange
        By feature.
    bins : dict of str to FeatureBins
        How each feature lay in training; empty of models that did not record it.
    seed : int
    scorer : Scorer
        Predicts, before what past snapshots have shown of its drift.
    calibrator : AnyCalibrator
    threshold : float or None
        Score from which the tag says yes; None where each run's scores decide, or where its values are tiers.
    """

    definition: TagDefinition
    features: tuple[str, ...]
    feature_set: str
    snapshots: tuple[date, ...]
    ranges: Mapping[str, FeatureRange]
    seed: int
    scorer: Scorer
    calibrator: AnyCalibrator
    threshold: float | None = None
    bins: Mapping[str, FeatureBins] = field(default_factory=dict)

    kind: ClassVar[str]
    """The kind of definition that it is a model of."""
    unit: ClassVar[str]
    """What contributions are counted in."""

    @property
    def towards(self) -> str:
        """What a contribution above zero does."""
        return SCALES[self.kind].directions[0]

    def __post_init__(self) -> None:
        if len(set(self.features)) != len(self.features) or not all(self.features):
            raise ValueError("features need names, each its own")
        if self.definition.kind != self.kind:
            raise ValueError(
                f"{self.definition.name} is a tag of kind {self.definition.kind}, not {self.kind}"
            )

    @property
    def horizon_days(self) -> int:
        """Days that the prediction looks ahead."""
        return self.definition.horizon_days

    @property
    def first_day(self) -> date:
        """The day on which the last outcomes that training used were known."""
        return max(self.snapshots) + timedelta(days=self.horizon_days)

    def unseen_season(self, as_of: date) -> float:
        """Return the share of the window after ``as_of`` that lies in a season training never saw."""
        return unseen_share(self.snapshots, as_of, self.horizon_days)

    def season_ahead(self, as_of: date) -> SeasonOffset | None:
        """Return what last year's season moves the scores of ``as_of`` by; None where it moves nothing."""
        return None

    def matrix(self, X: Floats | pd.DataFrame) -> Floats:
        """Return X as a C-ordered float array with the columns of ``features``.

        Raises
        ------
        ModelError
            When columns are missing or too many.
        """
        return bundle_files.matrix(self.definition.name, self.features, X)

    @property
    def used_features(self) -> frozenset[int]:
        """Columns of X that can change the score."""
        return self.scorer.used_features

    @property
    def forest(self) -> ForestScorer | None:
        """The part that is a forest."""
        return self.scorer.forest

    @property
    def curves(self) -> Mapping[str, AdditiveModel]:
        """The parts that are additive models, by name."""
        return self.scorer.curves

    def raw(self, X: Floats | pd.DataFrame) -> Floats:
        """Return the uncalibrated score, shape (n,), that :meth:`contributions` add up to but for a constant.

        Parameters
        ----------
        X : array or DataFrame of shape (n, p)
            An array has the columns of ``features`` in order; a DataFrame may have them in any.
        """
        return self.scorer.raw(self.matrix(X))

    def predict(
        self, X: Floats | pd.DataFrame, as_of: date | None = None, known: PartScores = NOTHING
    ) -> ScoreAndBounds:
        """Return score and bounds for X as :meth:`raw` takes it.

        Parameters
        ----------
        X : array or DataFrame of shape (n, p)
        as_of : date, optional
            Moment of the prediction; :attr:`first_day` by default. Bounds widen with the time since the last
            known outcomes, and where the window's season is new; last year's of it moves them (:meth:`season_ahead`).
        known : mapping of str to ndarray of shape (n,)
            Scores of parts that were worked out before (:mod:`tagcast.models.inference.engine`).
        """
        when = as_of or self.first_day
        predicted = self.scorer.predicted(self.matrix(X), known)
        return self.calibrator.predict(predicted, when, self.unseen_season(when))

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
        """Predict, and decide as ``definition`` has it.

        Parameters
        ----------
        X, as_of, known
            As :meth:`predict` takes them.
        definition : TagDefinition
            The active one.
        threshold : float
            Score from which a yes or no says yes.
        past : ndarray of shape (n,), optional
            Codes of the values before, for hysteresis; -1 for none.
        """
        found = self.predict(X, as_of, known)
        return Decided(
            found.score, found.lower, found.upper, *self._values(found, definition, threshold, past)
        )

    @abstractmethod
    def _values(
        self, found: Any, definition: TagDefinition, threshold: float, past: Codes | None
    ) -> tuple[Codes, Floats]:
        """Return value and confidence of what :meth:`predict` gave, as :meth:`decide` says."""

    def contributions(self, X: Floats | pd.DataFrame, *, exact: bool, known: PartScores = NOTHING) -> Floats:
        """Return each feature's part of :meth:`raw`, shape (n, p): see :mod:`tagcast.models.inference.attributions`."""
        return self.scorer.contributions(self.matrix(X), exact=exact, known=known)

    def outlook(self, as_of: date) -> AmountOutlook | None:  # chances are summed as they are
        """Return what is needed to sum scores over an audience, where they are no chances."""
        return None

    @abstractmethod
    def _own_json(self) -> dict[str, Any]:
        """Return what model.json holds beside what all models have."""

    @classmethod
    @abstractmethod
    def _own_fields(cls, files: ReadFiles) -> dict[str, Any]:
        """Return the fields that :meth:`_own_json` wrote, and the calibrator of calibration.json."""

    @property
    @abstractmethod
    def foreign(self) -> Sequence[ForeignPart | ForeignRegressor]:
        """The models of others that have a part."""

    @property
    def reasons_methods(self) -> tuple[str, str]:
        """How contributions are worked out: those that are exact, and the others."""
        return ("occlusion", "occlusion") if self.foreign else ("shap", "path")

    @cached_property
    def files(self) -> dict[str, str | bytes]:
        """The bundle: file name to content."""
        return bundle_files.sealed(
            {
                "definition": self.definition.model_dump(mode="json"),
                "features": list(self.features),
                "feature_set": self.feature_set,
                "snapshots": [str(day) for day in self.snapshots],
                "ranges": {name: asdict(r) for name, r in self.ranges.items()},
                **({"bins": {name: b.to_json() for name, b in self.bins.items()}} if self.bins else {}),
                "seed": self.seed,
                **self._own_json(),
            },
            self.calibrator.to_json(),
            None if self.forest is None else self.forest.text,
            {one.model.name: one.model.content for one in self.foreign if one.model.content is not None},
        )

    def digest(self) -> str:
        """Return the bundle's sha256; model.json holds the digests of the other files."""
        return bundle_files.sha256(self.files[MODEL_FILE])

    def save(self, folder: Path) -> None:
        """Write the bundle's files into ``folder`` (made where it does not exist)."""
        bundle_files.write(self.files, folder)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read a bundle.

        Raises
        ------
        ModelError
            When a file is missing, malformed or not the one that was saved; it is named.
        """
        return bundle_files.read(folder, cls.of_files)

    @classmethod
    def of_files(cls, files: ReadFiles) -> Self:
        """Return the model of a bundle's files."""
        data = files.model
        return cls(
            definition=TagDefinition.model_validate(data["definition"]),
            features=tuple(map(str, data["features"])),
            feature_set=str(data["feature_set"]),
            snapshots=tuple(map(date.fromisoformat, data["snapshots"])),
            ranges={name: FeatureRange(**r) for name, r in data["ranges"].items()},
            bins={name: FeatureBins.from_json(b) for name, b in data.get("bins", {}).items()},
            seed=int(data["seed"]),
            **cls._own_fields(files),
        )
