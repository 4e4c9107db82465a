"""How a recipe is chosen on validation folds: features, hyperparameters, weights, and why."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np

from tagcast.features.core.messages import Joined, Text, listed, msg
from tagcast.models.estimators.blend import Blend
from tagcast.models.estimators.forest import ForestScorer
from tagcast.models.estimators.logistic import C_GRID, fit_path
from tagcast.models.estimators.search import SearchOptions, Trial, best_of
from tagcast.models.kernels.additive_model import AdditiveModel
from tagcast.models.stats.draws import TRIAL_ROWS, scaled, thinned
from tagcast.models.training.dataset import Fold
from tagcast.models.training.out_of_fold import TrainingTask
from tagcast.models.training.recipe import PART_TITLES, Known, Recipe, RepeatSpec, bare_recipe, part_title
from tagcast.models.training.result import Choice
from tagcast.models.training.tuning import (
    GOOD_DEFAULT,
    MAX_ROUNDS,
    TUNING_RATE,
    TrainAndScore,
    tune,
)
from tagcast.models.training.validation_losses import (
    CaseLosses,
    case_losses,
    clearly_less,
    error_of_difference,
    learn_weights,
    mean_loss,
)

ALONE = 3.0
"""Standard errors by which a part has to be better than the blend to be used without the others."""


@dataclass(frozen=True)
class SelectionInputs:
    """What there is to choose from.

    Parameters
    ----------
    task : TrainingTask
    repeat : RepeatSpec or None
        Of BG/NBD, where the task has what it needs.
    """

    task: TrainingTask
    repeat: RepeatSpec | None
    _of: dict[tuple[int, ...], list[TrainAndScore]] = field(default_factory=dict, repr=False)

    @cached_property
    def folds(self) -> list[Fold]:
        """The arrays of every fold, in time order."""
        return [self.task.data.fold(*pair) for pair in self.task.choosing]

    @cached_property
    def trial_folds(self) -> list[Fold]:
        """The same for what is tried and not kept: where rows were drawn, fewer of them to learn from."""
        if self.task.data.weight is None:
            return self.folds
        choosing = [(thinned(train, TRIAL_ROWS), score) for train, score in self.task.choosing]
        return [self.task.data.fold(*pair) for pair in choosing]

    def of(self, columns: tuple[int, ...]) -> list[TrainAndScore]:
        """Return the arrays of every trial fold with some of the columns; binned once, however often they are asked for."""
        if columns not in self._of:
            self._of[columns] = [fold.data.of(columns) for fold in self.trial_folds]
        return self._of[columns]


class _Own(NamedTuple):
    """What was settled of tagcast's own parts; ``linear`` has the logistic part of each fold where it was fitted already."""

    recipe: Recipe
    trials: tuple[Trial, ...] = ()
    notes: tuple[Text, ...] = ()
    linear: Sequence[AdditiveModel] = ()


class _Paths(NamedTuple):
    """Log losses of the logistic part at each C of a grid, and what its first C gave on each fold."""

    losses: list[CaseLosses]
    first: list[AdditiveModel]


def choose(material: SelectionInputs, options: SearchOptions) -> Choice:
    """Choose features, C, bends, the forest's parameters and the weights by mean log loss over the folds."""
    folds, task = material.folds, material.task
    bare = bare_recipe(task.data.places(task.data.rfm_names), options.seed, task.data.approach)
    own = _choose_own(material, options) if task.own_parts else _Own(bare)
    recipe = own.recipe.beside(task.foreign, task.data.own_features) if task.foreign else own.recipe
    known: list[Known] = [Known()] * len(folds)
    if task.own_parts and material.trial_folds is folds:
        sets = material.of(recipe.forest_columns)
        linear: Sequence[AdditiveModel | None] = own.linear or [None] * len(folds)
        known = [Known(fold.binned[0], part) for fold, part in zip(sets, linear, strict=True)]
    fitted = [
        recipe.fit(fold.data.X, fold.data.y, fold.as_of, fold.data.weight, there)
        for fold, there in zip(folds, known, strict=True)
    ]
    table, weights = _candidates(fitted, folds, task.unearned)
    name = _winner(table)
    return Choice(
        recipe.with_weights(weights[name]),
        name,
        {candidate: mean_loss(losses) for candidate, losses in table.items()},
        own.trials,
        (*own.notes, _why(name, table, weights[name])),
        tuple(blend.reweighted(weights[name]) for blend in fitted),
    )


