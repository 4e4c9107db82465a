"""Versions that nothing needs go, whole, and whatever is named, waited for or referred to stays."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from matplotlib.figure import Figure

from tagcast.features.core.schema.operation import Mlflow
from tagcast.registry.gates.checks import Check, GateReport
from tagcast.registry.pruning import deletion
from tagcast.registry.pruning.unneeded import unneeded
from tagcast.registry.versions.home_database import sqlite_uri
from tagcast.registry.versions.promotion import decide_by_gate, promote
from tagcast.registry.versions.recording import TrialRecord, log_version
from tagcast.registry.versions.tracking import open_tracking
from tagcast.registry.versions.versions import Version, load_bundle, versions

NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
LATER = NOW + timedelta(days=30)
PASSED = GateReport((Check("beats_rfm", "pass", 0.86, 0.84, "AUC .860 against .840"),))
LOST = GateReport((Check("beats_champion", "fail", 0.80, 0.84, "AUC .800 against .840"),))
FAULTY = GateReport((Check("calibration", "fail", 0.80, 0.84, "not calibrated"),))


def version(number: int, *aliases: str, tag: str = "churn", decision=None) -> Version:
    return Version(tag, number, "", NOW, aliases, "", {}, {}, decision, "", "model")


def test_the_newest_and_whatever_is_named_or_referred_to_stay() -> None:
    waits = SimpleNamespace(action="proposed", how="gate", figures={})
    there = [
        version(1), version(2), version(3, "champion"), version(4, "mine"), version(5, decision=waits),
        version(6), version(7), version(8), version(1, tag="value"),
    ]  # fmt: skip
    gone = unneeded(there, {("churn", 2), ("value", 1)}, keep=2)
    assert [(one.tag, one.version) for one in gone] == [("churn", 6), ("churn", 1)]
    assert not unneeded(there, set(), keep=8)


def test_what_lost_on_one_snapshot_alone_may_still_challenge_and_stays() -> None:
    lost = SimpleNamespace(action="refused", how="gate", figures=LOST.as_dict())
    faulty = SimpleNamespace(action="refused", how="gate", figures=FAULTY.as_dict())
    there = [
        version(1, decision=lost),
        version(2, "champion"),
        version(3, decision=lost),
        version(4, decision=faulty),
        version(5),
    ]
    assert [one.version for one in unneeded(there, set(), keep=1)] == [4, 1]


@pytest.fixture
def tracking(tmp_path):
    return open_tracking(tmp_path / "home", project="shop")


@pytest.fixture
def log(tracking, tmp_path):
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    (bundle / "model.json").write_text(json.dumps({"features": ["spend_30d"]}))

    def log(tag: str = "churn", now: datetime = NOW) -> Version:
        return log_version(
            tracking, tag=tag, kind="model", bundle=bundle, features=["spend_30d"], feature_set="f3a9", params={"a": 1},
            metrics={"auc": 0.86}, dataset={"features": {"digest": "ab" * 32}}, split={}, figures={"curve": Figure(figsize=(1, 1))},
            notes=[], trials=[TrialRecord("first", "complete", {"x": 1}, {"auc": 0.8})], run_name=tag, now=now,
        )  # fmt: skip

    return log


def rows(tracking) -> dict[str, int]:
    """How many rows each table of MLflow has that has any."""
    with closing(sqlite3.connect(tracking.home / "mlflow.db")) as connection:
        names = [
            name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        ]
        counts = {n: connection.execute(f'SELECT count(*) FROM "{n}"').fetchone()[0] for n in names}
    return {name: count for name, count in counts.items() if count and "registered_models" not in name}


def files(tracking) -> set[str]:
    root = tracking.home / "mlartifacts"
    return {str(f.relative_to(root)) for f in root.rglob("*") if f.is_file()}


def test_a_version_goes_with_its_runs_trials_and_files_as_if_it_had_never_been(
    tracking, log, monkeypatch
) -> None:
    before, there = rows(tracking), files(tracking)
    first, second = log(), log()
    promote(tracking, second, by="me", reason="it is good", now=NOW, force=True)
    with_two, big = rows(tracking), (tracking.home / "mlflow.db").stat().st_size
    assert deletion.delete_versions(tracking, [first], LATER) == [first]
    assert [one.version for one in versions(tracking)] == [2]
    load_bundle(tracking, "churn", 2)
    after = rows(tracking)
    # Of two equal versions half of what they added is left; datasets are shared.
    shared = {
        "datasets",
        "registered_model_aliases",
        "experiments",
        "registered_model_tags",
        "experiment_tags",
    }
    added = {n: with_two[n] - before.get(n, 0) for n in with_two if n not in shared}
    assert {n: after.get(n, 0) - before.get(n, 0) for n in added} == {
        n: count // 2 for n, count in added.items()
    }
    assert {name.split("/")[0] for name in files(tracking) - there} == {second.run_id, "models"}
    assert not [name for name in files(tracking) if first.run_id in name]
    assert (tracking.home / "mlflow.db").stat().st_size <= big
    assert log().version == 3  # numbers go on


def test_a_kill_before_the_files_are_gone_is_made_up_for(tracking, log, monkeypatch) -> None:
    first, second = log(), log()
    with monkeypatch.context() as killed:
        killed.setattr(deletion.shutil, "rmtree", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            deletion.delete_versions(tracking, [first], LATER)
    assert [one.version for one in versions(tracking)] == [2]
    assert [name for name in files(tracking) if first.run_id in name]
    assert deletion.delete_versions(tracking, [], LATER) == []
    assert not [name for name in files(tracking) if first.run_id in name]
    assert [name for name in files(tracking) if second.run_id in name]


def test_what_got_an_alias_meanwhile_stays(tracking, log) -> None:
    first, _ = log(), log()
    decide_by_gate(tracking, first, PASSED, now=NOW)
    assert deletion.delete_versions(tracking, [replace(first, aliases=())], LATER) == []
    load_bundle(tracking, "churn", 1)


def test_runs_of_trainings_that_came_to_nothing_go_after_a_day(tracking, log) -> None:
    log()
    client = tracking.client
    at = int(NOW.timestamp() * 1000)
    begun = client.create_run(
        tracking.experiment_id, start_time=at, tags={"tagcast.tag": "churn"}
    ).info.run_id
    theirs = client.create_run(tracking.experiment_id, start_time=at).info.run_id
    done = client.create_run(tracking.experiment_id, start_time=at, tags={"tagcast.tag": "churn"}).info.run_id
    client.set_terminated(done, "FINISHED", at)

    def runs() -> set[str]:
        return {run.info.run_id for run in client.search_runs([tracking.experiment_id])}

    deletion.delete_versions(tracking, [], NOW + timedelta(hours=23))
    assert {begun, theirs} <= runs()
    deletion.delete_versions(tracking, [], LATER)
    assert begun not in runs()
    assert {theirs, done} <= runs()


def test_in_a_companys_mlflow_versions_and_their_runs_are_marked_as_deleted(tracking, log, tmp_path) -> None:
    first, second = log(), log()
    theirs = Mlflow(tracking_uri=sqlite_uri(tracking.home / "mlflow.db"))
    company = open_tracking(tmp_path / "other home", project="shop", given=theirs)
    assert not company.is_own
    promote(company, second, by="me", reason="it is good", now=NOW, force=True)
    (old,) = [one for one in versions(company) if one.version == 1]
    assert deletion.delete_versions(company, [old], LATER) == [old]
    assert [one.version for one in versions(company)] == [2]
    client = company.client
    assert client.get_run(first.run_id).info.lifecycle_stage == "deleted"
    left = client.search_runs([company.experiment_id])
    assert len(left) == 2, "the run of the second training, and of its trial"
    assert [name for name in files(tracking) if first.run_id in name], "mlflow gc on the server removes them"
