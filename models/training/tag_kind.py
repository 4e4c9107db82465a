"""Train one tag over time-ordered snapshots, measure it honestly, and hand back a bundle: one path for every kind of tag.

What sees what
--------------
1. *Choice.* All that a kind leaves open (parameters, features, weights, which predictor) is chosen by its loss on
   the last validation folds, all scored and labelled before the test snapshot. Where none exists (a long horizon,
   a short history) five groups of profiles over the test fold's training snapshots stand in, and the
   notes say so.
2. *Test.* The chosen recipe is fitted on ``split.test_fold.train`` and scores the test snapshot once. Its
   calibrator knows only out-of-time folds labelled before the test snapshot (or, where there is none,
   the groups' scores). Nothing is chosen by what comes out.
3. *Final model.* The recipe is fitted on all snapshots. Its calibrator is fitted on the scores of every
   out-of-time fold, the test fold's among them: each case was scored by a model whose training labels
   all ended before the case's snapshot.

Rows of whom a campaign approached, where a tag learns from them, are in no part of this measured, calibrated or counted as a case.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from functools import partial
from typing import Any, Protocol

import numpy as np

from tagcast.features.core.messages import Text
from tagcast.models.artifacts.trained_model import TrainedModel
from tagcast.models.candidates.answers import Method
from tagcast.models.candidates.names import DEFAULT
from tagcast.models.candidates.rehearsal import few_rows
from tagcast.models.definitions.model_tag import TagDefinition
from tagcast.models.estimators.approach import unapproached
from tagcast.models.estimators.blend import Scorer
from tagcast.models.estimators.foreign import Candidate
from tagcast.models.estimators.search import SearchOptions, stopped_note
from tagcast.models.stats.draws import Weight, part
from tagcast.models.stats.psi import feature_bins
from tagcast.models.stats.season_coverage import unseen_share
from tagcast.models.training.amount import AmountTraining
from tagcast.models.training.binary import BinaryTraining
from tagcast.models.training.dataset import MIN_TRAINING_CASES, Floats, Rows, TrainingData, TrainingFrame
from tagcast.models.training.out_of_fold import OutOfTimeScores, TrainingTask, grouped_note
from tagcast.models.training.result import AnyResult, Choice, Measured, Reference, Trained
from tagcast.models.training.splits import Split
from tagcast.models.training.uplift.kind import UpliftTraining


class TagKind(Protocol):
    """What training has to know of a kind of tag."""

    @property
    def model(self) -> Callable[..., TrainedModel]:
        """The class of its models."""

    @property
    def default_trials(self) -> int:
        """LightGBM settings to try where nobody asks for another number."""

    @property
    def stand_in_cases(self) -> int:
        """Cases that a fold needs for the reference that stands in to be fitted on it."""

    @property
    def draws_by_outcome(self) -> bool:
        """Whether a draw may take more of the rarer outcome: then everything that counts rows has to weigh them."""

    @property
    def pools_groups(self) -> bool:
        """Whether cases of groups of profiles, where these stand in, tell as much as out-of-time cases: an experiment is one."""

    @property
    def asks(self) -> Method:
        """The method by which models of others are asked."""

    @property
    def measured(self) -> Text:
        """What is calibrated, as the note on groups of profiles calls it."""

    def prepared(self, definition: TagDefinition, data: TrainingData) -> TrainingData:
        """Return the rows with what only this kind needs of them; ModelError where they cannot be learned from."""

    def scarce(self, yes: int, no: int, /) -> int:
        """Return how many cases there are to learn from, of so many true and so many false outcomes."""

    def choose(self, task: TrainingTask, options: SearchOptions) -> Choice:
        """Choose a recipe on ``task.choosing``."""

    def stand_in(self, task: TrainingTask) -> Choice:
        """Return the reference that stands in for a model where cases are too few."""

    def fit(self, recipe: Any, data: TrainingData, rows: Rows | slice) -> Scorer:
        """Fit a recipe on some rows."""

    def calibrator(
        self,
        task: TrainingTask,
        scores: OutOfTimeScores,
        fit: Callable[[Rows], Scorer],
        learned: Sequence[date],
        /,
    ) -> Any:
        """Return the calibrator that out-of-time cases give, of a model that ``fit`` makes of the snapshots ``learned``."""

    def cases(self, task: TrainingTask, scores: OutOfTimeScores, said: Any) -> Any:
        """Return what came beside ``said``, what the calibrator makes of ``scores``."""

    def tested(self, task: TrainingTask, cases: Any, known: OutOfTimeScores, calibrator: Any) -> Any:
        """Return the cases of the test snapshot with what else ``known`` ones say of them."""

    def references(self, task: TrainingTask, choice: Any) -> Mapping[str, Reference]:
        """Return what the model has to beat, and what that says of the test snapshot."""

    def measure(
        self, tested: Any, references: Mapping[str, Floats], rng: Callable[[], np.random.Generator]
    ) -> tuple[Measured, Measured]:
        """Return metrics of tagcast and each reference on the test snapshot, and paired differences by reference."""

    def own_fields(self, task: TrainingTask, held_out: Any) -> dict[str, Any]:
        """Return the fields that only models of this kind have."""

    def best_params(self, recipe: Any, data: TrainingData) -> dict[str, Any]:
        """Return a recipe's parameters, for people."""

    def notes(self, task: TrainingTask, model: Any, stopped: Sequence[Text]) -> Sequence[Text]:
        """Return what a reader of the figures should know; ``stopped`` is on a search whose time was up."""


