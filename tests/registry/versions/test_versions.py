"""Versions in a real MLflow: stored whole, found again, verified, decided on."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from tagcast.features.core.errors import ModelError
from tagcast.registry.gates.checks import Check, GateReport
from tagcast.registry.versions.cards import card_file, card_language, load_card, store_card
from tagcast.registry.versions.decision_log import DecisionLog
from tagcast.registry.versions.mlflow_reader import ClientReader, DatabaseReader
from tagcast.registry.versions.names import Provenance
from tagcast.registry.versions.promotion import decide_by_gate, promote
from tagcast.registry.versions.recording import TrialRecord, log_version
from tagcast.registry.versions.run_files import document, run_file
from tagcast.registry.versions.tracking import Tracking, open_tracking, tracking_exists
from tagcast.registry.versions.versions import Version, find_version, load_bundle, versions

NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
PASSED = GateReport((Check("beats_rfm", "pass", 0.86, 0.84, "AUC .860 against .840 for the RFM ranking"),))
REFUSED = GateReport((Check("beats_rfm", "fail", 0.80, 0.84, "AUC .800 against .840 for the RFM ranking"),))

Log = Callable[..., Version]


@pytest.fixture(scope="session")
def fresh_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with an empty MLflow, in a folder whose name URLs would misread."""
    home = tmp_path_factory.mktemp("客户 100% data") / "home"
    open_tracking(home, project="shop")
    return home


