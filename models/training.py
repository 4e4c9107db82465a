"""Train one tag over time-ordered snapshots, measure it honestly, and hand back a bundle.

What sees what
--------------
1. *Choice.* C, the forest's parameters and the weights of the parts are chosen by log loss on the last
   validation folds, all scored and labelled before the test snapshot. Where none exists (a long horizon,
   a short history) five groups of profiles over the test fold's training snapshots stand in, and the
   notes say so.
2. *Test.* The chosen recipe is fitted on ``split.test_fold.train`` and scores the test snapshot once. Its
   calibrator knows only out-of-time folds labelled before the test snapshot (or, where there is none,
   the groups' scores). Nothing is chosen by what comes out.
3. *Final model.* The recipe is fitted on all snapshots. Its calibrator is fitted on the scores of every
   out-of-time fold, the test fold's among them: each case was scored by a model whose training labels
   all ended before the case's snapshot.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np

from models.calibration import Calibrator
from models.decision import NEVER, learned_cut
from models.metrics import Estimate, evaluate, paired_difference
from models.out_of_time import GROUPS, HeldOut, grouped_folds
from models.recipe import Choice, choose, linear_losses
from models.rfm import RfmRanking
from models.splits import Split
from models.tag import TagDefinition
from models.tag_model import TagModel
from models.trade_off import Cases
from models.training_data import Floats, Labels, Rows, TrainingData, TrainingFrame

__all__ = ["TestScores", "TrainingFrame", "TrainingResult", "train_tag"]

Progress = Callable[[str, int, int], None]

VALIDATION_FOLDS = 3
"""The latest folds choose: each costs a fit a trial, and older ones resemble the present least."""
PAIRED_METRICS = ("auc", "log_loss")
YEAR_DAYS = 365


@dataclass(frozen=True)
class TestScores:
    """The test snapshot: outcomes, calibrated scores and bounds, each of shape (n,)."""

    __test__ = False  # no test class, whatever pytest makes of the name

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
        C, the forest's parameters and trees, and how many trials finished.
    test : dict of str to dict of str to Estimate
        ``tagcast``, ``rfm`` and ``base_rate`` (that of training): metrics on the test snapshot.
    differences : dict of str to dict of str to Estimate
        ``rfm`` and ``base_rate``: tagcast minus it in ``auc`` and ``log_loss``, over the same resamples.
    test_scores : TestScores
    held_out_scores : Cases
        The out-of-time cases behind the model's calibration, scored by its final tables.
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
    held_out_scores: Cases
    cases: Mapping[str, int]
    notes: tuple[str, ...]


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
    """Choose, fit, calibrate and measure one tag; the module's text says what sees what.

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
        Of the search for the forest's parameters: :func:`models.tuning.tune`.
    progress : callable, optional
        Called with (stage, done, total).

    Raises
    ------
    ModelError
        Before any work, when there are too few cases to learn from or to measure on.
    """
    name = definition.name

    def say(stage: str) -> Callable[[int, int], None]:
        return lambda done, total: progress(f"{name}: {stage}", done, total) if progress else None

    data = TrainingData.of(name, frame, split)
    before, at_test = data.at(split.test_fold.train), data.at((split.test,))
    pairs = [(data.at(f.train), data.at((f.score,))) for f in split.validation_folds]
    pairs = [pair for pair in pairs if data.usable(*pair)][-VALIDATION_FOLDS:]
    out_of_time = bool(pairs)
    if not out_of_time:
        pairs = grouped_folds(data, before)
    data, growth = _settle_growth(data, pairs, out_of_time)
    choice = choose(
        [data.fold(*pair) for pair in pairs],
        study_name=f"{name}-{data.digest(split, definition.outcome, seed)[:16]}",
        seed=seed,
        trials=trials,
        timeout_s=timeout_s,
        threads=threads,
        storage=storage,
        progress=say("trials"),
    )

    held_out = HeldOut.forward(data, split, choice.recipe, say("folds"))
    known = (
        held_out.labelled_before_test(split) if out_of_time else HeldOut.grouped(data, before, choice.recipe)
    )
    tested = held_out.of(held_out.as_of == np.datetime64(split.test))
    score, lower, upper = known.calibrator().predict(tested.raw)
    test, differences = _measure(data, before, at_test, score, seed)

    calibrator = held_out.calibrator()
    past = held_out_cases(data, held_out, calibrator)
    cut = learned_cut(definition.decision, past.y, past.score)
    model = TagModel(
        definition=definition,
        features=data.features,
        feature_set=feature_set,
        blend=choice.recipe.fit(data.X, data.y),
        calibrator=calibrator,
        cut=cut,
        base_rate=float(data.y.mean()),
        snapshots=split.snapshots,
        ranges=data.ranges(),
        seed=seed,
    )
    (train_yes, train_no), (test_yes, test_no) = data.cases(before), data.cases(at_test)
    return TrainingResult(
        model=model,
        split=split,
        candidates=choice.log_loss,
        chosen=choice.name,
        best_params=_params(choice, len(data.y)),
        test=test,
        differences=differences,
        test_scores=TestScores(tested.y, score, lower, upper),
        held_out_scores=past,
        cases={"train_yes": train_yes, "train_no": train_no, "test_yes": test_yes, "test_no": test_no},
        notes=(*growth, *_notes(split, held_out, out_of_time, cut, choice.tuned.trials, trials)),
    )


def held_out_cases(data: TrainingData, held_out: HeldOut, calibrator: Calibrator) -> Cases:
    """Return held-out cases with the ids of their profiles and calibrated scores.

    Folds score whole snapshots in order of time, and data are sorted by snapshot: the cases are those
    rows of ``data``.
    """
    rows = np.isin(data.as_of, held_out.as_of)
    if not np.array_equal(data.as_of[rows], held_out.as_of):
        raise ValueError("held-out cases have to be whole snapshots in order of time")
    return Cases(data.profile_id[rows], held_out.as_of, held_out.y, *calibrator.predict(held_out.raw))


def _settle_growth(
    data: TrainingData, pairs: Sequence[tuple[Rows, Rows]], out_of_time: bool
) -> tuple[TrainingData, tuple[str, ...]]:
    """Keep features that grow with the calendar only where they lower the validation log loss.

    What spring teaches about "spend ever" is wrong by autumn: only folds over time can show whether that
    harms, so without any they are left out. The logistic part judges, since it is cheap and extrapolates.
    """
    if not data.growing:
        return data, ()
    bounded = data.without(data.growing)
    if not out_of_time:
        return bounded, (
            "features that grow with the calendar are left out: no fold over time can judge them",
        )
    with_them, without = (
        float(linear_losses([d.fold(*pair) for pair in pairs]).min()) for d in (data, bounded)
    )
    if with_them < without:
        return data, ()
    return bounded, (
        f"features that grow with the calendar are left out: validation log loss {without:.4f} without, {with_them:.4f} with",
    )


def _measure(
    data: TrainingData, before: Rows, at_test: Rows, score: Floats, seed: int
) -> tuple[dict[str, dict[str, Estimate]], dict[str, dict[str, Estimate]]]:
    """Return metrics of tagcast, RFM and base rate on the test snapshot, and paired differences."""
    y = data.y[at_test]
    ranking = RfmRanking.fit(data.rfm[before], data.y[before], data.as_of[before])
    references = {
        "rfm": ranking.predict(data.rfm[at_test], data.as_of[at_test]),
        "base_rate": np.full(len(y), data.y[before].mean()),
    }
    # Each estimate starts from the same seed: every row of a table rests on the same resamples.
    test = {
        name: evaluate(y, s, np.random.default_rng(seed))
        for name, s in {"tagcast": score, **references}.items()
    }
    differences = {
        name: {
            metric: paired_difference(y, score, s, metric, np.random.default_rng(seed))
            for metric in PAIRED_METRICS
        }
        for name, s in references.items()
    }
    return test, differences


def _params(choice: Choice, rows: int) -> dict[str, Any]:
    params: dict[str, Any] = {"weights": dict(choice.recipe.weights), "trials": choice.tuned.trials}
    if "logistic" in choice.recipe.weights:
        params["C"] = choice.recipe.C
    if "forest" in choice.recipe.weights:
        params |= {**choice.recipe.forest_params, "trees": choice.recipe.rounds_for(rows)}
    return params


def _notes(
    split: Split, held_out: HeldOut, out_of_time: bool, cut: float | None, finished: int, trials: int
) -> list[str]:
    notes = []
    if not out_of_time:
        notes.append(
            "no snapshot with enough cases lies between the training snapshots and the test snapshot: the "
            f"model was chosen, and its test scores calibrated, on {GROUPS} groups of profiles, not out of time"
        )
    if finished < trials:
        notes.append(f"tuning stopped after {finished} of {trials} trials: its time was up")
    days = np.unique(held_out.as_of)
    if len(days) == 1:
        notes.append(f"confidence rests on one past snapshot, {days[0]}: the worst of several would be safer")
    first, last = days[0].item(), days[-1].item() + timedelta(days=split.horizon_days)
    if (last - first).days < YEAR_DAYS:
        notes.append(
            f"confidence was checked on windows from {first} to {last}, less than a year: "
            "in a season outside them the promise may not hold"
        )
    if cut == NEVER:
        notes.append(
            "no audience of past snapshots met the precision that the decision asks for: never says yes"
        )
    return notes
