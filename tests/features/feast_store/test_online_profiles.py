"""Single profiles in an online store: found by the keys that Feast has written, and taken out; nothing of others is touched."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tagcast.features.catalog.feature_set import FeatureSet
from tagcast.features.catalog.repo_contents import RepoContents
from tagcast.features.compute.snapshots import Snapshots
from tagcast.features.core.settings import Settings, load_settings
from tagcast.features.feast_store.feature_store import FeatureRepo
from tagcast.features.feast_store.online_profiles import OnlineProfiles
from tests.support.company.servers import redis_server
from tests.support.shop import CONFIG, FIRST_DAY, shop_lines, write_log

SET = FeatureSet((7,), ("amount", "category"))
DAY = FIRST_DAY + timedelta(days=60)
PASSWORD = "open_sesame"
STORES = {
    "sqlite": "",
    "redis": '[feast]\nproject = "shop"\nonline_store = {type = "redis", connection_string = "127.0.0.1:PORT,password=${ONLINE}"}\n',
}


@pytest.fixture(params=STORES)
def settings(request, tmp_path, monkeypatch) -> Iterator[Settings]:
    text = STORES[request.param]

    def written(port: int) -> Settings:
        (tmp_path / "tagcast.toml").write_text(CONFIG + text.replace("PORT", str(port)), encoding="utf-8")
        return load_settings(tmp_path / "tagcast.toml", None, tmp_path)

    monkeypatch.setenv("ONLINE", PASSWORD)
    if text:
        with redis_server(tmp_path, PASSWORD) as port:
            yield written(port)
    else:
        yield written(0)


def test_profiles_are_taken_out_of_every_view(settings, tmp_path) -> None:
    lines = shop_lines(12, 80)
    log = write_log(tmp_path / "log", lines.assign(customer=lines["customer"].str.replace("c", "erase-me-c")))
    snapshots = Snapshots(settings.home, log, SET, "UTC", contents=RepoContents(project="shop"))
    snapshots.ensure([DAY])
    repo = FeatureRepo(settings.home, snapshots, settings.feast)
    repo.materialize(DAY)
    online = OnlineProfiles(settings)
    everybody = sorted(lines["customer"].str.replace("c", "erase-me-c").unique())
    gone, stays = everybody[:3], everybody[3:]
    rows = online.rows(gone)
    assert online.is_known
    assert {row["profile_id"] for row in rows} == {*gone}
    assert any("category" in row for row in rows)
    assert any(value is not None for row in rows for value in row["features"].values())
    others = sorted(map(str, online.rows(stays)))
    assert online.erase(gone) == len(rows)
    assert online.rows(gone) == []
    assert sorted(map(str, online.rows(stays))) == others
    assert online.erase(gone) == 0
    file = settings.home / "feast" / "online_store.db"
    if file.is_file():
        assert not any(
            one.encode() in held.read_bytes() for one in gone for held in file.parent.glob("online_store.db*")
        )


def test_of_another_kind_of_store_it_is_said_that_it_is_not_looked_into(tmp_path) -> None:
    config: Path = tmp_path / "tagcast.toml"
    config.write_text(
        CONFIG + '[feast]\nonline_store = {type = "dynamodb", region = "eu"}\n', encoding="utf-8"
    )
    online = OnlineProfiles(load_settings(config, None, tmp_path))
    assert not online.is_known
    assert online.kind == "dynamodb"
    assert online.erase(["c0001"]) == 0