@pytest.fixture
def tracking(fresh_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tracking:
    """A project of its own in a copy of the database."""
    cwd = tmp_path / "cwd"
    cwd.mkdir()
    monkeypatch.chdir(cwd)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    home = tmp_path / "家 50% #1 home"
    home.mkdir()
    shutil.copy(fresh_home / "mlflow.db", home)
    return open_tracking(home, project="零售 shop")


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    folder = tmp_path / "any name"
    folder.mkdir()
    (folder / "model.json").write_text(json.dumps({"features": ["spend_30d"]}))
    (folder / "forest.txt").write_text("tree\n" * 1000)
    (folder / "calibration.json").write_text("{}")
    return folder


@pytest.fixture
def log(tracking: Tracking, bundle: Path) -> Log:
    def log(tag: str = "churn_risk", **changes: Any) -> Version:
        return log_version(
            **{
                "tracking": tracking,
                "tag": tag,
                "kind": "model",
                "bundle": bundle,
                "features": ["spend_30d", "days_since_purchase"],
                "feature_set": "f3a9",
                "params": {"trials": 12, "chosen": "blend"},
                "metrics": {"auc": 0.86, "log_loss": 0.29},
                "dataset": {"features": {"digest": "ab" * 32, "rows": 2320, "last_day": NOW.date()}},
                "split": {"test": "2017-11-02", "train": ["2017-09-03"]},
                "figures": {"calibration": Figure(figsize=(2, 2))},
                "notes": ["Chosen on two folds."],
                "run_name": f"{tag} 2017-12-02",
                "now": NOW,
            }
            | changes
        )

    return log


def test_documents_of_a_version_are_read_back(tracking: Tracking, log: Log, tmp_path: Path) -> None:
    version = log(documents={"trade_off": {"cases": 12, "says": "前10%"}})
    assert document(tracking, version, "trade_off") == {"cases": 12, "says": "前10%"}
    plot = run_file(tracking, version, "plots/calibration.png")
    assert plot is not None
    assert plot.is_file()
    assert run_file(tracking, version, "plots/none.png") is None
    with pytest.raises(ModelError, match=r"has no other\.json"):
        document(tracking, version, "other")
    file = run_file(tracking, version, "trade_off.json")
    assert file is not None
    file.write_text("{", encoding="utf-8")
    with pytest.raises(ModelError, match="damaged"):
        document(tracking, version, "trade_off")


def stored_file(tracking: Tracking, version: Version, name: str) -> Path:
    return load_bundle(tracking, version.tag, version.version)[1] / name


def test_version_comes_back_with_the_files_that_were_stored(tracking: Tracking, log: Log, bundle: Path):
    logged = log("interest.冷冻披萨")
    version, folder = load_bundle(tracking, "interest.冷冻披萨", 1)
    assert version == logged
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == {
        p.name: p.read_bytes() for p in bundle.iterdir()
    }
    assert version.name == "interest.冷冻披萨 v1"
    assert version.metrics == {"auc": 0.86, "log_loss": 0.29}
    assert version.feature_set == "f3a9"
    assert version.created == NOW
    assert version.aliases == ()
    assert "pyfunc_model.py" in version.digests
    assert not list(Path.cwd().iterdir()), "MLflow left files in the working directory"


def test_run_holds_parameters_metrics_dataset_split_and_plots(tracking: Tracking, log: Log):
    version = log()
    run = tracking.client.get_run(version.run_id)
    assert run.info.status == "FINISHED"
    assert run.info.start_time == int(NOW.timestamp() * 1000)
    assert run.data.params == {"trials": "12", "chosen": "blend"}
    assert run.data.metrics == {"auc": 0.86, "log_loss": 0.29}
    (dataset,) = (given.dataset for given in run.inputs.dataset_inputs)
    assert (dataset.name, json.loads(dataset.profile)["rows"]) == ("features", 2320)
    held = {a.path for a in tracking.client.list_artifacts(version.run_id)}
    assert held == {"dataset.json", "split.json", "notes.json", "plots"}
    assert [a.path for a in tracking.client.list_artifacts(version.run_id, "plots")] == [
        "plots/calibration.png"
    ]


def test_run_and_model_say_who_trained_them_how_and_for_how_long(tracking: Tracking, log: Log):
    given = Provenance("Ann", "tagcast train churn_risk", 12.5, "**Churn risk**: will stop buying")
    trial = TrialRecord("trial 0", "complete", {"num_leaves": 6}, {"log_loss": 0.3}, 1.5)
    version = log(provenance=given, trials=[trial])
    client = tracking.client
    experiment = client.get_experiment(tracking.experiment_id)
    assert experiment.tags["mlflow.experimentKind"] == "custom_model_development"
    run = client.get_run(version.run_id)
    assert run.info.end_time - run.info.start_time == 12_500
    tags = run.data.tags
    assert tags["mlflow.source.name"] == "tagcast train churn_risk"
    assert tags["mlflow.source.type"] == "LOCAL"
    assert run.info.user_id == tags["mlflow.user"] == "Ann"
    (child,) = client.search_runs([tracking.experiment_id], f"tags.`mlflow.parentRunId` = '{version.run_id}'")
    assert child.info.end_time - child.info.start_time == 1_500
    assert child.info.user_id == "Ann"
    assert client.get_registered_model("churn_risk").description == given.about
    store_card(tracking, version, {"card.md": "#"}, description="Of 100 flagged, 65 come true.")
    assert client.get_model_version("churn_risk", "1").description == "Of 100 flagged, 65 come true."
    assert client.get_run(version.run_id).data.tags["mlflow.note.content"] == "Of 100 flagged, 65 come true."
    # A tag that is worded anew is described anew; what somebody chose for the experiment stays.
    client.set_experiment_tag(tracking.experiment_id, "mlflow.experimentKind", "genai_development")
    log(provenance=Provenance(about="**Churn**"))
    assert client.get_registered_model("churn_risk").description == "**Churn**"
    assert client.get_experiment(tracking.experiment_id).tags["mlflow.experimentKind"] == "genai_development"


def test_card_comes_back_with_its_version_and_nobody_elses(tracking: Tracking, log: Log):
    first, second = log(), log()
    files = {"card.html": "<p>客户</p>\r\n", "card.md": "# 客户\n"}
    assert card_language(files, "zh") == "en", "of a version that was trained before there were others"
    assert card_language({**files, card_file("html", "zh"): "<p>"}, "zh") == "zh"
    store_card(tracking, first, files)
    assert load_card(tracking, first) == files
    with pytest.raises(ModelError, match="churn_risk v2 has no card") as error:
        load_card(tracking, second)
    assert error.value.hint
    store_card(tracking, first, {"card.md": "# again\n"})
    assert load_card(tracking, first) == {"card.md": "# again\n"}
    assert find_version(tracking, "churn_risk", 1) == first, "a card changes nothing of the version"
    load_bundle(tracking, "churn_risk", 1)
    store_card(tracking, first, files, grade="B")
    assert [v.grade for v in versions(tracking)] == [None, "B"]


def test_a_card_that_was_changed_or_lost_is_not_shown(tracking: Tracking, log: Log, tmp_path: Path):
    version = log()
    store_card(tracking, version, {"card.md": "# true\n"})
    (file,) = tracking.home.rglob("card.md")
    file.write_text("# false\n")
    with pytest.raises(ModelError, match=r"card\.md is not what was recorded"):
        load_card(tracking, version)
    file.unlink()
    with pytest.raises(ModelError, match=r"card\.md is missing"):
        load_card(tracking, version)
    file.write_text("# true\n")
    moved = tmp_path / "moved"
    tracking.home.rename(moved)
    assert load_card(open_tracking(moved, project=tracking.project), version) == {"card.md": "# true\n"}


def test_model_is_free_of_pickle_and_carries_signature_and_pins(tracking: Tracking, log: Log):
    folder = load_bundle(tracking, "churn_risk", log().version)[1].parents[1]
    names = {p.name for p in folder.rglob("*") if p.is_file()}
    assert not any(name.endswith((".pkl", ".pickle", ".joblib")) for name in names)
    described = (folder / "MLmodel").read_text()
    assert '"name": "spend_30d"' in described
    assert "python_model:" not in described  # where MLflow would name a pickle
    pins = (folder / "requirements.txt").read_text().split()
    assert any(pin.startswith("lightgbm==") for pin in pins)
    assert all("==" in pin or (folder / pin).is_file() for pin in pins)


def test_stored_model_loads_and_predicts_through_mlflow_without_pickle(
    tracking: Tracking, log: Log, monkeypatch: pytest.MonkeyPatch
):
    class Doubler:  # stands for the tag model: here it is MLflow's part that counts
        @classmethod
        def load(cls, folder: Path) -> Doubler:
            assert (folder / "forest.txt").is_file()
            return cls()

    def predictions(model: Doubler, X: pd.DataFrame, as_of: date | None, **given: object) -> pd.DataFrame:
        asked.append((type(model), as_of, given["threshold"], given["previous"]))
        return pd.DataFrame({"score": 2 * X["spend_30d"]}, index=X.index)

    asked: list[tuple[object, ...]] = []
    folder = load_bundle(tracking, "churn_risk", log().version)[1].parents[1]
    import mlflow.pyfunc

    for name, stand_in in (
        ("tagcast.models.artifacts.loader", SimpleNamespace(load_bundle=Doubler.load)),
        ("tagcast.models.inference.single_model", SimpleNamespace(predictions=predictions)),
    ):
        monkeypatch.setitem(sys.modules, name, stand_in)
    monkeypatch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
    frame = pd.DataFrame({"days_since_purchase": [1.0, 2.0], "spend_30d": [0.1, np.nan]}, index=[7, 9])
    model = mlflow.pyfunc.load_model(str(folder))
    answer = model.predict(frame)
    assert answer.to_dict("index")[7] == {"score": 0.2}
    assert list(answer.index) == [7, 9]
    before = frame.assign(previous_value=["yes", "no"])
    model.predict(before, params={"as_of": "2024-07-01", "threshold": 0.25})
    assert asked[0] == (Doubler, None, None, None)
    assert asked[1][:3] == (Doubler, date(2024, 7, 1), 0.25)
    assert list(asked[1][3]) == ["yes", "no"]


def test_a_stored_model_asks_for_what_it_needs_to_be_loaded_elsewhere(tracking: Tracking, log: Log):
    version, bundle = load_bundle(tracking, "churn_risk", log().version)
    folder = bundle.parents[1]
    asked = (folder / "requirements.txt").read_text(encoding="utf-8").split()
    wheel = f"wheels/tagcast-{metadata.version('tagcast')}-py3-none-any.whl"
    assert wheel in asked
    assert wheel in version.digests
    assert (folder / wheel).is_file()
    assert f"lightgbm=={metadata.version('lightgbm')}" in asked
    assert all("==" in line for line in asked if line != wheel)


def test_listing_shows_each_tag_newest_first_with_aliases_and_decisions(tracking: Tracking, log: Log):
    first, second, other = log(), log(), log("high_value")
    decide_by_gate(tracking, first, PASSED, now=NOW)
    decide_by_gate(tracking, second, REFUSED, now=NOW + timedelta(days=1))
    listed = versions(tracking)
    assert [(v.name, v.aliases) for v in listed] == [
        ("churn_risk v2", ("challenger",)),
        ("churn_risk v1", ("champion",)),
        ("high_value v1", ()),
    ]
    assert [v.decision.action if v.decision else None for v in listed] == ["refused", "promoted", None]
    assert versions(tracking, "high_value") == [other]
    assert versions(tracking, "nobody's' OR name LIKE '%") == []


def test_gate_and_hand_move_the_champion_and_the_log_says_who_when_why(tracking: Tracking, log: Log):
    first, second = log(), log()
    decide_by_gate(tracking, first, PASSED, now=NOW)
    decide_by_gate(tracking, second, REFUSED, now=NOW + timedelta(days=1))
    assert load_bundle(tracking, "churn_risk")[0].version == 1
    refused = find_version(tracking, "churn_risk", "challenger")
    promote(
        tracking,
        refused,
        by="Ann Lee",
        reason="holds up in new stores",
        now=NOW + timedelta(days=2),
        force=True,
    )
    assert [v.aliases for v in versions(tracking, "churn_risk")] == [("champion",), ()]
    passed = find_version(tracking, "churn_risk", 1)
    promote(tracking, passed, by="Ann Lee", reason="did not hold up", now=NOW + timedelta(days=5))
    assert find_version(tracking, "churn_risk").version == 1

    history = tracking.decisions.history("churn_risk")
    assert [(d.version, d.action, d.how, d.by) for d in history] == [
        (1, "promoted", "gate", "gate"),
        (2, "refused", "gate", "gate"),
        (2, "promoted", "force", "Ann Lee"),
        (1, "promoted", "hand", "Ann Lee"),
    ]
    assert str(history[1].reason) == "AUC .800 against .840 for the RFM ranking"
    assert history[2].figures["passed"] is False
    assert history[2].figures["forced"] == ["beats_rfm"]
    assert "forced" not in history[3].figures
    assert history[3].decided_at == NOW + timedelta(days=5)


def test_a_version_that_the_gate_refused_needs_force_and_the_error_says_why(tracking: Tracking, log: Log):
    decide_by_gate(tracking, log(), PASSED, now=NOW)
    decide_by_gate(tracking, log(), REFUSED, now=NOW)
    refused, unjudged = find_version(tracking, "churn_risk", 2), log()
    with pytest.raises(ModelError, match=r"v2 may not .*beats_rfm failed \(AUC \.800 against") as caught:
        promote(tracking, refused, by="Ann", reason="I like it", now=NOW)
    assert "tagcast model promote churn_risk 2 --force --reason" in str(caught.value.hint)
    with pytest.raises(ModelError, match="the gate has not judged it"):
        promote(tracking, unjudged, by="Ann", reason="I like it", now=NOW)
    assert find_version(tracking, "churn_risk").version == 1
    assert len(tracking.decisions.history("churn_risk")) == 2

    promote(tracking, refused, by="Ann", reason="I like it", now=NOW, force=True)
    promote(tracking, unjudged, by="Ann", reason="I like it", now=NOW, force=True)
    again = find_version(tracking, "churn_risk", 2)
    with pytest.raises(ModelError, match="beats_rfm failed"):
        promote(tracking, again, by="Bob", reason="back to it", now=NOW)
    passed = find_version(tracking, "churn_risk", 1)
    decision = promote(tracking, passed, by="Bob", reason="back to it", now=NOW, force=True)
    assert decision.how == "hand", "nothing failed, so nothing was forced"
    assert [(d.how, d.figures.get("forced")) for d in tracking.decisions.history("churn_risk")[2:]] == [
        ("force", ["beats_rfm"]),
        ("force", ["not judged"]),
        ("hand", None),
    ]


@pytest.fixture(scope="module")
def fresh_log(tmp_path_factory: pytest.TempPathFactory) -> DecisionLog:
    from tagcast.registry.versions.decision_log import Decision

    log = DecisionLog(tmp_path_factory.mktemp("log"), "shop")
    given = Decision("churn_risk", 1, "promoted", "gate", "gate", "passes every check", {}, NOW)
    with log.appending(given):
        pass
    for day, version, action in [(1, 2, "refused"), (2, 2, "promoted"), (5, 1, "promoted")]:
        at = NOW + timedelta(days=day)
        with log.appending(replace(given, version=version, action=action, decided_at=at)):  # type: ignore[arg-type]
            pass
    return log


def test_decision_whose_alias_cannot_move_is_not_kept(fresh_log: DecisionLog):
    before = fresh_log.history()
    with (
        pytest.raises(RuntimeError),
        fresh_log.appending(replace(before[0], decided_at=NOW + timedelta(days=9))),
    ):
        raise RuntimeError
    assert fresh_log.history() == before


def test_decisions_of_many_writers_are_all_kept(fresh_log: DecisionLog, tmp_path: Path):
    given, log = fresh_log.history()[0], DecisionLog(tmp_path, "shop")

    def decide(number: int) -> None:
        with log.appending(replace(given, version=number)):
            pass

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(decide, range(24)))
    assert sorted(d.version for d in log.history()) == list(range(24))


