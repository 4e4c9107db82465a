"""Snapshots that are built range by range hold what those that are built at once hold, to the bit, wherever the borders lie."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tagcast.features.catalog.feature_set import FeatureSet
from tagcast.features.compute.building import builder
from tagcast.features.compute.building.range_build import BuildPlace
from tagcast.features.compute.building.range_tables import RangeTables
from tagcast.features.compute.snapshots import Snapshots
from tagcast.features.core.duckdb import DuckDbConfig
from tagcast.features.core.engines.aside import Aside
from tagcast.features.core.engines.engine import ONE_MACHINE
from tagcast.features.core.engines.key_ranges import KeyRange
from tagcast.features.core.errors import DataError
from tagcast.features.entities.pair import Pair
from tagcast.pipelines.project.project import Project, open_project
from tests.support.engines.split_machine import SplitMachine
from tests.support.shop import FIRST_DAY, Log, shop_lines, write_log

EVERY = FeatureSet(
    (30, 90), ("amount", "category", "discount", "is_return", "item_id", "order_id", "quantity")
)
DATES = [FIRST_DAY + timedelta(days=days) for days in (100, 150)]
TEA = Pair("category", "tea")
VIEWS = {
    "own.yaml": """
view: own

features:
  spent: {sum: amount}
  kinds: {distinct: category}
  last_kind: {last: category, windows: none}
  seen: {since_first: true, windows: none}
  bought: {days: true, windows: none}
derive:
  awaited: {expected: bought, exposure: seen, days: 30}
  ahead: {value: "awaited - bought"}
""",
    "median.yaml": "view: median\nsql: SELECT profile_id, median(amount) AS median_amount FROM events GROUP BY profile_id\n",
    "ranked.yaml": """
view: ranked
sql: |
  WITH spent AS (SELECT profile_id, sum(amount) AS total FROM events GROUP BY profile_id)
  SELECT profile_id, total / (SELECT max(total) FROM spent) AS of_the_greatest FROM spent
""",
    "about.yaml": """
