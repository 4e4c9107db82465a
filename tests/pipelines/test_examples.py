"""The examples from their events to an audience, as they stand: YAML and TOML alone."""

from __future__ import annotations

import runpy
import shutil
from pathlib import Path

import pandas as pd
import pytest

from examples.app.make_events import app_events
from tagcast.pipelines.project.champions import load_champions
from tagcast.pipelines.project.project import open_project
from tests.support.command_line import Project
from tests.support.source_projects import DATA

EXAMPLES = Path(__file__).parents[2] / "examples"

pytestmark = pytest.mark.slow


def copied(folder: Path, name: str) -> Project:
    shutil.copytree(EXAMPLES / name, folder / name)
    return Project(folder / name / "tagcast.toml", folder / "home")


def trained(project: Project, as_of: str, now: str) -> dict[str, set[str]]:
    """Check, train, promote and score every tag, and return what each learned from."""
    project.run("check", "--as-of", as_of)
    answers = project.json("train", "--all", "--as-of", as_of, "--trials", "1", "--threads", "1")
    for answer in answers:
        project.run("model", "promote", answer["tag"], "1", "--force", "--reason", "a small example")
    project.run("score", "--all", "--as-of", now)
    names = [answer["tag"] for answer in answers]
    champions = load_champions(open_project(project.config, project.home), names, [])
    return {champion.definition.name: set(champion.model.features) for champion in champions}


def test_an_app(tmp_path) -> None:
    project = copied(tmp_path, "app")
    events = app_events(400)
    events.to_parquet(project.config.parent / "events.parquet", index=False)
    learned = trained(project, "2024-06-01", "2024-06-01")
    assert set(learned) == {"logs_in_again", "buys_soon", "leaves_cart"}
    assert all({"minutes_30d", "silence_days", "phone_share_30d"} <= names for names in learned.values())
    # Whoever is in the population has a value: counted here.
    seen = events[events["at"] < "2024-06-01"].groupby("user")["at"].max().dt.normalize()
    members = int(((pd.Timestamp("2024-06-01") - seen).dt.days <= 30).sum())
    counted = project.json("audience", "count", "logs_in_again.score >= 0")
    assert counted["members"] == members


@pytest.mark.skipif(not (DATA / "telco_churn.parquet").is_file(), reason="needs telco_churn.parquet")
def test_a_subscription(tmp_path) -> None:
    project = copied(tmp_path, "subscription")
    prepare = runpy.run_path(str(EXAMPLES / "subscription" / "prepare.py"))
    prepare["write_tables"](DATA / "telco_churn.parquet", project.config.parent)
    learned = trained(project, "2024-02-01", "2024-01-01")
    assert {"months", "term_is_month_to_month", "senior"} <= learned["leaves"]
    assert project.json("audience", "count", "leaves.score >= 0")["members"] == 7_043
    # No view has a recency: what a model has to beat is the best feature alone.
    assert "best feature alone (months)" in project.run("model", "card", "leaves").output
