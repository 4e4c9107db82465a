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

from collections.abc import Callable
from typing import Any

import numpy as np

from tagcast.features.catalog.feature_set import PURCHASE
from tagcast.features.core.messages import Text, msg
from tagcast.models.artifacts.binary_model import TagModel
from tagcast.models.decisions.policy import NEVER, learned_threshold
from tagcast.models.definitions.model_tag import TagDefinition
from tagcast.models.estimators.bgnbd import CATEGORY_INPUTS, PROFILE_INPUTS
from tagcast.models.estimators.blend import Blend
from tagcast.models.estimators.rfm import RfmRanking
from tagcast.models.estimators.search import Trial, stopped_note
from tagcast.models.stats.metrics import Estimate, evaluate, paired_difference
from tagcast.models.stats.season_coverage import unseen_share
from tagcast.models.training.binary_selection import SelectionInputs, choose
from tagcast.models.training.dataset import MIN_TRAINING_CASES, Floats, Rows, TrainingData, TrainingFrame
from tagcast.models.training.out_of_fold import OutOfTimeScores, grouped_folds, grouped_note
from tagcast.models.training.recipe import LEARNING_RATE, Recipe, RepeatSpec, rfm_recipe
from tagcast.models.training.result import TestScores, TrainingResult
from tagcast.models.training.splits import Split, season_note

__all__ = ["TestScores", "TrainingFrame", "TrainingResult", "train_tag"]

Progress = Callable[[str, int, int], None]

VALIDATION_FOLDS = 3
"""The latest folds choose: each costs a fit a trial, and older ones resemble the present least."""
PAIRED_METRICS = ("auc", "log_loss")
REFERENCES: dict[str, Text] = {"rfm": msg("RFM ranking"), "base_rate": msg("base rate")}
DEFAULT_TRIALS = 12


