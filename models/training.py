"""Train one tag over time-ordered snapshots, measure it honestly, and hand back a bundle.

What sees what
--------------
1. *Choice.* C, the forest's parameters and the weights of the parts are chosen by log loss on the last
   validation folds, all scored and labelled before the test snapshot. Where none exists (a long horizon,
   a short history) five folds grouped by profile over the test fold's training snapshots stand in, and
   the notes say so.
2. *Test.* The chosen recipe is fitted on ``split.test_fold.train`` and scores the test snapshot once. Its
   calibrator knows only out-of-time folds labelled before the test snapshot (or, where there is none,
   the grouped folds' scores). Nothing is chosen by what comes out.
3. *Final model.* The recipe is fitted on all snapshots. Its calibrator is fitted on the scores of every
   out-of-time fold, the test fold's among them: each case was scored by a model whose training labels
   all ended before the case's snapshot.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from features.errors import ModelError
from models.blend import Blend
from models.calibration import MIN_CASES, Calibrator
from models.decision import NEVER, learned_cut
from models.metrics import Estimate, evaluate, paired_difference
from models.recipe import Choice, Recipe, choose, group_of
from models.rfm import RfmRanking
from models.splits import Fold, Split
from models.tag import TagDefinition
from models.tag_model import FeatureRange, TagModel
from models.tuning import TrainAndScore

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int8]
Rows = npt.NDArray[np.bool_]
Progress = Callable[[str, int, int], None]

MIN_TRAINING_CASES = 50
"""True and false outcomes each that a model may be fitted on."""
VALIDATION_FOLDS = 3
"""The latest folds choose: each costs a fit a trial, and older ones resemble the present least."""
GROUPS = 5


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
    rfm : DataFrame of shape (n, 3)
        Recency in days, frequency and monetary value, in this order.
    """

    X: pd.DataFrame
    y: Labels
    as_of: npt.NDArray[np.datetime64]
    profile_id: npt.NDArray[np.object_]
    rfm: pd.DataFrame


@dataclass(frozen=True)
class TestScores:
    """The test snapshot: outcomes, calibrated scores and bounds, each of shape (n,)."""

    __test__ = False  # no test class, whatever pytest thinks of the name

    y: Labels
    score: Floats
    lower: Floats
    upper: Floats


@dataclass(frozen=True)
class TrainingResult:
    """A trained tag and all that is known about its quality.

    Parameters
    ----------
    model : TagModel
        Fitted on all snapshots.
    split : Split
    candidates : dict of str to float
        Mean validation log loss of each candidate.
    chosen : str
        The candidate with the least.
    best_params : dict
        C, forest parameters, rounds, and how many trials finished.
    test : dict of str to dict of str to Estimate
        ``tagcast``, ``rfm`` and ``base_rate`` (of training): metric to estimate on the test snapshot.
    differences : dict of str to dict of str to Estimate
        ``rfm`` and ``base_rate``: tagcast minus it, ``auc`` and ``log_loss``, over the same resamples.
    test_scores : TestScores
    cases : dict of str to int
        ``train_yes``, ``train_no`` (before the test snapshot), ``test_yes``, ``test_no``.
    notes : tuple of str
        What a reader of the figures should know.
    """

    model: TagModel
    split: Split
    candidates: Mapping[str, float]
    chosen: str
    best_params: Mapping[str, Any]
    test: Mapping[str, Mapping[str, Estimate]]
    differences: Mapping[str, Mapping[str, Estimate]]
    test_scores: TestScores
    cases: Mapping[str, int]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Data:
    """The frame as arrays in the one order of rows that everything is computed in."""

    names: tuple[str, ...]
    X: Floats
    y: Labels
    as_of: npt.NDArray[np.datetime64]
    profile_id: npt.NDArray[np.object_]
    rfm: Floats

    @classmethod
    def of(cls, tag: str, frame: TrainingFrame) -> _Data:
        order = np.lexsort((frame.profile_id.astype(str), frame.as_of))
        X = np.ascontiguousarray(frame.X.to_numpy(np.float64)[order])
        infinite = np.isinf(X).any(axis=0)
        if infinite.any():
            raise ModelError(
                f"{tag}: features {', '.join(frame.X.columns[infinite])} hold infinite values",
                mend="a ratio divides by zero: leave it empty (NULL) there",
            )
        return cls(
            tuple(map(str, frame.X.columns)),
            X,
            np.asarray(frame.y)[order].astype(np.int8),
            frame.as_of[order].astype("datetime64[D]"),
            frame.profile_id[order],
            np.ascontiguousarray(frame.rfm.to_numpy(np.float64)[order]),
        )

    def at(self, days: Sequence[date]) -> Rows:
        return np.isin(self.as_of, np.array(days, "datetime64[D]"))

    def cases(self, rows: Rows) -> tuple[int, int]:
        """Return how many outcomes among ``rows`` are true and how many false."""
        yes = int(self.y[rows].sum())
        return yes, int(rows.sum()) - yes

    def learnable(self, train: Rows, score: Rows) -> bool:
        return min(self.cases(train)) >= MIN_TRAINING_CASES and min(self.cases(score)) >= MIN_CASES

    def pair(self, train: Rows, score: Rows) -> TrainAndScore:
        return TrainAndScore(self.X[train], self.y[train], self.X[score], self.y[score])

    def digest(self, *settings: object) -> str:
        sha = hashlib.sha256(repr((self.names, *settings)).encode())
        for array in (self.X, self.y, self.as_of, self.profile_id.astype(str)):
            sha.update(np.ascontiguousarray(array).view(np.uint8).data)
        return sha.hexdigest()


