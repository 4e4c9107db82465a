"""The home of nights: what is kept no longer goes, what is needed stays, and a disk that fills is said everywhere in time."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from datetime import UTC, date, datetime, timedelta

import pandas as pd
import pytest

from tagcast.features.core.telemetry import traces
from tagcast.pipelines.project.project import open_project
from tagcast.pipelines.retention.needed_versions import prune_versions, referred_versions
from tagcast.registry.access.audit_log import record
from tagcast.registry.governance.observed_accuracy import PromiseRow, record_promises
from tagcast.registry.versions.tracking import open_tracking
from tagcast.registry.versions.versions import versions
from tagcast.serving.context import open_context
from tests.pipelines.nights.test_notify import webhook
from tests.support.champion import DAY, TAG, by_hand, put_in_charge
from tests.support.command_line import Project
from tests.support.faults.injection import leave_free, small_disk
from tests.support.rule_tags import STAGE, shop_with_rules
from tests.support.shop import CHURN, CONFIG
from tests.support.telemetry.collector import attributes_of, collector
from tests.support.web import key_of, served

pytestmark = pytest.mark.slow

BARE = CONFIG.split("[profiles]")[0] + "[publish]\nkeep = 1\n"


@pytest.fixture
def shop(tmp_path) -> Project:
    """A small shop with one rule tag, whose home lies on a small disk of its own."""
    folder = tmp_path / "shop"
    folder.mkdir()
    shop_with_rules(folder, customers=40)
    for file in (folder / "tags").iterdir():
        file.unlink()
    (folder / "tags" / "stage.yaml").write_text(STAGE + 'refresh: "0 3 * * *"\n', encoding="utf-8")
    (folder / "tagcast.toml").write_text(BARE, encoding="utf-8")
    pd.read_parquet(folder / "lines.parquet").to_parquet(folder / "all.parquet", index=False)
    return Project(folder / "tagcast.toml", folder / "home")


def night(shop: Project, day: date, *words: str):
    """Let the events before a day arrive, and do what is due on its morning."""
    lines = pd.read_parquet(shop.config.parent / "all.parquet")
    lines[lines["at"] < pd.Timestamp(day)].to_parquet(shop.config.parent / "lines.parquet", index=False)
    result = shop.invoke("run", "due", "--at", f"{day}T04:00", "--json", *words)
    assert result.exit_code == 0, result.output + result.stderr
    return result


def kept(result) -> dict:
    (step,) = [step for step in json.loads(result.stdout)["steps"] if step["step"] == "keep"]
    return step


def test_a_disk_that_fills_is_said_by_the_night_its_news_the_home_readiness_and_metrics(
    shop, monkeypatch, tmp_path
) -> None:
    small_disk(shop.home, 40)
    try:
        shop.config.write_text(BARE + '[notify]\nwebhook = "${HOOK}"\non = ["disk"]\n', encoding="utf-8")
        with webhook() as (address, posted):
            monkeypatch.setenv("HOOK", address)
            assert kept(night(shop, DAY))["outcome"] == "nothing"
            assert shop.json("home")["disk"]["warning"] is None
            leave_free(shop.home, 3_900)
            for days in (1, 2, 9):
                assert "of the disk are free" in kept(night(shop, DAY + timedelta(days=days)))["detail"]
        news = [one for body in posted for one in body["news"]]
        assert [one["occasion"] for one in news] == ["disk", "disk"], "once a week"
        home = shop.json("home")
        assert "are free" in home["disk"]["warning"]
        assert {one["kind"] for one in home["kinds"] if one["bytes"]} >= {
            "events",
            "runs",
            "history",
            "state",
        }
        assert home["disk"]["bytes_a_night"] > 1_000_000, "the filler came after the first night"
        settings = open_project(shop.config, shop.home).settings
        context = open_context(settings, lambda: datetime(2024, 7, 10, tzinfo=UTC))
        with served(context, console=False) as client:
            parts = {one["part"]: one for one in client.get("/readyz").json()["checks"]}
            text = client.get("/metrics", headers=key_of(context, "viewer")).text
        assert parts["disk"]["status"] == "warning"
        assert "tagcast home" in parts["disk"]["hint"]
        assert 'tagcast_part_works{part="disk"} 0.0' in text
        assert 'tagcast_part_works{part="store"} 1.0' in text
        assert 'tagcast_home_bytes{kind="runs"}' in text
        assert "tagcast_disk_free_bytes" in text
    finally:
        subprocess.run(["umount", "-l", str(shop.home)], check=True)


def test_each_kind_stays_as_long_as_is_configured_and_the_audit_log_for_good(shop) -> None:
    shop.config.write_text(
        BARE + "\n[keep]\nhistory_days = 3\nnights_days = 30\npredictions_days = 5\n", encoding="utf-8"
    )
    for days in range(4):
        night(shop, DAY + timedelta(days=days))
    project = open_project(shop.config, shop.home)
    record(project.state, now=datetime(2000, 1, 1, tzinfo=UTC), who="ann", action="export")
    old = shop.home / "optuna"
    old.mkdir()
    (old / "churn.db").write_bytes(b"x")
    os.utime(old / "churn.db", (0, 0))
    history = shop.home / "store" / "history"
    # At the end of the fourth night what was activated more than three days before is of no interest any more.
    later = night(shop, DAY + timedelta(days=5))
    assert "changes of 2 runs" in kept(later)["detail"]
    entries = [entry.number for entry in project.store.log()]
    assert sorted(int(file.name[:6]) for file in history.iterdir()) == entries[2:]
    found = shop.json("home", "prune", "--dry-run")
    assert not found["scratch"], "the night has deleted it"
    assert not (old / "churn.db").exists()
    person = "c0001"
    said = shop.invoke("profile", "show", person, "--on", str(DAY))
    assert said.exit_code != 0
    assert "history_days" in said.stderr
    assert shop.invoke("profile", "show", person, "--on", f"{DAY + timedelta(days=3)}").exit_code == 0
    assert [line["who"] for line in shop.json("audit", "list")][-1] == "ann"


def test_lines_of_a_night_and_its_spans_name_no_profile(shop, monkeypatch) -> None:
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http")
    with collector() as (endpoint, spans):
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
        try:
            result = night(shop, DAY, "--log", "json")
        finally:
            traces.stop_tracing()
    lines = [json.loads(line) for line in result.stderr.splitlines()]
    done = [(line["step"], line["outcome"]) for line in lines if "step" in line]
    assert done == [(step["step"], step["outcome"]) for step in json.loads(result.stdout)["steps"]]
    (call,) = {line["run_id"] for line in lines}
    people = set(pd.read_parquet(shop.config.parent / "all.parquet")["customer"])
    text = result.stderr + "".join(map(str, spans))
    assert not [person for person in people if person in text]
    by_name = {span.name: span for span in spans}
    assert {"run due", "night", "night load", "log", "night score", "features", "score", "publish"} <= {
        *by_name
    }
    assert by_name["night score"].parent_span_id == by_name["night"].span_id
    assert by_name["publish"].parent_span_id == by_name["night score"].span_id
    assert {attributes_of(span)["tagcast.run_id"] for span in spans} == {call}


def test_versions_that_runs_and_judgements_refer_to_stay(tmp_path) -> None:
    config = shop_with_rules(tmp_path, customers=60).settings.path
    for file in (tmp_path / "tags").iterdir():
        file.unlink()
    (tmp_path / "tags" / "churn_risk.yaml").write_text(CHURN, encoding="utf-8")
    config.write_text(BARE + "\n[keep]\nversions = 1\n", encoding="utf-8")
    project = open_project(config, tmp_path / "home")
    shop = Project(config, tmp_path / "home")
    for number in (1, 2, 3, 4, 5):
        put_in_charge(project, tmp_path / f"bundle{number}", by_hand(risk=3 + number / 10), number)
        if number == 3:  # of one run that is kept: its predictions wait to be judged
            shop.run("score", "--all", "--as-of", str(DAY), "--reasons", "none")
    record_promises(project.state, [PromiseRow(TAG, 2, DAY, DAY, True, 0.0, 40, 0.8, 0.9)])
    assert referred_versions(project) == {(TAG, 2), (TAG, 3)}
    numbers = {one.version for one in versions(open_tracking(shop.home, project=project.settings.name))}
    assert numbers == {1, 2, 3, 4, 5}
    assert shop.json("model", "prune", "--dry-run")["deleted"] == [f"{TAG} v4", f"{TAG} v1"]
    now = datetime(2024, 8, 2, tzinfo=UTC)
    gone = prune_versions(project, keep=1, now=now)
    assert [one.version for one in gone] == [4, 1]
    assert not shop.json("model", "prune")["deleted"]
    assert shop.run("run", "list").exit_code == 0
    assert [one["version"] for one in shop.json("model", "list")] == [5, 3, 2]
    shutil.rmtree(tmp_path / "home")