TAG_KINDS: dict[str, TagKind] = {
    "model": BinaryTraining(),
    "amount": AmountTraining(),
    "uplift": UpliftTraining(),
}
"""By :attr:`tagcast.models.definitions.model_tag.TagDefinition.kind`."""


def kind_of(definition: TagDefinition) -> TagKind:
    """Return the kind of a definition."""
    return TAG_KINDS[definition.kind]


def train(
    definition: TagDefinition,
    frame: TrainingFrame,
    split: Split,
    *,
    feature_set: str,
    seed: int = 0,
    trials: int | None = None,
    timeout_s: float | None = None,
    threads: int = 1,
    storage: str | None = None,
    progress: Callable[[str, int, int], None] | None = None,
    foreign: Sequence[Candidate] = (),
) -> AnyResult:
    """Choose, fit, calibrate and measure one tag; the module's text says what sees what.

    Parameters
    ----------
    definition : TagDefinition
    frame : TrainingFrame
        Rows of every snapshot of ``split``; with ``amount`` where the outcome is one.
    split : Split
    feature_set : str
        Kept with the model, so that scoring builds the same features.
    seed : int
        Same frame, split and seed: the same bundle, bit for bit, on any number of ``threads``.
    trials : int, optional
        LightGBM settings to try; default: :attr:`TagKind.default_trials`.
    timeout_s, threads, storage
        Of the search for the forest's parameters: :class:`tagcast.models.estimators.search.SearchOptions`.
    progress : callable, optional
        Called with (stage, done, total).
    foreign : sequence of Candidate
        Models of others that the definition's ``candidates`` name.

    Raises
    ------
    ModelError
        Before any work, when there are too few cases to learn from or to measure on.
    DefinitionError, ModelError
        Before any work, when a model of others cannot be fitted, stored or asked.
    """
    kind = kind_of(definition)
    data = kind.prepared(definition, TrainingData.of(definition, frame, split))
    if {DEFAULT, *(c.text for c in foreign)} != {DEFAULT, *definition.candidates}:
        raise ValueError(f"{definition.name} names the candidates {definition.candidates}")
    task = TrainingTask(definition, data, split, seed, kind.scarce, tuple(foreign))

    def say(stage: str) -> Callable[[int, int], None]:
        return lambda done, total: progress(f"{definition.name}: {stage}", done, total) if progress else None

    asked = kind.default_trials if trials is None else trials
    enough = task.cases(task.before) >= MIN_TRAINING_CASES
    if enough:
        study = f"{definition.name}-{data.digest(split, definition.outcome, seed)[:16]}"
        _rehearse(task, data.weight if kind.draws_by_outcome else None)
        options = SearchOptions(study, seed, asked, timeout_s, threads, storage, say("trials"))
        choice = kind.choose(task, options)
    else:
        choice = kind.stand_in(task)

    fit = partial(kind.fit, choice.recipe, data)
    forward = task.forward(MIN_TRAINING_CASES if enough else kind.stand_in_cases)
    fitted = dict(zip(task.latest, choice.fitted, strict=False))
    by_place = {place: fitted[fold] for place, fold in enumerate(forward) if fold in fitted}
    scores = OutOfTimeScores.of(data, fit, list(forward.values()), by_place, say("folds"))
    every = scores
    if task.out_of_time:
        known = scores.only(scores.as_of <= np.datetime64(split.test - timedelta(split.horizon_days)))
    else:
        known = OutOfTimeScores.of(data, fit, task.choosing, dict(enumerate(choice.fitted)))
        if kind.pools_groups:
            every = OutOfTimeScores.of(data, fit, task.in_groups(np.ones(len(data.y), bool)), {})

    known_calibrator = kind.calibrator(task, known, fit, split.test_fold.train)
    unseen = unseen_share(split.test_fold.train, split.test, split.horizon_days)
    latest = scores.only(scores.as_of == np.datetime64(split.test))
    said = known_calibrator.predict(latest.predicted, split.test, unseen)
    tested = kind.tested(task, kind.cases(task, latest, said), known, known_calibrator)
    references = kind.references(task, choice)
    # Each estimate starts from the same seed: every row of a table rests on the same resamples.
    test, differences = kind.measure(
        tested, {of: r.score for of, r in references.items()}, partial(np.random.default_rng, seed)
    )

    calibrator = kind.calibrator(task, every, fit, split.feature_days)
    # As if each was predicted right after the last known outcomes.
    held_out = kind.cases(task, every, calibrator.predict_past(every.predicted))
    model = kind.model(
        definition=definition,
        features=data.own_features,
        feature_set=feature_set,
        scorer=fit(slice(None)),
        calibrator=calibrator,
        snapshots=split.feature_days,
        ranges=data.ranges(),
        bins=feature_bins(data.own_features, data.X, data.weight),
        seed=seed,
        **kind.own_fields(task, held_out),
    )
    stopped = stopped_note(len(choice.trials), asked) if enough and task.own_parts else []
    return Trained(
        model=model,
        split=split,
        candidates=choice.losses,
        chosen=choice.name,
        references={of: r.title for of, r in references.items()},
        best_params=kind.best_params(choice.recipe, data),
        trials=choice.trials,
        test=test,
        differences=differences,
        test_scores=tested,
        held_out_scores=held_out,
        cases=data.case_counts(task.before, task.at_test),
        notes=(
            *data.draw_note(),
            *choice.notes,
            *(one.note for one in foreign if one.note),
            *([] if task.out_of_time else [grouped_note(kind.measured)]),
            *kind.notes(task, model, stopped),
        ),
        out_of_time=task.out_of_time,
    )


def _rehearse(task: TrainingTask, weight: Weight) -> None:
    """Try every model of others on a few rows, before the long work, with weights where :meth:`TagKind.fit` gives them."""
    data = task.data
    target = data.y.astype(np.float64) if data.amount is None else data.amount
    if task.foreign:
        few = few_rows(data.X, target, task.before, task.seed)
        for candidate in task.foreign:
            features, _ = unapproached(data.X[few], data.approach)
            candidate.rehearse(features, data.own_features, target[few], part(weight, few))
