"""What training learns from: the frame it is given, and the same as arrays in one fixed order of rows."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from tagcast.features.core.errors import ModelError
from tagcast.features.core.messages import Text, listed, msg
from tagcast.models.artifacts.files import FeatureRange
from tagcast.models.calibration.case_minimum import CASE_CHECKS
from tagcast.models.definitions.model_tag import TagDefinition
from tagcast.models.estimators.approach import APPROACH
from tagcast.models.stats.draws import Weight, counted, part, population_quantiles, total
from tagcast.models.training.splits import Split
from tagcast.models.training.tuning import TrainAndScore

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int8]
Days = npt.NDArray[np.datetime64]
Rows = npt.NDArray[np.bool_]

MIN_TRAINING_CASES = 50
"""True and false outcomes each that a model may be fitted on; with fewer the RFM ranking stands in."""


@dataclass(frozen=True)
class TrainingFrame:
    """Features and outcomes of all snapshots; the order of rows does not matter.

    Parameters
    ----------
    X : DataFrame of shape (n, p)
        float64, named; NaN is unknown or never.
    y : ndarray of shape (n,)
        int8, 0 or 1.
    as_of : ndarray of shape (n,)
        datetime64[D], the snapshot.
    profile_id : ndarray of shape (n,)
        str.
    rfm : DataFrame of shape (n, 1 to 3)
        Recency in days, frequency and monetary value, in this order; or one feature, the best alone.
    growing : frozenset of str
        Features of X that grow with the calendar alone ("spend ever"): left out where validation over
        time shows that they hurt, or where nothing can show it.
    amount : ndarray of shape (n,), optional
        float64, never below 0: the outcome of an amount tag, of which y says whether there was any.
    weight : ndarray of shape (n,), optional
        float64, above 0: how many rows of the population each stands for, where these were drawn from more
        (:mod:`tagcast.models.stats.draws`).
    treated : ndarray of shape (n,), optional
        int8: 1 for those who were approached, 0 for those who were left alone; of an uplift tag.
    propensity : ndarray of shape (n,), optional
        float64: how likely an approach was, as it was drawn; NaN where nobody knows.
    approached : ndarray of shape (n,), optional
        bool: whom a campaign approached within the window, where a tag learns from them too.
    """

    X: pd.DataFrame
    y: Labels
    as_of: Days
    profile_id: npt.NDArray[np.object_]
    rfm: pd.DataFrame
    growing: frozenset[str] = frozenset()
    amount: Floats | None = None
    weight: Weight = None
    treated: Labels | None = None
    propensity: Floats | None = None
    approached: Rows | None = None

    @property
    def stands_for(self) -> int:
        """Rows of the population that these were drawn from; as many as there are where all are here."""
        return counted(np.ones(len(self.y), bool), self.weight)

    @property
    def unapproached(self) -> TrainingFrame:
        """The rows that no campaign approached: on them a tag is measured."""
        return self if self.approached is None else self._some(~self.approached)

    def only(self, rows: Rows) -> TrainingFrame:
        """Return some of the rows, without features that none of them knows."""
        some = self._some(rows)
        return replace(some, X=some.X.loc[:, some.X.notna().any()])

    def _some(self, rows: Rows) -> TrainingFrame:
        some: dict[str, Any] = {
            n: held[rows] for n, held in vars(self).items() if isinstance(held, np.ndarray)
        }
        some |= {name: getattr(self, name).loc[rows].reset_index(drop=True) for name in ("X", "rfm")}
        return replace(self, **some)


@dataclass(frozen=True)
class Fold:
    """Arrays of one fold, and the snapshot of each row that is learned from."""

    data: TrainAndScore
    as_of: Days


def lying_together(rows: Rows | slice) -> Rows | slice:
    """Return rows as a slice where no other lies between them, as those of one snapshot after another: it copies nothing."""
    if isinstance(rows, slice):
        return rows
    found = np.flatnonzero(rows)
    whole = bool(len(found)) and len(found) == found[-1] - found[0] + 1
    return slice(int(found[0]), int(found[-1]) + 1) if whole else rows


@dataclass(frozen=True)
class TrainingData:
    """A frame's arrays, rows sorted by (as_of, profile_id); where campaigns approached some, the last column of X says whom."""

    features: tuple[str, ...]
    X: Floats
    y: Labels
    as_of: Days
    profile_id: npt.NDArray[np.str_]
    rfm: Floats
    rfm_names: tuple[str, ...]
    growing: frozenset[str] = frozenset()
    amount: Floats | None = None
    weight: Weight = None
    treated: Labels | None = None
    propensity: Floats | None = None
    effect: Floats | None = None
    """Pseudo-outcomes of effects, once the kind of tag has worked them out."""

    @classmethod
    def of(cls, definition: TagDefinition, frame: TrainingFrame, split: Split) -> Self:
        """Sort and check the frame of a tag.

        Raises
        ------
        ModelError
            When it cannot be learned from, or the result could not be measured.
        """
        profile_id = np.asarray(frame.profile_id).astype(str)
        order = np.lexsort((profile_id, frame.as_of))
        features, X = tuple(map(str, frame.X.columns)), frame.X.to_numpy(np.float64)
        if frame.approached is not None and frame.approached.any():
            features, X = (*features, APPROACH), np.column_stack([X, frame.approached])
        data = cls(
            features,
            np.ascontiguousarray(X[order]),
            np.asarray(frame.y)[order].astype(np.int8),
            frame.as_of[order].astype("datetime64[D]"),
            profile_id[order],
            np.ascontiguousarray(frame.rfm.to_numpy(np.float64)[order]),
            tuple(map(str, frame.rfm.columns)),
            frame.growing & set(map(str, frame.X.columns)),
            None if frame.amount is None else np.asarray(frame.amount, np.float64)[order],
            part(frame.weight, order),
            None if frame.treated is None else np.asarray(frame.treated)[order].astype(np.int8),
            part(frame.propensity, order),
        )
        data._check(definition.name, split)
        for days, where in split.measured_days:
            CASE_CHECKS[definition.kind](definition.name, where, *data.cases(data.at(days)))
        return data

    def _check(self, tag: str, split: Split) -> None:
        if self.amount is not None and not (np.isfinite(self.amount) & (self.amount >= 0)).all():
            raise ModelError(msg("{tag}: amounts have to be finite and never below 0", tag=tag))
        infinite = [f for j, f in enumerate(self.features) if np.isinf(self.X[:, j]).any()]
        if infinite:
            raise ModelError(
                msg("{tag}: features {features} hold infinite values", tag=tag, features=listed(infinite)),
                hint=msg("a ratio divides by zero: leave it empty (NULL) there"),
            )
        if ((self.as_of[1:] == self.as_of[:-1]) & (self.profile_id[1:] == self.profile_id[:-1])).any():
            raise ModelError(
                msg("{tag}: a profile has two rows at one snapshot", tag=tag),
                hint=msg("give one row per profile and as_of"),
            )
        profiles = len(np.unique(self.profile_id))
        if profiles < 2:
            raise ModelError(
                msg("{tag}: nothing can be learned from {profiles} profile", tag=tag, profiles=profiles),
                hint=msg("check the column that profile_id is read from"),
            )

    @property
    def amounts(self) -> Floats:
        """The amounts, of a tag that predicts them; ValueError where the frame holds none."""
        if self.amount is None:
            raise ValueError("the frame holds no amounts")
        return self.amount

    @property
    def approach(self) -> int | None:
        """The column that says whom a campaign approached; None where it approached nobody."""
        return len(self.features) - 1 if self.features[-1:] == (APPROACH,) else None

    @property
    def own_features(self) -> tuple[str, ...]:
        """The features: what a model reads where it predicts."""
        return self.features[: self.approach]

    @property
    def unapproached(self) -> Rows:
        """Rows that no campaign approached: scores speak of them, so that cases are counted and models measured among them."""
        return np.ones(len(self.y), bool) if self.approach is None else self.X[:, self.approach] == 0

    @property
    def steady(self) -> tuple[int, ...]:
        """Columns that do not grow with the calendar alone."""
        return tuple(j for j, name in enumerate(self.features) if name not in self.growing)

    def places(self, names: Sequence[str]) -> tuple[int, ...]:
        """Return the columns of those features among ``names`` that there are."""
        return tuple(self.features.index(name) for name in names if name in self.features)

    def at(self, days: Sequence[date]) -> Rows:
        """Return which rows belong to the snapshots ``days``."""
        return np.isin(self.as_of, np.array(days, "datetime64[D]"))

    def cases(self, rows: Rows) -> tuple[int, int]:
        """Return how many outcomes among ``rows`` are true and how many false, of those whom no campaign approached."""
        rows = rows & self.unapproached
        yes = int(self.y[rows].sum())
        return yes, int(rows.sum()) - yes

    def case_counts(self, before: Rows, at_test: Rows) -> dict[str, int]:
        """Return true and false outcomes before and at the test snapshot, by ``train_yes`` and so on.

        Of an uplift also those of all who were approached and of all who were not, by ``approached_yes`` and so on.
        """
        counts = {
            f"{where}_{word}": count
            for where, rows in (("train", before), ("test", at_test))
            for word, count in zip(("yes", "no"), self.cases(rows), strict=True)
        }
        if self.treated is not None:
            for arm, name in ((1, "approached"), (0, "control")):
                yes, no = self.cases(self.treated == arm)
                counts |= {f"{name}_yes": yes, f"{name}_no": no}
        return counts

    def fold(self, train: Rows, score: Rows) -> Fold:
        """Return the arrays of one fold."""
        weights = part(self.weight, train), part(self.weight, score)
        X, X_score = self.X[lying_together(train)], self.X[lying_together(score)]
        return Fold(TrainAndScore(X, self.y[train], X_score, self.y[score], *weights), self.as_of[train])

    def group(self, groups: int) -> npt.NDArray[np.int64]:
        """Return a group number of each row by a hash of its profile: the same in every process."""
        numbers = {
            p: int.from_bytes(hashlib.blake2b(p.encode(), digest_size=8).digest()) % groups
            for p in np.unique(self.profile_id).tolist()
        }
        return np.array([numbers[p] for p in self.profile_id.tolist()], np.int64)

    def digest(self, *settings: object) -> str:
        """Return the sha256 of data and ``settings``."""
        sha = hashlib.sha256(repr((self.features, *settings)).encode())
        own = (self.amount, self.weight, self.treated, self.propensity)
        more = [array for array in own if array is not None]
        for array in (self.X, self.y, self.as_of, self.profile_id, *more):
            sha.update(np.ascontiguousarray(array).tobytes())
        return sha.hexdigest()

    def draw_note(self) -> list[Text]:
        """Return from how many rows of how many it is learned, where not from all."""
        if self.weight is None:
            return []
        return [
            msg(
                "learned from a draw of {rows:,} of {all:,} rows, {true:,} of them with a true outcome; figures are weighted "
                "to all",
                rows=len(self.y),
                all=round(total(self.y, self.weight)),
                true=int(self.y.sum()),
            )
        ]

    def ranges(self) -> dict[str, FeatureRange]:
        """Return what was seen of each feature (one never known is left out)."""
        out = {}
        for j, name in enumerate(self.own_features):
            there = ~np.isnan(self.X[:, j])
            known = self.X[there, j]
            if len(known):
                ends = population_quantiles(known, [0, 0.005, 0.995, 1], part(self.weight, there))
                share = total(known, part(self.weight, there)) / total(self.X, self.weight)
                minimum, low, high, maximum = ends.tolist()
                out[name] = FeatureRange(minimum, low, high, maximum, 1 - share)
        return out