def test_log_needs_moments_with_a_timezone_and_creates_nothing_when_read(
    tmp_path: Path, fresh_log: DecisionLog
):
    assert DecisionLog(tmp_path, "shop").history() == []
    assert not list(tmp_path.iterdir())
    naive = replace(fresh_log.history()[0], decided_at=datetime(2026, 3, 1))  # noqa: DTZ001
    with pytest.raises(ValueError, match="timezone"), fresh_log.appending(naive):
        pass


def test_promotion_by_hand_needs_a_name_and_a_reason(tracking: Tracking, log: Log):
    version = log()
    for by, reason in [("", "why not"), ("Ann", " ")]:
        with pytest.raises(ModelError, match="who decides and why"):
            promote(tracking, version, by=by, reason=reason, now=NOW)
    assert tracking.decisions.history() == []
    assert find_version(tracking, "churn_risk", 1).aliases == ()


@pytest.mark.parametrize("damage", ["flip", "cut", "delete"])
@pytest.mark.parametrize("name", ["forest.txt", "model.json"])
def test_changed_file_is_named_and_the_model_refused(tracking: Tracking, log: Log, damage: str, name: str):
    file = stored_file(tracking, log(), name)
    content = file.read_bytes()
    if damage == "delete":
        file.unlink()
    else:
        file.write_bytes(content[:-1] if damage == "cut" else bytes([content[0] ^ 1]) + content[1:])
    with pytest.raises(
        ModelError, match=rf"churn_risk v1: the stored model file artifacts/bundle/{name}"
    ) as caught:
        load_bundle(tracking, "churn_risk", 1)
    assert "older version" in str(caught.value.hint)


