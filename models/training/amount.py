"""Train an amount tag over time-ordered snapshots, measure it honestly, and hand back a bundle.

What sees what is as in :mod:`tagcast.models.training.binary`: validation folds before the test snapshot choose the predictor
(:mod:`tagcast.models.training.amount_selection`), the test snapshot measures and chooses nothing, and the final model is fitted on all
snapshots with tables of cases that were each predicted out of time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from tagcast.features.core.messages import Text, msg
from tagcast.models.artifacts.amount_model import AmountModel
from tagcast.models.calibration.amount_calibrator import AmountCalibrator, tier_of
from tagcast.models.calibration.binary_calibrator import MIN_CASES
from tagcast.models.decisions.tier_cases import TierCases
from tagcast.models.definitions.model_tag import TagDefinition
from tagcast.models.estimators.amount_regressor import FOREST_PARAMS, TITLES, AmountRecipe
from tagcast.models.estimators.search import stopped_note
from tagcast.models.stats.amount_metrics import evaluate_points, evaluate_tiers, paired_points
from tagcast.models.stats.metrics import Estimate
from tagcast.models.stats.season_coverage import unseen_share
from tagcast.models.training.amount_selection import choose_amount, own_rates
from tagcast.models.training.dataset import MIN_TRAINING_CASES, Floats, Rows, TrainingData, TrainingFrame
from tagcast.models.training.out_of_fold import grouped_folds, grouped_note
from tagcast.models.training.result import AmountResult, AmountTest
from tagcast.models.training.splits import Split, season_note

Places = npt.NDArray[np.intp]
Progress = Callable[[str, int, int], None]

VALIDATION_FOLDS = 3
"""The latest folds choose, as for a yes or no."""
_NO_GROWTH = msg("features that grow with the calendar are left out of an amount's forest")
_ONE_SNAPSHOT = msg("intervals and confidence rest on one past snapshot: several would be safer")
DEFAULT_TRIALS = 4
"""As many as there are settings to begin with: more are drawn only where more are asked for."""


@dataclass(frozen=True)
class _Amounts:
    """A tag's arrays, with its amounts at hand."""

    data: TrainingData
    amount: Floats

    def usable(self, train: Rows, score: Rows) -> bool:
        """Return whether enough profiles spent anything to learn from and to judge by."""
        spent = self.amount > 0
        return int(spent[train].sum()) >= MIN_TRAINING_CASES and int(spent[score].sum()) >= MIN_CASES

    def predicted(self, recipe: AmountRecipe, pairs: list[tuple[Rows, Rows]]) -> tuple[Floats, Places]:
        """Return amounts predicted for each fold by what its training rows gave, and their rows."""
        at = [np.flatnonzero(score) for _, score in pairs]
        X = self.data.X
        found = [recipe.fit(X[train], self.amount[train]).predicted(X[score]) for train, score in pairs]
        return np.concatenate(found), np.concatenate(at)


