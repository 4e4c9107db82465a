"""What a job's environment holds is enough for its work, with the same bits; what it lacks is said: `make small-environments`."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from tagcast.serving.store.factory import open_store
from tests.support.champion import DAY, TAG, shop_with_champion
from tests.support.command_line import Project
from tests.support.faults.injection import said_now

pytestmark = pytest.mark.slow
JOB, CONSOLE = (os.environ.get(f"TAGCAST_{name}_ENVIRONMENT", "") for name in ("JOB", "CONSOLE"))
small = pytest.mark.skipif(not (JOB and CONSOLE), reason="make small-environments runs it")


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> Project:
    folder = tmp_path_factory.mktemp("small") / "shop"
    shop_with_champion(folder)
    project = Project(folder / "tagcast.toml", folder / "home")
    project.run("score", "--all", "--as-of", str(DAY))
    return project


def ran(python: str, project: Project, *words: str) -> subprocess.CompletedProcess[str]:
    command = [python, "-W", "ignore", "-m", "tagcast.pipelines.cli.main", *words]
    command += ["--config", str(project.config), "--home", str(project.home)]
    return outside(project, *command)


def outside(project: Project, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a program of an environment, where no checkout lies."""
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}
    return subprocess.run(
        command,
        text=True,
        capture_output=True,
        check=False,
        env=environment,
        timeout=300,
        cwd=project.config.parent,
    )


@small
def test_a_job_scores_the_same_without_what_only_training_needs(shop) -> None:
    before = said_now(open_store(None, shop.home, "shop"))
    for built in ("events", "features"):
        shutil.rmtree(shop.home / built)
    for words in (
        ("check", "--as-of", str(DAY)),
        ("score", "--all", "--as-of", str(DAY)),
        ("audience", "export", f"{TAG} = 'yes'", "--out", str(shop.home / "out.csv")),
        ("promise",),
        ("model", "list"),
        ("tag", "show", TAG),
        ("key", "add", "nightly", "--role", "viewer"),
    ):
        done = ran(JOB, shop, *words)
        assert done.returncode == 0, (words, done.stdout, done.stderr)
    runs = ran(JOB, shop, "run", "list", "--json")
    assert runs.stdout.count('"number"') == 2, runs.stdout
    assert said_now(open_store(None, shop.home, "shop")) == before
    assert ran(JOB, shop, "run", "due").returncode in {0, 16}


@small
@pytest.mark.parametrize(
    ("words", "extra"),
    [(("train", TAG), "train"), (("model", "evaluate", TAG), "train"), (("serve", "--port", "0"), "console")],
)
def test_a_job_says_what_it_lacks(shop, words, extra) -> None:
    done = ran(JOB, shop, *words)
    assert done.returncode == 15, done.stdout + done.stderr
    assert f"pip install 'tagcast[{extra}]'" in done.stderr
    assert "Traceback" not in done.stderr


@small
def test_a_console_answers_without_what_only_training_needs(shop) -> None:
    code = """
import sys
from pathlib import Path
from starlette.testclient import TestClient
from tagcast.features.core.settings import load_settings
from tagcast.pipelines.project.clock import clock
from tagcast.pipelines.server import prepare
service = prepare(load_settings(Path(sys.argv[1]), Path(sys.argv[2]), Path.cwd()), "127.0.0.1", 0, clock)
with TestClient(service.app, base_url=service.url) as client:
    assert client.get(service.login, follow_redirects=True).status_code == 200
    for page in ("/readyz", "/", "/api/v1/tags", "/runs"):
        print(page, client.get(page).status_code)
"""
    done = outside(shop, CONSOLE, "-W", "ignore", "-c", code, str(shop.config), str(shop.home))
    assert done.returncode == 0, done.stderr
    assert {line.split()[1] for line in done.stdout.splitlines() if line.startswith("/")} == {"200"}, (
        done.stdout
    )
