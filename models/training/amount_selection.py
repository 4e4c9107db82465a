"""Which predictor of amounts is best, by validation over time.

The criterion is the root of the mean squared error, averaged over the folds: a score is a mean, which that error asks
for. The mean absolute error asks for the median instead, and where most profiles spend nothing it is won by
predicting nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tagcast.features.core.messages import Text, listed, msg
from tagcast.models.estimators.amount_regressor import FOREST_PARAMS, TITLES, AmountRecipe, smearing
from tagcast.models.estimators.foreign import ForeignRecipe
from tagcast.models.estimators.search import SearchOptions, Trial, best_of, search
from tagcast.models.stats.amount_metrics import rmse
from tagcast.models.stats.draws import TRIAL_ROWS, thinned
from tagcast.models.training.dataset import Rows, TrainingData
from tagcast.models.training.out_of_fold import Pairs, TrainingTask
from tagcast.models.training.result import Choice
from tagcast.models.training.tuning import forest_space

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

_SHAPE: dict[str, Any] = {
    name: FOREST_PARAMS[name] for name in ("min_child_samples", "feature_fraction", "lambda_l2")
}
SETTINGS: tuple[dict[str, Any], ...] = tuple(
    {"kind": kind, "tweedie_variance_power": power, "num_leaves": leaves, **_SHAPE}
    for kind, power, leaves in (
        ("tweedie", 1.2, 8),
        ("log1p", 1.2, 8),
        ("tweedie", 1.5, 8),
        ("tweedie", 1.2, 16),
    )
)
"""The first trials, the likeliest first; what follows is drawn from the space around them."""
VARIANCE_POWERS = (1.05, 1.9)
TREES = (25, 50, 100, 150, 200)
LEAST_WINDOW_DAYS = 14
_WINDOW = re.compile(r"^(?P<category>category_)?spend_(?P<days>\d+)d$")
_RATE = "spend_rate"


@dataclass(frozen=True, kw_only=True)
class AmountChoice(Choice):
    """A chosen recipe, and ``baseline``, the better one of the references."""

    baseline: AmountRecipe


def own_rates(task: TrainingTask) -> list[tuple[int, float]]:
    """Return the columns that say how much a profile spent, and what turns each into spend per horizon."""
    horizon_days, category = task.definition.horizon_days, task.definition.outcome.category is not None
    found: list[tuple[int, float]] = []
    if task.definition.pair is not None and not category:
        return found  # what was spent on one of an entity, no feature of tagcast's own says
    for j, name in enumerate(task.data.features):
        window = _WINDOW.match(name)
        if window and bool(window["category"]) == category and int(window["days"]) >= LEAST_WINDOW_DAYS:
            found.append((j, horizon_days / int(window["days"])))
        elif name == _RATE and not category:
            found.append((j, float(horizon_days)))
    return found


def choose_amount(task: TrainingTask, options: SearchOptions) -> AmountChoice:
    """Choose the predictor with the least mean error over the folds of ``task``."""
    X, amount, rates, approach = task.data.X, task.data.amounts, own_rates(task), task.data.approach
    folds = [(thinned(train, TRIAL_ROWS), score) for train, score in task.choosing]

    def mean_error(recipe: AmountRecipe | ForeignRecipe) -> float:
        errors = [rmse(amount[s], recipe.fit(X[t], amount[t]).predicted(X[s])) for t, s in folds]
        return float(np.mean(errors))

    recipes = [AmountRecipe("mean", approach=approach)]
    recipes += [AmountRecipe("own_rate", *rate, approach=approach) for rate in rates]
    errors = [mean_error(recipe) for recipe in recipes]
    baseline = recipes[int(np.argmin(errors))]
    table: dict[str, float] = {}
    for recipe, error in zip(recipes, errors, strict=True):
        table[recipe.kind] = min(table.get(recipe.kind, np.inf), error)

    foreign = [ForeignRecipe(candidate, task.data.own_features, approach) for candidate in task.foreign]
    of_others = [mean_error(recipe) for recipe in foreign]
    done: tuple[Trial, ...] = ()
    chosen: AmountRecipe | ForeignRecipe = baseline
    if task.own_parts:
        objective = _Rmse(task.data, folds, tuple(column for column, _ in rates), options.seed)
        done = search(objective, options)
        for trial in done:
            if not trial.pruned:
                kind = trial.params["kind"]
                # In time order, as the errors of the other recipes are added.
                table[kind] = min(table.get(kind, np.inf), float(np.mean(trial.losses[::-1])))
        top = best_of(done)
        forest = objective.recipe(top.params, top.rounds)
        chosen = forest if table[forest.kind] < table[baseline.kind] else baseline
    table |= {recipe.kind: error for recipe, error in zip(foreign, of_others, strict=True)}
    if foreign:
        best = foreign[int(np.argmin(of_others))]
        chosen = best if not task.own_parts or table[best.kind] < table[chosen.kind] else chosen
    why = (_why(chosen.kind, table),)
    return AmountChoice(chosen, chosen.kind, table, done, why, baseline=baseline)


@dataclass(frozen=True)
class _Rmse:
    """RMSE of forests of the best length, the latest fold first: it is most like what will be scored."""

    data: TrainingData
    in_time: Pairs
    own: tuple[int, ...]
    seed: int
    first: Sequence[dict[str, Any]] = SETTINGS

    @property
    def folds(self) -> int:
        return len(self.in_time)

    def space(self) -> dict[str, BaseDistribution]:
        from optuna.distributions import CategoricalDistribution, FloatDistribution

        return {
            "kind": CategoricalDistribution(("tweedie", "log1p")),
            "tweedie_variance_power": FloatDistribution(*VARIANCE_POWERS),
            **forest_space(),
        }

    def recipe(self, params: dict[str, Any], trees: int) -> AmountRecipe:
        """Return the recipe of a trial's parameters."""
        return AmountRecipe(
            kind=params["kind"],
            columns=self.data.steady,
            rates=self.own,
            params=forest_params(params),
            trees=trees,
            tuned_rows=round(float(np.mean([int(train.sum()) for train, _ in self.in_time]))),
            seed=self.seed,
            approach=self.data.approach,
        )

    def measured(self, params: dict[str, Any]) -> Iterator[tuple[tuple[float, ...], int]]:
        longest = self.recipe(params, max(TREES))
        errors: list[list[float]] = []
        for train, score in reversed(self.in_time):
            errors.append(_by_trees(longest, self.data, train, score))
            found = np.array(errors)
            best = int(found.mean(axis=0).argmin())
            yield tuple(found[:, best].tolist()), TREES[best]


