"""BG/NBD against its own process, the published fit, and brute force."""

from __future__ import annotations

import json
import os
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import beta, gamma

from tagcast.models.estimators.bgnbd import (
    BgNbdScorer,
    History,
    Parameters,
    alive_probability,
    fit_parameters,
    log_likelihood,
    no_purchase_probability,
)

TRUE = Parameters(0.8, 20.0, 0.9, 2.5)
DATA = Path(os.environ.get("TAGCAST_DATA", Path(__file__).resolve().parents[4] / "shared" / "data"))
CDNOW = DATA / "cdnow_master.parquet"


def simulate(n: int, known: float, horizon: float, seed: int) -> tuple[History, np.ndarray]:
    """Return histories of n customers over ``known`` days, and whether each bought in the horizon after."""
    rng = np.random.default_rng(seed)
    rate, drop = rng.gamma(TRUE.r, 1 / TRUE.alpha, n), rng.beta(TRUE.a, TRUE.b, n)
    repeats, last, buys = np.zeros(n), np.zeros(n), np.zeros(n, bool)
    for i in range(n):
        t = rng.exponential(1 / rate[i])
        while t < known + horizon:
            if t < known:
                repeats[i], last[i] = repeats[i] + 1, t
            else:
                buys[i] = True
            if rng.random() < drop[i]:
                break
            t += rng.exponential(1 / rate[i])
    return History(repeats, last, np.full(n, known)), buys


def test_chances_are_those_of_the_process() -> None:
    history, buys = simulate(60_000, 120.0, 30.0, 1)
    said = no_purchase_probability(TRUE, history, 30.0)
    assert said.mean() == pytest.approx(1 - buys.mean(), abs=0.005)
    for low, high in ((0, 0), (1, 2), (3, 6), (7, 999)):
        rows = (history.repeats >= low) & (history.repeats <= high)
        error = 3 * np.sqrt(0.25 / rows.sum())
        assert said[rows].mean() == pytest.approx(1 - buys[rows].mean(), abs=error)
    for bin_ in np.array_split(np.argsort(said), 8):
        assert said[bin_].mean() == pytest.approx(1 - buys[bin_].mean(), abs=0.02)


def test_the_fit_finds_the_process() -> None:
    history, _ = simulate(20_000, 200.0, 0.0, 2)
    found = fit_parameters(history)
    assert found.r == pytest.approx(TRUE.r, rel=0.1)
    assert found.alpha == pytest.approx(TRUE.alpha, rel=0.15)
    assert found.a / (found.a + found.b) == pytest.approx(TRUE.a / (TRUE.a + TRUE.b), rel=0.1)
    assert fit_parameters(history) == found


@pytest.mark.skipif(not CDNOW.is_file(), reason="the CDNOW log is not in TAGCAST_DATA")
def test_cdnow_is_fitted_as_published() -> None:
    """Fader, Hardie and Lee (2005) give r .243, alpha 4.414 weeks, a .793, b 2.426 for a tenth of the customers."""
    import pandas as pd

    log = pd.read_parquet(CDNOW)
    day = pd.to_datetime(log["date"].astype(str), format="%Y%m%d")
    log = log.assign(day=(day - day.min()).dt.days).query("day < 273")  # 39 weeks
    bought = log.drop_duplicates(["customer_id", "day"]).groupby("customer_id")["day"]
    first, last, count = bought.min(), bought.max(), bought.count()
    found = fit_parameters(
        History((count - 1).to_numpy(float), (last - first).to_numpy(float), (273 - first).to_numpy(float))
    )
    assert found.r == pytest.approx(0.243, rel=0.2)
    assert found.alpha / 7 == pytest.approx(4.414, rel=0.2)
    assert found.a == pytest.approx(0.793, rel=0.3)
    assert found.b == pytest.approx(2.426, rel=0.35)


@pytest.mark.parametrize(("repeats", "last", "known"), [(0, 0.0, 90.0), (1, 40.0, 120.0), (5, 80.0, 100.0)])
def test_likelihood_and_chances_are_the_integrals_over_all_customers(repeats, last, known) -> None:
    """A customer of rate r and drop-out chance p, weighed by the gamma and beta densities, on a fine grid."""
    u = (np.arange(1500) + 0.5) / 1500
    rate, drop = gamma.ppf(u, TRUE.r, scale=1 / TRUE.alpha)[:, None], beta.ppf(u, TRUE.a, TRUE.b)
    alive = (1 - drop) ** repeats * rate**repeats * np.exp(-rate * known)
    gone = drop * (1 - drop) ** (repeats - 1) * rate**repeats * np.exp(-rate * last) if repeats else 0 * alive
    whole = (alive + gone).mean()
    history = History(np.array([float(repeats)]), np.array([last]), np.array([known]))
    assert np.exp(log_likelihood(TRUE, history)[0]) == pytest.approx(whole, rel=5e-3)
    assert alive_probability(TRUE, history)[0] == pytest.approx(alive.mean() / whole, rel=5e-3)
    for horizon in (7.0, 30.0, 180.0):
        buys = (alive * -np.expm1(-rate * horizon)).mean() / whole
        assert no_purchase_probability(TRUE, history, horizon)[0] == pytest.approx(1 - buys, abs=2e-3)


def test_one_time_buyers_are_alive_for_ever_and_yet_ever_less_likely_to_come() -> None:
    known = np.array([30.0, 90.0, 300.0])
    history = History(np.zeros(3), np.zeros(3), known)
    assert (alive_probability(TRUE, history) == 1).all()
    assert (np.diff(no_purchase_probability(TRUE, history, 30)) > 0).all()


def scorer(*, buys: bool) -> tuple[BgNbdScorer, np.ndarray]:
    history, _ = simulate(3000, 120.0, 0.0, 3)
    recency = np.where(history.repeats > 0, 120 - history.last, 120.0)
    X = np.column_stack([np.arange(3000.0), history.repeats + 1, recency, history.known])
    X[:5, 1:] = np.nan
    y = np.zeros(3000, "int8")
    found = BgNbdScorer.fit(
        X, y, np.ones(3000, bool), columns=(1, 2, 3), first_counts=False, horizon_days=30, buys=buys
    )
    return found, X


def test_a_part_of_a_model_takes_unknown_histories_and_comes_back() -> None:
    churn, X = scorer(buys=False)
    raw = churn.raw(X)
    assert np.isfinite(raw).all()
    assert (raw[:5] == churn.unknown).all()
    np.testing.assert_array_equal(BgNbdScorer.from_json(json.loads(json.dumps(churn.to_json()))).raw(X), raw)
    np.testing.assert_allclose(scorer(buys=True)[0].raw(X)[5:], -raw[5:])
    np.testing.assert_array_equal(churn.raw(X[100:200]), raw[100:200])


def test_contributions_are_shapley_values() -> None:
    churn, X = scorer(buys=False)
    rows = X[10:30]
    typical = np.array([[0.0, *churn.typical]])
    given = churn.contributions(rows)
    np.testing.assert_allclose(given.sum(axis=1) + churn.raw(typical), churn.raw(rows), atol=1e-9)
    # Brute force: the mean over all orders of what a column adds when its turn comes.
    expected = np.zeros((len(rows), 4))
    for order in permutations((1, 2, 3)):
        mixed = np.repeat(typical, len(rows), axis=0)
        for column in order:
            before = churn.raw(mixed)
            mixed[:, column] = rows[:, column]
            expected[:, column] += (churn.raw(mixed) - before) / 6
    np.testing.assert_allclose(given, expected, atol=1e-9)
