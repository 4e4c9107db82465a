"""Weights, the winner, the search: against brute force, and the same however it runs."""

from __future__ import annotations

import numpy as np
import optuna
import pytest
from scipy.stats import sem
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from tagcast.models.estimators.logistic import C_GRID, fit_path
from tagcast.models.estimators.rfm import RfmScorer, rfm_rank
from tagcast.models.estimators.search import SearchOptions, Trial, best_of
from tagcast.models.kernels.additive_model import AdditiveModel, compress
from tagcast.models.training.tuning import TrainAndScore, tune
from tagcast.models.training.validation_losses import (
    LEAST_WEIGHT,
    PULL,
    FoldLosses,
    case_losses,
    clearly_less,
    error_of_difference,
    learn_weights,
    mean_loss,
)


def two_voices(seed: int = 0, n: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """Return log-odds of three parts (two that each know half of the truth, one noise), and outcomes."""
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=n), rng.normal(size=n)
    y = (rng.random(n) < 1 / (1 + np.exp(-(a + b)))).astype("int8")
    return np.column_stack([2 * a, 2 * b, rng.normal(size=n) * 2]), y


def test_weights_are_the_best_on_a_grid() -> None:
    raw, y = two_voices()
    home = np.array([0.2, 0.3, 0.5])
    found = learn_weights([raw], [y], home)
    assert found.sum() == pytest.approx(1)
    assert found[2] < 0.1

    def cost(w: np.ndarray) -> float:
        return mean_loss([case_losses(y, raw @ w)]) + PULL * float(((w - home) ** 2).sum())

    grid = [np.array([i, j, 20 - i - j]) / 20 for i in range(21) for j in range(21 - i)]
    assert cost(found) <= min(map(cost, grid)) + 2e-4


def test_a_part_without_use_gets_no_weight() -> None:
    raw, y = two_voices()
    truth = (raw[:, 0] + raw[:, 1]) / 2
    useless = np.column_stack([truth, -5 * truth])
    found = learn_weights([useless], [y], np.array([0.5, 0.5]))
    assert found.tolist() == [1.0, 0.0]
    assert LEAST_WEIGHT > 0


def test_weights_stay_at_home_where_the_folds_say_nothing() -> None:
    raw, y = two_voices()
    same = np.column_stack([raw[:, 0]] * 3)
    assert learn_weights([same], [y], np.array([0.5, 0.5, 0.0])).tolist() == [0.5, 0.5, 0.0]


def test_clearly_less_needs_more_than_a_standard_error() -> None:
    rng = np.random.default_rng(1)
    base = rng.random(400)

    def less(loss: np.ndarray) -> bool:
        return clearly_less([FoldLosses(loss)], [FoldLosses(base)])

    assert less(base - 0.1)
    assert not less(base)
    noise = rng.normal(0, 0.5, 400)
    within = 0.5 * noise.std() / 20  # half a standard error of the mean of 400 cases
    assert not less(base + noise - noise.mean() - within)
    assert less(base + noise - noise.mean() - 3 * within)


def test_losses_and_their_error_are_those_of_scikit_learn_and_scipy() -> None:
    raw, y = two_voices(n=900)
    a, b = (
        [case_losses(part, r) for part, r in zip(np.split(y, 3), np.split(raw[:, j], 3), strict=True)]
        for j in (0, 1)
    )
    chance = 1 / (1 + np.exp(-raw[:, 0]))
    expected = [log_loss(part, p) for part, p in zip(np.split(y, 3), np.split(chance, 3), strict=True)]
    assert mean_loss(a) == pytest.approx(np.mean(expected))
    errors = [sem(x.loss - z.loss, ddof=0) for x, z in zip(a, b, strict=True)]
    assert error_of_difference(a, b) == pytest.approx(np.sqrt(np.square(errors).sum()) / 3)