def train_tag(
    definition: TagDefinition,
    frame: TrainingFrame,
    split: Split,
    *,
    feature_set: str,
    seed: int = 0,
    trials: int = DEFAULT_TRIALS,
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
        Of the search for the forest's parameters: :func:`tagcast.models.estimators.search.search`.
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

    data = TrainingData.of(definition, frame, split)
    before, at_test = data.at(split.test_fold.train), data.at((split.test,))
    chosen_on = {f: (data.at(f.train), data.at((f.score,))) for f in split.validation_folds}
    latest = [f for f, pair in chosen_on.items() if data.usable(*pair)][-VALIDATION_FOLDS:]
    pairs = [chosen_on[f] for f in latest]
    out_of_time = bool(pairs)
    fitted: tuple[Blend, ...] = ()
    enough = min(data.cases(before)) >= MIN_TRAINING_CASES
    trial_log: tuple[Trial, ...] = ()
    if enough:
        choice = choose(
            SelectionInputs(
                folds=[data.fold(*pair) for pair in pairs or grouped_folds(data, before)],
                out_of_time=out_of_time,
                features=len(data.features),
                growing=data.places(sorted(data.growing)),
                repeat=_repeat_spec(definition, data),
                rfm_columns=data.places(data.rfm_names),
            ),
            study_name=f"{name}-{data.digest(split, definition.outcome, seed)[:16]}",
            seed=seed,
            trials=trials,
            timeout_s=timeout_s,
            threads=threads,
            storage=storage,
            progress=say("trials"),
        )
        recipe, chosen, candidates, choice_notes = choice.recipe, choice.name, choice.log_loss, choice.notes
        trial_log, fitted = choice.tuned.trials, choice.fitted
    else:
        recipe, chosen, candidates = rfm_recipe(data.places(data.rfm_names), seed), "rfm", {}
        choice_notes = (_too_small(data, before),)

    by_fold = dict(zip(latest, fitted, strict=False)) if out_of_time else {}
    held_out = OutOfTimeScores.forward(data, split, recipe, by_fold, say("folds"))
    if out_of_time:
        known = held_out.labelled_before_test(split)
    else:
        known = OutOfTimeScores.grouped(data, before, recipe, dict(enumerate(fitted)))
    tested = held_out.of(held_out.as_of == np.datetime64(split.test))
    known_calibrator = known.calibrator()
    unseen = unseen_share(split.test_fold.train, split.test, split.horizon_days)
    score, lower, upper = known_calibrator.predict(tested.raw, split.test, unseen)
    known_threshold = learned_threshold(definition.decision, known.y, known.cases(known_calibrator).score)
    test, differences = _measure(data, before, at_test, score, seed)

    calibrator = held_out.calibrator()
    past = held_out.cases(calibrator)
    model = TagModel(
        definition=definition,
        features=data.features,
        feature_set=feature_set,
        scorer=recipe.fit(data.X, data.y, data.as_of),
        calibrator=calibrator,
        threshold=learned_threshold(definition.decision, past.y, past.score),
        base_rate=float(data.y.mean()),
        snapshots=split.snapshots,
        ranges=data.ranges(),
        seed=seed,
    )
    return TrainingResult(
        model=model,
        split=split,
        candidates=candidates,
        chosen=chosen,
        references=REFERENCES,
        best_params=_params(recipe, len(data.y)),
        trials=trial_log,
        test=test,
        differences=differences,
        test_scores=TestScores(tested.y, score, lower, upper, data.profile_id[at_test], known_threshold),
        held_out_scores=past,
        cases=data.case_counts(before, at_test),
        notes=(
            *choice_notes,
            *_notes(split, held_out, enough, out_of_time, model.threshold, len(trial_log), trials),
        ),
        out_of_time=out_of_time,
    )


def _repeat_spec(definition: TagDefinition, data: TrainingData) -> RepeatSpec | None:
    """Return what BG/NBD learns from, where the outcome is whether the profile buys at all."""
    outcome = definition.outcome
    if outcome.kind not in {"any_event", "no_event"} or outcome.event != PURCHASE:
        return None
    first_counts = outcome.category is not None
    columns = data.places(CATEGORY_INPUTS if first_counts else PROFILE_INPUTS)
    if len(columns) < len(PROFILE_INPUTS):
        return None
    purchases, recency, tenure = columns
    latest = data.X[data.as_of == data.as_of.min(), tenure]
    if np.isnan(latest).all():
        return None
    return RepeatSpec(
        (purchases, recency, tenure), first_counts, definition.horizon_days, outcome.kind == "any_event"
    )


def _too_small(data: TrainingData, before: Rows) -> Text:
    """Say what the fallback is and how much more a model needs."""
    yes, no = data.cases(before)
    scarce = min(yes, no)
    found = msg("{count:,} true ones", count=yes) if yes < no else msg("{count:,} false ones", count=no)
    return msg(
        "too few outcomes for a model: {found} before the test snapshot, {least} are needed, {missing:,} more "
        "(about {times:.1f} times as many profiles, or snapshots); the calibrated RFM ranking stands in",
        found=found,
        least=MIN_TRAINING_CASES,
        missing=MIN_TRAINING_CASES - scarce,
        times=MIN_TRAINING_CASES / scarce,
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


def _params(recipe: Recipe, rows: int) -> dict[str, Any]:
    params: dict[str, Any] = {"weights": dict(recipe.weights)}
    if "logistic" in recipe.weights:
        params |= {"C": recipe.C, "bends": recipe.bends, "logistic_features": len(recipe.linear_columns)}
    if "forest" in recipe.weights:
        params |= {
            **recipe.forest_params,
            "learning_rate": LEARNING_RATE,
            "trees": recipe.trees_for(rows),
            "forest_features": len(recipe.forest_columns),
        }
    return params


def _notes(
    split: Split,
    held_out: OutOfTimeScores,
    enough: bool,
    out_of_time: bool,
    threshold: float | None,
    finished: int,
    trials: int,
) -> list[Text]:
    days = np.unique(held_out.as_of)
    notes: list[Text] = [
        *([] if out_of_time else [grouped_note(msg("scores"))]),
        *(stopped_note(finished, trials) if enough else []),
        *(
            [msg("confidence rests on one past snapshot, {day}: several would be safer", day=str(days[0]))]
            if len(days) == 1
            else []
        ),
        *season_note(split, msg("wider bounds")),
    ]
    if threshold == NEVER:
        notes.append(
            msg(
                "no audience of past snapshots met the precision that the decision asks for: never predicts yes"
            )
        )
    return notes
