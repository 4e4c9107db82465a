"""A company's own Feast (PostgreSQL, Redis) and MLflow (a server) from training to online reads: nothing of others changes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from tagcast.features.feast_store.quiet import release
from tagcast.pipelines.project.project import open_project
from tagcast.registry.versions.tracking import tracking_of
from tagcast.registry.versions.versions import load_bundle
from tests.support.champion import DAY, TAG
from tests.support.command_line import Project
from tests.support.company.others import (
    apply_and_materialize,
    feast_rows,
    mlflow_rows,
    register_model,
    write_plans,
)
from tests.support.company.servers import mlflow_server, postgres_database, redis_server
from tests.support.shop import write_shop

pytestmark = [pytest.mark.slow, pytest.mark.postgres, pytest.mark.xdist_group("handed on")]
PASSWORD = "open_sesame"
TABLES = """
[feast]
project = "company"
registry = {{ registry_type = "sql", path = "${{COMPANY_REGISTRY}}", cache_ttl_seconds = 0 }}
online_store = {{ type = "redis", connection_string = "127.0.0.1:{port},password=${{COMPANY_REDIS_PASSWORD}}" }}

[mlflow]
tracking_uri = "${{COMPANY_MLFLOW}}"
experiment = "crm/"
prefix = "tagcast."
"""


@dataclass(frozen=True)
class Company:
    """A project on the servers of a company."""

    project: Project
    folder: Path
    mlflow: str
    registry: str
    plans: Path

    def their_store(self, project: str):
        """Open another Feast project by the configuration that tagcast writes."""
        from feast import FeatureStore
        from feast.repo_config import load_repo_config

        file = self.project.home / "feast" / "feature_store.yaml"
        config = load_repo_config(self.folder, file).model_copy(update={"project": project})
        return FeatureStore(config=config)


@pytest.fixture(scope="module")
def company(tmp_path_factory) -> Iterator[Company]:
    folder = tmp_path_factory.mktemp("company")
    config = write_shop(folder / "shop", customers=250)
    for other in ("high_value", "interest"):
        (folder / "shop" / "tags" / f"{other}.yaml").unlink()
    with (
        pytest.MonkeyPatch.context() as patch,
        postgres_database() as registry,
        redis_server(folder, PASSWORD) as port,
        mlflow_server(folder / "mlflow") as mlflow,
    ):
        patch.setenv("COMPANY_REGISTRY", registry)
        patch.setenv("COMPANY_REDIS_PASSWORD", PASSWORD)
        patch.setenv("COMPANY_MLFLOW", mlflow)
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        config.write_text(config.read_text(encoding="utf-8") + TABLES.format(port=port), encoding="utf-8")
        plans = write_plans(folder / "plans.parquet")
        for name in (TAG, "credit", "tagcast_credit"):
            register_model(mlflow, name, folder)
        yield Company(Project(config, folder / "home"), folder, mlflow, registry, plans)


def test_from_training_to_online_reads_nothing_of_others_changes(company) -> None:
    project, theirs = company.project, {}
    opened = open_project(project.config, project.home)
    opened.repo(opened.feature_set(opened.definitions(DAY), DAY)).check()
    for name in ("company", "risk"):
        store = company.their_store(name)
        apply_and_materialize(store, company.plans)
        theirs[name] = store
    del opened
    of_feast, of_mlflow = feast_rows(company.registry), mlflow_rows(company.folder / "mlflow")
    assert len(of_feast) > 10
    assert len(of_mlflow) > 30

    project.run("train", TAG, "--as-of", str(DAY), "--trials", "1", "--threads", "1")
    project.run("model", "promote", TAG, "1", "--force", "--reason", "this shop is too small for the gate")
    project.run("score", "--all", "--as-of", str(DAY))
    project.run("features", "materialize", "--as-of", str(DAY))
    listed = project.json("model", "list")

    assert feast_rows(company.registry) == of_feast
    after = mlflow_rows(company.folder / "mlflow")
    assert {key: after.get(key) for key in of_mlflow} == of_mlflow
    for name, store in theirs.items():
        got = store.get_online_features(["account_plan:plan"], [{"account": "b"}]).to_dict()
        assert got["plan"] == [2.0], name
        release(store.registry)
    assert [(v["tag"], v["version"], v["aliases"]) for v in listed] == [(TAG, 1, ["champion"])]


def test_what_tagcast_made_says_so_and_carries_the_prefix(company) -> None:
    from mlflow.tracking import MlflowClient

    client = MlflowClient(company.mlflow)
    model = client.get_registered_model(f"tagcast.{TAG}")
    assert model.tags["managed_by"] == "tagcast"
    assert model.aliases == {"champion": "1"}
    experiment = client.get_experiment_by_name("crm/small shop")
    assert experiment.tags["managed_by"] == "tagcast"
    assert client.get_run(client.get_model_version(model.name, "1").run_id).info.experiment_id == (
        experiment.experiment_id
    )
    assert client.get_registered_model(TAG).tags == {"team": "risk"}


def test_models_come_from_the_server_and_are_verified_in_the_home(company) -> None:
    tracking = tracking_of(open_project(company.project.config, company.project.home).settings)
    version, folder = load_bundle(tracking, TAG)
    assert folder.is_relative_to(company.project.home / "downloads")
    assert not (company.project.home / "mlflow.db").exists()
    assert version.source.startswith("mlflow-artifacts:")
    file = folder / "model.json"
    whole = file.read_bytes()
    file.write_bytes(whole[:-1])
    assert (load_bundle(tracking, TAG)[1] / "model.json").read_bytes() == whole


def test_online_reads_are_the_snapshot_that_was_materialized(company) -> None:
    opened = open_project(company.project.config, company.project.home)
    repo = opened.repo(opened.feature_set(opened.definitions(DAY), DAY))
    batch = next(iter(repo.snapshots.stream(DAY)))
    got = repo.online("churn", [{"profile_id": batch.profile_id[k].as_py()} for k in range(20)])
    for place, feature in enumerate(repo.feature_set.features("profile_activity")):
        read = [np.nan if value is None else value for value in got[feature.name]]
        np.testing.assert_array_equal(read, batch.profile[:20, place])


def test_no_secret_is_in_the_home(company) -> None:
    files = [f for f in company.project.home.rglob("*") if f.is_file()]
    assert len(files) > 10
    assert not [f for f in files if PASSWORD.encode() in f.read_bytes()]


def test_a_model_or_experiment_of_others_is_refused_before_training(company, tmp_path) -> None:
    text = company.project.config.read_text(encoding="utf-8")
    config = company.project.config.with_name("other.toml")
    before = mlflow_rows(company.folder / "mlflow")
    cases = {
        'prefix = ""': (f"did not make: {TAG}", "mlflow.prefix"),
        'prefix = "tagcast."\nexperiment = "risk"': (
            "did not make the experiment 'risk'",
            "mlflow.experiment",
        ),
    }
    for change, (problem, hint) in cases.items():
        changed = text.replace('prefix = "tagcast."', change)
        if "experiment = " in change:
            changed = changed.replace('experiment = "crm/"\n', "")
        config.write_text(changed, encoding="utf-8")
        project = Project(config, tmp_path / str(len(change)))
        done = project.run("train", TAG, "--as-of", str(DAY), ok=False)
        assert done.exit_code == 6
        assert problem in done.stderr
        assert hint in done.stderr
        assert not (project.home / "features").exists()
    after = mlflow_rows(company.folder / "mlflow")
    ours = {k for k in after if k not in before}
    assert {key: after.get(key) for key in before} == before
    assert {k[0] for k in ours} <= {"experiments", "experiment_tags"}


def test_a_server_that_does_not_answer_is_said_before_training(company, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("COMPANY_MLFLOW", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    done = Project(company.project.config, tmp_path).run("train", TAG, "--as-of", str(DAY), ok=False)
    assert done.exit_code == 6
    assert "tagcast.toml: mlflow.tracking_uri" in done.stderr
