"""A log that is written by ranges of ids has the lines, the id and the figures of one that is written at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tagcast.features.core.errors import DataError
from tagcast.features.core.settings import load_settings
from tagcast.features.ingest.data_checks import examine
from tagcast.features.ingest.event_log import EventLog, active_log
from tagcast.features.ingest.parts import counted_lines
from tagcast.features.ingest.readers.scans import scanned_files
from tests.features.ingest.parts.test_histories import day_lines, same_as_read_anew, write
from tests.support.engines.split_machine import SplitMachine
from tests.support.source_projects import build, lines, project, source

IDENTITY = '[identity]\npath = "people.csv"\nsource = "system"\nsource_id = "id"\nprofile_id = "person"\n'
BY_RANGES = partial(build, engine=SplitMachine(3))
PEOPLE = "system,id,person\nshop,c0,p2\nshop,c1,p0\nweb,c1,ä\nweb,c2,z\nshop,c3,p0\n"
JOINED = '[[sources.joins]]\npath = "kinds.csv"\non = "sku"\ncolumns = ["kind"]\n'


def rows_in_order(log: EventLog) -> dict[str, list[Any]]:
    """Return the columns of a log of one part, as its files follow one another."""
    return pa.concat_tables([pq.read_table(file) for file in files_of(log)]).to_pydict()


def files_of(log: EventLog) -> list[Path]:
    return sorted(log.folder.glob("events/*"))


def many_lines() -> pd.DataFrame:
    """Return lines of awkward ids, some equal, some without an id or a time."""
    ids = ["c0", "c1", "c2", "c3", "Z", "zz", "é", "ß", "-1", None, "𝄞", "a b", "it's"]
    frame = pd.concat([day_lines(day, 7) for day in range(40)], ignore_index=True)
    frame["id"] = [ids[number * 5 % len(ids)] for number in range(len(frame))]
    frame["sku"] = [f"s{number % 4}" for number in range(len(frame))]
    frame["price"] = [number % 9 - 1.5 for number in range(len(frame))]
    frame.loc[20, "at"] = pd.NaT
    return pd.concat([frame, frame.iloc[:9]], ignore_index=True)


class Watched(SplitMachine):
    """Notes which files are read where lines of sources are mapped, item by item."""

    def __init__(self, parts: int) -> None:
        super().__init__(parts)
        self.mapped: list[int] = []
        self.read: set[Path] = set()

    def each(
        self, work: Callable[[Any], Any], items: Sequence[Any], doing: Any, progress: Any = None
    ) -> list[Any]:
        if type(work).__name__ == "_FileLines":
            self.mapped.append(len(items))
            self.read |= {*scanned_files(work.lines)}
        return super().each(work, items, doing, progress)


EVERYTHING = {
    "equal lines once": ('path = "shop.parquet"', "deduplicate = true", IDENTITY),
    "returns": ('path = "shop.csv"', 'returns = "price < 0"\nwhere = "sku <> \'s3\'"', ""),
}


@pytest.mark.parametrize("kind", EVERYTHING)
def test_ranges_together_are_the_log(tmp_path, kind) -> None:
    place, extra, identity = EVERYTHING[kind]
    columns = {"profile_id": "id", "event_time": "at", "amount": "price", "category": "kind"}
    config = project(
        tmp_path,
        source("shop", place=place, columns=columns, extra=extra) + JOINED,
        source("web", place='path = "web.csv"'),
        identity,
        timezone="Europe/Berlin",
        shop_parquet=many_lines(),
        shop_csv=many_lines(),
        web_csv=day_lines(3, 5),
        kinds_csv="sku,kind\ns0,tea\ns1,cup\ns2,\n",
        people_csv=PEOPLE,
    )
    whole = build(config, tmp_path / "whole")
    engine = Watched(4)
    split = build(config, tmp_path / "split", engine)
    assert not engine.mapped  # tasks might not see these files
    assert replace(split, folder=Path()) == replace(whole, folder=Path())
    assert [file.name for file in files_of(whole)] == ["00000.parquet"]
    assert len(files_of(split)) > 2
    assert rows_in_order(split) == rows_in_order(whole)
    for name in ("days.parquet", "facts.parquet"):
        both = [pq.read_table(log.folder / name).to_pylist() for log in (split, whole)]
        assert both[0] == both[1]
    found = load_settings(config, tmp_path / "check", tmp_path)
    assert examine(found, engine=SplitMachine(4)) == examine(found)


def test_a_range_in_which_nobody_is_has_no_file(tmp_path) -> None:
    config = project(tmp_path, source(), shop_parquet=lines())
    split = build(config, engine=SplitMachine(0, borders=["A", "B", "b", "c"]))
    assert [file.name for file in files_of(split)] == ["00000-00002.parquet", "00000-00003.parquet"]
    assert split.id == build(config, tmp_path / "whole").id


@pytest.fixture
def shop(tmp_path) -> Path:
    for day in range(30):
        write(day_lines(day, 6), tmp_path / "shop", f"d{day:03d}", "parquet")
    return project(tmp_path, source("shop", place='path = "shop"'))


def test_added_and_corrected_days_leave_the_files_of_the_others(shop, tmp_path) -> None:
    before = build(shop, engine=SplitMachine(3))
    write(day_lines(30, 6), tmp_path / "shop", "d030", "parquet")
    added = same_as_read_anew(shop, tmp_path / ".tagcast", BY_RANGES)
    held = [file.stat().st_ino for file in files_of(added)]
    assert held[:3] == [file.stat().st_ino for file in files_of(before)]
    assert [file.name for file in files_of(added)[3:]] == [f"00001-0000{n}.parquet" for n in range(3)]
    write(day_lines(7, 6, price=1.0), tmp_path / "shop", "d007", "parquet")
    corrected = same_as_read_anew(shop, tmp_path / ".tagcast", BY_RANGES)
    assert [file.stat().st_ino for file in files_of(corrected)[3:6]] == held[3:]
    old = pd.concat(map(pd.read_parquet, files_of(corrected)[:3]))
    assert date(2024, 1, 8) not in set(old["event_day"])
    assert len(old) == 29 * 6


def test_parts_that_hold_much_become_one(shop, tmp_path) -> None:
    build(shop, engine=SplitMachine(3))
    write(day_lines(30, 60), tmp_path / "shop", "d030", "parquet")
    log = same_as_read_anew(shop, tmp_path / ".tagcast", BY_RANGES)
    assert [file.name for file in files_of(log)] == [f"00000-0000{n}.parquet" for n in range(3)]
    assert rows_in_order(log) == rows_in_order(build(shop, tmp_path / "whole"))


def test_a_few_late_lines_of_long_days_are_written_by_few_ranges(shop, tmp_path) -> None:
    engine = SplitMachine(0, borders=["c1", "c2", "c3", "c4", "c5"])
    build(shop, engine=engine)
    write(day_lines(7, 1), tmp_path / "shop", "late", "parquet")
    log = same_as_read_anew(shop, tmp_path / ".tagcast", partial(build, engine=engine))
    assert [file.name for file in files_of(log) if file.name.startswith("00001")] == ["00001.parquet"]


class Killed(SplitMachine):
    """Is killed in the middle of the step that writes the lines."""

    def each(
        self, work: Callable[[Any], Any], items: Sequence[Any], doing: Any, progress: Any = None
    ) -> list[Any]:
        found = super().each(work, items, doing, progress)
        if type(work).__name__ == "_Part":
            raise DataError("killed")
        return found


def test_what_is_killed_leaves_the_active_log(shop, tmp_path) -> None:
    before = build(shop, engine=SplitMachine(3))
    write(day_lines(30), tmp_path / "shop", "d030", "parquet")
    with pytest.raises(DataError, match="killed"):
        build(shop, engine=Killed(3))
    assert active_log(tmp_path / ".tagcast") == before
    # What a command that was killed outright has left is gone with the next load.
    (tmp_path / ".tagcast" / "events" / ".aside-0" / "events").mkdir(parents=True)
    after = same_as_read_anew(shop, tmp_path / ".tagcast", BY_RANGES)
    names = sorted(entry.name for entry in (tmp_path / ".tagcast" / "events").iterdir())
    assert names == sorted([".lock", "active", before.id, after.id, "current.json"])
    assert sorted(entry.name for entry in after.folder.iterdir()) == sorted(
        entry.name for entry in before.folder.iterdir()
    )


DERIVED = """[sources.derive]
category = "upper(substr(sku, 1, 1)) || replace(sku, 's', '0') || coalesce(nullif(kind, ''), 'none')"
item_id = "CASE WHEN regexp_matches(id, '^c') THEN 'known' ELSE regexp_replace(id, '[a-z]', '*') END"
order_id = "CAST(date_trunc('week', CAST(at AS TIMESTAMP)) AS VARCHAR) || CAST(hour(CAST(at AS TIMESTAMP)) AS VARCHAR)"
channel = "CAST(date_part('hour', CAST(at AS TIMESTAMPTZ)) AS VARCHAR)"
quantity = "round(abs(CAST(price AS DOUBLE)) / 3 + greatest(length(sku), 2), 2)"
discount = "floor(abs(CAST(price AS DOUBLE)) / 7 * 100) / 100 + CAST(price AS DOUBLE) % 2"
"""


@pytest.mark.parametrize("kind", ["csv", "placed", "equal lines once"])
def test_files_that_all_see_are_mapped_file_by_file(tmp_path, monkeypatch, kind) -> None:
    monkeypatch.setattr(counted_lines, "BYTES_TOGETHER", 1)
    every, shop = many_lines(), tmp_path / "home" / "in [box]"
    shop.mkdir(parents=True)
    # Files that differ in what a column is: the whole source says what each is read as.
    last = pd.concat([every.iloc[200:].assign(sku="s1 "), every.iloc[:9]])
    thirds = [every.iloc[:100], every.iloc[100:200].assign(price=5), last]
    for number, third in enumerate(thirds):
        if kind == "csv":
            third.to_csv(shop / f"{number}.csv", index=False, sep=",;|"[number])
        else:
            third.to_parquet(shop / f"{number}.parquet", index=False)
    columns = {"profile_id": "id", "event_time": "at", "amount": "price"}
    extra = 'where = "price <> 2"\n' + ("deduplicate = true" if kind == "equal lines once" else "")
    config = project(
        tmp_path,
        source("shop", place='path = "home/in [[]box]"', columns=columns, extra=extra) + JOINED + DERIVED,
        IDENTITY if kind == "placed" else "",
        timezone="Europe/Berlin",
        kinds_csv="sku,kind\ns0,tea\ns1,cup\ns2,\n",
        people_csv=PEOPLE,
    )
    whole = build(config, tmp_path / "whole")
    engine = Watched(3)
    split = build(config, tmp_path / "home", engine)
    assert replace(split, folder=Path()) == replace(whole, folder=Path())
    assert rows_in_order(split) == rows_in_order(whole)
    assert split.sources[0].unplaced_ids == (9 if kind == "placed" else 0)
    assert engine.mapped == [1 if kind == "equal lines once" else 3]
    assert all(file.is_relative_to(tmp_path / "home") for file in engine.read)
    found = load_settings(config, tmp_path / "home", tmp_path)
    assert examine(found, engine=engine) == examine(found)


def test_what_is_wrong_in_a_file_is_said_of_it(tmp_path) -> None:
    place = tmp_path / "home" / "shop"
    write(day_lines(1), place, "a", "parquet")
    frame = day_lines(2)
    frame["id"] = [b"c1", b"\xff", b"c3"]
    write(frame, place, "b", "parquet")
    config = project(tmp_path, source("shop", place='path = "home/shop"'))
    with pytest.raises(DataError) as here:
        build(config, tmp_path / "whole")
    with pytest.raises(DataError) as there:
        build(config, tmp_path / "home", SplitMachine(2))
    assert str(there.value) == str(here.value)
    assert "sources.shop: b.parquet: a column of bytes is no UTF-8 text" in str(there.value)
