"""Whatever happened to the sources since the last load, the log is that of a full read, day by day."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tagcast.features.core.settings import load_settings
from tagcast.features.ingest.event_log import EventLog, build_event_log
from tests.support.engines.split_machine import SplitMachine
from tests.support.source_projects import build, checked_and_built, project, read, source

FIRST = date(2024, 1, 1)
CSV_TIMES = "%Y-%m-%d %H:%M:%S"


def day_lines(day: int, lines: int = 3, *, price: float = 10.0, who: str = "c") -> pd.DataFrame:
    """Return lines of one day, near midnight too: the local day of a line is not that of its file."""
    at = [FIRST + timedelta(days=day) for _ in range(lines)]
    times = pd.to_datetime(at) + pd.to_timedelta(
        [(number * 11 + 1) % 24 for number in range(lines)], unit="h"
    )
    return pd.DataFrame({"id": [f"{who}{n}" for n in range(lines)], "at": times, "price": price})


def write(frame: pd.DataFrame, folder: Path, name: str, kind: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if kind == "csv":
        frame.to_csv(folder / f"{name}.csv", index=False, date_format=CSV_TIMES)
    else:
        frame.to_parquet(folder / f"{name}.parquet", index=False)


def everything(log: EventLog) -> EventLog:
    """Return what a log says of itself, but for what it remembers of loads before."""
    return replace(log, changes=(), late={}, folder=Path())


def same_as_read_anew(config: Path, home: Path, load: Callable[[Path, Path], EventLog] = build) -> EventLog:
    """Load on top of the last load; the log is what a home without one would get."""
    log = load(config, home)
    with tempfile.TemporaryDirectory() as fresh:
        whole = build(config, Path(fresh) / "home")
        pd.testing.assert_frame_equal(read(log), read(whole))
        assert everything(log) == everything(whole)
    return log


BY_RANGES = partial(build, engine=SplitMachine(2))
LOADS = [build, checked_and_built, BY_RANGES, partial(checked_and_built, engine=SplitMachine(2))]
STEP = st.sampled_from(
    [
        "new day",
        "late line",
        "correction",
        "deletion",
        "moved",
        "absurd",
        "no id",
        "no time",
        "other source",
        "file gone",
        "nothing",
    ]
)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.tuples(STEP, st.integers(0, 40), st.sampled_from(LOADS)),
        min_size=2,
        max_size=5,
    ),
    st.sampled_from(["csv", "parquet"]),
)
def test_every_history_gives_the_log_of_a_full_read(steps, kind) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        config = project(
            root,
            source("shop", place=f'path = "shop/*.{kind}"'),
            source("web", place='path = "web"'),
            timezone="America/New_York",
        )
        for day in range(25):
            write(day_lines(day), root / "shop", f"d{day:03d}", kind)
        write(
            pd.concat([day_lines(day, 2, who="w") for day in range(0, 25, 2)]), root / "web", "all", "parquet"
        )
        same_as_read_anew(config, root / "home")
        for number, (step, at, load) in enumerate(steps):
            _change(step, at, number, root, kind)
            same_as_read_anew(config, root / "home", load)


def _change(step: str, at: int, number: int, root: Path, kind: str) -> None:
    shop = root / "shop"
    name, day = f"x{number}", 25 + number
    files = sorted(shop.glob(f"*.{kind}"))
    chosen = files[at % len(files)]
    if step == "new day":
        write(day_lines(day), shop, name, kind)
    elif step == "late line":
        write(day_lines(at % 25, 1, price=3.0), shop, name, kind)
    elif step == "correction":
        write(day_lines(at % 25, price=4.0 + number), shop, chosen.stem, kind)
    elif step == "deletion":
        write(day_lines(at % 25, 1), shop, chosen.stem, kind)
    elif step == "moved":
        chosen.rename(chosen.with_name(f"moved{number}.{kind}"))
    elif step == "absurd":
        write(day_lines(at * 400 - 9000), shop, name, kind)
    elif step == "no id":
        write(day_lines(day).assign(id=[None, "c1", "c2"]), shop, name, kind)
    elif step == "no time":
        lost = day_lines(day, 9)
        lost.loc[0, "at"] = pd.NaT
        write(pd.concat([lost, day_lines(day + 1, 80)]), shop, name, kind)
    elif step == "other source":
        write(day_lines(at % 30, 2, who="w"), root / "web", name, "parquet")
    elif step == "file gone" and len(files) > 20:
        chosen.unlink()


@pytest.fixture
def shop(tmp_path) -> Path:
    """Return a project of thirty files, a day each."""
    for day in range(30):
        write(day_lines(day), tmp_path / "shop", f"d{day:03d}", "parquet")
    return project(tmp_path, source("shop", place='path = "shop"'))


def test_a_new_day_reads_its_file_alone_and_leaves_the_others_lines_where_they_lie(shop, tmp_path) -> None:
    before = build(shop)
    write(day_lines(30), tmp_path / "shop", "d030", "parquet")
    log = same_as_read_anew(shop, tmp_path / ".tagcast")
    assert log.rows == before.rows + 3
    old, new = sorted(log.folder.glob("events/*.parquet"))
    assert old.stat().st_ino == next(before.folder.glob("events/*.parquet")).stat().st_ino
    assert pd.read_parquet(new)["event_day"].unique().tolist() == [date(2024, 1, 31)]


def test_many_days_become_one_part_again(shop, tmp_path) -> None:
    build(shop)
    for day in range(30, 45):
        write(day_lines(day), tmp_path / "shop", f"d{day:03d}", "parquet")
        log = build(shop)
        assert len(list(log.folder.glob("events/*.parquet"))) <= 8
    assert read(log)["event_day"].nunique() == 45


def test_a_corrected_day_is_written_anew_and_no_other(shop, tmp_path) -> None:
    build(shop)
    write(day_lines(7, price=1.0), tmp_path / "shop", "d007", "parquet")
    log = same_as_read_anew(shop, tmp_path / ".tagcast")
    old, new = sorted(log.folder.glob("events/*.parquet"))
    assert pd.read_parquet(new)["event_day"].unique().tolist() == [date(2024, 1, 8)]
    assert len(pd.read_parquet(old)) == 29 * 3


def test_another_mapping_reads_all(shop, tmp_path) -> None:
    first = build(shop)
    text = shop.read_text(encoding="utf-8")
    shop.write_text(
        text.replace("[sources.columns]", 'where = "price > 5"\n[sources.columns]'), encoding="utf-8"
    )
    write(day_lines(30, price=1.0), tmp_path / "shop", "d030", "parquet")
    assert same_as_read_anew(shop, tmp_path / ".tagcast").id == first.id


def test_a_dimension_that_changed_is_joined_to_every_line(tmp_path) -> None:
    write(day_lines(1).assign(sku=["a", "b", "a"]), tmp_path / "shop", "d001", "parquet")
    write(day_lines(2).assign(sku=["a", "b", "a"]), tmp_path / "shop", "d002", "parquet")
    kinds = pd.DataFrame({"sku": ["a", "b"], "kind": ["tea", "cup"]})
    join = '[[sources.joins]]\npath = "kinds.parquet"\non = "sku"\ncolumns = ["kind"]'
    columns = {"profile_id": "id", "event_time": "at", "category": "kind"}
    config = project(
        tmp_path, source("shop", place='path = "shop"', columns=columns) + join, kinds_parquet=kinds
    )
    build(config)
    kinds.assign(kind=["tea", "pot"]).to_parquet(tmp_path / "kinds.parquet", index=False)
    write(day_lines(3).assign(sku=["b", "b", "a"]), tmp_path / "shop", "d003", "parquet")
    log = same_as_read_anew(config, tmp_path / ".tagcast")
    assert set(read(log)["category"]) == {"tea", "pot"}


@pytest.mark.parametrize("settled", [True, False])
def test_days_and_months_that_only_all_lines_tell_apart(tmp_path, settled) -> None:
    """A new file of the fifth of June alone could be of May: what the others show is what it means."""
    several = ["13/01/2024", "14/02/2024", "02/03/2024"]
    folder = tmp_path / "shop"
    folder.mkdir()
    text = "id,at,price\n" + "".join(f"c{n},{day} 10:00,1\n" for n, day in enumerate(several))
    (folder / "a.csv").write_text(text, encoding="utf-8")
    config = project(tmp_path, source("shop", place='path = "shop"'))
    build(config)
    new = "05/06/2024" if settled else "15/06/2024"
    (folder / "b.csv").write_text(f"id,at,price\nc9,{new} 10:00,1\n", encoding="utf-8")
    log = same_as_read_anew(config, tmp_path / ".tagcast")
    assert log.last_day.month == 6


def test_a_column_that_is_words_in_a_new_file_is_read_as_in_all(tmp_path) -> None:
    write(day_lines(1).assign(order=[1, 2, 3]), tmp_path / "shop", "d001", "parquet")
    columns = {"profile_id": "id", "event_time": "at", "order_id": "order"}
    config = project(tmp_path, source("shop", place='path = "shop"', columns=columns))
    build(config)
    write(day_lines(2).assign(order=["x1", "x2", "x3"]), tmp_path / "shop", "d002", "parquet")
    same_as_read_anew(config, tmp_path / ".tagcast")


def test_equal_lines_of_an_old_and_a_new_file_count_once(tmp_path) -> None:
    write(day_lines(1), tmp_path / "shop", "a", "parquet")
    config = project(tmp_path, source("shop", place='path = "shop"', extra="deduplicate = true"))
    build(config)
    write(pd.concat([day_lines(1), day_lines(2)]), tmp_path / "shop", "b", "parquet")
    assert same_as_read_anew(config, tmp_path / ".tagcast").rows == 6


def test_people_who_are_placed_otherwise_move_with_all_their_lines(tmp_path) -> None:
    for day in (1, 2, 3):
        write(day_lines(day), tmp_path / "shop", f"d{day}", "parquet")
    identity = '[identity]\npath = "identity.csv"\n'
    table = "source,source_id,profile_id\nshop,c0,p0\nshop,c1,p1\nshop,c2,p1\n"
    config = project(tmp_path, source("shop", place='path = "shop"'), identity, identity_csv=table)
    build(config)
    (tmp_path / "identity.csv").write_text(table.replace("c2,p1", "c2,p0"), encoding="utf-8")
    write(day_lines(4, 4), tmp_path / "shop", "d4", "parquet")
    log = same_as_read_anew(config, tmp_path / ".tagcast")
    assert set(read(log)["profile_id"]) == {"p0", "p1"}


def test_a_killed_home_that_lost_a_part_is_read_anew(shop, tmp_path) -> None:
    log = build(shop)
    write(day_lines(30), tmp_path / "shop", "d030", "parquet")
    log = build(shop)
    shutil.rmtree(log.folder / "events")
    (log.folder / "events").mkdir()
    settings_ = load_settings(shop, None, tmp_path)
    assert build_event_log(settings_).rows == 93
