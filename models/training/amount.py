"""How an amount is trained: the predictor of least RMSE, calibrated to amounts, intervals and tiers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tagcast.features.core.messages import Text, msg
from tagcast.models.artifacts.amount_model import AmountModel
from tagcast.models.calibration.amount_calibrator import AmountCalibrator, CalibratedAmount, tier_of
from tagcast.models.candidates.answers import Method
from tagcast.models.decisions.cases import TierCases
from tagcast.models.definitions.model_tag import TagDefinition
from tagcast.models.estimators.amount_regressor import FOREST_PARAMS, TITLES, AmountRecipe, AmountRegressor
from tagcast.models.estimators.foreign import ForeignRecipe, ForeignRegressor
from tagcast.models.estimators.search import SearchOptions
from tagcast.models.stats.amount_metrics import evaluate_points, evaluate_tiers, paired_points
from tagcast.models.stats.draws import part
from tagcast.models.training.amount_selection import AmountChoice, choose_amount, own_rates
from tagcast.models.training.dataset import MIN_TRAINING_CASES, Floats, Rows, TrainingData
from tagcast.models.training.out_of_fold import OutOfTimeScores, TrainingTask, approached_note
from tagcast.models.training.result import Measured, Reference
from tagcast.models.training.splits import season_note

_NO_GROWTH = msg("features that grow with the calendar are left out of an amount's forest")
_ONE_SNAPSHOT = msg("intervals and confidence rest on one past snapshot: several would be safer")


class AmountTraining:
    """Of tags that predict an amount: :class:`tagcast.models.training.tag_kind.TagKind`."""

    model = AmountModel
    default_trials = 4
    """As many as there are settings to begin with: more are drawn only where more are asked for."""
    stand_in_cases = MIN_TRAINING_CASES
    draws_by_outcome = False
    pools_groups = False
    asks: Method = "predict"
    measured = msg("figures")

    def prepared(self, _definition: TagDefinition, data: TrainingData) -> TrainingData:
        """Return the rows as they are."""
        return data

    def scarce(self, yes: int, _no: int) -> int:
        """Return how many profiles spent anything: that nobody spent nothing does no harm."""
        return yes

    def choose(self, task: TrainingTask, options: SearchOptions) -> AmountChoice:
        """Choose the predictor of least RMSE."""
        return choose_amount(task, options)

    def stand_in(self, task: TrainingTask) -> AmountChoice:
        """Return a profile's own rate of spend, or the mean amount where there is none."""
        rates = own_rates(task)
        recipe = AmountRecipe("own_rate", *rates[-1]) if rates else AmountRecipe("mean")
        recipe = replace(recipe, approach=task.data.approach)
        note = msg(
            "too few spent anything for a model: {spent:,} cases before the test snapshot, {least} are needed; "
            "{reference} stands in",
            spent=task.cases(task.before),
            least=MIN_TRAINING_CASES,
            reference=TITLES[recipe.kind],
        )
        return AmountChoice(recipe, recipe.kind, {}, (), (note,), baseline=recipe)

    def fit(
        self, recipe: AmountRecipe | ForeignRecipe, data: TrainingData, rows: Rows | slice
    ) -> AmountRegressor | ForeignRegressor:
        """Fit a predictor on the amounts of some rows."""
        return recipe.fit(data.X[rows], data.amounts[rows])

    def calibrator(self, task: TrainingTask, scores: OutOfTimeScores, *_learned: Any) -> AmountCalibrator:
        """Return tables of how far amounts lie from what was predicted."""
        starts = tuple(task.definition.levels.values())
        return AmountCalibrator.fit(scores.predicted, task.data.amounts[scores.at], scores.as_of, starts)

    def cases(self, task: TrainingTask, scores: OutOfTimeScores, said: CalibratedAmount) -> TierCases:
        """Return amounts beside prediction, interval and tier."""
        amount = task.data.amounts[scores.at]
        return TierCases(
            profile_id=task.data.profile_id[scores.at],
            as_of=scores.as_of,
            amount=amount,
            score=said.score,
            lower=said.lower,
            upper=said.upper,
            tier=said.tier,
            true_tier=tier_of(amount, np.array(list(task.definition.levels.values()))),
            confidence=said.confidence,
            weight=part(task.data.weight, scores.at),
        )

    def tested(self, _task: TrainingTask, cases: TierCases, *_known: Any) -> TierCases:
        """Return the cases as they are: tiers have no threshold that past cases could give."""
        return cases

    def references(self, task: TrainingTask, choice: AmountChoice) -> dict[str, Reference]:
        """Return the better one of own spend rate and mean amount."""
        baseline = self.fit(choice.baseline, task.data, task.before)
        score = baseline.predicted(task.data.X[task.at_test])
        return {"baseline": Reference(TITLES[baseline.kind], score)}

    def measure(
        self, tested: TierCases, references: Mapping[str, Floats], rng: Callable[[], np.random.Generator]
    ) -> tuple[Measured, Measured]:
        """Return errors and ranking, of tagcast intervals and tiers too."""
        t = tested
        test = {"tagcast": evaluate_points(t.amount, t.score, rng())}
        test["tagcast"] |= evaluate_tiers(
            t.amount, t.lower, t.upper, t.tier, t.true_tier, t.confidence, rng()
        )
        test |= {name: evaluate_points(t.amount, s, rng()) for name, s in references.items()}
        return test, {name: paired_points(t.amount, t.score, s, rng()) for name, s in references.items()}

    def own_fields(self, task: TrainingTask, _held_out: TierCases) -> dict[str, Any]:
        """Return the mean amount."""
        return {"mean_amount": float(task.data.amounts[task.data.unapproached].mean())}

    def best_params(self, recipe: AmountRecipe | ForeignRecipe, data: TrainingData) -> dict[str, Any]:
        """Return the forest's parameters, or the column of own spend."""
        if isinstance(recipe, ForeignRecipe):
            return {}
        if not recipe.columns:
            return {"own_spend": data.features[recipe.column]} if recipe.column >= 0 else {}
        return {
            **FOREST_PARAMS,
            **recipe.params,
            "trees": recipe.trees_for(len(data.y)),
            "forest_features": len({*recipe.columns} - {recipe.approach}),
        }

    def notes(self, task: TrainingTask, model: AmountModel, stopped: Sequence[Text]) -> list[Text]:
        """Return what was left out, what an approach changed, and what intervals and confidence rest on."""

        def expected(X: Floats) -> Floats:
            return model.calibrator.predict_past(model.scorer.predicted(X)).score

        return [
            *approached_note(task, task.data.amounts, expected, "{:,.4g}"),
            *([_NO_GROWTH] if task.data.growing and isinstance(model.scorer, AmountRegressor) else []),
            *([_ONE_SNAPSHOT] if len(model.calibrator.snapshots) == 1 else []),
            *season_note(task.split, msg("wider intervals and less confidence")),
            *stopped,
        ]
