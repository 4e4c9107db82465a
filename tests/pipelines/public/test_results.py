"""What training and evaluating give: frames that agree with one another and with the registry, figures, and a model."""

from __future__ import annotations

import pandas as pd
import pytest
from matplotlib.figure import Figure

from tagcast.features.core.errors import ModelError
from tagcast.pipelines.evidence.learner_names import learner
from tagcast.pipelines.public.training import Training
from tagcast.pipelines.training.registration import TrainedTag
from tests.pipelines.public.conftest import AS_OF, NOW

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("public door")]
PREDICTED = [
    "profile_id",
    "as_of",
    "outcome",
    "score",
    "lower",
    "upper",
    "value",
    "confidence",
    "came",
    "weight",
]


def log_loss(frame: pd.DataFrame) -> float:
    import math

    return -sum(
        math.log(score if outcome else 1 - score)
        for score, outcome in zip(frame["score"], frame["outcome"], strict=True)
    ) / len(frame)


def test_predictions_of_the_test_snapshot_have_the_loss_that_is_recorded(shop) -> None:
    frame = shop.churn.predictions
    assert list(frame.columns) == PREDICTED
    assert set(frame["as_of"]) == {shop.churn.test}
    (row,) = shop.project.versions("churn_risk").to_dict("records")
    assert log_loss(frame) == pytest.approx(row["metrics"]["log_loss"])
    own = shop.churn.metrics.query("model == 'tagcast'").set_index("metric")
    assert own.loc["log_loss", "value"] == row["metrics"]["log_loss"]
    assert own.loc["auc", "low"] == row["metrics"]["auc_low"]


def test_predictions_of_an_amount_are_amounts_and_tiers(shop) -> None:
    frame = shop.trainings["spend_30d"].predictions
    assert list(frame.columns) == PREDICTED
    assert set(frame["came"]) <= {"low", "medium", "high"}
    assert ((frame["outcome"] >= 60) == (frame["came"] == "high")).all()


def test_candidates_stand_with_their_losses_and_the_chosen_one(shop) -> None:
    for training in (shop.churn, *shop.trainings.values()):
        frame = training.candidates
        assert list(frame.columns) == ["candidate", "loss", "chosen"]
        assert frame["loss"].is_monotonic_increasing
        assert list(frame.loc[frame["chosen"], "candidate"]) == [training.chosen]
    (row,) = shop.project.versions("churn_risk").to_dict("records")
    for candidate, loss, _ in shop.churn.candidates.itertuples(index=False):
        assert row["metrics"][f"validation_log_loss_{learner(candidate)}"] == loss


def test_checks_are_those_of_the_gate_in_words(shop) -> None:
    (row,) = shop.project.versions("churn_risk").to_dict("records")
    assert [check["name"] for check in row["checks"]] == list(shop.churn.checks["name"])
    assert set(shop.churn.checks["outcome"]) <= {"pass", "warn", "fail"}
    assert all(isinstance(text, str) and text for text in shop.churn.checks["text"])


def test_plots_are_figures_that_can_be_saved(shop, tmp_path) -> None:
    fresh, kept = shop.churn.plots, shop.project.plots("churn_risk")
    assert set(fresh) == set(kept) >= {"calibration", "lift", "shap_summary", "thresholds"}
    for plots in (fresh, kept):
        assert all(isinstance(figure, Figure) for figure in plots.values())
        plots["lift"].savefig(tmp_path / "lift.png")
        assert (tmp_path / "lift.png").stat().st_size > 5_000
        assert plots._repr_html_().count("<img") == len(plots)


def test_the_model_predicts_a_frame_of_features_as_the_run_does(shop) -> None:
    frame = shop.project.features(AS_OF)
    published = shop.project.predictions("churn_risk", now=NOW).set_index("profile_id")
    found = shop.churn.predict(frame, AS_OF).set_index("profile_id").loc[published.index]
    for part in ("score", "lower", "upper"):
        assert (found[part] == published[part]).all()
    shuffled = frame.sample(frac=1, random_state=1)[frame.columns[::-1]]
    again = shop.churn.predict(shuffled, AS_OF)
    assert again.index.equals(shuffled.index)
    assert (again.set_index("profile_id").loc[published.index, "score"] == published["score"]).all()
    arrow = shop.churn.predict(shop.project.features(AS_OF, as_arrow=True), AS_OF)
    assert (arrow["score"].to_numpy() == shop.churn.predict(frame, AS_OF)["score"].to_numpy()).all()


def test_a_model_of_a_category_takes_the_features_of_the_category(shop) -> None:
    training = shop.trainings["interest.tea"]
    published = shop.project.predictions("interest.tea", now=NOW).set_index("profile_id")
    found = training.predict(shop.project.features(AS_OF, category="tea"), AS_OF).set_index("profile_id")
    assert (found.loc[published.index, "score"] == published["score"]).all()
    with pytest.raises(ModelError, match="category_"):
        training.predict(shop.project.features(AS_OF), AS_OF)


def test_a_training_shows_itself(shop) -> None:
    assert repr(shop.churn).startswith("<Training churn_risk v1 champion")
    html = shop.churn._repr_html_()
    assert "beats_rfm" in html
    assert "log_loss" in html


def test_what_was_not_trained_says_why() -> None:
    refused = Training(TrainedTag("t", "model", None, "", reason="too few"), None)
    assert refused.version is None
    assert refused.candidates.empty
    assert refused.checks.empty
    assert "too few" in refused._repr_html_()
    with pytest.raises(ModelError, match="t was not trained: too few"):
        _ = refused.predictions
    with pytest.raises(ModelError, match="not trained"):
        refused.predict(pd.DataFrame())


def test_an_evaluation_has_a_frame_for_each_table(shop) -> None:
    found = shop.project.evaluate("churn_risk", AS_OF, windows=2, trials=1, threads=1)
    windows = found.windows
    assert list(windows["test"]) == list(shop.churn.model.snapshots[-2:])
    frame = shop.project.training_frame("churn_risk", AS_OF)
    for test, rows, rate in windows[["test", "rows", "mean_outcome"]].itertuples(index=False):
        then = frame[frame["as_of"] == test]
        assert (rows, rate) == (len(then), pytest.approx(then["y"].mean()))
    assert set(found.metrics["test"]) == {*windows["test"], "all"}
    assert found.calibration["n"].sum() == windows["rows"].sum()
    assert found.segments["rows"].max() <= windows["rows"].sum()
    assert {"confidence", "share_right"} <= set(found.promise)
    assert set(found.plots) == {"calibration", "metrics", "segments"}
    assert repr(found).startswith("<Evaluation churn_risk: ")
    assert "mean_outcome" in found._repr_html_()
