"""Planted leaks, from the source to the gate: each is caught, said in words, and gets no champion."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from click.testing import CliRunner

from tagcast.pipelines.cli.main import cli
from tagcast.pipelines.evidence.gate_inputs import GateInputs
from tagcast.pipelines.project.project import open_project
from tagcast.pipelines.training.frames import training_frames
from tagcast.pipelines.training.labelling.labels import label_rows
from tagcast.registry.gates.leak_checks import after_as_of
from tests.support.shop import FIRST_DAY, write_shop

NOW = FIRST_DAY + timedelta(days=200)
HORIZON = timedelta(days=30)
CLOSED = """
[[sources]]
name = "accounts"
path = "closed.parquet"
timezone = "UTC"
event = "closed_account"

[sources.columns]
profile_id = "customer"
event_time = "at"
"""

pytestmark = [pytest.mark.xdist_group("leaks"), pytest.mark.slow]


def tagcast(config: Path, *words: str):
    done = CliRunner().invoke(cli, [*words, "--config", str(config), "--json"])
    assert done.exit_code == 0, done.output + done.stderr
    return json.loads(done.stdout)


def train(config: Path, now: date = NOW) -> dict:
    (trained,) = tagcast(
        config, "train", "churn_risk", "--as-of", str(now), "--trials", "1", "--threads", "1"
    )
    return {**trained, "by_name": {c["name"]: c for c in trained["checks"]}}


def moments() -> list[pd.Timestamp]:
    return [pd.Timestamp(NOW - HORIZON * n) for n in range(1, 6)]


def silent_after(lines: pd.DataFrame, moment: pd.Timestamp) -> list[str]:
    """Customers who bought in the 60 days before and in the 30 days after nothing."""
    before = lines[(lines["at"] < moment) & (lines["at"] >= moment - timedelta(days=60))]
    after = lines[(lines["at"] >= moment) & (lines["at"] < moment + HORIZON)]
    return sorted(set(before["customer"]) - set(after["customer"]))


def test_an_event_made_from_the_outcome_is_caught_twice(tmp_path) -> None:
    """A system closes the accounts of those who left, and stamps the closing on the day before they left."""
    config = write_shop(tmp_path, customers=200)
    lines = pd.read_parquet(tmp_path / "lines.parquet")
    closed = [
        (customer, moment - timedelta(hours=12))
        for moment in moments()
        for customer in silent_after(lines, moment)
    ]
    pd.DataFrame(closed, columns=["customer", "at"]).to_parquet(tmp_path / "closed.parquet", index=False)
    config.write_text(config.read_text().replace("\n[profiles]", CLOSED + "\n[profiles]"))
    trained = train(config)
    assert trained["alias"] == "challenger"
    for name in ("single_feature", "last_day"):
        check = trained["by_name"][name]
        assert check["outcome"] == "fail"
        assert "closed_account" in check["text"]
        assert check["text"] in trained["reason"]
    assert trained["by_name"]["single_feature"]["figure"] > 0.95
    assert trained["by_name"]["last_day"]["figure"] > 0.5
    assert trained["by_name"]["after_as_of"]["outcome"] == "pass", "its times do say before"
    assert trained["by_name"]["beats_rfm"]["outcome"] == "pass", "by quality alone it would be active"
    listed = CliRunner().invoke(cli, ["model", "list", "churn_risk", "--config", str(config)]).stdout
    assert "closed_account" in listed
    refused = CliRunner().invoke(cli, ["score", "--all", "--config", str(config)])
    assert refused.exit_code == 6


def test_events_stamped_after_as_of_are_caught(tmp_path) -> None:
    """The log's days and times disagree: next week's purchases count as made on the day before."""
    config = write_shop(tmp_path, customers=200)
    tagcast(config, "check", "--as-of", str(NOW))
    (log,) = (tmp_path / ".tagcast" / "events").glob("*/events/*.parquet")
    test = NOW - HORIZON
    with duckdb.connect() as connection:
        connection.execute(
            """COPY (SELECT * REPLACE (CASE WHEN event_day BETWEEN $first AND $last THEN $before
                                            ELSE event_day END AS event_day) FROM read_parquet($log))
               TO $aside (FORMAT parquet)""",
            {
                "first": test,
                "last": test + timedelta(days=6),
                "before": test - timedelta(days=1),
                "log": str(log),
                "aside": str(log.with_suffix(".aside")),
            },
        )
    log.with_suffix(".aside").replace(log)
    trained = train(config)
    assert trained["alias"] == "challenger"
    check = trained["by_name"]["after_as_of"]
    assert check["outcome"] == "fail"
    assert "counted before a snapshot, timed at or after it" in check["text"]
    assert "not what the events before it give" in check["text"]
    assert check["figure"] > 0
    assert check["text"] in trained["reason"]


def test_a_snapshot_written_by_something_else_is_caught(tmp_path) -> None:
    """A partition with the recency of three weeks later, stamped and counted as if it were whole."""
    workspace = open_project(write_shop(tmp_path, customers=200), None)
    definitions = [d for d in workspace.definitions(NOW) if d.name == "churn_risk"]
    plan, features = workspace.plan(definitions[0], NOW), workspace.feature_set(definitions, NOW)
    labels = {"churn_risk": label_rows(workspace, plan, NOW)}
    check = {}
    for which in ("built", "tampered"):
        frame = training_frames(workspace, [plan], labels, features, features.views)["churn_risk"]
        inputs = GateInputs(workspace, NOW, features, tmp_path / which)
        check[which] = after_as_of(inputs.leaks(plan, frame, list(frame.X.columns)))
        (file,) = workspace.snapshots(features).files("profile_activity", plan.split.test)
        rows = pd.read_parquet(file)
        rows["recency_days"] -= 21
        rows.to_parquet(file, index=False, compression="zstd")
        manifest = json.loads((file.parents[1] / "snapshot.json").read_text())
        manifest["bytes"]["profile_activity"][0] = file.stat().st_size
        (file.parents[1] / "snapshot.json").write_text(json.dumps(manifest))
    assert check["built"].outcome == "pass"
    assert check["tampered"].outcome == "fail"
    assert "recency_days counted from events at or after the snapshot" in str(check["tampered"].text)
    assert "recency_days of the test snapshot not what the events before it give" in str(
        check["tampered"].text
    )


def test_a_second_training_is_held_against_champion_and_published_scores(tmp_path) -> None:
    config = write_shop(tmp_path)
    first = train(config, NOW)
    assert first["by_name"]["beats_champion"]["text"] == "no champion yet"
    assert first["by_name"]["score_distribution"]["text"] == "no run yet"
    tagcast(
        config, "model", "promote", "churn_risk", "1", "--force", "--reason", "something to be held against"
    )
    tagcast(config, "score", "churn_risk", "--as-of", str(NOW))
    later = train(config, NOW + HORIZON)["by_name"]
    assert "for the champion, version 1: " in later["beats_champion"]["text"]
    assert "proves nothing" not in later["beats_champion"]["text"], "it learned nothing of these outcomes"
    assert later["beats_champion"]["bar"] > 0
    assert later["score_distribution"]["figure"] > 0
    assert "PSI" in later["score_distribution"]["text"]