def fold(seed: int, n: int = 600) -> TrainAndScore:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 4))
    y = (rng.random(n) < 1 / (1 + np.exp(-(X[:, 0] + X[:, 1] ** 2 - 1)))).astype("int8")
    return TrainAndScore(X[: n // 2], y[: n // 2], X[n // 2 :], y[n // 2 :])


FOLDS = [fold(1), fold(2)]


def search(**more: object) -> tuple[Trial, ...]:
    return tune(FOLDS, SearchOptions("s", 3, **{"trials": 10, **more}))


@pytest.mark.parametrize("threads", [2, 4])
def test_trials_side_by_side_find_the_same(threads: int) -> None:
    assert search(threads=threads) == search(threads=1)


def test_a_search_stopped_inside_a_batch_goes_on_to_the_same(tmp_path) -> None:
    url = f"sqlite:///{tmp_path / 'whole.db'}"
    whole = search(storage=url)
    kept = optuna.load_study(study_name="s", storage=url).get_trials()
    assert {t.state.name for t in kept} <= {"COMPLETE", "PRUNED"}
    torn = f"sqlite:///{tmp_path / 'torn.db'}"
    study = optuna.create_study(study_name="s", storage=torn)
    for trial in (kept[0], kept[2], kept[5]):  # a kill leaves what happened to be finished
        study.add_trial(trial)
    # Trial 5 belongs to a batch that started after 0 to 3 were finished: it saw the same.
    assert search(storage=torn) == whole


def test_pruned_trials_are_kept_but_never_win() -> None:
    found = search(trials=24)
    assert len(found) == 24
    assert any(t.pruned for t in found)
    best = min((t for t in found if not t.pruned), key=lambda t: t.loss)
    assert best_of(found) == best


def data(n: int = 900) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(4)
    X = np.column_stack([rng.gamma(1, 20, n), rng.normal(size=n), rng.poisson(2, n).astype(float)])
    X[rng.random(n) < 0.2, 0] = np.nan
    y = (rng.random(n) < 1 / (1 + np.exp(-(np.nan_to_num(X[:, 0]) / 20 - X[:, 2] / 2)))).astype("int8")
    return X, y


def test_straight_lines_are_the_logistic_regression() -> None:
    X, y = data()
    (model,) = fit_path(X, y, [0.5])
    z = compress(X)
    gone = np.isnan(z[:, 0])
    z[gone, 0] = np.nanmedian(z[:, 0])
    Z = np.column_stack([z[:, 0], gone, z[:, 1], z[:, 2]])
    Z = (Z - Z.mean(axis=0)) / Z.std(axis=0)
    fit = LogisticRegression(C=0.5, tol=1e-10, solver="newton-cholesky").fit(Z, y)
    np.testing.assert_allclose(model.raw(X), fit.decision_function(Z), atol=1e-4)


def test_bent_lines_fit_better_and_stay_flat_beyond_training() -> None:
    X, y = data()
    straight, bent = fit_path(X, y, [1.0])[0], fit_path(X, y, [1.0], bends=2)[0]
    assert mean_loss([case_losses(y, bent.raw(X))]) < mean_loss([case_losses(y, straight.raw(X))])
    most = np.nanmax(X, axis=0)
    np.testing.assert_array_equal(bent.raw(most[None, :] * 50), bent.raw(most[None, :]))
    again = AdditiveModel.from_json(bent.to_json())
    np.testing.assert_array_equal(again.raw(X), bent.raw(X))
    np.testing.assert_allclose(bent.contributions(X).sum(axis=1) + bent.intercept, bent.raw(X))
    only = fit_path(X, y, [1.0], columns=[1])[0]
    assert only.used_features <= {1}


def test_the_rfm_scorer_follows_the_ranking_row_by_row() -> None:
    from scipy.stats import spearmanr

    rng = np.random.default_rng(5)
    rfm = np.column_stack([rng.exponential(30, 2000), rng.poisson(4, 2000) + 1.0, rng.gamma(2, 50, 2000)])
    y = (rng.random(2000) < 1 / (1 + np.exp((rfm[:, 0] - 30) / 15))).astype("int8")
    found = RfmScorer.fit(rfm, y, (0, 1, 2))
    rank = rfm_rank(rfm, np.full(2000, np.datetime64("2024-01-01")))
    raw = found.raw(rfm)
    assert spearmanr(found.sign * rank, raw).statistic > 0.99
    np.testing.assert_array_equal(found.raw(rfm[7:8]), raw[7:8])
    assert RfmScorer.from_json(found.to_json()).raw(rfm).tolist() == raw.tolist()


@pytest.mark.parametrize("bends", sorted(C_GRID))
def test_a_path_begins_as_a_fit_of_its_own_does(bends: int) -> None:
    X, y = data()
    whole, alone = fit_path(X, y, C_GRID[bends], bends=bends), fit_path(X, y, C_GRID[bends][:1], bends=bends)
    assert whole[0].to_json() == alone[0].to_json(), "the folds' fits at the least C are taken from the path"
    assert whole[0].to_json() != whole[1].to_json()
