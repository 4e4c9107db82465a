"""A snapshot counted a second time: the same where all is well, different where something came too late."""

from __future__ import annotations

import json
from datetime import date, timedelta

import duckdb
import ibis
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from tagcast.features.catalog.feature_set import SERVICES, FeatureSet
from tagcast.features.compute.point_in_time_check import Recount, late_rows
from tagcast.features.compute.snapshots import Snapshots
from tagcast.features.core.engines.engine import ONE_MACHINE
from tests.support.engines.split_machine import SplitMachine
from tests.support.shop import FIRST_DAY, shop_lines, write_log

pytestmark = pytest.mark.slow

SPEC = FeatureSet((7, 30), ("amount", "category", "discount", "item_id", "order_id", "quantity"), ("view",))
AS_OF = FIRST_DAY + timedelta(days=100)


@pytest.fixture
def log(tmp_path):
    lines = shop_lines(120, 160)
    views = lines.iloc[::7].assign(event="view", kind=None, price=np.nan)
    return write_log(tmp_path, pd.concat([lines.assign(event="purchase"), views], ignore_index=True))


def recount(log, folder, timezone="UTC") -> Recount:
    engine = ibis.duckdb.connect()
    folder.mkdir(exist_ok=True)
    return Recount(engine, engine.read_parquet(log.glob), timezone, folder, lambda view, day: folder / view)


def entities(snapshots, service) -> pd.DataFrame:
    view = "profile_category" if service == "interest" else "profile_activity"
    keys = ["profile_id", "category"] if service == "interest" else ["profile_id"]
    frame = pd.read_parquet(snapshots.path(view, AS_OF), columns=keys)
    return frame.sample(frac=1, random_state=0).head(40).reset_index(drop=True)


@pytest.mark.parametrize("drawn", [False, True])
@pytest.mark.parametrize("service", ["churn", "interest"])
def test_second_count_is_the_snapshot_bit_for_bit(tmp_path, log, service, drawn) -> None:
    snapshots = Snapshots(tmp_path, log, SPEC, "UTC")
    snapshots.ensure([AS_OF])
    who = entities(snapshots, service)
    again = recount(log, tmp_path / "again").rows(SERVICES[service], SPEC, AS_OF, who, drawn=drawn)
    counted = sum(pq.read_metadata(f).num_rows for f in (tmp_path / "again").glob("*profile_activity*"))
    # Features of pairs are made of those of everybody.
    assert (counted == who["profile_id"].nunique()) == (drawn and service == "churn")
    built = who.merge(pd.read_parquet(snapshots.path("profile_activity", AS_OF)), on="profile_id")
    if service == "interest":
        built = built.merge(
            pd.read_parquet(snapshots.path("profile_category", AS_OF)), on=["profile_id", "category"]
        )
    assert list(again.columns) == list(SPEC.names(SERVICES[service]))
    # The snapshot of a view without any event holds NULL counts; what reads it fills them.
    titles = SPEC.titles()
    fills = {n: titles[n].absent for n in again.columns if titles[n].absent is not None}
    pd.testing.assert_frame_equal(
        again, built[list(again.columns)].astype("float64").fillna(fills), check_exact=True
    )


def test_without_its_last_day_a_snapshot_is_as_if_that_day_had_brought_nothing(tmp_path, log) -> None:
    lines = pd.read_parquet(log.glob)
    last = pd.Timestamp(AS_OF - timedelta(days=1))
    assert ((lines["event_time"] >= last) & (lines["event_time"] < pd.Timestamp(AS_OF))).any()
    who = pd.DataFrame({"profile_id": [*sorted(lines["profile_id"].unique()), "nobody"]})
    removed = recount(log, tmp_path / "one").rows(SERVICES["churn"], SPEC, AS_OF, who, without_days=1)
    with duckdb.connect() as connection:
        connection.execute(
            "COPY (SELECT * FROM read_parquet($log) WHERE event_time < $last) TO $cut",
            {"log": log.glob, "last": last, "cut": str(tmp_path / "cut.parquet")},
        )
    shortened = type(log)("cut", str(tmp_path / "cut.parquet"))
    pd.testing.assert_frame_equal(
        removed,
        recount(shortened, tmp_path / "two").rows(SERVICES["churn"], SPEC, AS_OF, who),
        check_exact=True,
    )
    assert (removed["recency_days"].dropna() >= 2).all()
    assert np.isnan(removed["recency_days"].iloc[-1])
    assert removed["purchase_days_30d"].iloc[-1] == 0


