"""How far features have moved: held to shares that pandas counts, to weights by hand, and to rows that have not moved."""

from __future__ import annotations

from dataclasses import asdict, replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import entropy

from tagcast.models.inference.feature_drift import (
    LEAST,
    WEIGHED,
    FeatureDrift,
    explained_rows,
    feature_drift,
)
from tagcast.models.stats.psi import FeatureBins

NAMES = ("recency_days", "spend_30d", "orders_30d", "never_looked_at")


def drawn(rows: int, seed: int) -> np.ndarray:
    """Days, an amount that is mostly unknown, counts of which most are 0, and a constant."""
    rng = np.random.default_rng(seed)
    spend = np.where(rng.random(rows) < 0.6, np.nan, rng.lognormal(3, 1, rows))
    return np.column_stack([rng.integers(0, 90, rows), spend, rng.poisson(0.15, rows), np.full(rows, 7.0)])


def trained(X: np.ndarray, weight: np.ndarray | None = None) -> SimpleNamespace:
    bins = {name: FeatureBins.of(np.ascontiguousarray(X[:, j]), weight) for j, name in enumerate(NAMES)}
    return SimpleNamespace(features=NAMES, bins=bins)


@pytest.fixture(scope="module")
def before() -> np.ndarray:
    return drawn(30_000, 1)


def counted_psi(then: np.ndarray, now: np.ndarray, edges: tuple[float, ...]) -> float:
    """Both directions of the Kullback-Leibler divergence between shares by interval, the unknown one of them, less what chance makes."""

    def share(x: np.ndarray) -> np.ndarray:
        cut = pd.cut(pd.Series(x), [-np.inf, *edges, np.inf])
        return (
            cut.value_counts(sort=False, dropna=False, normalize=True)
            .reindex([*cut.cat.categories, np.nan], fill_value=0.0)
            .to_numpy()
        )

    a, b = share(then), share(now)
    used = (a > 0) | (b > 0)
    a, b = a[used], b[used]
    return entropy(a, b) + entropy(b, a) - (len(a) - 1) * (1 / len(then) + 1 / len(now))


def test_each_feature_counts_by_the_mean_size_of_its_contributions(before) -> None:
    now = drawn(5_000, 2)
    now[::2, 0] = np.minimum(now[::2, 0] + 12, 89)
    now[np.random.default_rng(3).random(5_000) < 0.5, 1] = np.nan
    model = trained(before)
    given = np.tile([1.5, -0.25, 0.25, 0.0], (WEIGHED, 1)) * np.where(np.arange(WEIGHED) % 2, 1, -1)[:, None]
    found = feature_drift(model, now, given)
    psi = {n: counted_psi(before[:, j], now[:, j], model.bins[n].edges) for j, n in enumerate(NAMES)}
    assert found.weighted == pytest.approx(
        0.75 * psi["recency_days"] + 0.125 * (psi["spend_30d"] + max(0, psi["orders_30d"])), rel=1e-6
    )
    first, second = found.features
    assert (first.feature, first.psi, first.weight) == (
        "recency_days",
        pytest.approx(psi["recency_days"]),
        0.75,
    )
    assert first.above is not None
    assert (first.then, first.now) == (
        pytest.approx((before[:, 0] > first.above).mean()), pytest.approx((now[:, 0] > first.above).mean()),
    )  # fmt: skip
    assert (second.feature, second.above) == ("spend_30d", None)
    assert second.now == pytest.approx(np.isnan(now[:, 1]).mean())
    assert (found.rows, found.explained) == (5_000, WEIGHED)


def test_rows_of_the_same_distribution_have_not_moved(before) -> None:
    model, found = trained(before), []
    for seed in range(40):
        now = drawn(400, 100 + seed)
        drift = feature_drift(model, now, np.ones((400, 4)))
        assert drift.features == () or drift.weighted < 0.03
        found.append(drift.weighted)
    # What chance makes of 400 rows, 9 / 400, is taken off; what is left of it are the halves above 0.
    assert np.mean(found) < 0.006


def test_rows_that_stand_for_several_count_so_often(before) -> None:
    weight = np.where(before[:, 0] < 30, 3.0, 1.0)
    whole = np.repeat(before, weight.astype(int), axis=0)
    one, other = trained(before, weight).bins["orders_30d"], trained(whole).bins["orders_30d"]
    assert (one.edges, one.mass) == (other.edges, other.mass)


def test_nothing_is_said_of_few_rows_or_of_models_that_recorded_no_bins(before) -> None:
    model, now = trained(before), drawn(LEAST, 2)
    assert feature_drift(model, now, np.ones((LEAST, 4))) is not None
    assert feature_drift(model, now[1:], np.ones((LEAST - 1, 4))) is None
    assert feature_drift(model, now, np.zeros((LEAST, 4))) is None
    assert feature_drift(SimpleNamespace(features=NAMES, bins={}), now, np.ones((LEAST, 4))) is None


def test_drift_and_bins_are_read_as_they_were_written(before) -> None:
    model, now = trained(before), drawn(3_000, 2)
    now[:, 0] += 20
    drift = feature_drift(model, now, np.ones((2_000, 4)))
    assert drift.features
    assert FeatureDrift.from_json(asdict(drift)) == drift
    for one in model.bins.values():
        assert FeatureBins.from_json(one.to_json()) == one
        with pytest.raises(ValueError, match="edges"):
            replace(one, mass=one.mass[1:])


def test_those_explained_are_spread_evenly() -> None:
    assert explained_rows(3).tolist() == [0, 1, 2]
    many = explained_rows(10_000)
    assert len(many) == WEIGHED
    assert (many[0], many[-1]) == (0, 9_999)
    assert set(np.diff(many).tolist()) <= {5, 6}