def forest_params(params: dict[str, Any]) -> dict[str, Any]:
    """Return a trial's parameters as LightGBM takes them: the variance power is the Tweedie deviance's alone."""
    shape = {name: value for name, value in params.items() if name not in {"kind", "tweedie_variance_power"}}
    if params["kind"] == "log1p":
        return {"objective": "regression", **shape}
    return {"objective": "tweedie", "tweedie_variance_power": params["tweedie_variance_power"], **shape}


def _by_trees(recipe: AmountRecipe, data: TrainingData, train: Rows, score: Rows) -> list[float]:
    """Return the error on ``score`` after each number of ``TREES``: one forest, read at several lengths."""
    X, amount = data.X, data.amounts
    grown = recipe.grow(X[train], amount[train], max(TREES))
    alone = train & data.unapproached
    errors = []
    for trees in TREES:
        predicted = grown.amount_after(X[score], trees)
        if recipe.kind == "log1p":
            predicted = predicted * smearing(grown.amount_after(X[alone], trees), amount[alone])
        errors.append(rmse(amount[score], predicted))
    return errors


def _why(chosen: str, table: dict[str, float]) -> Text:
    others = listed(
        msg("{part} {figure}", part=TITLES.get(kind, kind), figure=f"{error:,.4g}")
        for kind, error in table.items()
        if kind != chosen
    )
    return msg(
        "chosen: {chosen}, validation RMSE {rmse}; {others}",
        chosen=TITLES.get(chosen, chosen),
        rmse=f"{table[chosen]:,.4g}",
        others=others,
    )
