"""A log that grows: old snapshots stay where nothing before them changed, and are built anew where something did."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest

from tagcast.features.catalog.feature_set import SHIPPED, FeatureSet
from tagcast.features.compute.snapshots import UNDER_WAY, Snapshots
from tagcast.features.ingest.event_log import EventLog
from tests.support.shop import FIRST_DAY, shop_lines, write_log
from tests.support.source_projects import build, project, source

pytestmark = [pytest.mark.xdist_group("incremental"), pytest.mark.slow]

COLUMNS = {
    "profile_id": "customer", "event_time": "at", "amount": "price", "quantity": "units", "discount": "off",
    "category": "kind", "item_id": "sku", "order_id": "order_no",
}  # fmt: skip
SET = FeatureSet((7, 30), ("amount", "category", "discount", "item_id", "order_id", "quantity"))
DATES = [FIRST_DAY + timedelta(days=d) for d in (40, 70, 100)]
LAST = pd.Timestamp(FIRST_DAY) + pd.Timedelta(days=99)


@pytest.fixture(scope="module")
def lines() -> pd.DataFrame:
    drawn = shop_lines(40, 140)
    return drawn[drawn["at"] < LAST].reset_index(drop=True)


def log_of(folder: Path, lines: pd.DataFrame, timezone: str = "UTC") -> EventLog:
    config = project(folder, source(columns=COLUMNS), timezone=timezone)
    lines.to_parquet(folder / "shop.parquet", index=False)
    return build(config)


def ensure(folder: Path, log: EventLog, timezone: str = "UTC") -> list[date]:
    return Snapshots(folder / ".tagcast", log, SET, timezone).ensure(DATES)


def one(lines: pd.DataFrame, at: pd.Timestamp, **more: object) -> pd.DataFrame:
    """Return ``lines`` with one more, a copy of the first at another time."""
    return pd.concat([lines, lines.head(1).assign(at=at, **more)], ignore_index=True)


def moved(lines: pd.DataFrame, column: str, value: object) -> pd.DataFrame:
    """Return ``lines`` with one value changed in a line between the first two snapshots."""
    between = lines.index[(lines["at"] >= pd.Timestamp(DATES[0])) & (lines["at"] < pd.Timestamp(DATES[1]))]
    return lines.assign(**{column: lines[column].where(lines.index != between[0], value)})


CHANGES = {
    "nothing": (lambda t: t.sample(frac=1, random_state=1), []),
    "a new day": (lambda t: one(t, LAST + pd.Timedelta(days=5)), []),
    "a new customer on a new day": (lambda t: one(t, LAST + pd.Timedelta(days=2), customer="new"), []),
    "a late line": (lambda t: one(t, pd.Timestamp(DATES[1]) - pd.Timedelta(hours=1)), DATES[1:]),
    "a line at the very moment": (lambda t: one(t, pd.Timestamp(DATES[1])), DATES[2:]),
    "a backfilled first day": (lambda t: one(t, pd.Timestamp(FIRST_DAY)), DATES),
    "a line that stands twice": (lambda t: pd.concat([t, t.head(1)]), DATES),
    "a line taken away": (lambda t: t.drop(index=t["at"].idxmin()), DATES),
    "an amount corrected": (lambda t: moved(t, "price", 1.23), DATES[1:]),
    "an order renamed": (lambda t: moved(t, "order_no", "other"), DATES[1:]),
    "a customer merged into another": (lambda t: moved(t, "customer", "c9999"), DATES[1:]),
    "a late line and a new day": (
        lambda t: one(one(t, pd.Timestamp(DATES[2]) - pd.Timedelta(days=1)), LAST + pd.Timedelta(days=9)),
        DATES[2:],
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_a_change_of_the_log_builds_anew(tmp_path, lines, name) -> None:
    change, anew = CHANGES[name]
    first = log_of(tmp_path, lines)
    assert ensure(tmp_path, first) == DATES
    second = log_of(tmp_path, change(lines))
    assert (second.id == first.id) == (name == "nothing")
    assert ensure(tmp_path, second) == list(anew)
    fresh = tmp_path / "fresh"
    assert ensure(fresh, second) == DATES
    for view in SHIPPED:
        for as_of in DATES:
            kept, built = (
                pd.read_parquet(Snapshots(home / ".tagcast", second, SET, "UTC").path(view, as_of))
                for home in (tmp_path, fresh)
            )
            pd.testing.assert_frame_equal(kept, built, check_exact=True)


def test_another_time_zone_builds_anew(tmp_path, lines) -> None:
    """At noon every day is the same in both zones, but midnight is not."""
    noon = lines.assign(at=lines["at"].dt.floor("D") + pd.Timedelta(hours=12))
    assert ensure(tmp_path, log_of(tmp_path, noon)) == DATES
    assert ensure(tmp_path, log_of(tmp_path, noon, "Europe/Oslo"), "Europe/Oslo") == DATES


def test_a_log_is_named_by_its_days(tmp_path, lines) -> None:
    log = log_of(tmp_path, lines)
    assert sum(rows for rows, _ in log.digests.values()) == log.rows == len(lines)
    assert log.id_before(log.last_day + timedelta(days=1)) == log.id
    assert log.id_before(log.last_day) != log.id
    assert build(tmp_path / "tagcast.toml") == log


def test_many_snapshots_are_those_built_one_by_one(tmp_path, lines) -> None:
    log = write_log(tmp_path, lines)
    dates = [FIRST_DAY + timedelta(days=d) for d in range(10, 97, 9)]
    steps: list[tuple[int, int]] = []
    together = Snapshots(tmp_path / "together", log, SET, "UTC", memory_limit="200MB")
    assert together.ensure(dates, lambda _stage, done, total: steps.append((done, total))) == dates
    assert steps[-1] == (len(dates), len(dates))
    assert steps == sorted(steps)
    for as_of in dates:
        alone = Snapshots(tmp_path / "alone", log, SET, "UTC")
        assert alone.ensure([as_of]) == [as_of]
        for view in SHIPPED:
            pd.testing.assert_frame_equal(
                pd.read_parquet(together.path(view, as_of)),
                pd.read_parquet(alone.path(view, as_of)),
                check_exact=True,
            )
    assert {f.name for f in together.root.iterdir()} == {SET.id, "current.json", UNDER_WAY}
    assert not any((together.root / UNDER_WAY).iterdir())
