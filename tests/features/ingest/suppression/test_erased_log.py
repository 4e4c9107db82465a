"""A log without some profiles is the one that a load makes where their lines never were."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from tagcast.features.core.errors import DataError
from tagcast.features.core.settings import load_settings
from tagcast.features.ingest.data_checks import examine
from tagcast.features.ingest.event_log import EventLog, active_log
from tagcast.features.ingest.suppression.erased_log import ids_of_log, log_without, source_ids
from tagcast.features.ingest.suppression.suppressed import suppress, with_key
from tests.support.engines.split_machine import SplitMachine
from tests.support.source_projects import build, project, source

GONE = {"erase-me-1", "erase-me-é"}
IDS = ["keep-a", "erase-me-1", "keep-b", "erase-me-é", "keep-c"]
PROFILES = '[profiles]\npath = "people.csv"\nkey = "id"\ncolumns = ["city"]\n'
IDENTITY = '[identity]\npath = "placed.csv"\nsource = "system"\nsource_id = "id"\nprofile_id = "person"\n'
PLACED = "system,id,person\n" + "".join(
    f"{system},{one}{system},{one}\n" for system in ("shop", "web") for one in IDS
)


def lines_on(first: int, days: int, suffix: str = "") -> pd.DataFrame:
    rows = [
        {"id": f"{one}{suffix}", "at": pd.Timestamp(2024, 1, 1) + pd.Timedelta(days=day, hours=n), "price": day + n + 0.5}
        for day in range(first, first + days)
        for n, one in enumerate(IDS)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def shop(tmp_path: Path, *, placed: bool) -> Path:
    suffix = ("shop", "web") if placed else ("", "")
    columns = {"profile_id": "id", "event_time": "at", "amount": "price"}
    return project(
        tmp_path,
        source("shop", place='path = "shop.parquet"', columns=columns),
        source("web", place='path = "web"', columns=columns),
        PROFILES,
        IDENTITY if placed else "",
        shop_parquet=lines_on(0, 20, suffix[0]),
        people_csv="id,city\n" + "".join(f"{one},town of {one}\n" for one in IDS),
        placed_csv=PLACED,
    )


def erased(config: Path, home: Path) -> EventLog:
    settings = load_settings(config, home, config.parent)
    key = with_key(home)
    digests = [key.digest(one) for one in GONE]
    digests += [key.digest(one, name) for name, one in source_ids(settings, GONE)]
    listed = suppress(home, digests)
    with log_without(settings, GONE, listed.version):
        pass
    log = active_log(home)
    assert log is not None
    return log


def as_read(log: EventLog) -> tuple:
    events = pd.concat(map(pd.read_parquet, sorted(log.folder.glob("events/*"))))
    beside = [
        pq.read_table(file).to_pylist()
        for name in ("profiles.parquet", "identity.parquet", "facts.parquet")
        if (file := log.folder / name).is_file()
    ]
    return events.sort_values([*events.columns], ignore_index=True).to_dict(), beside


@pytest.mark.parametrize("placed", [False, True], ids=["ids as they are", "placed by a table"])
def test_it_is_the_log_of_a_load_without_them_and_later_loads_go_on_from_there(tmp_path, placed) -> None:
    (tmp_path / "web").mkdir()
    lines_on(0, 15, "web" if placed else "").to_parquet(tmp_path / "web" / "a.parquet")
    config = shop(tmp_path, placed=placed)
    home = tmp_path / ".tagcast"
    before = build(config)
    log = erased(config, home)
    assert GONE.isdisjoint(ids_of_log(load_settings(config, home, tmp_path)))
    assert [one.suppressed for one in log.sources] == [40, 30]
    other = tmp_path / "anew"
    other.mkdir()
    for name in ("suppressed.json", "profile.key"):
        (other / name).write_bytes((home / name).read_bytes())
    anew = build(config, other)
    assert replace(anew, folder=Path()) == replace(log, folder=Path())
    assert as_read(anew) == as_read(log)
    assert [
        folder.name for folder in (home / "events").iterdir() if folder.is_dir() and not folder.is_symlink()
    ] == [log.id]
    assert log.id != before.id
    assert build(config) == log  # nothing has changed: nothing is read
    again = erased(config, home)
    assert again == log
    lines_on(15, 3, "web" if placed else "").to_parquet(tmp_path / "web" / "b.parquet")
    later, later_anew = build(config), build(config, tmp_path / "other", engine=SplitMachine(2))
    assert not later.changes
    assert later.sources[1].suppressed == 36
    assert GONE.isdisjoint(ids_of_log(load_settings(config, home, tmp_path)))
    assert later_anew.sources[1].suppressed == 0  # another home knows of nobody
    for name in ("suppressed.json", "profile.key"):
        (tmp_path / "other" / name).write_bytes((home / name).read_bytes())
    # A log that was built with another list is built anew.
    assert replace(build(config, tmp_path / "other", engine=SplitMachine(2)), folder=Path()) == replace(
        later, folder=Path()
    )


def test_check_counts_what_is_left_out(tmp_path) -> None:
    (tmp_path / "web").mkdir()
    lines_on(0, 15).to_parquet(tmp_path / "web" / "a.parquet")
    config = shop(tmp_path, placed=False)
    build(config)
    erased(config, tmp_path / ".tagcast")
    found = examine(load_settings(config, None, tmp_path))
    assert [(one.rows, one.profiles, one.missing_ids, one.suppressed) for one in found.sources] == [
        (60, 3, 0, 40),
        (45, 3, 0, 30),
    ]
    assert [one.code for one in found.findings].count("erased_profiles") == 2


def test_a_list_without_its_key_stops_the_load(tmp_path) -> None:
    (tmp_path / "web").mkdir()
    lines_on(0, 15).to_parquet(tmp_path / "web" / "a.parquet")
    config = shop(tmp_path, placed=False)
    build(config)
    erased(config, tmp_path / ".tagcast")
    (tmp_path / ".tagcast" / "profile.key").unlink()
    with pytest.raises(DataError, match="says with its key who was erased"):
        build(config)


def test_the_list_names_nobody(tmp_path) -> None:
    listed = suppress(tmp_path, [with_key(tmp_path).digest("erase-me-1")])
    held = (tmp_path / "suppressed.json").read_text()
    assert "erase-me" not in held
    assert json.loads(held)["digests"] == sorted(listed.digests)
    assert (tmp_path / "profile.key").stat().st_mode & 0o077 == 0
    assert listed.names("erase-me-1")
    assert not listed.names("erase-me-2")