def test_an_event_whose_day_is_before_its_time_is_late_and_changes_the_count(tmp_path, log) -> None:
    whole = recount(log, tmp_path / "whole")
    assert whole.late_events([AS_OF, AS_OF + timedelta(days=30)]) == 0
    moved = str(tmp_path / "moved.parquet")
    with duckdb.connect() as connection:
        (number,) = connection.execute(
            "SELECT count(*) FROM read_parquet($log) WHERE event_day BETWEEN $as_of AND $until",
            {"log": log.glob, "as_of": AS_OF, "until": AS_OF + timedelta(days=4)},
        ).fetchall()[0]
        connection.execute(
            """COPY (SELECT * REPLACE (CASE WHEN event_day BETWEEN $as_of AND $until THEN $before
                                            ELSE event_day END AS event_day) FROM read_parquet($log)) TO $moved""",
            {
                "log": log.glob,
                "as_of": AS_OF,
                "until": AS_OF + timedelta(days=4),
                "before": AS_OF - timedelta(days=1),
                "moved": moved,
            },
        )
    late = type(log)("moved", moved)
    assert number > 0
    counted = recount(late, tmp_path / "late")
    assert counted.late_events([AS_OF]) == number
    assert counted.late_events([AS_OF - timedelta(days=30)]) == 0
    snapshots = Snapshots(tmp_path / "home", late, SPEC, "UTC")
    snapshots.ensure([AS_OF])
    built = pd.read_parquet(snapshots.path("profile_activity", AS_OF))
    again = counted.rows(SERVICES["churn"], SPEC, AS_OF, built[["profile_id"]])
    assert (built["purchase_days_7d"].to_numpy() != again["purchase_days_7d"].to_numpy()).any()


@pytest.mark.parametrize(("timezone", "late"), [("UTC", 0), ("America/New_York", 0), ("Asia/Tokyo", 1)])
def test_the_moment_is_the_local_midnight(tmp_path, timezone, late) -> None:
    """16:00 UTC on 9 April is the 10th in Tokyo: an event that keeps the day of UTC is late there."""
    lines = pd.DataFrame(
        {
            "customer": ["a"], "at": [pd.Timestamp("2024-04-09 16:00")], "order_no": ["o"], "sku": ["s"],
            "kind": ["tea"], "price": [1.0], "units": [1], "off": [0.0],
        }
    )  # fmt: skip
    counted = recount(write_log(tmp_path, lines), tmp_path / "again", timezone)
    assert counted.late_events([date(2024, 4, 10)]) == late


@pytest.mark.parametrize("engine", [ONE_MACHINE, SplitMachine(2)])
def test_rows_that_are_stamped_later_than_their_snapshot_are_counted(tmp_path, log, engine) -> None:
    snapshots = Snapshots(tmp_path, log, SPEC, "America/New_York", engine=engine)
    snapshots.ensure([AS_OF])
    assert late_rows(snapshots, [AS_OF]) == 0
    files = snapshots.files("profile_activity", AS_OF)
    for file in files:
        frame = pd.read_parquet(file)
        frame.loc[:2, "created_timestamp"] += pd.Timedelta(hours=1)
        frame.to_parquet(file, index=False)
    assert json.loads((files[0].parents[1] / "snapshot.json").read_text())["as_of"] == str(AS_OF)
    assert late_rows(snapshots, [AS_OF]) == 3 * len(files)
    assert len(files) == len(engine.ranges(files))