def _choose_own(material: SelectionInputs, options: SearchOptions) -> _Own:
    """Return the recipe of tagcast's own parts, what was tried for the forest, and notes."""
    data = material.task.data
    every, bounded = tuple(range(len(data.features))), data.steady
    C, bends, linear_columns, linear_note, linear = _choose_linear(material, every, bounded)
    forest_columns, first, forest_note = _choose_forest_columns(material, every, bounded, options.seed)
    trials = tune(material.of(forest_columns), options, first)
    best = best_of(trials)
    parts = ["logistic", "forest"] + (["bgnbd"] if material.repeat else [])
    recipe = Recipe(
        weights=dict.fromkeys(parts, 1 / len(parts)),
        C=C,
        bends=bends,
        linear_columns=linear_columns,
        forest_columns=forest_columns,
        forest_params=best.params,
        rounds=best.rounds,
        tuned_rows=round(np.mean([len(fold.data.y) for fold in material.trial_folds])),
        repeat=material.repeat,
        rfm_columns=data.places(data.rfm_names),
        seed=options.seed,
        approach=data.approach,
    )
    return _Own(recipe, trials, (*linear_note, *forest_note), linear)


def _choose_linear(
    material: SelectionInputs, every: tuple[int, ...], bounded: tuple[int, ...]
) -> tuple[float, int, tuple[int, ...], tuple[Text, ...], Sequence[AdditiveModel]]:
    """Return C, bends and features of the logistic part, notes, and its fits; features are settled with straight lines."""
    note: tuple[Text, ...] = ()
    folds = material.trial_folds
    columns, straight = bounded, _paths(folds, 0, bounded)
    if material.task.data.growing and material.task.out_of_time:
        with_them = _paths(folds, 0, every)
        took, left = _best(with_them.losses)[1], _best(straight.losses)[1]
        note = (_growth_note(PART_TITLES["logistic"], took, left),)
        if not clearly_less(left, took):
            columns, straight = every, with_them
    elif material.task.data.growing:
        note = (msg("features that grow with the calendar are left out: no fold over time can judge them"),)
    found = {0: straight, **{b: _paths(folds, b, columns) for b in C_GRID if b}}
    bends = min(found, key=lambda b: mean_loss(_best(found[b].losses)[1]))
    place = _best(found[bends].losses)[0]
    # The first C of a path starts from nothing, as a fit of its own does: it gives the same to the bit.
    return C_GRID[bends][place], bends, columns, note, () if place else found[bends].first


def _paths(folds: Sequence[Fold], bends: int, columns: Sequence[int]) -> _Paths:
    """Return the logistic part over ``folds`` at each C of the grid, its losses uncalibrated."""
    paths = _Paths([[] for _ in C_GRID[bends]], [])
    for d in (fold.data for fold in folds):
        path = fit_path(d.X, d.y, C_GRID[bends], bends=bends, columns=columns, weight=scaled(d.weight))
        paths.first.append(path[0])
        for place, model in enumerate(path):
            paths.losses[place].append(case_losses(d.y_score, model.raw(d.X_score), d.weight_score))
    return paths


def _best(found: Sequence[CaseLosses]) -> tuple[int, CaseLosses]:
    """Return place and losses of the one with the least mean, the first of equal ones."""
    place = min(range(len(found)), key=lambda k: mean_loss(found[k]))
    return place, found[place]


def _choose_forest_columns(
    material: SelectionInputs, every: tuple[int, ...], bounded: tuple[int, ...], seed: int
) -> tuple[tuple[int, ...], Trial | None, tuple[Text, ...]]:
    """Return the features of the forest, and the trial that settled it.

    Features that grow are left out where small trees lose clearly less without them.
    """
    if not material.task.data.growing or not material.task.out_of_time:
        return bounded, None, ()

    def tried(columns: tuple[int, ...]) -> tuple[CaseLosses, Trial]:
        losses, found = [], []
        for fold in reversed(material.of(columns)):  # the latest first, as trials go
            train, watch = fold.binned
            params = {**GOOD_DEFAULT, "learning_rate": TUNING_RATE}
            forest, rounds, loss = ForestScorer.fit(train, params, MAX_ROUNDS, seed=seed, watch=watch)
            losses.append(case_losses(fold.y_score, forest.raw(fold.X_score), fold.weight_score))
            found.append((loss, rounds))
        mean_rounds = round(float(np.mean([rounds for _, rounds in found])))
        return losses, Trial(0, dict(GOOD_DEFAULT), tuple(loss for loss, _ in found), mean_rounds, False)

    (took, with_them), (left, without) = tried(every), tried(bounded)
    note = (_growth_note(PART_TITLES["forest"], took, left),)
    return (bounded, without, note) if clearly_less(left, took) else (every, with_them, note)


