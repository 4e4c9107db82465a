"""The examples from their events to an audience, as they stand: YAML and TOML alone."""

from __future__ import annotations

import runpy
import shutil
import subprocess
import sys
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


def test_a_company_with_a_feature_store_of_its_own(tmp_path, monkeypatch) -> None:
    project = copied(tmp_path, "own_feast")
    folder = project.config.parent
    repo = folder / "company_repo"
    given = runpy.run_path(str(folder / "make_data.py"))["write"](folder, 300)
    subprocess.run(
        [Path(sys.executable).parent / "feast", "apply"], cwd=repo, check=True, capture_output=True
    )
    monkeypatch.setenv("COMPANY_FEATURE_STORE_YAML", str(repo / "feature_store.yaml"))
    before = contents(repo)
    learned = trained(project, "2024-06-01", "2024-06-02")
    assert {"nps", "discontent", "plan_is_plus", "on_trial", "usual_gap"} <= learned["comes_back"]
    assert contents(repo) == before
    # What the snapshot holds is what was written before that midnight in Oslo: counted here.
    midnight = pd.Timestamp("2024-06-02", tz="Europe/Oslo").tz_convert("UTC").tz_localize(None)
    known = given[(given["asked_at"] < midnight) & (given["written_at"] < midnight)]
    known = known[known["asked_at"] >= midnight - pd.Timedelta(days=120)].sort_values("asked_at")
    right = known.groupby("customer_id")[["nps", "plan"]].last()
    (file,) = (tmp_path / "home" / "features").glob("*/as_of=2024-06-02/company/*.parquet")
    found = pd.read_parquet(file).set_index("profile_id")
    assert len(right) > 200
    assert set(right.index) <= set(found.index)
    asked = found["nps"].dropna()
    pd.testing.assert_series_equal(asked, right["nps"].astype(float), check_names=False)
    assert ((found["plan_is_plus"] == 1)[right.index] == (right["plan"] == "plus")).all()


def contents(repo: Path) -> dict[str, bytes]:
    """Return every file of a Feast repo but what Python compiled."""
    files = [file for file in repo.rglob("*") if file.is_file() and "__pycache__" not in file.parts]
    return {str(file.relative_to(repo)): file.read_bytes() for file in files}


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
