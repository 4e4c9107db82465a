"""Which predictor of amounts is best, by validation over time.

The criterion is the root of the mean squared error, averaged over the folds: a score is a mean, which that error asks
for. The mean absolute error asks for the median instead, and where most profiles spend nothing it is won by
predicting nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tagcast.models.estimators.amount_regressor import TITLES, AmountRecipe, smearing

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.bool_]

_TWEEDIE: dict[str, Any] = {"objective": "tweedie", "tweedie_variance_power": 1.2}
_LOG1P: dict[str, Any] = {"objective": "regression"}
SETTINGS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("tweedie", {**_TWEEDIE, "num_leaves": 8}),
    ("log1p", {**_LOG1P, "num_leaves": 8}),
    ("tweedie", {**_TWEEDIE, "tweedie_variance_power": 1.5, "num_leaves": 8}),
    ("tweedie", {**_TWEEDIE, "num_leaves": 16}),
)
"""What is tried, the likeliest first."""
MAX_ROWS = 60_000
"""Rows that a fold learns from while choosing, evenly drawn where there are more: the final fit takes all."""
TREES = (25, 50, 100, 150, 200)
LEAST_WINDOW_DAYS = 14
_WINDOW = re.compile(r"^(?P<category>category_)?spend_(?P<days>\d+)d$")
_RATE = "spend_rate"


@dataclass(frozen=True)
class AmountTrial:
    """One setting: what was tried, and its error on each fold at the best number of trees."""

    number: int
    kind: str
    params: dict[str, Any]
    trees: int
    rmse: tuple[float, ...]


@dataclass(frozen=True)
class AmountChoice:
    """The chosen recipe and what spoke for it.

    Parameters
    ----------
    recipe : AmountRecipe
    rmse : dict of str to float
        Mean validation error of each kind of predictor.
    baseline : AmountRecipe
        The better one of the references.
    trials : tuple of AmountTrial
    notes : tuple of str
        Why, for people.
    """

    recipe: AmountRecipe
    rmse: dict[str, float]
    baseline: AmountRecipe
    trials: tuple[AmountTrial, ...]
    notes: tuple[str, ...]


def own_rates(features: Sequence[str], horizon_days: int, *, category: bool) -> list[tuple[int, float]]:
    """Return the columns that say how much a profile spent, and what turns each into spend per horizon."""
    found = []
    for j, name in enumerate(features):
        window = _WINDOW.match(name)
        if window and bool(window["category"]) == category and int(window["days"]) >= LEAST_WINDOW_DAYS:
            found.append((j, horizon_days / int(window["days"])))
        elif name == _RATE and not category:
            found.append((j, float(horizon_days)))
    return found


def choose_amount(
    X: Floats,
    amount: Floats,
    folds: Sequence[tuple[Rows, Rows]],
    *,
    columns: tuple[int, ...],
    rates: Sequence[tuple[int, float]],
    seed: int,
    settings: int,
    progress: Callable[[int, int], None] | None = None,
) -> AmountChoice:
    """Choose the predictor with the least mean error over ``folds``.

    Parameters
    ----------
    X, amount : ndarray of shape (n, p), (n,)
    folds : sequence of (rows to learn from, rows to score)
    columns : tuple of int
        Features that a forest learns from.
    rates : sequence of (column, factor)
        As :func:`own_rates` gives them.
    seed : int
    settings : int
        Of ``SETTINGS``, how many to try; two at least, one of each kind.
    progress : callable, optional
        Called with (done, total).
    """
    folds = [(_thinned(train), score) for train, score in folds]

    def judged(recipe: AmountRecipe) -> float:
        return float(np.mean([_rmse(recipe.fit(X[t], amount[t]).amount(X[s]), amount[s]) for t, s in folds]))

    recipes = [AmountRecipe("mean"), *(AmountRecipe("own_rate", *rate) for rate in rates)]
    errors = [judged(recipe) for recipe in recipes]
    baseline = recipes[int(np.argmin(errors))]
    table: dict[str, float] = {}
    for recipe, error in zip(recipes, errors, strict=True):
        table[recipe.kind] = min(table.get(recipe.kind, np.inf), error)

    own = tuple(column for column, _ in rates)
    tried = SETTINGS[: max(2, settings)]
    tuned_rows = round(float(np.mean([int(t.sum()) for t, _ in folds])))
    trials: list[AmountTrial] = []
    for number, (kind, params) in enumerate(tried):
        if progress:
            progress(number, len(tried))
        recipe = AmountRecipe(kind, -1, 0.0, columns, own, params, max(TREES), tuned_rows, seed)
        found = np.array([_by_trees(recipe, X, amount, *fold) for fold in folds])
        best = int(found.mean(axis=0).argmin())
        trials.append(AmountTrial(number, kind, params, TREES[best], tuple(found[:, best].tolist())))
    if progress:
        progress(len(tried), len(tried))
    for trial in trials:
        table[trial.kind] = min(table.get(trial.kind, np.inf), float(np.mean(trial.rmse)))
    top = min(trials, key=lambda trial: float(np.mean(trial.rmse)))
    forest = AmountRecipe(top.kind, -1, 0.0, columns, own, top.params, top.trees, tuned_rows, seed)
    chosen = forest if table[top.kind] < table[baseline.kind] else baseline
    return AmountChoice(chosen, table, baseline, tuple(trials), (_why(chosen.kind, table),))


def _by_trees(recipe: AmountRecipe, X: Floats, amount: Floats, train: Rows, score: Rows) -> list[float]:
    """Return the error on ``score`` after each number of ``TREES``: one forest, read at several lengths."""
    grown = recipe.grow(X[train], amount[train], max(TREES))
    errors = []
    for trees in TREES:
        predicted = grown.amount_after(X[score], trees)
        if recipe.kind == "log1p":
            predicted = predicted * smearing(grown.amount_after(X[train], trees), amount[train])
        errors.append(_rmse(predicted, amount[score]))
    return errors


def _thinned(rows: Rows) -> Rows:
    places = np.flatnonzero(rows)
    out = np.zeros_like(rows)
    out[places[:: -(-len(places) // MAX_ROWS) or 1]] = True
    return out


def _rmse(predicted: Floats, amount: Floats) -> float:
    return float(np.sqrt(np.mean(np.square(predicted - amount))))


def _why(chosen: str, table: dict[str, float]) -> str:
    others = ", ".join(f"{TITLES[kind]} {error:,.4g}" for kind, error in table.items() if kind != chosen)
    return f"chosen: {TITLES[chosen]}, validation RMSE {table[chosen]:,.4g}; {others}"
