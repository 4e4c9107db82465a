"""A stored model as SHAP's own object: the numbers that tagcast reports, and plots that leave no trace."""

from __future__ import annotations

import subprocess
import sys
from io import BytesIO

import numpy as np
import pytest

from tagcast.features.core.errors import ModelError
from tagcast.models.definitions.loader import parse_definition
from tagcast.models.estimators.forest import ForestScorer
from tagcast.models.evaluation.explanation import explain
from tagcast.models.plots.shap_plots import beeswarm, highest, waterfall
from tagcast.models.training import tag_kind
from tests.support.shop import CHURN
from tests.support.synthetic import shoppers

TITLES = {"recency_days": "days since the last purchase"}


@pytest.fixture(scope="module")
def trained():
    frame, split, _ = shoppers()
    definition = parse_definition(CHURN, "churn")
    model = tag_kind.train(definition, frame, split, feature_set="7,30;amount;", trials=2).model
    return frame.X.iloc[:300], model


@pytest.fixture(scope="module")
def explanation(trained):
    X, model = trained
    return explain(model, X, titles=TITLES)


def test_values_are_the_contributions_to_the_bit(trained, explanation):
    X, model = trained
    assert explanation.values.tobytes() == model.contributions(X, exact=True).tobytes()
    shuffled = explain(model, X[list(X.columns[::-1])])
    assert shuffled.values.tobytes() == explanation.values.tobytes()
    assert explanation.feature_names == [TITLES.get(name, name) for name in model.features]
    np.testing.assert_array_equal(explanation.data, model.matrix(X))


def test_rows_add_up_to_the_raw_score_from_one_average(trained, explanation):
    X, model = trained
    np.testing.assert_allclose(
        explanation.base_values + explanation.values.sum(axis=1), model.raw(X), rtol=0, atol=1e-12
    )
    assert np.ptp(explanation.base_values) < 1e-9
    assert highest(explanation) == int(np.argmax(model.raw(X)))


def test_the_forest_agrees_with_the_library_s_own_explainer(trained):
    import shap

    X, model = trained
    forest = model.scorer.parts["forest"]
    assert isinstance(forest, ForestScorer)
    own = model.matrix(X)[:, list(forest.columns)]
    theirs = shap.TreeExplainer(forest.booster)(own)
    values = theirs.values if theirs.values.ndim == 2 else theirs.values[:, :, 1]
    np.testing.assert_allclose(
        forest.shap_values(model.matrix(X))[:, list(forest.columns)], values, rtol=0, atol=1e-9
    )


def test_a_missing_column_is_named(trained):
    X, model = trained
    with pytest.raises(ModelError, match="recency_days"):
        explain(model, X.drop(columns="recency_days"))


def test_plots_leave_pyplot_and_the_generator_as_they_were(explanation):
    import matplotlib.pyplot as plt

    mine = plt.figure()
    np.random.seed(5)  # noqa: NPY002
    before = np.random.get_state()  # noqa: NPY002
    try:
        figures = [
            beeswarm(explanation, "log-odds"),
            beeswarm(explanation, "log-odds"),
            waterfall(explanation[highest(explanation)], "the highest (log-odds)"),
        ]
        assert plt.get_fignums() == [mine.number]
        assert plt.gcf() is mine
        assert not mine.axes
    finally:
        plt.close(mine)
    np.testing.assert_array_equal(np.random.get_state()[1], before[1])  # noqa: NPY002
    drawn = []
    for figure in figures:
        stream = BytesIO()
        figure.savefig(stream, format="png")
        drawn.append(stream.getvalue())
    assert drawn[0] == drawn[1]
    labels = [text.get_text() for text in figures[0].axes[0].get_yticklabels()]
    assert "days since the last purchase" in labels
    assert figures[0].axes[0].get_xlabel() == "contribution to the log-odds"


def test_an_unknown_value_is_called_so(trained):
    X, model = trained
    gone = X.iloc[:2].assign(recency_days=np.nan)
    figure = waterfall(explain(model, gone, titles=TITLES)[0], "one (log-odds)")
    labels = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert "unknown = days since the last purchase" in labels


def test_one_row_and_one_feature_can_be_drawn(trained):
    X, model = trained
    explanation = explain(model, X.iloc[:1])
    beeswarm(explanation, "log-odds", top=1).savefig("/dev/null", format="png")
    waterfall(explanation[0], "one", top=1).savefig("/dev/null", format="png")


@pytest.mark.parametrize(
    "module",
    [
        "tagcast.pipelines.cli.main",
        "tagcast.serving.web_app",
        "tagcast.serving.scoring.scorer",
        "tagcast.models.evaluation.explanation",
    ],
)
def test_nobody_pays_for_the_import_who_does_not_explain(module):
    code = f"import sys, {module}; print('shap' in sys.modules)"
    found = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "False"
