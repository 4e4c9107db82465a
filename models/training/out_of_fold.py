"""Scores of cases by models that could not have known them: forward-chained, or by groups of profiles."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Self

import numpy as np
import numpy.typing as npt

from tagcast.features.core.messages import Text, msg
from tagcast.models.calibration.binary_calibrator import MIN_CASES, Calibrator
from tagcast.models.decisions.cases import Cases
from tagcast.models.estimators.blend import Blend
from tagcast.models.training.dataset import MIN_TRAINING_CASES, Days, Floats, Labels, Rows, TrainingData
from tagcast.models.training.recipe import Recipe
from tagcast.models.training.splits import Fold, Split

GROUPS = 5


@dataclass(frozen=True)
class OutOfTimeScores:
    """Cases with raw log-odds of models that had not seen them; arrays of shape (n,)."""

    raw: Floats
    y: Labels
    as_of: Days
    profile_id: npt.NDArray[np.str_]

    @classmethod
    def forward(
        cls,
        data: TrainingData,
        split: Split,
        recipe: Recipe,
        fitted: Mapping[Fold, Blend],
        progress: Callable[[int, int], None] | None = None,
    ) -> Self:
        """Fit ``recipe`` on each out-of-time fold's training snapshots and score the fold's own.

        Folds with too few cases are left out; the test fold, checked before, never is. What ``fitted`` holds
        already is not fitted again.
        """
        least = MIN_CASES if "rfm" in recipe.weights else MIN_TRAINING_CASES
        pairs: list[tuple[Rows, Rows]] = []
        known: dict[int, Blend] = {}
        for fold in split.out_of_time_folds:
            pair = data.at(fold.train), data.at((fold.score,))
            if data.usable(*pair, least):
                if fold in fitted:
                    known[len(pairs)] = fitted[fold]
                pairs.append(pair)
        return cls._score(data, recipe, pairs, known, progress)

    @classmethod
    def grouped(cls, data: TrainingData, rows: Rows, recipe: Recipe, fitted: Mapping[int, Blend]) -> Self:
        """Score each group of profiles among ``rows`` by a model of the other groups; ``fitted`` by group."""
        return cls._score(data, recipe, grouped_folds(data, rows), fitted)

    @classmethod
    def _score(
        cls,
        data: TrainingData,
        recipe: Recipe,
        pairs: list[tuple[Rows, Rows]],
        fitted: Mapping[int, Blend],
        progress: Callable[[int, int], None] | None = None,
    ) -> Self:
        raw: list[Floats] = []
        for done, (train, score) in enumerate(pairs):
            if progress:
                progress(done, len(pairs))
            blend = fitted.get(done) or recipe.fit(data.X[train], data.y[train], data.as_of[train])
            raw.append(blend.raw(data.X[score]))
        if progress:
            progress(len(pairs), len(pairs))
        at: npt.NDArray[np.intp] = np.concatenate([np.flatnonzero(score) for _, score in pairs])
        return cls(np.concatenate(raw), data.y[at], data.as_of[at], data.profile_id[at])

    def of(self, rows: Rows) -> OutOfTimeScores:
        """Return the cases ``rows``."""
        return OutOfTimeScores(self.raw[rows], self.y[rows], self.as_of[rows], self.profile_id[rows])

    def labelled_before_test(self, split: Split) -> OutOfTimeScores:
        """Return the cases whose outcomes were known at the test snapshot."""
        known = np.datetime64(split.test - timedelta(days=split.horizon_days))
        return self.of(self.as_of <= known)

    def cases(self, calibrator: Calibrator) -> Cases:
        """Return the cases with calibrated scores, as if predicted right after the last known outcomes."""
        return Cases(self.profile_id, self.as_of, self.y, *calibrator.predict(self.raw, calibrator.drift.day))

    def calibrator(self) -> Calibrator:
        """Return the calibrator that these cases give."""
        return Calibrator.fit(self.raw, self.y, self.as_of)


def grouped_folds(data: TrainingData, rows: Rows) -> list[tuple[Rows, Rows]]:
    """Return ``GROUPS`` folds of ``rows``; no profile is both learned from and scored."""
    group = data.group(GROUPS)
    return [(rows & (group != k), rows & (group == k)) for k in range(GROUPS) if (rows & (group == k)).any()]


def grouped_note(measured: Text) -> Text:
    """Return what a reader should know where groups of profiles stood in; ``measured`` is what was calibrated on them."""
    return msg(
        "no snapshot with enough cases lies between the training snapshots and the test snapshot: the "
        "model was chosen, and its test {measured} calibrated, on {groups} groups of profiles, not out of time",
        measured=measured,
        groups=GROUPS,
    )
