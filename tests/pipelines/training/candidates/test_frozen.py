"""Registered models of colleagues: opened where a tag names them, pinned to version and files, blended, never trained."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow.models import infer_signature
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from tagcast.models.candidates.frozen import OPENED
from tagcast.registry.versions.tracking import open_tracking
from tests.pipelines.training.candidates.lab import with_candidates
from tests.pipelines.training.candidates.test_made import bundles, made, predictions
from tests.support.command_line import Project
from tests.support.shop import AMOUNT, CHURN, FIRST_DAY

NOW = FIRST_DAY + timedelta(days=200)
INPUTS = ["recency_days", "purchase_days_all"]
TEAM = "mlflow:models:/team_churn@prod"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("frozen_candidates"),
    pytest.mark.filterwarnings("ignore::UserWarning:mlflow.*"),
]


def colleague(slope: float, inputs: list[str] = INPUTS):
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.gamma(1, 20, (200, len(inputs))), columns=inputs)
    y = (rng.random(200) < 1 / (1 + np.exp(-slope * (X.iloc[:, 0] - 20) / 10))).astype(int)
    return make_pipeline(SimpleImputer(), LogisticRegression()).fit(X, y), X


def register(shop: Project, name: str, model, X, folder: Path, *, signature: bool = True, **more) -> int:
    """Log a model as a colleague would, with MLflow alone, and register it."""
    tracking = open_tracking(shop.home, project="small shop")
    client = tracking.client
    place = folder / f"{name}-{len(list(folder.iterdir()))}"
    mlflow.sklearn.save_model(
        model,
        str(place),
        signature=infer_signature(X, model.predict(X)) if signature else None,
        serialization_format="cloudpickle",
        pip_requirements=[],
        **more,
    )
    run = client.create_run(tracking.experiment_id)
    client.log_artifacts(run.info.run_id, str(place), "model")
    if name not in {m.name for m in client.search_registered_models()}:
        client.create_registered_model(name)
    found = client.create_model_version(name, f"{run.info.artifact_uri}/model", run.info.run_id)
    return int(found.version)


def alias(shop: Project, name: str, called: str, version: int) -> None:
    open_tracking(shop.home, project="small shop").client.set_registered_model_alias(
        name, called, str(version)
    )


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> Project:
    folder = tmp_path_factory.mktemp("frozen")
    store = tmp_path_factory.mktemp("saved")
    project = made(
        folder,
        "lab_frozen",
        {
            "churn_risk": with_candidates(CHURN, TEAM),
            "churn_both": with_candidates(
                CHURN.replace("churn_risk", "churn_both"), "default", TEAM, "mlflow:models:/team_labels/1"
            ),
            "spend_30d": with_candidates(AMOUNT, "mlflow:models:/team_spend/1"),
        },
    )
    good, X = colleague(1.0)
    alias(
        project, "team_churn", "prod",
        register(project, "team_churn", good, X, store, pyfunc_predict_fn="predict_proba"),
    )  # fmt: skip
    register(project, "team_labels", good, X, store)
    spend = pd.DataFrame({"spend_30d": np.arange(50.0)})
    from sklearn.ensemble import HistGradientBoostingRegressor

    register(
        project,
        "team_spend",
        HistGradientBoostingRegressor(max_iter=5).fit(spend, spend["spend_30d"] / 3),
        spend,
        store,
    )
    project.run("train", "--all", "--as-of", str(NOW), "--trials", "1", "--threads", "1")
    for tag in ("churn_risk", "churn_both", "spend_30d"):
        project.run("model", "promote", tag, "1", "--force", "--reason", "too small for the gate")
    # The alias moves on after training.
    other, X = colleague(-1.0)
    alias(
        project, "team_churn", "prod",
        register(project, "team_churn", other, X, store, pyfunc_predict_fn="predict_proba"),
    )  # fmt: skip
    return project


@pytest.fixture(scope="module")
def scored(shop, tmp_path_factory) -> pd.DataFrame:
    OPENED.clear()
    return predictions(shop, tmp_path_factory.mktemp("out") / "scored.parquet")


def model_of(shop: Project, tag: str):
    return json.loads((bundles(shop)[tag] / "model.json").read_text(encoding="utf-8"))


def test_a_reference_is_stored_and_no_copy(shop) -> None:
    model = model_of(shop, "churn_risk")
    reference = model["foreign"][TEAM]["frozen"]["reference"]
    assert (reference["model"], reference["version"], reference["inputs"]) == ("team_churn", 1, INPUTS)
    assert re.fullmatch("[0-9a-f]{64}", reference["digest"])
    assert {file.name for file in bundles(shop)["churn_risk"].iterdir()} == {"model.json", "calibration.json"}


def test_the_pinned_version_scores_whatever_the_alias_says(shop, scored) -> None:
    """Version 1 holds that who has been away is likelier to leave, version 2 the contrary: scores rise with version 1's."""
    mine = scored[scored["tag"] == "churn_risk"].dropna(subset=["score"])
    assert mine["score"].nunique() > 10
    assert set(mine["reasons_method"]) == {"occlusion"}
    named = {reason["feature"] for reasons in mine["reasons"] if reasons is not None for reason in reasons}
    assert named <= set(INPUTS)
    recency = [
        (reason["value"], reason["contribution"])
        for reasons in mine["reasons"] if reasons is not None
        for reason in reasons if reason["feature"] == "recency_days"
    ]  # fmt: skip
    values, sizes = zip(*recency, strict=True)
    slope = model_of(shop, "churn_risk")["foreign"][TEAM]["frozen"]["slope"]
    assert np.sign(np.corrcoef(values, sizes)[0, 1]) == np.sign(slope)