def train_tag(
    definition: TagDefinition,
    frame: TrainingFrame,
    split: Split,
    *,
    feature_set: str,
    seed: int = 0,
    trials: int = 20,
    timeout_s: float | None = None,
    threads: int = 1,
    storage: str | None = None,
    progress: Progress | None = None,
) -> TrainingResult:
    """Choose, fit, calibrate and measure one tag; see the module's text for what sees what.

    Parameters
    ----------
    definition : TagDefinition
    frame : TrainingFrame
        Rows of every snapshot of ``split``.
    split : Split
    feature_set : str
        Kept with the model, so that scoring builds the same features.
    seed : int
        Same frame, split and seed: the same bundle, bit for bit, on any number of ``threads``.
    trials, timeout_s, storage
        Of the search for forest parameters: :func:`models.tuning.tune`.
    progress : callable, optional
        Called with (stage, done, total).

    Raises
    ------
    ModelError
        Before any work, when there are too few cases to learn from or to measure on.
    """
    tag = definition.name
    say = progress or (lambda stage, done, total: None)
    data = _Data.of(tag, frame)
    _check(tag, data, split)
    notes: list[str] = []
    test_fold = split.test_fold
    before, at_test = data.at(test_fold.train), data.at((split.test,))

    folds = [(data.at(f.train), data.at((f.score,))) for f in split.validation_folds]
    folds = [pair for pair in folds if data.learnable(*pair)][-VALIDATION_FOLDS:]
    forward = bool(folds)
    if not forward:
        folds = _grouped(data, before)
        notes.append(
            f"no snapshot lies between training and test with time for its own window: the model was chosen, "
            f"and its test scores calibrated, on {GROUPS} groups of profiles instead of out of time"
        )
    choice = choose(
        [data.pair(*pair) for pair in folds],
        study_name=f"{tag}-{data.digest(split, definition.outcome, VALIDATION_FOLDS, seed)[:16]}",
        seed=seed,
        trials=trials,
        timeout_s=timeout_s,
        threads=threads,
        storage=storage,
        progress=lambda done, total: say(f"{tag}: trials", done, total),
    )
    if choice.tuned.trials < trials:
        notes.append(f"tuning stopped after {choice.tuned.trials} of {trials} trials: the time was up")

    out = _OutOfTime.score(data, split, choice.recipe, lambda done, total: say(f"{tag}: folds", done, total))
    test_raw = out.raw[out.as_of == np.datetime64(split.test)]
    known = out.before(split)
    if known.any():
        calibrator = Calibrator.fit(out.raw[known], out.y[known], out.as_of[known])
    else:
        grouped = folds if not forward else _grouped(data, before)
        calibrator = _calibrate_grouped(data, grouped, choice.recipe)
    y = data.y[at_test]
    score, lower, upper = calibrator.predict(test_raw)
    test, differences = _measure(data, before, at_test, score, seed)

    final = Calibrator.fit(out.raw, out.y, out.as_of)
    notes += _calibration_notes(out, split)
    cut = learned_cut(definition.decision, out.y, final.predict(out.raw)[0])
    if cut == NEVER:
        notes.append("no audience met the decision's bar on past snapshots: the tag will say no yes")
    everything = np.ones(len(data.y), dtype=bool)
    model = TagModel(
        definition=definition,
        features=data.names,
        feature_set=feature_set,
        blend=choice.recipe.fit(data.X, data.y),
        calibrator=final,
        cut=cut,
        base_rate=float(data.y.mean()),
        snapshots=split.snapshots,
        ranges=_ranges(data),
        seed=seed,
    )
    train_yes, train_no = data.cases(before)
    test_yes, test_no = data.cases(at_test)
    return TrainingResult(
        model=model,
        split=split,
        candidates=choice.log_loss,
        chosen=choice.name,
        best_params=_params(choice, int(everything.sum())),
        test=test,
        differences=differences,
        test_scores=TestScores(y, score, lower, upper),
        cases={"train_yes": train_yes, "train_no": train_no, "test_yes": test_yes, "test_no": test_no},
        notes=tuple(notes),
    )
