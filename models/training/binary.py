"""How a yes or no is trained: a blend of least log loss, calibrated to probabilities and their bounds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np

from tagcast.features.catalog.feature_set import PAIR_VIEW, PROFILE_VIEW, PURCHASE
from tagcast.features.catalog.shipped.shipped_views import repeat_inputs
from tagcast.features.core.messages import Text, msg
from tagcast.models.artifacts.binary_model import TagModel
from tagcast.models.calibration.binary_calibrator import MIN_CASES, Calibrated, Calibrator
from tagcast.models.calibration.binary_season import Season, reaches_a_year_back
from tagcast.models.candidates.answers import Method
from tagcast.models.decisions.cases import Cases
from tagcast.models.decisions.policy import NEVER, learned_threshold
from tagcast.models.definitions.model_tag import AnyEvent, NoEvent, TagDefinition
from tagcast.models.estimators.blend import Blend, Scorer
from tagcast.models.estimators.rfm import RfmRanking
from tagcast.models.estimators.search import SearchOptions
from tagcast.models.stats.draws import TRIAL_ROWS, part, thinned, weighted_mean
from tagcast.models.stats.metrics import evaluate, paired_difference
from tagcast.models.training.binary_selection import SelectionInputs, choose
from tagcast.models.training.dataset import MIN_TRAINING_CASES, Floats, Rows, TrainingData, lying_together
from tagcast.models.training.out_of_fold import OutOfTimeScores, TrainingTask, approached_note
from tagcast.models.training.recipe import LEARNING_RATE, Recipe, RepeatSpec, rfm_recipe
from tagcast.models.training.result import Choice, Measured, Reference, TestScores
from tagcast.models.training.splits import one_day_note, season_note

PAIRED_METRICS = ("auc", "log_loss")
REFERENCES: dict[str, Text] = {"rfm": msg("RFM ranking"), "base_rate": msg("base rate")}


class BinaryTraining:
    """Of tags that say yes or no: :class:`tagcast.models.training.tag_kind.TagKind`."""

    model = TagModel
    default_trials = 12
    stand_in_cases = MIN_CASES
    draws_by_outcome = True
    pools_groups = False
    asks: Method = "predict_proba"
    measured = msg("scores")

    def prepared(self, _definition: TagDefinition, data: TrainingData) -> TrainingData:
        """Return the rows as they are."""
        return data

    def scarce(self, yes: int, no: int) -> int:
        """Return the count of the rarer outcome."""
        return min(yes, no)

    def choose(self, task: TrainingTask, options: SearchOptions) -> Choice:
        """Choose parts, parameters and weights of least log loss."""
        return choose(SelectionInputs(task, _repeat_spec(task)), options)

    def stand_in(self, task: TrainingTask) -> Choice:
        """Return the calibrated RFM ranking."""
        data = task.data
        recipe = rfm_recipe(data.places(data.rfm_names), task.seed, data.approach)
        return Choice(recipe, "rfm", {}, (), (_too_small(*data.cases(task.before)),))

    def fit(self, recipe: Recipe, data: TrainingData, rows: Rows | slice) -> Blend:
        """Fit the parts of a blend on the outcomes of some rows."""
        rows = lying_together(rows)
        return recipe.fit(data.X[rows], data.y[rows], data.as_of[rows], part(data.weight, rows))

    def calibrator(
        self,
        task: TrainingTask,
        scores: OutOfTimeScores,
        fit: Callable[[Rows], Scorer],
        learned: Sequence[date],
    ) -> Calibrator:
        """Return what makes probabilities of log-odds, with what the snapshots ``learned`` tell of the season ahead."""
        data, at = task.data, scores.at
        season = _season(task, fit, learned)
        return Calibrator.fit(scores.predicted, data.y[at], scores.as_of, part(data.weight, at), season)

    def cases(self, task: TrainingTask, scores: OutOfTimeScores, said: Calibrated) -> Cases:
        """Return outcomes beside probabilities and bounds."""
        data, at = task.data, scores.at
        return Cases(data.profile_id[at], scores.as_of, data.y[at], *said, weight=part(data.weight, at))

    def tested(
        self, task: TrainingTask, cases: Cases, known: OutOfTimeScores, calibrator: Calibrator
    ) -> TestScores:
        """Return the cases with the threshold that ``known`` ones gave before the test snapshot."""
        past = self.cases(task, known, calibrator.predict_past(known.predicted))
        threshold = learned_threshold(task.definition.decision, past.y, past.score, past.weight)
        return TestScores(**vars(cases), threshold=threshold)

    def references(self, task: TrainingTask, _choice: Choice) -> dict[str, Reference]:
        """Return RFM ranking and base rate; where no view has such roles, the best feature alone stands for the ranking."""
        data, before, at_test = task.data, task.before, task.at_test
        weight, tested = part(data.weight, before), part(data.weight, at_test)
        ranking = RfmRanking.fit(data.rfm[before], data.y[before], data.as_of[before], weight)
        scores = {
            "rfm": ranking.predict(data.rfm[at_test], data.as_of[at_test], tested),
            "base_rate": np.full(int(at_test.sum()), weighted_mean(data.y[before], weight)),
        }
        titles = dict(REFERENCES)
        if len(data.rfm_names) == 1:
            titles["rfm"] = msg("best feature alone ({name})", name=data.rfm_names[0])
        return {name: Reference(titles[name], score) for name, score in scores.items()}

    def measure(
        self, tested: TestScores, references: Mapping[str, Floats], rng: Callable[[], np.random.Generator]
    ) -> tuple[Measured, Measured]:
        """Return every metric, and differences in AUC and log loss."""
        y, score, weight = tested.y, tested.score, tested.weight
        test = {
            name: evaluate(y, s, rng(), weight=weight) for name, s in {"tagcast": score, **references}.items()
        }
        differences = {
            name: {metric: paired_difference(y, score, s, metric, rng(), weight) for metric in PAIRED_METRICS}
            for name, s in references.items()
        }
        return test, differences

    def own_fields(self, task: TrainingTask, held_out: Cases) -> dict[str, Any]:
        """Return the threshold that all out-of-time cases give, and the base rate."""
        threshold = learned_threshold(task.definition.decision, held_out.y, held_out.score, held_out.weight)
        rows, data = task.data.unapproached, task.data
        return {"threshold": threshold, "base_rate": weighted_mean(data.y[rows], part(data.weight, rows))}

    def best_params(self, recipe: Recipe, data: TrainingData) -> dict[str, Any]:
        """Return weights, and the parameters of the parts that have weight."""
        params: dict[str, Any] = {"weights": dict(recipe.weights)}
        if "logistic" in recipe.weights:
            columns = {*recipe.linear_columns} - {recipe.approach}
            params |= {"C": recipe.C, "bends": recipe.bends, "logistic_features": len(columns)}
        if "forest" in recipe.weights:
            params |= {
                **recipe.forest_params,
                "learning_rate": LEARNING_RATE,
                "trees": recipe.trees_for(len(data.y)),
                "forest_features": len({*recipe.forest_columns} - {recipe.approach}),
            }
        return params

    def notes(self, task: TrainingTask, model: TagModel, stopped: Sequence[Text]) -> list[Text]:
        """Return what an approach changed, what confidence rests on, and whether the tag never says yes."""
        notes = [*stopped, *one_day_note(task.split)]

        def expected(X: Floats) -> Floats:
            return model.calibrator.predict_past(model.raw(X)).score

        notes += approached_note(task, task.data.y, expected, "{:.1%}")
        if len(model.calibrator.snapshots) == 1:
            day = model.calibrator.snapshots[0]["as_of"]
            notes.append(msg("confidence rests on one past snapshot, {day}: several would be safer", day=day))
        notes += season_note(task.split, msg("wider bounds"))
        season = model.season_ahead(model.first_day)
        if season is not None:
            notes.append(season.text)
        if model.threshold == NEVER:
            notes.append(
                msg(
                    "no audience of past snapshots met the precision that the decision asks for: never predicts yes"
                )
            )
        return notes


def _season(task: TrainingTask, fit: Callable[[Rows], Scorer], learned: Sequence[date]) -> Season | None:
    """Return what snapshots tell of the seasons, where one of them is nearly a year back.

    Each half of the profiles is scored by a model of the other: a large forest has learned part of its own snapshots' seasons, and
    would show the rest alone.
    """
    split, data = task.split, task.data
    if split.one_day or not reaches_a_year_back(learned, split.horizon_days):
        return None
    rows, half = data.at(learned), data.group(2)
    scored = rows & data.unapproached
    pairs = [(thinned(rows & (half != k), TRIAL_ROWS), scored & (half == k)) for k in range(2)]
    if not all(one.any() for pair in pairs for one in pair):
        return None
    scores = OutOfTimeScores.of(data, fit, pairs, {})
    y, weight = data.y[scores.at], part(data.weight, scores.at)
    return Season.fit(scores.predicted, y, scores.as_of, split.horizon_days, weight)


def _repeat_spec(task: TrainingTask) -> RepeatSpec | None:
    """Return what BG/NBD learns from, where the outcome is whether the profile buys at all."""
    data, outcome = task.data, task.definition.outcome
    if not isinstance(outcome, AnyEvent | NoEvent) or outcome.event != PURCHASE:
        return None
    first_counts = outcome.category is not None
    if outcome.pair is not None and not first_counts:
        return None  # purchases with one of an entity, no feature of tagcast's own counts
    inputs = repeat_inputs(PROFILE_VIEW, PAIR_VIEW if first_counts else "")
    columns = data.places(inputs)
    if len(columns) < len(inputs):
        return None
    purchases, recency, tenure = columns
    latest = data.X[data.as_of == data.as_of.min(), tenure]
    if np.isnan(latest).all():
        return None
    return RepeatSpec(
        (purchases, recency, tenure), first_counts, task.definition.horizon_days, outcome.kind == "any_event"
    )


def _too_small(yes: int, no: int) -> Text:
    """Say what the fallback is and how much more a model needs."""
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
