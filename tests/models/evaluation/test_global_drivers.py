"""Drivers: what moves a score, which way, in words and in plots; cheap reasons beside exact ones."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import spearmanr

from tagcast.features.catalog.feature_set import Feature, FeatureSet
from tagcast.models.artifacts.binary_model import TagModel
from tagcast.models.calibration.binary_calibrator import Calibrator
from tagcast.models.definitions.loader import parse_definition
from tagcast.models.estimators.blend import Blend
from tagcast.models.evaluation.global_drivers import drivers, more_of, reason_agreement
from tagcast.models.inference.attributions import contributions, explain
from tagcast.models.kernels.additive_model import AdditiveModel, Curve
from tagcast.models.plots.dependence import binned_median, dependence_grid
from tagcast.models.training import tag_kind
from tests.support.shop import CHURN
from tests.support.synthetic import shoppers

TITLES = {
    "recency_days": Feature(
        "recency_days", "profile_activity", "days since the last purchase", "距上次购买天数"
    ),
    "purchase_days_60d": Feature(
        "purchase_days_60d", "profile_activity", "days with a purchase, last 60 days", "近60天购买天数"
    ),
}


@pytest.fixture(scope="module")
def trained():
    frame, split, _ = shoppers()
    definition = parse_definition(CHURN, "churn")
    return frame, tag_kind.train(definition, frame, split, feature_set="7,30;amount;", trials=2).model


def linear(slopes: list[float]) -> TagModel:
    """Return a model whose log-odds are a plain sum: its reasons are known."""
    curves = tuple(
        Curve(j, (-19.0, 21.0), (-20 * slope, 20 * slope), -slope) for j, slope in enumerate(slopes)
    )
    rng = np.random.default_rng(0)
    raw = rng.normal(size=400)
    y = (rng.random(400) < 1 / (1 + np.exp(-raw))).astype("int8")
    return TagModel(
        definition=parse_definition(CHURN, "churn"),
        features=tuple(f"f{j}" for j in range(len(slopes))),
        feature_set="7;amount;",
        scorer=Blend({"logistic": 1.0}, {"logistic": AdditiveModel(0.0, curves)}),
        calibrator=Calibrator.fit(raw, y, np.full(400, np.datetime64("2024-01-01"))),
        threshold=0.5,
        base_rate=0.5,
        snapshots=(),
        ranges={},
        seed=0,
    )


def test_drivers_name_what_the_outcome_was_made_of(trained) -> None:
    frame, model = trained
    found = drivers(model, frame.X, TITLES, top=3)
    assert {d.feature for d in found} & {"recency_days", "purchase_days_60d", "spend_60d"}
    assert "constant" not in {d.feature for d in found}
    assert [d.size for d in found] == sorted((d.size for d in found), reverse=True)
    busy = next(d for d in found if d.feature == "purchase_days_60d")
    assert busy.direction == "falls"
    assert busy.en.startswith("Days with a purchase, last 60 days: the more, the less likely; counts for ")
    assert busy.zh.startswith("近60天购买天数：越多，越不可能；占评分构成的")
    assert busy.low <= busy.middle <= busy.high
    every = drivers(model, frame.X, {}, top=99)
    assert sum(d.share for d in every) == pytest.approx(1)
    assert all(d.title_en == d.feature for d in every), "a feature without a title goes by its name"


def test_direction_is_the_sign_of_the_slope_and_unknown_values_are_counted() -> None:
    X = np.random.default_rng(1).normal(size=(200, 4))
    X[:50, 1] = np.nan
    X[:, 3] = np.nan
    rises, falls, *none = drivers(linear([2.0, -1.0, 0.0, 0.0]), X, {})
    assert (rises.direction, falls.direction, none) == ("rises", "falls", [])
    assert falls.unknown == pytest.approx(0.25)
    (unknown,) = drivers(linear([0.0, 0.0, 0.0, 1.0]), X, {})
    assert unknown.direction == "mixed"
    assert np.isnan(unknown.middle)
    assert unknown.unknown == 1


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("recency_days", "longer"), ("gap_std_days", "higher"), ("category_purchase_days_90d", "more"),
        ("spend_90d", "higher"), ("category_day_share", "higher"), ("purchase_days_trend_7_30d", "higher"),
        ("items_30d", "more"), ("visit_recency_days", "longer"), ("tenure_bounded_days", "longer"),
    ],
)  # fmt: skip
def test_words_fit_what_a_feature_counts(name: str, word: str) -> None:
    assert more_of(name) == word


def test_every_declared_feature_gets_a_sentence_in_both_languages() -> None:
    titles = FeatureSet((7, 30), ("amount", "category", "is_return"), ("visit",)).titles()
    model = linear([1.0])
    for name, title in titles.items():
        one = TagModel(**{**model.__dict__, "features": (name,)})
        (driver,) = drivers(one, np.arange(9.0)[:, None], {name: title})
        assert driver.en[:2].lower() == title.en[:2].lower()
        assert "100 %" in driver.en
        assert driver.zh.startswith(title.zh)
        assert driver.zh.endswith("。")


def test_agreement_is_whole_where_there_is_no_forest_and_high_with_one(trained) -> None:
    frame, model = trained
    whole = reason_agreement(linear([1.0, -2.0, 0.5, 0.1]), np.random.default_rng(0).normal(size=(50, 4)))
    assert (whole.rows, whole.top_in_three, whole.overlap) == (50, 1.0, 1.0)
    found = reason_agreement(model, frame.X, rows=200, seed=4)
    assert found.rows == 200
    assert 0.9 <= found.top_in_three <= 1
    assert found == reason_agreement(model, frame.X, rows=200, seed=4)
    known = contributions(model, frame.X, exact=True)
    assert found == reason_agreement(model, frame.X, rows=200, seed=4, given=known)
    with pytest.raises(ValueError, match="one row or more"):
        reason_agreement(model, frame.X.iloc[:0])


def test_agreement_counts_what_the_reasons_say(trained) -> None:
    frame, model = trained
    X = frame.X.iloc[:150]
    exact, path = (explain(model, X, exact=e) for e in (True, False))
    hits = [e[0][0] in {name for name, _, _ in p} for e, p in zip(exact, path, strict=True)]
    both = [len({r[0] for r in e} & {r[0] for r in p}) / len(e) for e, p in zip(exact, path, strict=True)]
    found = reason_agreement(model, X)
    assert found.top_in_three == pytest.approx(np.mean(hits))
    assert found.overlap == pytest.approx(np.mean(both))


def test_plots_are_drawn_for_skewed_constant_and_unknown_values(trained) -> None:
    frame, model = trained
    X = frame.X.assign(constant=1.0, noise=np.nan, spend_60d=np.exp(frame.X["spend_60d"] / 20)).iloc[:300]
    figure = dependence_grid(model, X, model.features, TITLES)
    assert len(figure.axes) == len(model.features)
    assert {a.get_title().replace("\n", " ") for a in figure.axes} >= {
        "days since the last purchase", "spend_60d", "noise",
    }  # fmt: skip
    figure.savefig("/dev/null", format="png")


@given(arrays(float, st.integers(1, 60), elements=st.floats(-1e6, 1e6)))
def test_binned_medians_lie_within_the_data_and_rise_in_x(x: np.ndarray) -> None:
    middle, level = binned_median(x, -x)
    assert 1 <= len(middle) <= 15
    assert (np.diff(middle) > 0).all()
    assert x.min() <= middle[0]
    assert middle[-1] <= x.max()
    np.testing.assert_allclose(level, -middle)


def test_reasons_of_a_blend_hold_its_logistic_part() -> None:
    model = linear([1.0, -3.0])
    (reasons,) = explain(model, pd.DataFrame({"f1": [5.0], "f0": [5.0]}), exact=True)
    assert [name for name, _, _ in reasons] == ["f1", "f0"]
    assert reasons[0][2] < 0 < reasons[1][2]


def test_the_figures_of_a_driver_in_closed_form() -> None:
    """A model of straight lines: contributions are slope times distance from the middle, in the compressed scale."""
    X = np.random.default_rng(2).lognormal(0, 1.5, size=(300, 3)) * [1, -1, 1]
    X[:60, 2] = np.nan
    slopes = np.array([2.0, -1.0, 0.5])
    z = np.sign(X) * np.log1p(np.abs(X))
    moved = np.where(np.isnan(z), -slopes, slopes * (z - 1))
    sizes = np.abs(moved).mean(axis=0)
    for driver in drivers(linear(slopes.tolist()), X, {}):
        j = int(driver.feature[1:])
        known = ~np.isnan(X[:, j])
        assert driver.size == pytest.approx(sizes[j])
        assert driver.share == pytest.approx(sizes[j] / sizes.sum())
        assert driver.unknown == pytest.approx(1 - known.mean())
        assert driver.correlation == pytest.approx(spearmanr(X[known, j], moved[known, j]).statistic)
        quartiles = pd.Series(X[:, j]).quantile([0.25, 0.5, 0.75]).tolist()
        assert [driver.low, driver.middle, driver.high] == pytest.approx(quartiles)
