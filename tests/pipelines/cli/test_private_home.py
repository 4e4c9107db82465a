"""The home belongs to its owner alone, whatever library writes in it and whatever the shell's mask is."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

import tagcast
from tests.support.command_line import Project
from tests.support.shop import FIRST_DAY, write_shop

NOW = str(FIRST_DAY + timedelta(days=200))
EVERYBODY = 0o077


@pytest.fixture(autouse=True)
def usual_mask():
    """Work under the mask of most systems."""
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.fixture
def project(tmp_path) -> Project:
    return Project(write_shop(tmp_path, customers=150), tmp_path / "deep" / "home")


def open_to_others(home: Path) -> list[str]:
    """Return what of a home its owner is not alone with."""
    return [
        f"{path.relative_to(home)} {path.stat().st_mode & 0o777:o}"
        for path in [home, *home.rglob("*")]
        if not path.is_symlink() and path.stat().st_mode & EVERYBODY
    ]


@pytest.mark.slow
def test_everything_that_commands_make_is_the_owners_alone(project) -> None:
    project.run("train", "high_value", "--as-of", NOW, "--trials", "1", "--threads", "2")
    project.run("model", "promote", "high_value", "1", "--force", "--reason", "a small shop")
    project.run("score", "--all", "--as-of", NOW)
    project.run("audience", "save", "all", "high_value = 'no' OR high_value = 'yes'")
    project.run("model", "card", "high_value")
    assert open_to_others(project.home) == []
    made = {path.name for path in project.home.rglob("*")}
    assert {"mlflow.db", "registry.db", "store", "features", "events", "optuna"} <= made
    assert os.umask(0o022) == 0o022  # a program that calls a command keeps its own mask


def test_serve_makes_the_home_for_its_owner_alone(project) -> None:
    words = [sys.executable, "-W", "ignore", "-m", "tagcast.pipelines.cli.main", "user", "add", "ann"]
    words += ["--password-file", "-", "--config", str(project.config), "--home", str(project.home)]
    subprocess.run(words, input=b"a long password\n", check=True, cwd=Path(__file__).parents[3])
    assert (project.home / "registry.db").exists()
    assert open_to_others(project.home) == []
    assert project.home.parent.stat().st_mode & EVERYBODY == 0  # made on the way


@pytest.mark.parametrize("mode", [0o755, 0o750, 0o701, 0o777])
def test_a_wider_home_is_warned_about_at_start(project, mode) -> None:
    project.home.mkdir(parents=True)
    project.home.chmod(mode)
    result = project.run("user", "list", "--json")
    assert f"mode {mode:o}" in result.stderr
    assert f"chmod 700 {project.home}" in result.stderr
    assert result.stdout.strip() == "[]"
    project.home.chmod(0o700)  # the hint helps
    assert "chmod" not in project.run("user", "list").stderr


def test_a_home_that_is_not_there_yet_is_not_warned_about(project) -> None:
    assert "chmod" not in project.run("user", "list").stderr


def test_a_home_that_a_group_may_write_stays_open_to_that_group(project) -> None:
    project.home.mkdir(parents=True)
    project.home.chmod(0o770)
    project.run("key", "add", "crm")
    files = [path for path in project.home.rglob("*") if path.is_file()]
    assert files
    assert {path.stat().st_mode & 0o777 for path in files} == {0o660}


def test_a_notebook_is_warned_too_and_makes_the_home_for_its_owner_alone(project, caplog) -> None:
    opened = tagcast.open(project.config, project.home)
    opened.check()
    assert project.home.stat().st_mode & EVERYBODY == 0
    project.home.chmod(0o755)
    tagcast.open(project.config, project.home)
    assert any("chmod 700" in str(record.msg) for record in caplog.records)