def _growth_note(part: Text, took: CaseLosses, left: CaseLosses) -> Text:
    done = (
        msg("{part} leaves out features that grow with the calendar", part=part)
        if clearly_less(left, took)
        else msg("{part} uses features that grow with the calendar", part=part)
    )
    return msg(
        "{done}: validation log loss {took} with them, {left} without, standard error of the difference {error}",
        done=done,
        took=f"{mean_loss(took):.4f}",
        left=f"{mean_loss(left):.4f}",
        error=f"{error_of_difference(took, left):.4f}",
    )


def _candidates(
    fitted: Sequence[Blend], folds: Sequence[Fold], unearned: Collection[str]
) -> tuple[dict[str, CaseLosses], dict[str, dict[str, float]]]:
    """Return the validation log losses of each candidate, and its weights.

    The blend's loss on a fold is that of weights learned on the others, so that it is not judged on what
    it learned from; with one fold the pull towards its home weights is all that holds it. Those are equal for the parts
    that see all features and nothing for those that have to earn it (``unearned``). A part alone is its own blend.
    """
    parts = list(fitted[0].weights)
    given = [name for name in parts if name not in unearned] or parts
    home = np.array([1 / len(given) if name in given else 0.0 for name in parts])
    raw = [
        np.column_stack([blend.parts[name].raw(fold.data.X_score) for name in parts])
        for blend, fold in zip(fitted, folds, strict=True)
    ]
    y = [fold.data.y_score for fold in folds]
    stands_for = [fold.data.weight_score for fold in folds]
    scored = list(zip(y, raw, stands_for, strict=True))
    table: dict[str, CaseLosses] = {}
    weights: dict[str, dict[str, float]] = {}
    for place, name in enumerate(parts):
        table[name] = [case_losses(t, r[:, place], w) for t, r, w in scored]
        weights[name] = {name: 1.0}
    if len(parts) == 1:
        return table, weights
    equal = np.full(len(parts), 1 / len(parts))
    table["average"] = [case_losses(t, (r * equal).sum(axis=1), w) for t, r, w in scored]
    weights["average"] = dict(zip(parts, equal.tolist(), strict=True))
    table["blend"] = []
    for k in range(len(folds)):
        rest = [i for i in range(len(folds)) if i != k] or [k]
        learned = learn_weights(
            [raw[i] for i in rest], [y[i] for i in rest], home, [stands_for[i] for i in rest]
        )
        table["blend"].append(case_losses(y[k], (raw[k] * learned).sum(axis=1), stands_for[k]))
    final = learn_weights(raw, y, home, stands_for)
    weights["blend"] = {name: float(w) for name, w in zip(parts, final, strict=True) if w > 0}
    return table, weights


def _winner(table: Mapping[str, CaseLosses]) -> str:
    """Return the best candidate, or the blend where the best is not clearly better than it.

    A single fold cannot tell a better model from a lucky season, and the cases of one snapshot share theirs, which the
    standard error does not know: it takes several. Where the future differs from the past a blend errs least.
    """
    best = min(table, key=lambda name: mean_loss(table[name]))
    several = len(table[best]) > 1
    if "blend" not in table:
        return best
    return best if several and clearly_less(table[best], table["blend"], ALONE) else "blend"


def _why(name: str, table: Mapping[str, CaseLosses], weights: Mapping[str, float]) -> Text:
    def beside(figures: Mapping[str, str]) -> Joined:
        return listed(
            msg("{part} {figure}", part=part_title(part), figure=figure) for part, figure in figures.items()
        )

    chosen = part_title(name)
    if len(weights) > 1:
        parts = beside({n: f"{w:.2f}" for n, w in weights.items()})
        chosen = msg("{chosen} ({parts})", chosen=chosen, parts=parts)
    why = msg(
        "chosen: {chosen}, validation log loss {loss}; {others}",
        chosen=chosen,
        loss=f"{mean_loss(table[name]):.4f}",
        others=beside({n: f"{mean_loss(loss):.4f}" for n, loss in table.items() if n != name}),
    )
    best = min(table, key=lambda n: mean_loss(table[n]))
    if best == name:
        return why
    return msg("{why}; {best} is not clearly better", why=why, best=part_title(best))