def train_amount(
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
) -> AmountResult:
    """Choose, fit, calibrate and measure one amount tag.

    Parameters
    ----------
    definition : TagDefinition
        Its outcome is an amount.
    frame : TrainingFrame
        Rows of every snapshot of ``split``, with ``amount``.
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
        Before any work, when too few spent anything to learn from or to measure on.
    """
    name, starts = definition.name, tuple(definition.levels.values())
    data = TrainingData.of(definition, frame, split)
    if data.amount is None:
        raise ValueError(f"{name}: the frame holds no amounts")
    amounts = _Amounts(data, data.amount)
    before, at_test = data.at(split.test_fold.train), data.at((split.test,))
    pairs = [(data.at(f.train), data.at((f.score,))) for f in split.validation_folds]
    pairs = [pair for pair in pairs if amounts.usable(*pair)][-VALIDATION_FOLDS:]
    out_of_time = bool(pairs)
    rates = own_rates(
        data.features, definition.horizon_days, category=definition.outcome.category is not None
    )
    notes: list[Text] = []
    spent = int(data.y[before].sum())
    if spent >= MIN_TRAINING_CASES:
        choice = choose_amount(
            data.X,
            data.amount,
            pairs or grouped_folds(data, before),
            columns=tuple(j for j, f in enumerate(data.features) if f not in data.growing),
            rates=rates,
            study_name=f"{name}-{data.digest(split, definition.outcome, seed)[:16]}",
            seed=seed,
            trials=trials,
            timeout_s=timeout_s,
            threads=threads,
            storage=storage,
            progress=lambda done, total: progress(f"{name}: trials", done, total) if progress else None,
        )
        recipe, baseline, candidates, trial_log = choice.recipe, choice.baseline, choice.rmse, choice.trials
        notes += choice.notes
    else:
        recipe = baseline = AmountRecipe("own_rate", *rates[-1]) if rates else AmountRecipe("mean")
        candidates, trial_log = {}, ()
        notes.append(
            msg(
                "too few spent anything for a model: {spent:,} cases before the test snapshot, {least} are needed; "
                "{reference} stands in",
                spent=spent,
                least=MIN_TRAINING_CASES,
                reference=TITLES[recipe.kind],
            )
        )

    forward = [(data.at(f.train), data.at((f.score,))) for f in split.out_of_time_folds]
    forward = [pair for pair in forward if amounts.usable(*pair) or pair[1][at_test].any()]
    predicted, rows = amounts.predicted(recipe, forward)
    known = data.as_of[rows] <= np.datetime64(split.test - timedelta(days=split.horizon_days))
    if out_of_time and known.any():
        known_predicted, known_rows = predicted[known], rows[known]
    else:
        known_predicted, known_rows = amounts.predicted(recipe, grouped_folds(data, before))
    tested = predicted[data.as_of[rows] == np.datetime64(split.test)]
    said = AmountCalibrator.fit(
        known_predicted, data.amount[known_rows], data.as_of[known_rows], starts
    ).predict(tested, split.test, unseen_share(split.test_fold.train, split.test, split.horizon_days))
    truth = data.amount[at_test]
    test_scores = AmountTest(
        amount=truth,
        score=said.score,
        lower=said.lower,
        upper=said.upper,
        tier=said.tier,
        true_tier=tier_of(truth, np.array(starts)),
        confidence=said.confidence,
        baseline=baseline.fit(data.X[before], data.amount[before]).predicted(data.X[at_test]),
        profile_id=data.profile_id[at_test],
    )
    test, differences = _measure(test_scores, seed)
    calibrator = AmountCalibrator.fit(predicted, data.amount[rows], data.as_of[rows], starts)
    past = calibrator.predict(predicted, calibrator.drift.day)
    held_out = TierCases(
        profile_id=data.profile_id[rows],
        as_of=data.as_of[rows],
        amount=data.amount[rows],
        score=past.score,
        lower=past.lower,
        upper=past.upper,
        tier=past.tier,
        true_tier=tier_of(data.amount[rows], np.array(starts)),
        confidence=past.confidence,
    )
    model = AmountModel(
        definition=definition,
        features=data.features,
        feature_set=feature_set,
        scorer=recipe.fit(data.X, data.amount),
        calibrator=calibrator,
        mean_amount=float(data.amount.mean()),
        snapshots=split.snapshots,
        ranges=data.ranges(),
        seed=seed,
    )
    return AmountResult(
        model=model,
        split=split,
        candidates=candidates,
        chosen=recipe.kind,
        references={"baseline": TITLES[baseline.kind]},
        best_params=_params(recipe, data),
        trials=trial_log,
        test=test,
        differences={"baseline": differences},
        test_scores=test_scores,
        held_out_scores=held_out,
        cases=data.case_counts(before, at_test),
        notes=(
            *notes,
            *([] if out_of_time else [grouped_note(msg("figures"))]),
            *([_NO_GROWTH] if data.growing else []),
            *([_ONE_SNAPSHOT] if len(calibrator.snapshots) == 1 else []),
            *season_note(split, msg("wider intervals and less confidence")),
            *(stopped_note(len(trial_log), trials) if trial_log else []),
        ),
        out_of_time=out_of_time,
    )


def _measure(t: AmountTest, seed: int) -> tuple[dict[str, dict[str, Estimate]], dict[str, Estimate]]:
    """Return metrics of tagcast and the baseline on the test snapshot, and paired differences."""

    # Each estimate starts from the same seed: every row of a table rests on the same resamples.
    def rng() -> np.random.Generator:
        return np.random.default_rng(seed)

    mine = evaluate_points(t.amount, t.score, rng())
    mine |= evaluate_tiers(t.amount, t.lower, t.upper, t.tier, t.true_tier, t.confidence, rng())
    reference = evaluate_points(t.amount, t.baseline, rng())
    return {"tagcast": mine, "baseline": reference}, paired_points(t.amount, t.score, t.baseline, rng())


def _params(recipe: AmountRecipe, data: TrainingData) -> dict[str, Any]:
    if recipe.columns:
        return {
            **FOREST_PARAMS,
            **recipe.params,
            "trees": recipe.trees_for(len(data.y)),
            "forest_features": len(recipe.columns),
        }
    return {"own_spend": data.features[recipe.column]} if recipe.column >= 0 else {}
