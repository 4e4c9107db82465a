"""A company's own Feast: registry on PostgreSQL, online store on Redis, objects of others beside tagcast's."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from tagcast.features.catalog.feature_set import FeatureSet
from tagcast.features.catalog.repo_contents import RepoContents
from tagcast.features.compute.snapshots import Snapshots
from tagcast.features.core.errors import ConfigError, ConflictError
from tagcast.features.core.schema.operation import Feast
from tagcast.features.definitions import is_ours
from tagcast.features.entities.pair import Pair
from tagcast.features.feast_store.feature_store import FeatureRepo
from tagcast.features.feast_store.moved_home import forget_old_place
from tagcast.features.feast_store.quiet import release
from tests.support.company.others import apply_and_materialize, feast_objects, feast_rows, write_plans
from tests.support.company.servers import postgres_database, redis_server
from tests.support.shop import FIRST_DAY, shop_lines, write_log

SET = FeatureSet((7, 30), ("amount", "category", "discount", "item_id", "order_id", "quantity"))
DATES = [FIRST_DAY + timedelta(days=d) for d in (60, 90)]
PASSWORD = "open_sesame"
OPENED: list[object] = []
"""Registries that Feast opened, and never closes."""

pytestmark = [pytest.mark.xdist_group("feast"), pytest.mark.slow, pytest.mark.postgres]


@pytest.fixture(scope="module")
def company(tmp_path_factory) -> Iterator[Feast]:
    """Registry and online store of a company, and the environment that opens them."""
    folder = tmp_path_factory.mktemp("company")
    with (
        pytest.MonkeyPatch.context() as patch,
        postgres_database() as url,
        redis_server(folder, PASSWORD) as port,
    ):
        patch.setenv("COMPANY_REGISTRY", url)
        patch.setenv("COMPANY_REDIS_PASSWORD", PASSWORD)
        yield Feast(
            project="company",
            registry={"registry_type": "sql", "path": "${COMPANY_REGISTRY}", "cache_ttl_seconds": 0},
            online_store={
                "type": "redis",
                "connection_string": f"127.0.0.1:{port},password=${{COMPANY_REDIS_PASSWORD}}",
            },
        )


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    while OPENED:
        release(OPENED.pop())


def repo_in(home: Path, feast: Feast | None, **contents: object) -> FeatureRepo:
    held = RepoContents(project="shop", **contents)
    snapshots = Snapshots(home, write_log(home, shop_lines(40, 100)), SET, "UTC", contents=held)
    snapshots.ensure(DATES)
    return FeatureRepo(home, snapshots, feast)


@pytest.fixture(scope="module")
def plans(tmp_path_factory) -> Path:
    return write_plans(tmp_path_factory.mktemp("plans") / "plans.parquet")


def their_store(repo: FeatureRepo, project: str):
    """Open a Feast project as its owners do: from a feature_store.yaml with variables, that Feast fills in."""
    from feast import FeatureStore
    from feast.repo_config import load_repo_config

    config = load_repo_config(repo.root, repo.root / "feature_store.yaml")
    store = FeatureStore(config=config.model_copy(update={"project": project}))
    OPENED.append(store.registry)
    return store


def rows_of(*, ours: bool) -> dict[tuple[str, ...], str]:
    return feast_rows(os.environ["COMPANY_REGISTRY"], ours=ours)


@pytest.fixture(scope="module")
def shared(company, plans, tmp_path_factory) -> FeatureRepo:
    """A repo in a registry that others were in before: in the same Feast project, and in one of their own."""
    repo = repo_in(tmp_path_factory.mktemp("home"), company)
    repo.check()  # writes the feature_store.yaml, and nothing into the registry
    for project in ("company", "risk"):
        apply_and_materialize(their_store(repo, project), plans)
    return repo


def test_nothing_of_others_is_changed(shared, company, plans) -> None:
    before = rows_of(ours=False)
    assert len(before) > 10
    shared.store()
    views = shared.materialize(DATES[0])
    shared.materialize(DATES[1])
    assert sorted(views) == ["profile_activity", "profile_category"]
    assert rows_of(ours=False) == before
    for project in ("company", "risk"):
        store = their_store(shared, project)
        got = store.get_online_features(["account_plan:plan"], [{"account": "b"}]).to_dict()
        assert got["plan"] == [2.0], project


def test_every_object_of_tagcast_says_so(shared) -> None:
    store = shared.store()
    made = [*store.list_entities(), *store.list_data_sources(), *store.list_feature_services()]
    ours = {o.name for o in [*made, *store.list_all_feature_views()] if is_ours(o, "shop")}
    assert {"profile", "category", "profile_activity", "profile_activity_snapshots", "churn"} <= ours
    assert not ours & {"account", "account_plan", "plans", "plan_events", "accounts", "doubled"}


def test_online_reads_are_the_snapshot(shared) -> None:
    for day in DATES:
        shared.materialize(day)
    (batch,) = shared.snapshots.stream(DATES[-1], [Pair("category", "tea")])
    who = batch.profile_id[3].as_py()
    got = shared.online("churn", [{"profile_id": who}])
    names = [f.name for f in SET.features("profile_activity")]
    read = np.array([np.nan if got[name][0] is None else got[name][0] for name in names])
    np.testing.assert_array_equal(read, batch.profile[3])


def test_secrets_are_never_written(shared) -> None:
    shared.store()
    text = (shared.root / "feature_store.yaml").read_text(encoding="utf-8")
    assert "${COMPANY_REGISTRY}" in text
    assert "${COMPANY_REDIS_PASSWORD}" in text
    for file in shared.root.rglob("*"):
        assert not file.is_file() or PASSWORD.encode() not in file.read_bytes(), file
    assert {v.name for v in their_store(shared, "company").list_feature_views()} >= {"profile_activity"}
    assert yaml.safe_load(text)["project"] == "company"


def test_a_registry_elsewhere_is_not_forgotten_with_a_moved_home(shared) -> None:
    file = shared.root / "feature_store.yaml"
    before = file.read_text(encoding="utf-8")
    forget_old_place(shared.root.parent)
    assert file.read_text(encoding="utf-8") == before


@pytest.mark.parametrize(
    "named", ["Entity 'profile'", "FileSource 'profile_activity_snapshots'", "FeatureService 'churn'"]
)
def test_an_object_of_others_with_our_name_is_refused(company, plans, tmp_path, named) -> None:
    from feast import Entity, FeatureService, FileSource, ValueType

    project = f"taken_{named.split()[0].lower()}"
    repo = repo_in(tmp_path, company.model_copy(update={"project": project}))
    store = their_store(repo_with_yaml(repo), project)
    account, view, *_ = feast_objects(plans)
    theirs = {
        "Entity 'profile'": [Entity(name="profile", join_keys=["person"], value_type=ValueType.STRING)],
        "FileSource 'profile_activity_snapshots'": [
            FileSource(name="profile_activity_snapshots", path=str(plans), timestamp_field="at")
        ],
        "FeatureService 'churn'": [account, view, FeatureService(name="churn", features=[view])],
    }
    store.apply(theirs[named])
    before, mine = rows_of(ours=False), rows_of(ours=True)
    for use in (repo.check, repo.store):
        with pytest.raises(ConflictError) as caught:
            use()
        assert named in str(caught.value)
        assert project in str(caught.value)
        assert "feast.project" in str(caught.value.hint)
    assert rows_of(ours=False) == before
    assert rows_of(ours=True) == mine


def repo_with_yaml(repo: FeatureRepo) -> FeatureRepo:
    repo.place.write(repo.place.written({"type": "duckdb"}))
    return repo


def test_two_projects_of_tagcast_do_not_take_each_others_views(shared, company, tmp_path) -> None:
    shared.store()
    mine = rows_of(ours=True)
    snapshots = Snapshots(
        tmp_path, write_log(tmp_path, shop_lines(40, 100)), SET, "UTC", contents=RepoContents(project="bank")
    )
    with pytest.raises(ConflictError, match="profile_activity"):
        FeatureRepo(tmp_path, snapshots, company).store()
    assert rows_of(ours=True) == mine


def test_a_pushed_view_takes_newer_rows(company, tmp_path) -> None:
    feast = company.model_copy(update={"project": "pushing"})
    pushed_reads(repo_in(tmp_path, feast, pushed=["profile_activity"]))


def test_a_pushed_view_takes_newer_rows_on_sqlite(tmp_path) -> None:
    pushed_reads(repo_in(tmp_path, None, pushed=["profile_activity"]))


def pushed_reads(repo: FeatureRepo) -> None:
    """Snapshot, then a push of a newer row: reads give the push, and training rows still the snapshot."""
    from feast.data_source import PushMode

    repo.materialize(DATES[-1])
    rows = pd.read_parquet(repo.snapshots.path("profile_activity", DATES[-1])).head(1)
    who, feature = rows["profile_id"][0], SET.features("profile_activity")[0].name
    entities = pd.DataFrame({"profile_id": [who], "as_of": [DATES[-1]]})
    before = repo.training_rows("churn", entities)
    later = rows["event_timestamp"] + pd.Timedelta(hours=1)
    newer = rows.assign(event_timestamp=later, **{feature: 1234.5})
    repo.store().push("profile_activity_push", newer, to=PushMode.ONLINE)
    assert repo.online("churn", [{"profile_id": who}])[feature] == [1234.5]
    pd.testing.assert_frame_equal(repo.training_rows("churn", entities), before)


def test_a_view_that_is_pushed_no_longer_loses_its_source(tmp_path) -> None:
    store = repo_in(tmp_path, None, pushed=["profile_activity"]).store()
    assert "profile_activity_push" in {s.name for s in store.list_data_sources()}
    store = repo_in(tmp_path, None).store()
    assert "profile_activity_push" not in {s.name for s in store.list_data_sources()}
    assert store.get_feature_view("profile_activity").stream_source is None


def test_what_cannot_be_opened_is_said_without_its_password(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("NOWHERE", "postgresql+psycopg://ann:hunter2@127.0.0.1:1/feast")
    feast = Feast(registry={"registry_type": "sql", "path": "${NOWHERE}"})
    with pytest.raises(ConfigError) as caught:
        repo_in(tmp_path, feast).check()
    assert "tagcast.toml: feast" in str(caught.value)
    assert "hunter2" not in str(caught.value)
    monkeypatch.setenv("SECRET", "hunter2")
    wrong = {"type": "redis", "connection_string": "127.0.0.1:1,password=${SECRET}", "key_ttl": "${SECRET}"}
    with pytest.raises(ConfigError, match="key_ttl") as caught:
        repo_in(tmp_path, Feast(online_store=wrong)).check()
    assert "hunter2" not in str(caught.value)
    monkeypatch.delenv("NOWHERE")
    with pytest.raises(ConfigError, match=r"feast\.registry\.path names the variable NOWHERE"):
        repo_in(tmp_path, feast).check()