def test_the_card_says_that_it_was_not_trained_here(shop) -> None:
    assert "was not trained here" in re.sub(r"\s+", " ", shop.run("model", "card", "churn_both").stdout)


def test_amounts_are_scaled_to_what_was_spent(shop, scored) -> None:
    mine = scored[scored["tag"] == "spend_30d"].dropna(subset=["score"])
    assert len(mine)
    assert (mine["score"] >= 0).all()


def test_workers_open_it_too(shop) -> None:
    shop.run("train", "churn_risk", "spend_30d", "--as-of", str(NOW), "--trials", "1", "--threads", "2")


def test_other_files_than_at_training_are_refused(shop, scored, tmp_path) -> None:
    tracking = open_tracking(shop.home, project="small shop")
    uri = tracking.client.get_model_version_download_uri("team_churn", "1")
    file = Path(uri.removeprefix("file://")) / "model.pkl"
    whole = file.read_bytes()
    OPENED.clear()
    try:
        file.write_bytes(whole + b"\0")
        result = shop.invoke(
            "score", "churn_risk", "--as-of", str(NOW), "--out", str(tmp_path / "out.parquet")
        )
    finally:
        file.write_bytes(whole)
    assert result.exit_code == 6
    said = re.sub(r"\s+", " ", result.stderr)
    assert f"{TEAM} (version 1): its files are not those of the training" in said


def test_a_version_that_is_gone_is_named(shop, scored, tmp_path) -> None:
    tracking = open_tracking(shop.home, project="small shop")
    place = Path(tracking.client.get_model_version_download_uri("team_churn", "1").removeprefix("file://"))
    aside = place.rename(place.with_name("aside"))
    OPENED.clear()
    try:
        result = shop.invoke(
            "score", "churn_risk", "--as-of", str(NOW), "--out", str(tmp_path / "out.parquet")
        )
    finally:
        aside.rename(place)
    assert result.exit_code == 6
    assert "the files of version 1 are gone" in re.sub(r"\s+", " ", result.stderr)


def test_what_cannot_be_pinned_is_refused(shop, tmp_path) -> None:
    stranger, X = colleague(1.0, ["recency_days", "height_of_shoes"])
    register(shop, "team_shoes", stranger, X, tmp_path)
    good, X = colleague(1.0)
    register(shop, "team_unsigned", good, X, tmp_path, signature=False)
    texts = {
        "mlflow:models:/team_chrn@prod": (
            "MLflow has no registered model team_chrn",
            "did you mean 'team_churn'?",
        ),
        "mlflow:models:/team_churn@live": ("team_churn has no @live", "aliases: @prod; versions: 1, 2"),
        "mlflow:models:/team_churn/7": ("team_churn has no 7",),
        "mlflow:models:/team_unsigned/1": ("has no signature that names its inputs", "infer_signature"),
        "mlflow:models:/team_shoes/1": (
            "signature names features that the tag does not learn from: height_of_shoes",
        ),
    }
    file = shop.config.parent / "tags" / "churn_risk.yaml"
    before = file.read_text(encoding="utf-8")
    try:
        for candidate, parts in texts.items():
            file.write_text(with_candidates(CHURN, "default", candidate), encoding="utf-8")
            result = shop.invoke(
                "train", "churn_risk", "--as-of", str(NOW), "--trials", "1", "--threads", "1"
            )
            said = re.sub(r"\s+", " ", result.output + result.stderr)
            assert result.exit_code != 0
            for part in (*parts, "churn_risk.yaml: candidates"):
                assert part in said
    finally:
        file.write_text(before, encoding="utf-8")


def test_nothing_is_opened_that_no_tag_names(shop) -> None:
    OPENED.clear()
    (shop.config.parent / "tags" / "calm.yaml").write_text(
        CHURN.replace("churn_risk", "calm"), encoding="utf-8"
    )
    shop.run("train", "calm", "--as-of", str(NOW), "--trials", "1", "--threads", "1")
    assert not OPENED
