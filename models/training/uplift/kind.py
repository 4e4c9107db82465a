"""How what an approach changes is trained: learners of effects, calibrated to bounds that hold for audiences."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tagcast.features.core.errors import ModelError
from tagcast.features.core.messages import Text, msg
from tagcast.models.artifacts.uplift_model import UpliftModel
from tagcast.models.calibration.effect_calibrator import CalibratedEffect, EffectCalibrator
from tagcast.models.candidates.answers import Method
from tagcast.models.decisions.cases import EffectCases
from tagcast.models.definitions.learned_from import Treatment
from tagcast.models.definitions.model_tag import TagDefinition
from tagcast.models.estimators.effects import AVERAGE, FOREST, TITLES, TWO_LINES, EffectScorer
from tagcast.models.estimators.search import SearchOptions
from tagcast.models.stats.draws import part
from tagcast.models.stats.effects import evaluate_effects
from tagcast.models.stats.metrics import Estimate
from tagcast.models.training.dataset import MIN_TRAINING_CASES, Floats, Labels, Rows, TrainingData
from tagcast.models.training.out_of_fold import GROUPS, OutOfTimeScores, TrainingTask
from tagcast.models.training.result import Choice, Measured, Reference
from tagcast.models.training.splits import one_day_note, season_note
from tagcast.models.training.uplift.arms import LEAST_PROPENSITY, MAX_WITHOUT_OVERLAP, Arms, without_overlap
from tagcast.models.training.uplift.balance import balance
from tagcast.models.training.uplift.recipe import FOREST_PARAMS, EffectRecipe
from tagcast.models.training.uplift.selection import choose_effect

EVERYONE = "everyone"
"""The reference: to approach all alike."""
_ONE_CAMPAIGN = msg(
    "bounds rest on one campaign: they know nothing of how the average effect moves from one to the next"
)


@dataclass(frozen=True, kw_only=True)
class EffectTest(EffectCases):
    """The test snapshot of an uplift; beside its cases:

    Parameters
    ----------
    unseen : EffectCases
        All cases, each scored by a model that had not seen its outcome: effects of few people tell nothing.
    balanced : mapping of str to Estimate
        Whether the arms are alike but for the approach.
    """

    unseen: EffectCases
    balanced: Mapping[str, Estimate]


class UpliftTraining:
    """Of tags that predict what an approach changes: :class:`tagcast.models.training.tag_kind.TagKind`."""

    model = UpliftModel
    default_trials = 2
    """As many as there are settings to begin with: more are drawn only where more are asked for."""
    stand_in_cases = MIN_TRAINING_CASES
    draws_by_outcome = False
    pools_groups = True
    asks: Method = "predict_proba"
    measured = msg("effects")

    def prepared(self, definition: TagDefinition, data: TrainingData) -> TrainingData:
        """Return the rows with propensities and pseudo-outcomes.

        Raises
        ------
        ModelError
            Where some people were always, or never, approached.
        """
        arms = arms_of(data)
        likely = arms.likely()
        gone = without_overlap(likely)
        if gone > MAX_WITHOUT_OVERLAP:
            raise ModelError(
                msg(
                    "{tag}: {share:.0%} of the rows have a propensity of approach below {least} or above {most}: there is nobody to compare "
                    "them with",
                    tag=definition.name,
                    share=gone,
                    least=LEAST_PROPENSITY,
                    most=1 - LEAST_PROPENSITY,
                ),
                hint=msg(
                    "narrow population to those who may or may not have been approached, or hold out a control group at random next time"
                ),
            )
        return replace(data, propensity=likely, effect=arms.effects(likely))

    def scarce(self, yes: int, no: int) -> int:
        """Return the count of the rarer outcome."""
        return min(yes, no)

    def choose(self, task: TrainingTask, options: SearchOptions) -> Choice:
        """Choose the learner of least loss, the simplest of those that are as good."""
        return choose_effect(task, arms_of(task.data), _effects(task.data), options)

    def stand_in(self, task: TrainingTask) -> Choice:
        """Return the average effect for all."""
        note = msg(
            "too few outcomes for a model of effects: {cases:,} before the test snapshot, {least} are needed; {reference} stands in",
            cases=task.cases(task.before),
            least=MIN_TRAINING_CASES,
            reference=TITLES[AVERAGE],
        )
        return Choice(EffectRecipe(AVERAGE, seed=task.seed), AVERAGE, {}, (), (note,))

    def fit(self, recipe: EffectRecipe, data: TrainingData, rows: Rows | slice) -> EffectScorer:
        """Fit a learner on the arms among some rows."""
        return recipe.fit(arms_of(data).only(rows))

    def calibrator(self, task: TrainingTask, scores: OutOfTimeScores, *_learned: Any) -> EffectCalibrator:
        """Return the best linear predictor of pseudo-outcomes."""
        data, at = task.data, scores.at
        return EffectCalibrator.fit(scores.predicted, _effects(data)[at], scores.as_of, data.profile_id[at])

    def cases(self, task: TrainingTask, scores: OutOfTimeScores, said: CalibratedEffect) -> EffectCases:
        """Return outcomes, arms and pseudo-outcomes beside effects and bounds."""
        data, at = task.data, scores.at
        arms = arms_of(data)
        return EffectCases(
            data.profile_id[at],
            scores.as_of,
            data.y[at],
            arms.treated[at],
            arms.propensity[at],
            _effects(data)[at],
            scores.predicted,
            *said,
            weight=part(data.weight, at),
        )

    def tested(
        self, task: TrainingTask, cases: EffectCases, known: OutOfTimeScores, calibrator: EffectCalibrator
    ) -> EffectTest:
        """Return the cases, with all others that were scored unseen beside them."""
        past = self.cases(task, known, calibrator.predict_past(known.predicted))
        both: dict[str, Any] = {
            name: np.concatenate([getattr(past, name), mine])
            for name, mine in vars(cases).items()
            if isinstance(mine, np.ndarray)
        }
        seen = balance(arms_of(task.data), _treatment(task), np.random.default_rng(task.seed))
        return EffectTest(**vars(cases), unseen=EffectCases(**both), balanced=seen)

    def references(self, task: TrainingTask, _choice: Choice) -> dict[str, Reference]:
        """Return the average effect for all."""
        average = float(_effects(task.data)[task.before].mean())
        return {EVERYONE: Reference(TITLES[AVERAGE], np.full(int(task.at_test.sum()), average))}

    def measure(
        self, tested: EffectTest, references: Mapping[str, Floats], rng: Callable[[], np.random.Generator]
    ) -> tuple[Measured, Measured]:
        """Return figures of all cases that were scored unseen; the average effect for all ranks nobody."""
        u = tested.unseen
        own = evaluate_effects(u.score, u.lower, u.effect, u.raw, u.as_of, rng(), u.profile_id)
        nothing = {"effect_loss": Estimate(0.0, 0.0, 0.0), "area": Estimate(0.0, 0.0, 0.0)}
        return (
            {"tagcast": {**own, **tested.balanced}, **dict.fromkeys(references, nothing)},
            {name: {metric: own[metric] for metric in nothing} for name in references},
        )

    def own_fields(self, _task: TrainingTask, _held_out: EffectCases) -> dict[str, Any]:
        """Return nothing: all that only an uplift has stands in its calibrator."""
        return {}

    def best_params(self, recipe: EffectRecipe, data: TrainingData) -> dict[str, Any]:
        """Return the penalty of lines, and the forest's parameters where it has weight."""
        params: dict[str, Any] = {}
        if recipe.kind in {TWO_LINES, "lines", "all"}:
            params |= {"C": recipe.C, "bends": recipe.bends}
        if recipe.kind in {FOREST, "all"}:
            params |= {**FOREST_PARAMS, **recipe.params, "trees": recipe.trees_for(len(data.y))}
        return params

    def notes(self, task: TrainingTask, model: UpliftModel, stopped: Sequence[Text]) -> list[Text]:
        """Return what bounds rest on, and how the arms were made comparable."""
        notes = [*stopped, *one_day_note(task.split)]
        if len(model.calibrator.snapshots) == 1 or task.split.one_day:
            notes.append(_ONE_CAMPAIGN)
        if not _treatment(task).random:
            notes.append(
                msg(
                    "who was approached was not drawn at random: a model of it makes the arms comparable, as far as features tell why "
                    "somebody was approached"
                )
            )
        return [*notes, *season_note(task.split, msg("wider bounds"))]


def arms_of(data: TrainingData) -> Arms:
    """Return the rows of an experiment; ValueError where the frame holds none."""
    if data.treated is None or data.propensity is None:
        raise ValueError("the frame does not say who was approached")
    treated: Labels = data.treated
    return Arms(data.X, data.y, treated, data.propensity, data.group(GROUPS))


def _effects(data: TrainingData) -> Floats:
    if data.effect is None:
        raise ValueError("the rows have no pseudo-outcomes yet")
    return data.effect


def _treatment(task: TrainingTask) -> Treatment:
    treatment = task.definition.treatment
    if treatment is None:
        raise ValueError(f"{task.definition.name} names no treatment")
    return treatment