view: about
from: {path: about.csv, key: customer, valid_from: since}
columns: {plan: word, age: number}
""",
}
CONFIG = """
name = "ranges"
features = "views"
[[sources]]
name = "shop"
path = "lines.csv"
columns = { profile_id = "customer", event_time = "at", amount = "price", category = "kind" }
"""


def frames(snapshots: Snapshots, dates: Sequence[date]) -> dict[tuple[str, date], pd.DataFrame]:
    """Return the rows of every view at each date, as they lie in its files."""
    found = {}
    for view in snapshots.feature_set.views:
        for as_of in dates:
            parts = [pd.read_parquet(file) for file in snapshots.files(view, as_of)]
            found[view, as_of] = pd.concat(parts, ignore_index=True)
    return found


def assert_equal(whole: Snapshots, split: Snapshots, dates: Sequence[date]) -> None:
    wanted, found = frames(whole, dates), frames(split, dates)
    assert wanted.keys() == found.keys()
    for key, rows in wanted.items():
        pd.testing.assert_frame_equal(found[key], rows, check_exact=True, obj=str(key))


@pytest.fixture(scope="module")
def log(tmp_path_factory) -> Log:
    return write_log(tmp_path_factory.mktemp("log"), shop_lines(60))


@pytest.fixture(scope="module")
def whole(log, tmp_path_factory) -> Snapshots:
    made = Snapshots(tmp_path_factory.mktemp("whole"), log, EVERY, "UTC")
    made.ensure(DATES)
    return made


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    borders=st.sets(st.text("c0123456789é", max_size=5), max_size=4).map(
        lambda found: sorted(found, key=str.encode)
    )
)
def test_tagcasts_own_views(log, whole, tmp_path_factory, borders: list[str]) -> None:
    split = Snapshots(tmp_path_factory.mktemp("split"), log, EVERY, "UTC", engine=SplitMachine(1, borders))
    split.ensure(DATES)
    assert_equal(whole, split, DATES)
    assert [one.first for one in split.ranges(DATES[0])] == [None, *borders]
    assert split.rows(DATES[0]) == whole.rows(DATES[0])
    for rows in (7, 65_536):
        for one, other in zip(
            whole.stream(DATES[1], [TEA], rows), split.stream(DATES[1], [TEA], rows), strict=True
        ):
            assert one.profile_id.equals(other.profile_id)
            np.testing.assert_array_equal(one.profile, other.profile)
            np.testing.assert_array_equal(one.pairs[TEA], other.pairs[TEA])


def test_one_machine_parts_what_its_memory_does_not_hold(log, whole, tmp_path, monkeypatch) -> None:
    # A third of the shop's lines fills the memory that a connection may take.
    events = pq.read_metadata(log.glob).num_rows
    monkeypatch.setattr(builder, "BYTES_OF_AN_EVENT", 2 * 10**9 // (events // 3))
    parted = Snapshots(tmp_path, log, EVERY, "UTC")
    parted.ensure(DATES)
    assert len(parted.ranges(DATES[0])) >= 3
    assert_equal(whole, parted, DATES)


def test_memory_that_is_too_small_is_not_said_to_be_the_disk(log, tmp_path) -> None:
    with pytest.raises(DataError, match="memory_limit is too small") as refused:
        Snapshots(tmp_path, log, EVERY, "UTC", memory_limit="1MB").ensure(DATES)
    assert str(refused.value.hint).startswith("raise memory_limit")


def test_a_range_is_read_alone_whoever_built_the_files(log, whole, tmp_path) -> None:
    split = Snapshots(tmp_path, log, EVERY, "UTC", engine=SplitMachine(3))
    split.ensure(DATES)
    within = KeyRange(0, "c0013", "c0041")
    wanted = [
        one for b in whole.stream(DATES[0]) for one in b.profile_id.to_pylist() if "c0013" <= one < "c0041"
    ]
    for made in (whole, split):
        (batch,) = made.stream(DATES[0], [TEA], within=within)
        assert batch.profile_id.to_pylist() == wanted


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Project:
    folder = tmp_path_factory.mktemp("project")
    (folder / "views").mkdir()
    for name, text in VIEWS.items():
        (folder / "views" / name).write_text(text, encoding="utf-8")
    shop_lines(50).to_csv(folder / "lines.csv", index=False)
    about = [(f"c{n:04d}", FIRST_DAY + timedelta(days=10 * (n % 9)), "ab"[n % 2], n % 40) for n in range(55)]
    pd.DataFrame(about, columns=["customer", "since", "plan", "age"]).to_csv(
        folder / "about.csv", index=False
    )
    (folder / "tagcast.toml").write_text(CONFIG, encoding="utf-8")
    return open_project(folder / "tagcast.toml", folder / "home")


def test_views_of_every_kind(project, tmp_path) -> None:
    feature_set = project.widest_set(DATES[-1])
    assert {"own", "median", "ranked", "about", "profile_activity", "profile_category"} == {
        *feature_set.views
    }
    made = [
        Snapshots(tmp_path / name, project.view_tables, feature_set, "UTC", engine=engine)
        for name, engine in (("whole", ONE_MACHINE), ("split", SplitMachine(4)))
    ]
    for snapshots in made:
        snapshots.ensure(DATES)
    assert_equal(*made, DATES)
    assert len(made[1].files("own", DATES[0])) == 4


# Made events show neither, for they have no word of six letters; the second one needs all events at once.
@pytest.mark.parametrize(
    "sql",
    [
        "SELECT profile_id, max(amount) AS most FROM events GROUP BY profile_id, coalesce(length(category), 0) = 6",
        "SELECT profile_id, amount AS spent FROM events WHERE length(category) = 6",
    ],
)
def test_a_query_with_several_rows_is_refused_with_the_figure_of_everybody(sql, tmp_path) -> None:
    shop_lines(40).to_csv(tmp_path / "lines.csv", index=False)
    (tmp_path / "views").mkdir()
    (tmp_path / "views" / "twice.yaml").write_text(f"view: twice\nsql: {sql}\n", encoding="utf-8")
    (tmp_path / "tagcast.toml").write_text(CONFIG, encoding="utf-8")
    project = open_project(tmp_path / "tagcast.toml", tmp_path / "home")
    feature_set = project.widest_set(DATES[-1])
    said = []
    for engine in (ONE_MACHINE, SplitMachine(4)):
        made = Snapshots(tmp_path / "made", project.view_tables, feature_set, "UTC", engine=engine)
        with pytest.raises(DataError) as raised:
            made.ensure(DATES)
        said.append(str(raised.value))
        assert not list((tmp_path / "made").rglob("*.parquet"))
    assert said[0] == said[1]
    several = int(said[0].split("several rows of ")[1].split()[0])
    assert several > 20, "more than a range has"


def test_what_does_not_come_to_an_end_leaves_nothing(log, tmp_path) -> None:
    class Broken(SplitMachine):
        def each(self, work, items, doing, progress=None):
            super().each(work, items[:1], doing, progress)
            raise OSError("a machine is lost")

    split = Snapshots(tmp_path, log, EVERY, "UTC", engine=Broken(3))
    with pytest.raises(Exception, match="a machine is lost"):
        split.ensure(DATES)
    assert [left for left in Path(tmp_path).rglob("*") if left.is_file()] == []
    again = Snapshots(tmp_path, log, EVERY, "UTC", engine=SplitMachine(3))
    assert again.ensure(DATES) == DATES


def test_what_a_killed_task_leaves_is_of_no_snapshot(log, tmp_path, monkeypatch) -> None:
    class Killed(BaseException):
        """Nobody clears up behind it."""

    class Once(SplitMachine):
        def each(self, work, items, doing, progress=None):
            def killed(aside):
                raise Killed

            with monkeypatch.context() as here, pytest.raises(Killed):
                here.setattr(Aside, "finish", killed)
                here.setattr(Aside, "__exit__", lambda *_: None)
                work(items[-1])
            return super().each(work, items, doing, progress)

    split = Snapshots(tmp_path, log, EVERY, "UTC", engine=Once(3))
    split.ensure(DATES[:1])
    assert [left for left in tmp_path.rglob(".*") if left.parent.name in EVERY.views] == []
    assert len(split.files("profile_activity", DATES[0])) == 3


def test_what_memory_does_not_hold_goes_to_the_disk_and_leaves_it(tmp_path) -> None:
    scratch = tmp_path / "of nobody" / "yet"
    place = BuildPlace((DATES[0],), (tmp_path,), RangeTables((), DuckDbConfig("40MB", 1, scratch)))
    with place.opened(KeyRange()) as connection:
        connection.execute(
            "CREATE TABLE many AS SELECT hash(range) AS a, hash(range + 1) AS b FROM range(6_000_000)"
        )
        assert [file.stat().st_size for file in scratch.rglob("*") if file.is_file()]
    assert not any(scratch.iterdir())


def test_groups_by_id_of_a_large_log_are_one_scan(tmp_path) -> None:
    """DuckDB would make them range by range of its own, and read what a range of ours holds once for each."""
    file, tables = tmp_path / "large.parquet", RangeTables((), DuckDbConfig("1GB", 1, None))
    grouped = f"EXPLAIN SELECT id, sum(amount) FROM '{file}' GROUP BY id"
    with tables.opened(KeyRange()) as connection:
        connection.execute(
            f"COPY (SELECT (range // 20)::VARCHAR AS id, range AS amount FROM range(20_000_000_000, 20_009_000_000)) "
            f"TO '{file}' (ROW_GROUP_SIZE 8192)"
        )
        assert "UNION" not in connection.execute(grouped).fetchone()[1].upper()
        connection.execute("SET disabled_optimizers = ''")
        assert "UNION" in connection.execute(grouped).fetchone()[1].upper(), "DuckDB has ceased to do so"