def test_missing_versions_are_explained(tracking: Tracking, log: Log):
    with pytest.raises(ModelError, match="no trained model") as caught:
        load_bundle(tracking, "churn_risk")
    assert caught.value.hint == "tagcast train churn_risk"
    decide_by_gate(tracking, log(), REFUSED, now=NOW)
    with pytest.raises(ModelError, match=r"no champion.*AUC \.800 against") as caught:
        load_bundle(tracking, "churn_risk")
    assert "tagcast model promote churn_risk" in str(caught.value.hint)
    with pytest.raises(ModelError, match="no version 7") as caught:
        load_bundle(tracking, "churn_risk", 7)
    assert str(caught.value.hint) == "choose one of 1"


def test_the_tables_tell_what_mlflows_client_tells(tracking: Tracking, log: Log):
    """Listings read MLflow's tables without MLflow: another MLflow must not make them wrong unnoticed."""
    first = log()
    decide_by_gate(tracking, first, PASSED, now=NOW)
    decide_by_gate(tracking, log(), REFUSED, now=NOW)
    log("interest.冷冻披萨")
    deleted = log("interest.冷冻披萨")
    tracking.client.delete_model_version(deleted.tag, str(deleted.version))
    log_foreign = open_tracking(tracking.home, project="other")
    log("high_value", tracking=log_foreign)
    assert isinstance(tracking.reader, DatabaseReader)
    client = ClientReader(tracking.client)

    def ordered(found):
        return sorted(found, key=lambda one: (one.name, getattr(one, "version", 0)))

    for name in (None, "churn_risk", "interest.冷冻披萨", "high_value", "nothing"):
        assert ordered(tracking.reader.models(name)) == ordered(client.models(name))
        assert ordered(tracking.reader.versions(name)) == ordered(client.versions(name))
    for prefix in ("interest.", "churn_", "x"):
        table, client_of = DatabaseReader(tracking.uri, prefix), ClientReader(tracking.client, prefix)
        assert ordered(table.models()) == ordered(client_of.models())
        assert ordered(table.versions()) == ordered(client_of.versions())
        assert all(one.name.startswith(prefix) for one in [*table.models(), *table.versions()])
    assert tracking.reader.artifact_uri(first.run_id) == client.artifact_uri(first.run_id)
    assert [(v.tag, v.version) for v in versions(tracking)] == [
        ("churn_risk", 2), ("churn_risk", 1), ("interest.冷冻披萨", 1),
    ]  # fmt: skip


