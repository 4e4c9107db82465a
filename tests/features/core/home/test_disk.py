"""What lies in a home is counted by kind, and a disk that fills is said in time."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

import pytest

from tagcast.features.core.home.contents import contents_of
from tagcast.features.core.home.disk import Disk, Outlook, disk_of, pace
from tagcast.features.core.schema.keep import Keep

DAY = datetime(2026, 3, 1, tzinfo=UTC)
GB = 10**9


def test_files_are_counted_once_by_the_kind_of_their_place(tmp_path) -> None:
    places = {
        "events/a/x.parquet": "events",
        "store/snapshots/000001.duckdb": "runs",
        "store/history/000001.parquet": "history",
        "entities/fund/store/snapshots/000001.duckdb": "runs",
        "entities/fund/registry.db": "state",
        "mlflow.db": "versions",
        "mlartifacts/0/m": "versions",
        "store/staging/x": "scratch",
        "home.json": "other",
    }
    for place in places:
        file = tmp_path / "home" / place
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(os.urandom(5_000))
    os.utime(tmp_path / "home" / "mlflow.db", (DAY.timestamp(), DAY.timestamp()))
    (tmp_path / "home" / "events" / "again").hardlink_to(tmp_path / "home" / "events/a/x.parquet")
    (tmp_path / "home" / "events" / "active").symlink_to("a")
    elsewhere = tmp_path / "store"
    (elsewhere / "snapshots").mkdir(parents=True)
    (elsewhere / "snapshots" / "000002.duckdb").write_bytes(b"x" * 5_000)
    home = tmp_path / "home"
    found = contents_of({home: "", elsewhere: "store", home / "events": "events"})
    by_kind = {kind: one.files for kind, one in found.items() if one.files}
    assert by_kind == {
        "events": 1,
        "runs": 3,
        "history": 1,
        "state": 1,
        "versions": 2,
        "scratch": 1,
        "other": 1,
    }
    assert found["versions"].oldest == DAY
    assert found["versions"].newest > DAY
    assert 10_000 <= found["versions"].bytes <= 20_000


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([], None),
        ([(0, 5)], None),
        ([(0, 5), (0.5, 9)], None),
        ([(0, 10), (1, 30), (2, 50)], 20.0),
        ([(0, 50), (2, 10)], -20.0),
        ([(0, 1_000_000), (40, 0), (50, 100)], 10.0),  # what was more than 30 days ago says nothing
    ],
)
def test_the_pace_is_that_of_the_last_thirty_days(sizes, expected) -> None:
    measured = [(DAY + timedelta(days=day), size) for day, size in sizes]
    assert pace(measured) == expected


@pytest.mark.parametrize(
    ("free", "a_day", "said"),
    [
        (50 * GB, None, []),
        (50 * GB, -GB, []),
        (50 * GB, GB, []),
        (13.9 * GB, GB, ["full in 13 days"]),
        (9 * GB, None, ["9,000 MB", "9.0%"]),
        (1.5 * GB, GB, ["1,500 MB", "full in 1 day"]),
    ],
)
def test_a_warning_comes_by_share_or_by_pace(free, a_day, said) -> None:
    warning = Outlook(Disk(100 * GB, int(free)), a_day).warning(Keep())
    assert (warning is None) is not said
    assert all(part in str(warning) for part in said)


def test_the_disk_is_that_of_the_home_even_before_it_is_made(tmp_path) -> None:
    found = disk_of(tmp_path / "not" / "yet")
    whole = os.statvfs(tmp_path)
    assert found.total <= whole.f_blocks * whole.f_frsize
    assert 0 < found.free < found.total
