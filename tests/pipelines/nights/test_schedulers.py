"""The examples of schedulers, each read by its own tool, and what they make of the exit codes of real nights.

Airflow, Dagster and the schemas of Kubernetes lie in an environment of their own: `make schedulers`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[3]
EXAMPLES = ROOT / "examples" / "schedulers"
CRON_JOB = ROOT / "deploy" / "kubernetes" / "base" / "job.yaml"
TOOLS = Path(os.environ.get("TAGCAST_SCHEDULERS", "")).parent
with_tools = pytest.mark.skipif(
    "TAGCAST_SCHEDULERS" not in os.environ, reason="make schedulers runs it, in an environment of its own"
)


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> Path:
    """A project of one rule tag that is due every hour, and `tagcast` in its folder bin."""
    folder = tmp_path_factory.mktemp("schedulers") / "shop"
    shutil.copytree(ROOT / "examples" / "cart", folder)
    (folder / "data").mkdir()
    days = [f"2026-{month:02}-{day:02}" for month in (9, 10, 11) for day in range(1, 29)]
    for name, head in (("orders", "customer,at,order,amount"), ("carts", "customer,at")):
        lines = [
            f"c{n % 30},{day} 10:00:00" + f",o{n},{5 + n % 7}" * (name == "orders")
            for n, day in enumerate(days)
        ]
        (folder / "data" / f"{name}.csv").write_text("\n".join([head, *lines]) + "\n", encoding="utf-8")
    command = folder / "bin" / "tagcast"
    command.parent.mkdir()
    command.write_text(
        f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m tagcast.pipelines.cli.main "$@"\n',
        encoding="utf-8",
    )
    command.chmod(0o755)
    return folder


def environment(shop: Path, **more: str) -> dict[str, str]:
    path = f"{shop / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return {
        **os.environ,
        "PATH": path,
        "TAGCAST_DATA": str(shop / "data"),
        "TAGCAST_HOME": str(shop / ".tagcast"),
        "TAGCAST_PROJECT": str(shop),
        "PYTHONWARNINGS": "ignore",
        **more,
    }


def ran(*command: str | Path, **more) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(word) for word in command], text=True, capture_output=True, check=False, timeout=900, **more
    )


def at_home(text: str, shop: Path) -> str:
    """Return an example with the paths of this shop in the place of those of a server."""
    for there, here in (
        ("/opt/tagcast/bin", shop / "bin"),
        ("/srv/shop", shop),
        ("/srv/tagcast", shop / ".tagcast"),
    ):
        text = text.replace(there, str(here))
    return text


def cron_line(shop: Path) -> str:
    return at_home((EXAMPLES / "crontab").read_text(encoding="utf-8"), shop).strip().splitlines()[-1]


def container_command() -> list[str]:
    job = yaml.safe_load(CRON_JOB.read_text(encoding="utf-8"))
    (container,) = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    return container["args"]


@pytest.mark.skipif(shutil.which("crontab") is None, reason="cron is not installed")
def test_cron_takes_the_crontab() -> None:
    done = ran("crontab", "-n", EXAMPLES / "crontab")
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_takes_the_service_and_its_timer(shop, tmp_path) -> None:
    for name in ("tagcast.service", "tagcast.timer"):
        (tmp_path / name).write_text(
            at_home((EXAMPLES / name).read_text(encoding="utf-8"), shop), encoding="utf-8"
        )
    done = ran("systemd-analyze", "verify", tmp_path / "tagcast.timer", tmp_path / "tagcast.service")
    # Nothing is said where all is right, beside what is wrong with other units of this machine.
    assert not [line for line in done.stderr.splitlines() if "tagcast." in line], done.stderr


@with_tools
def test_kubernetes_takes_the_cron_job() -> None:
    done = ran(TOOLS / "kubernetes-validate", "--strict", CRON_JOB)
    assert done.returncode == 0, done.stdout + done.stderr


@with_tools
def test_cron_and_kubernetes_are_quiet_where_nothing_is_due_and_not_where_a_tag_is_wrong(shop) -> None:
    shells = (["sh", "-c", cron_line(shop).split(maxsplit=5)[5]], container_command())
    first = ran("tagcast", "run", "due", env=environment(shop), cwd=shop)
    assert first.returncode in {0, 16}, first.stderr
    file = shop / "tags" / "cart_without_payment.yaml"
    whole = file.read_text(encoding="utf-8")
    for number, command in enumerate(shells):
        done = ran(*command, env=environment(shop), cwd=shop)
        assert done.returncode == 0, done.stderr
        assert bool(done.stdout) == bool(number), "a mail for nothing"
        file.write_text(whole.replace("refresh:", "refresh: 61"), encoding="utf-8")
        wrong = ran(*command, env=environment(shop), cwd=shop)
        file.write_text(whole, encoding="utf-8")
        assert wrong.returncode == 5
        assert "cron" in wrong.stdout + wrong.stderr


@with_tools
def test_airflow_runs_the_dag_and_skips_where_nothing_is_due(shop, tmp_path) -> None:
    airflow = {
        "AIRFLOW_HOME": str(tmp_path / "airflow"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(EXAMPLES),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    }
    there = environment(shop, **airflow)
    for words in (["db", "migrate"], ["dags", "list-import-errors", "--local", "--output", "json"]):
        done = ran(TOOLS / "airflow", *words, env=there)
        assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout or "[]") == []
    ran("tagcast", "run", "due", env=there, cwd=shop)
    done = ran(TOOLS / "airflow", "dags", "test", "tagcast", env=there)
    assert done.returncode == 0, done.stderr
    assert "exit code 16. Skipping" in done.stdout + done.stderr


@with_tools
def test_dagster_takes_the_asset_and_materializes_it_where_something_is_due(shop, tmp_path) -> None:
    file = EXAMPLES / "tagcast_asset.py"
    there = environment(shop, TAGCAST_HOME=str(tmp_path / "home"), DAGSTER_HOME=str(tmp_path))
    done = ran(TOOLS / "dagster", "definitions", "validate", "-f", file, env=there)
    assert done.returncode == 0, done.stdout + done.stderr
    outcomes = [
        ran(TOOLS / "dagster", "asset", "materialize", "--select", "*", "-f", file, env=there)
        for _ in range(2)
    ]
    said = [done.stdout + done.stderr for done in outcomes]
    assert [done.returncode for done in outcomes] == [0, 0], said
    assert ["ASSET_MATERIALIZATION - " in text for text in said] == [True, False], said
