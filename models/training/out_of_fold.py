"""Which rows a training may see when, and what models predict of cases that they could not have known.

Models are chained forward; where no snapshot is left for that, groups of profiles stand in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from tagcast.features.core.messages import Text, msg
from tagcast.models.calibration.binary_calibrator import MIN_CASES
from tagcast.models.candidates.names import DEFAULT
from tagcast.models.definitions.model_tag import TagDefinition
from tagcast.models.estimators.blend import Scorer
from tagcast.models.estimators.foreign import Candidate
from tagcast.models.stats.draws import counted, part, total, weighted_mean
from tagcast.models.training.dataset import (
    MIN_TRAINING_CASES,
    Days,
    Floats,
    Rows,
    TrainingData,
    lying_together,
)
from tagcast.models.training.splits import Fold, Split

GROUPS = 5
VALIDATION_FOLDS = 3
"""The latest folds choose: each costs a fit a trial, and older ones resemble the present least."""
Pairs = Sequence[tuple[Rows, Rows]]
"""Of each fold the rows to learn from and those to score."""


@dataclass(frozen=True)
class TrainingTask:
    """One tag to train, as arrays, and which of their rows may be seen when.

    Parameters
    ----------
    definition : TagDefinition
    data : TrainingData
    split : Split
    seed : int
    scarce : callable
        How many of so many true and so many false outcomes there are to learn from: of those that may be too few.
    foreign : tuple of Candidate
        Models of others that compete.
    """

    definition: TagDefinition
    data: TrainingData
    split: Split
    seed: int
    scarce: Callable[[int, int], int]
    foreign: tuple[Candidate, ...] = ()

    @property
    def own_parts(self) -> bool:
        """Whether tagcast's own parts compete."""
        return DEFAULT in self.definition.candidates

    @property
    def unearned(self) -> frozenset[str]:
        """Parts that get weight only for what they do on the folds: BG/NBD sees three features, a frozen model may have seen more."""
        return frozenset({"bgnbd", *(one.text for one in self.foreign if one.frozen)})

    @cached_property
    def _rows(self) -> dict[Fold, tuple[Rows, Rows]]:
        at, measured = self.data.at, self.data.unapproached
        return {fold: (at(fold.train), at((fold.score,)) & measured) for fold in self.split.out_of_time_folds}

    @property
    def before(self) -> Rows:
        """Rows that are labelled before the test snapshot, of those whom no campaign approached."""
        return self._rows[self.split.test_fold][0] & self.data.unapproached

    @property
    def at_test(self) -> Rows:
        """Rows of the test snapshot, of those whom no campaign approached."""
        return self._rows[self.split.test_fold][1]

    def cases(self, rows: Rows) -> int:
        """Return how many cases there are to learn from among ``rows``."""
        return self.scarce(*self.data.cases(rows))

    def _usable(self, fold: Fold, least: int) -> bool:
        train, score = self._rows[fold]
        return self.cases(train) >= least and self.cases(score) >= MIN_CASES

    @cached_property
    def latest(self) -> list[Fold]:
        """The latest validation folds with enough cases: they choose."""
        usable = [f for f in self.split.validation_folds if self._usable(f, MIN_TRAINING_CASES)]
        return usable[-VALIDATION_FOLDS:]

    @property
    def out_of_time(self) -> bool:
        """Whether folds go forward in time; groups of profiles cannot judge what grows with the calendar."""
        return bool(self.latest)

    @cached_property
    def choosing(self) -> Pairs:
        """The folds that choose: the latest ones, or groups among the rows before the test snapshot."""
        if self.out_of_time:
            return [self._rows[fold] for fold in self.latest]
        return self.in_groups(self._rows[self.split.test_fold][0])

    def in_groups(self, rows: Rows) -> Pairs:
        """Return folds of groups of profiles among ``rows``: each is scored by what the others teach."""
        group, scored = self.data.group(GROUPS), rows & self.data.unapproached
        return [
            (rows & (group != k), scored & (group == k))
            for k in range(GROUPS)
            if (scored & (group == k)).any()
        ]

    def forward(self, least: int) -> dict[Fold, tuple[Rows, Rows]]:
        """Return the out-of-time folds that learn from ``least`` cases; the test fold, checked before, always."""
        test = self.split.test_fold
        return {f: rows for f, rows in self._rows.items() if f == test or self._usable(f, least)}


@dataclass(frozen=True)
class OutOfTimeScores:
    """What models predict of cases that they had not seen, not yet calibrated; arrays of shape (n,).

    Parameters
    ----------
    predicted : ndarray of float
        Log-odds, or amounts.
    at : ndarray of int
        Row of the data that each case is.
    as_of : ndarray of datetime64[D]
    """

    predicted: Floats
    at: npt.NDArray[np.intp]
    as_of: Days

    @classmethod
    def of(
        cls,
        data: TrainingData,
        fit: Callable[[Rows], Scorer],
        pairs: Pairs,
        fitted: Mapping[int, Scorer],
        progress: Callable[[int, int], None] | None = None,
    ) -> Self:
        """Score each fold by what ``fit`` makes of its training rows; ``fitted`` has some already, by place."""
        predicted: list[Floats] = []
        for done, (train, score) in enumerate(pairs):
            if progress:
                progress(done, len(pairs))
            scorer = fitted.get(done) or fit(train)
            predicted.append(scorer.predicted(data.X[lying_together(score)]))
        if progress:
            progress(len(pairs), len(pairs))
        at: npt.NDArray[np.intp] = np.concatenate([np.flatnonzero(score) for _, score in pairs])
        return cls(np.concatenate(predicted), at, data.as_of[at])

    def only(self, rows: Rows) -> OutOfTimeScores:
        """Return the cases ``rows``."""
        return OutOfTimeScores(self.predicted[rows], self.at[rows], self.as_of[rows])


def approached_note(
    task: TrainingTask, came: npt.NDArray[Any], expected: Callable[[Floats], Floats], figure: str
) -> list[Text]:
    """Return what an approach changed, where the model learned from whom campaigns approached.

    Parameters
    ----------
    task : TrainingTask
    came : ndarray of shape (n,)
        What came true of each row.
    expected : callable
        Returns of features, shape (m, p), what the model expects where nobody is approached, shape (m,).
    figure : str
        How a mean is written, as of :meth:`str.format`.
    """
    data = task.data
    if data.approach is None:
        return []
    rows = ~data.unapproached
    weight, X = part(data.weight, rows), np.ascontiguousarray(data.X[rows, : data.approach])
    return [
        msg(
            "campaigns approached {count:,} of {total:,} rows, and the model learned which: {came} is what came of these, {expected} "
            "what it expects of them without an approach",
            count=counted(rows, data.weight),
            total=round(total(data.y, data.weight)),
            came=figure.format(weighted_mean(came[rows], weight)),
            expected=figure.format(weighted_mean(expected(X), weight)),
        )
    ]


def grouped_note(measured: Text) -> Text:
    """Return what a reader should know where groups of profiles stood in; ``measured`` is what was calibrated on them."""
    return msg(
        "no snapshot with enough cases lies between the training snapshots and the test snapshot: the "
        "model was chosen, and its test {measured} calibrated, on {groups} groups of profiles, not out of time",
        measured=measured,
        groups=GROUPS,
    )