def test_failed_logging_leaves_a_failed_run_and_no_version(tracking: Tracking, log: Log, tmp_path: Path):
    with pytest.raises(ModelError, match="cannot be stored"):
        log(bundle=tmp_path / "absent")
    assert versions(tracking) == []
    (run,) = tracking.client.search_runs([tracking.experiment_id])
    assert run.info.status == "FAILED"
    assert log().version == 1


def test_two_projects_in_one_registry_do_not_take_each_others_tags(tracking: Tracking, log: Log):
    log()
    other = open_tracking(tracking.home, project="other")
    assert versions(other) == []
    assert versions(other, "churn_risk") == []
    with pytest.raises(ModelError, match="did not make: churn_risk") as caught:
        log(tracking=other)
    assert "mlflow.prefix" in str(caught.value.hint)
    assert len(versions(tracking)) == 1


def test_moved_home_still_finds_its_models(tracking: Tracking, log: Log, tmp_path: Path):
    decide_by_gate(tracking, log(), PASSED, now=NOW)
    moved = tracking.home.rename(tmp_path / "moved")
    version, folder = load_bundle(open_tracking(moved, project=tracking.project), "churn_risk")
    assert version.version == 1
    assert folder.is_relative_to(moved)


def test_home_that_holds_no_database_is_answered_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert not tracking_exists(tmp_path)
    (tmp_path / "mlflow.db").write_text("no database, but a shopping list\n" * 99)
    assert tracking_exists(tmp_path)
    with pytest.raises(ModelError, match=r"mlflow\.db cannot be opened: file is not a database"):
        open_tracking(tmp_path)


