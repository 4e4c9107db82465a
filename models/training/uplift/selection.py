"""Which effect learner is best, by validation on cases that it had not seen.

The criterion is the mean squared distance of the effect from the doubly robust pseudo-outcome, less that of the average effect:
its expectation differs from the true squared error of effects by a constant alone. Each candidate is calibrated first, by the
other folds' best linear predictor, as the model that is kept will be. Differences between learners are small beside
the noise of outcomes, and the best of five is best by luck as often as not: the simplest candidate is taken that the best does
not beat beyond chance (95 % of the paired difference).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tagcast.features.core.messages import Text, listed, msg
from tagcast.models.estimators.effects import CANDIDATES, FOREST, LINE, TITLES, TWO_LINES
from tagcast.models.estimators.logistic import C_GRID
from tagcast.models.estimators.search import Objective, SearchOptions, best_of, search
from tagcast.models.stats.draws import TRIAL_ROWS, thinned
from tagcast.models.stats.effects import LOSS_SCALE, LinearEffect
from tagcast.models.stats.numerics import DEVIATIONS_95, probability
from tagcast.models.training.out_of_fold import TrainingTask
from tagcast.models.training.result import Choice
from tagcast.models.training.uplift.arms import Arms, Floats
from tagcast.models.training.uplift.recipe import EffectRecipe

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

SETTINGS: tuple[dict[str, Any], ...] = (
    {"num_leaves": 4, "min_child_samples": 200, "feature_fraction": 0.8, "lambda_l2": 10.0},
    {"num_leaves": 8, "min_child_samples": 200, "feature_fraction": 0.8, "lambda_l2": 10.0},
)
"""The first trials of the forest: outcomes tell so little of effects that only coarse leaves can be believed."""
TREES = (25, 50, 100)


@dataclass(frozen=True)
class Fold:
    """What one fold learns from and is judged on.

    Parameters
    ----------
    train : Arms
    learned : ndarray of shape (m,)
        Pseudo-outcomes of the training rows, by nuisance models of these rows alone.
    X, effect : ndarray of shape (k, p) and (k,)
        Of the rows to judge on; pseudo-outcomes of all rows' nuisance models.
    score : Arms
        The rows to judge on.
    """

    train: Arms
    learned: Floats
    score: Arms
    effect: Floats


def choose_effect(task: TrainingTask, arms: Arms, effects: Floats, options: SearchOptions) -> Choice:
    """Choose the learner of least loss over the folds of ``task``, the simplest of those that are as good.

    Parameters
    ----------
    task : TrainingTask
    arms : Arms
        All rows of ``task.data``.
    effects : ndarray of shape (n,)
        Their pseudo-outcomes, to judge by.
    options : SearchOptions
        Of the forest's settings.
    """
    pairs = [(thinned(train, TRIAL_ROWS), score) for train, score in task.choosing]
    folds = [Fold(t := arms.only(a), t.effects(), arms.only(b), effects[b]) for a, b in pairs]
    days = [task.data.as_of[b] for _, b in pairs]
    who = [task.data.profile_id[b] for _, b in pairs]
    strength, bends = _penalty(folds)
    done = search(_EffectLoss(folds, task.data.steady, options.seed), options)
    top = best_of(done)
    rows = round(float(np.mean([len(f.train.y) for f in folds])))
    base = EffectRecipe(
        TWO_LINES, strength, bends, top.params, top.rounds, rows, task.data.steady, options.seed
    )
    parts = {
        name: [replace(base, kind=name).fit_on(f.train, f.learned).raw(f.score.X) for f in folds]
        for name in (TWO_LINES, LINE, FOREST)
    }
    losses: dict[str, Floats] = {}
    for name, weights in CANDIDATES.items():
        if weights:
            raw = [np.sum([w * parts[p][k] for p, w in weights.items()], axis=0) for k in range(len(folds))]
            losses[name] = _calibrated_losses(raw, [f.effect for f in folds], days, who)
    table = {name: LOSS_SCALE * float(loss.mean()) for name, loss in losses.items()}
    chosen = _simplest(losses)
    return Choice(replace(base, kind=chosen), chosen, table, done, (_why(chosen, table),))


def _penalty(folds: Sequence[Fold]) -> tuple[float, int]:
    """Return the strength and the bends of the two-model lines of least log loss over both arms."""
    table: dict[tuple[float, int], float] = {}
    for bends, strengths in C_GRID.items():
        for fold in folds:
            for C, (approached, control) in zip(strengths, fold.train.lines(strengths, bends), strict=True):
                treated = fold.score.treated == 1
                odds = np.where(treated, approached.raw(fold.score.X), control.raw(fold.score.X))
                p, y = probability(odds), fold.score.y
                loss = -float(np.mean(np.where(y == 1, np.log(p), np.log1p(-p))))
                table[C, bends] = table.get((C, bends), 0.0) + loss
    return min(table, key=lambda key: table[key])


def _calibrated_losses(
    raw: Sequence[Floats], effect: Sequence[Floats], days: Sequence[Any], who: Sequence[Any]
) -> Floats:
    """Return the loss of each row, its score calibrated by the rows of the other folds."""
    found = []
    for k in range(len(raw)):
        rest = [j for j in range(len(raw)) if j != k] or [k]
        line = LinearEffect.fit(
            *(np.concatenate([part[j] for j in rest]) for part in (raw, effect, days, who))
        )
        # The same average for all candidates, so that they differ by what they say of people.
        score = line.mean + max(0.0, line.slope) * (raw[k] - raw[k].mean())
        found.append((score - effect[k]) ** 2 - (line.mean - effect[k]) ** 2)
    return np.concatenate(found)


def _simplest(losses: Mapping[str, Floats]) -> str:
    """Return the first candidate whose mean loss differs from the least by no more than chance."""
    best = min(losses, key=lambda name: float(losses[name].mean()))
    for name, loss in losses.items():
        behind = loss - losses[best]
        if behind.mean() <= DEVIATIONS_95 * behind.std(ddof=1) / np.sqrt(len(behind)):
            return name
    return best


@dataclass(frozen=True)
class _EffectLoss(Objective):
    """Loss of forests of the best length, the latest fold first."""

    in_time: Sequence[Fold]
    columns: tuple[int, ...]
    seed: int
    first: Sequence[dict[str, Any]] = SETTINGS

    @property
    def folds(self) -> int:
        return len(self.in_time)

    def space(self) -> dict[str, BaseDistribution]:
        from optuna.distributions import FloatDistribution, IntDistribution

        return {
            "num_leaves": IntDistribution(3, 16),
            "min_child_samples": IntDistribution(50, 1000, log=True),
            "feature_fraction": FloatDistribution(0.4, 1.0),
            "lambda_l2": FloatDistribution(1.0, 100.0, log=True),
        }

    def measured(self, params: dict[str, Any]) -> Iterator[tuple[tuple[float, ...], int]]:
        recipe = EffectRecipe(FOREST, params=params, columns=self.columns, seed=self.seed)
        errors: list[list[float]] = []
        for fold in reversed(self.in_time):
            grown = recipe.grow(fold.train.X, fold.learned, max(TREES))
            average = float(fold.learned.mean())
            errors.append(
                [
                    float(
                        np.mean(
                            (grown.raw_after(fold.score.X, n) - fold.effect) ** 2
                            - (average - fold.effect) ** 2
                        )
                    )
                    for n in TREES
                ]
            )
            found = np.array(errors)
            best = int(found.mean(axis=0).argmin())
            yield tuple(found[:, best].tolist()), TREES[best]


def _why(chosen: str, table: Mapping[str, float]) -> Text:
    others = listed(
        msg("{part} {figure}", part=TITLES[name], figure=f"{loss:,.3g}")
        for name, loss in table.items()
        if name != chosen
    )
    return msg(
        "chosen: {chosen}, validation loss of effects {loss} against that of the average effect; {others}; the simplest that the best "
        "does not beat beyond chance",
        chosen=TITLES[chosen],
        loss=f"{table[chosen]:,.3g}",
        others=others,
    )
