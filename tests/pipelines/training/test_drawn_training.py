"""A training of more rows than it learns from, from the command to the published tag."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta

import pytest

from tagcast.models.stats import draws
from tagcast.pipelines.project.champions import load_champions
from tagcast.pipelines.project.project import open_project
from tagcast.pipelines.training.train import train_tags
from tagcast.registry.versions.tracking import tracking_of
from tagcast.registry.versions.versions import versions
from tests.support.command_line import Project
from tests.support.engines.split_machine import SplitMachine
from tests.support.shop import FIRST_DAY, write_shop

NOW = str(FIRST_DAY + timedelta(days=200))

pytestmark = pytest.mark.slow


@pytest.fixture
def project(tmp_path, monkeypatch) -> Project:
    monkeypatch.setattr(draws, "MOST_ROWS", 300)
    monkeypatch.setattr(draws, "MODEL_ROWS", 250)
    config = write_shop(tmp_path, customers=300)
    (tmp_path / "tags" / "interest.yaml").unlink()
    return Project(config, tmp_path / "home")


def test_a_draw_is_weighed_written_down_and_scored_like_any_other(project) -> None:
    ready = project.json("check", "--as-of", NOW)
    project.run("train", "churn_risk", "--as-of", NOW, "--trials", "1", "--threads", "1")
    opened = open_project(project.config, project.home)
    opened.__dict__["engine"] = SplitMachine(3)
    again = datetime.combine(FIRST_DAY, time(), UTC)
    train_tags(opened, ["churn_risk"], as_of=date.fromisoformat(NOW), now=again, trials=1, threads=1)
    parted, whole = versions(tracking_of(opened.settings), "churn_risk")
    about = {"MLmodel"}  # MLflow's own file has the time in it
    assert {name: parted.digests[name] for name in parted.digests.keys() - about} == {
        name: whole.digests[name] for name in whole.digests.keys() - about
    }, "by ranges it is the same model"
    card = project.run("model", "card", "churn_risk").stdout
    assert "drawn from" in card
    assert "earned from a draw of" in card
    thresholds = project.json("model", "thresholds", "churn_risk")
    (tag,) = [t for t in ready["tags"] if t["tag"] == "churn_risk"]
    assert thresholds["cases"] > 250  # those that the drawn ones stand for
    project.run("model", "promote", "churn_risk", "1", "--force", "--reason", "a small shop")
    (champion,) = load_champions(opened, ["churn_risk"], [])
    assert champion.model.base_rate == pytest.approx(tag["positives"] / tag["population"], abs=0.15)
    view = opened.snapshots(champion.feature_set).folder
    learned = json.loads(next(view.glob("as_of=*/snapshot.json")).read_text(encoding="utf-8"))
    assert list(learned["rows"]) == ["profile_activity"]  # no tag of the project reads features of categories
    project.run("score", "--all", "--as-of", NOW)
    evaluated = project.json(
        "model", "evaluate", "churn_risk", "--as-of", NOW, "--windows", "1", "--trials", "1"
    )
    (window,) = evaluated["windows"]
    assert 0 < window["mean_outcome"] < 1