def test_damaged_decision_log_is_one_clear_error(tracking: Tracking, log: Log):
    version = log()
    (tracking.home / "registry.db").write_text("no database\n" * 99)
    with pytest.raises(ModelError, match=r"decision log .*registry\.db cannot be used"):
        promote(tracking, version, by="Ann", reason="why not", now=NOW, force=True)
    assert not tracking.client.get_registered_model("churn_risk").aliases


def test_password_of_the_tracking_uri_stays_out_of_errors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "nonsense://ann:secret@host/db")
    with pytest.raises(ModelError, match="MLFLOW_TRACKING_URI") as caught:
        open_tracking(tmp_path)
    assert "secret" not in str(caught.value)


@pytest.mark.slow
def test_two_processes_may_open_a_fresh_home_together(tmp_path: Path):
    script = (
        "import sys; from pathlib import Path; from tagcast.registry.versions.tracking import open_tracking;"
        "print(open_tracking(Path(sys.argv[1])).experiment_id)"
    )
    env = {k: v for k, v in os.environ.items() if not k.startswith("MLFLOW_")}
    home = tmp_path / "home"
    started = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(home)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            env=env,
        )
        for _ in range(2)
    ]
    answers = [process.communicate(timeout=120) for process in started]
    assert [process.returncode for process in started] == [0, 0], answers
    assert answers[0] == answers[1] == ("1\n", ""), "same experiment, and nothing on stderr"
    assert {p.name for p in home.iterdir()} == {"home.json", "mlflow.db", "mlflow.lock"}
    assert {p.name for p in tmp_path.iterdir()} == {"home"}


def test_killed_first_opening_leaves_no_half_database(fresh_home: Path, tmp_path: Path):
    half = tmp_path / "mlflow.db.new"
    half.mkdir()
    (half / "mlflow.db").write_bytes(b"SQLite format 3\0 and no more")
    (half / "mlflow.db-journal").write_bytes(b"\0" * 512)
    assert not tracking_exists(tmp_path)
    assert open_tracking(tmp_path).experiment_id == "1"
    assert not half.exists()
