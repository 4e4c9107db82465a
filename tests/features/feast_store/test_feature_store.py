"""The Feast repo: a real apply, point-in-time joins, online reads."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from tagcast.features.catalog.feature_set import SERVICES, FeatureSet
from tagcast.features.compute.snapshots import Snapshots
from tagcast.features.core.duckdb import instant
from tagcast.features.core.errors import DataError
from tagcast.features.definitions import OURS
from tagcast.features.entities.pair import Pair
from tagcast.features.feast_store.feature_store import FeatureRepo
from tests.support.shop import FIRST_DAY, shop_lines, write_log

ROOT = Path(__file__).parents[3]
SET = FeatureSet((7, 30), ("amount", "category", "discount", "item_id", "order_id", "quantity"))
DATES = [FIRST_DAY + timedelta(days=d) for d in (60, 90)]

pytestmark = [pytest.mark.xdist_group("feast"), pytest.mark.slow]


@pytest.fixture(scope="module")
def repo(tmp_path_factory) -> FeatureRepo:
    home = tmp_path_factory.mktemp("home")
    snapshots = Snapshots(home, write_log(home, shop_lines(40, 100)), SET, "America/New_York")
    snapshots.ensure(DATES)
    return FeatureRepo(home, snapshots)


def entities(repo: FeatureRepo, *, category: str | None = None) -> pd.DataFrame:
    parts = []
    for as_of in DATES:
        ids = [i for b in repo.snapshots.stream(as_of) for i in b.profile_id.to_pylist()]
        parts.append(pd.DataFrame({"profile_id": ids, "as_of": as_of}))
    frame = pd.concat(parts)
    return frame if category is None else frame.assign(category=category)


def test_training_rows_are_the_streamed_rows(repo) -> None:
    """What a model learns from through Feast is what the scorer streams, to the bit."""
    rows = repo.training_rows("interest", entities(repo, category="tea"))
    for as_of in DATES:
        (batch,) = repo.snapshots.stream(as_of, [Pair("category", "tea")])
        mine = rows[rows["as_of"] == as_of]
        assert list(mine["profile_id"]) == batch.profile_id.to_pylist()
        streamed = np.hstack([batch.profile, batch.pairs[Pair("category", "tea")]])
        np.testing.assert_array_equal(mine[list(SET.names(SERVICES["interest"]))].to_numpy(), streamed)


def test_a_missing_snapshot_is_not_replaced_by_an_older_one(repo) -> None:
    later = entities(repo).assign(as_of=DATES[-1] + timedelta(days=10))
    with pytest.raises(DataError, match="no feature snapshot at"):
        repo.training_rows("churn", later)


def test_feast_holds_nobody_who_imported_it(repo) -> None:
    repo.training_rows("churn", entities(repo))
    kept = getattr(sys.modules["feast.torch_wrapper"], "_torch_import_error", None)
    assert kept is None or kept.__traceback__ is None


def test_a_view_that_a_snapshot_lacks_is_not_taken_for_one_without_rows(tmp_path) -> None:
    snapshots = Snapshots(tmp_path, write_log(tmp_path, shop_lines(40, 100)), SET, "UTC")
    snapshots.ensure(DATES, views=["profile_activity"])
    repo = FeatureRepo(tmp_path, snapshots)
    assert len(repo.training_rows("churn", entities(repo))) > 0
    with pytest.raises(DataError, match="no feature snapshot at"):
        repo.training_rows("interest", entities(repo, category="tea"))


def feast_rows(
    repo: FeatureRepo, kind: str, asked: pd.DataFrame, service: str, **options: object
) -> pd.DataFrame:
    """Return what Feast itself gives for ``asked`` with the offline store ``kind``."""
    from feast import FeatureStore, RepoConfig

    config = yaml.safe_load((repo.root / "feature_store.yaml").read_text(encoding="utf-8"))
    assert config["offline_store"]["type"].endswith("SnapshotOfflineStore")
    if kind != "snapshots":
        config["offline_store"] = {"type": kind}
    store = FeatureStore(config=RepoConfig(**config))
    features = store.get_feature_service(service)
    return store.get_historical_features(entity_df=asked.copy(), features=features, **options).to_df()


@pytest.mark.parametrize("service", ["churn", "interest"])
def test_point_in_time_rows_are_those_of_feasts_own_store(repo, service) -> None:
    """At, between and after moments, beyond the time to live, for someone unknown, and for one asked twice."""
    repo.store()
    ids = [*entities(repo)["profile_id"].unique()[:6], "nobody"]
    moments = pd.DatetimeIndex([instant(d, "America/New_York") for d in DATES])
    hours = (-1, 0, 1, 24 * 29, 24 * 35, 24 * 35 + 1, 24 * 90)
    asked = pd.DataFrame(
        [
            {"profile_id": i, "event_timestamp": m + pd.Timedelta(hours=h), "category": c}
            for i in ids
            for m in moments
            for h in hours
            for c in ("tea", "coffee", "none")
        ]
    ).sample(frac=1, random_state=0, ignore_index=True)
    if service == "churn":
        asked = asked.drop(columns="category").drop_duplicates(ignore_index=True)
    mine, plain = (feast_rows(repo, kind, asked, service) for kind in ("snapshots", "duckdb"))
    keys = [c for c in asked.columns if c != "event_timestamp"]
    pd.testing.assert_frame_equal(mine[keys], asked[keys], check_dtype=False)
    assert (mine["event_timestamp"] == asked["event_timestamp"]).all()
    order = ["event_timestamp", *keys]
    one, two = (f.sort_values(order, ignore_index=True) for f in (mine, plain[mine.columns]))
    pd.testing.assert_frame_equal(one, two, check_exact=True, check_dtype=False)
    features = list(SET.names(SERVICES[service]))
    assert one[features].notna().any(axis=1).sum() > 20
    assert one[features].isna().all(axis=1).sum() > 20


def test_what_the_snapshot_store_does_not_cover_is_left_to_duckdb(repo) -> None:
    repo.store()
    asked = (
        entities(repo).head(5)[["profile_id"]].assign(event_timestamp=pd.Timestamp("2024-03-20", tz="UTC"))
    )
    for options in ({"full_feature_names": True}, {"filter_by_created_timestamp": True}):
        mine, plain = (
            feast_rows(repo, kind, asked, "churn", **options).sort_values("profile_id", ignore_index=True)
            for kind in ("snapshots", "duckdb")
        )
        pd.testing.assert_frame_equal(mine, plain[mine.columns], check_exact=True)


def test_training_rows_of_a_key_asked_twice_come_once_in_order(repo) -> None:
    asked = pd.concat([entities(repo).sample(frac=1, random_state=1), entities(repo).head(7)])
    rows = repo.training_rows("churn", asked)
    assert len(rows) == len(entities(repo))
    assert list(zip(rows["as_of"], rows["profile_id"], strict=True)) == sorted(
        {(d, p) for d, p in zip(asked["as_of"], asked["profile_id"], strict=True)}
    )
    assert (rows.dtypes[list(SET.names(SERVICES["churn"]))] == "float64").all()


def test_materialize_and_read_back_online(repo) -> None:
    assert sorted(repo.materialize(DATES[-1])) == ["profile_activity", "profile_category"]
    (batch,) = repo.snapshots.stream(DATES[-1], [Pair("category", "tea")])
    who = batch.profile_id[3].as_py()
    got = repo.online("interest", [{"profile_id": who, "category": "tea"}])
    names = [f.name for f in SET.features("profile_activity")]
    for position, name in enumerate(names):
        expected = batch.profile[3, position]
        found = np.nan if got[name][0] is None else got[name][0]
        assert found == expected or (np.isnan(found) and np.isnan(expected)), name


def test_feast_apply_as_a_feast_user_does(repo, tmp_path) -> None:
    """`feast apply` in a copy of features/ gives exactly these objects."""
    copy = tmp_path / "features"
    shutil.copytree(ROOT / "features", copy, ignore=shutil.ignore_patterns("*.db", "__pycache__"))
    feast = Path(sys.executable).with_name("feast")
    environment = {**os.environ, "TAGCAST_HOME": str(repo.snapshots.root.parent), "PYTHONWARNINGS": "ignore"}
    subprocess.run([feast, "apply"], cwd=copy, env=environment, check=True, capture_output=True)
    code = (
        "from feast import FeatureStore; s = FeatureStore('.');"
        "print(sorted(e.name for e in s.list_entities()), sorted(v.name for v in s.list_feature_views()),"
        " sorted(f.name for f in s.list_feature_services()), len(s.get_feature_view('profile_category').features))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=copy, env=environment, check=True, capture_output=True, text=True
    )
    expected = (
        "['category', 'profile'] ['profile_activity', 'profile_category'] ['churn', 'interest', 'value'] "
        f"{len(SET.features('profile_category'))}"
    )
    assert done.stdout.strip().splitlines()[-1] == expected


def test_what_others_put_into_the_registry_stays(repo, tmp_path) -> None:
    """A company's view and service beside tagcast's, while a stale one of tagcast's own goes."""
    from feast import (
        Entity,
        FeatureService,
        FeatureStore,
        FeatureView,
        Field,
        FileSource,
        RepoConfig,
        ValueType,
    )
    from feast.types import Float64

    repo.store()
    config = yaml.safe_load((repo.root / "feature_store.yaml").read_text(encoding="utf-8"))
    theirs = FeatureStore(config=RepoConfig(**config))
    pd.DataFrame(
        {"profile_id": ["a"], "plan": [1.0], "at": [pd.Timestamp("2024-01-01", tz="UTC")]}
    ).to_parquet(tmp_path / "plans.parquet")
    view = FeatureView(
        name="customer_plan",
        entities=[Entity(name="profile", join_keys=["profile_id"], value_type=ValueType.STRING)],
        schema=[Field(name="plan", dtype=Float64)],
        source=FileSource(name="plans", path=str(tmp_path / "plans.parquet"), timestamp_field="at"),
    )
    stale = FeatureService(name="stale", features=[view], tags=OURS)
    theirs.apply([view, FeatureService(name="churn_company", features=[view]), stale], partial=True)
    again = FeatureRepo(repo.root.parent, repo.snapshots).store()
    assert "customer_plan" in {v.name for v in again.list_feature_views()}
    services = {service.name for service in again.list_feature_services()}
    assert {"churn_company", "churn"} <= services
    assert "stale" not in services
