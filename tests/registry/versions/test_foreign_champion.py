"""A version that somebody else made and called champion in MLflow: named, and never in the way of the tag's own."""

from __future__ import annotations

from datetime import timedelta

import mlflow
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from tagcast.registry.versions.tracking import open_tracking
from tagcast.registry.versions.versions import find_version, foreign_champions, versions
from tests.support.command_line import Project
from tests.support.shop import CHURN, FIRST_DAY, write_shop

NOW = FIRST_DAY + timedelta(days=200)

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("foreign_champion")]


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> Project:
    folder = tmp_path_factory.mktemp("foreign")
    project = Project(write_shop(folder), folder / ".tagcast")
    for file in (folder / "tags").glob("*.yaml"):
        file.unlink()
    (folder / "tags" / "churn_risk.yaml").write_text(CHURN, encoding="utf-8")
    for _ in range(2):
        project.run("train", "--all", "--as-of", str(NOW), "--trials", "1", "--threads", "1")
    for version in ("1", "2"):
        project.run(
            "model", "promote", "churn_risk", version, "--force", "--reason", "too small for the gate"
        )
    return project


def opened(shop: Project):
    return open_tracking(shop.home, project="small shop")


@pytest.fixture
def foreign(shop) -> int:
    """A colleague's scikit-learn model, logged by MLflow itself under the tag's name, and called champion."""
    tracking = opened(shop)
    client = tracking.client
    with mlflow.utils.file_utils.TempDir() as folder:
        model = LogisticRegression().fit(np.array([[0.0], [1.0]]), [0, 1])
        place = folder.path("theirs")
        mlflow.sklearn.save_model(model, place, serialization_format="cloudpickle")
        run = client.create_run(tracking.experiment_id)
        client.log_artifacts(run.info.run_id, place, "theirs")
    made = client.create_model_version("churn_risk", f"{run.info.artifact_uri}/theirs", run.info.run_id)
    client.set_registered_model_alias("churn_risk", "champion", made.version)
    yield int(made.version)
    client.set_registered_model_alias("churn_risk", "champion", "2")


def test_the_last_one_promoted_stays_champion(shop, foreign) -> None:
    tracking = opened(shop)
    assert find_version(tracking, "churn_risk").version == 2
    assert [v.version for v in versions(tracking)] == [2, 1]
    (one,) = foreign_champions(tracking)
    assert (one.tag, one.version, one.used) == ("churn_risk", foreign, 2)


@pytest.mark.parametrize("words", [("tag", "list"), ("model", "list"), ("model", "list", "churn_risk")])
def test_lists_name_it(shop, foreign, words) -> None:
    result = shop.run(*words)
    assert f"names version {foreign}, which tagcast did not make" in result.stderr
    assert "version 2, the last that was promoted, is used" in result.stderr
    assert "tagcast model promote churn_risk 2" in result.stderr


def test_the_run_goes_on(shop, foreign, tmp_path) -> None:
    out = tmp_path / "scored.parquet"
    result = shop.run("score", "--all", "--as-of", str(NOW), "--out", str(out))
    assert f"names version {foreign}, which tagcast did not make" in result.stderr
    said = pd.read_parquet(out)
    assert said["tag"].unique().tolist() == ["churn_risk"]
    assert said["model_version"].astype(str).unique().tolist() == ["2"]


def test_training_and_promoting_go_on(shop, foreign) -> None:
    shop.run("train", "churn_risk", "--as-of", str(NOW), "--trials", "1", "--threads", "1")
    shop.run("model", "promote", "churn_risk", "2", "--force", "--reason", "set back")
    assert foreign_champions(opened(shop)) == []
    assert find_version(opened(shop), "churn_risk").version == 2


def test_where_nothing_was_promoted_there_is_no_champion(tmp_path) -> None:
    """A version of ours that the gate refused, and a foreign alias: nothing stands in."""
    project = Project(write_shop(tmp_path, customers=150), tmp_path / ".tagcast")
    for file in (tmp_path / "tags").glob("*.yaml"):
        file.unlink()
    (tmp_path / "tags" / "churn_risk.yaml").write_text(CHURN, encoding="utf-8")
    project.run("train", "--all", "--as-of", str(NOW), "--trials", "1", "--threads", "1")
    tracking = opened(project)
    if any(d.action == "promoted" for d in tracking.decisions.history()):
        pytest.skip("the gate let it pass")
    made = tracking.client.create_model_version("churn_risk", tmp_path.as_uri())
    tracking.client.set_registered_model_alias("churn_risk", "champion", made.version)
    result = project.invoke("score", "--all", "--as-of", str(NOW))
    assert result.exit_code == 6
    assert "no other version was ever promoted" in result.stderr
