"""A past that changed is noticed: days already loaded that hold fewer lines, more, other amounts, other ids."""

from __future__ import annotations

from datetime import date, timedelta

import pandas as pd
import pytest

from tagcast.features.core.settings import load_settings
from tagcast.features.ingest.event_log import EventLog, build_event_log
from tagcast.features.loads.past_findings import past_findings
from tests.support.source_projects import project, source

FIRST = date(2024, 1, 1)
DAYS = 60
LAST = FIRST + timedelta(days=DAYS - 1)  # 2024-02-29


def shop(first: int = 0, days: int = DAYS, a_day: int = 3) -> pd.DataFrame:
    """Return ``a_day`` lines of ten each on every day."""
    at = [FIRST + timedelta(days=first + day) for day in range(days) for _ in range(a_day)]
    people = [f"c{number}" for _ in range(days) for number in range(a_day)]
    return pd.DataFrame({"id": people, "at": pd.to_datetime(at) + timedelta(hours=9), "price": 10.0})


def load(folder, frame: pd.DataFrame, extra: str = "", more: tuple[str, ...] = (), **files) -> EventLog:
    config = project(folder, source(extra=extra), *more, shop_parquet=frame, **files)
    return build_event_log(load_settings(config, None, folder))


def of_day(frame: pd.DataFrame, *days: int) -> pd.Series:
    return frame["at"].dt.date.isin([FIRST + timedelta(days=day) for day in days])


def sentences(log: EventLog) -> list[str]:
    return [str(finding.message) for finding in past_findings(log.changes)]


def one_fewer(frame):
    return frame.drop(frame.index[of_day(frame, 10)][0])


def a_day_gone(frame):
    return frame[~of_day(frame, 10)]


def double(frame):
    return pd.concat([frame, frame[of_day(frame, 10, 20)]])


def dearer(frame):
    return frame.assign(price=frame["price"].mask(of_day(frame, 10), 1000.0))


def renamed(frame):
    return frame.assign(id=frame["id"].mask(of_day(frame, 10), "x"))


def newest_fewer(frame):
    return frame.drop(frame.index[of_day(frame, DAYS - 1)][0])


CHANGES = {
    "a line fewer": (one_fewer, (1, 1, 0, 30.0, 20.0), "1 day already loaded is different (2024-01-11), 1 line fewer, amounts sum to 20.00 where they were 30.00"),
    "a day gone": (a_day_gone, (1, 3, 0, 30.0, 0.0), "1 day already loaded is different (2024-01-11), 3 lines fewer, amounts sum to 0.00 where they were 30.00"),
    "lines twice": (double, (2, 0, 6, 60.0, 120.0), "2 days already loaded are different (2024-01-11 to 2024-01-21), 6 lines more, amounts sum to 120.00 where they were 60.00, largest: 2024-01-11 3 → 6 lines, 2024-01-21 3 → 6 lines"),
    "other amounts": (dearer, (1, 0, 0, 30.0, 3000.0), "1 day already loaded is different (2024-01-11), amounts sum to 3,000.00 where they were 30.00"),
    "other ids": (renamed, (1, 0, 0, 30.0, 30.0), "1 day already loaded is different (2024-01-11), the same lines under other ids"),
    "the newest day shrinks": (newest_fewer, (1, 1, 0, 30.0, 20.0), "1 day already loaded is different (2024-02-29), 1 line fewer, amounts sum to 20.00 where they were 30.00"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "figures", "text"), CHANGES.values(), ids=CHANGES)
def test_a_day_that_changed_is_named_with_its_size(tmp_path, change, figures, text) -> None:
    assert load(tmp_path, shop()).changes == ()
    log = load(tmp_path, change(shop()))
    (found,) = log.changes
    assert (found.days, found.fewer, found.more, found.amount_before, found.amount) == figures
    assert (found.source, found.found_on) == ("shop", log.last_day)
    assert sentences(log) == [f"{text} (noticed when the data reached {log.last_day})"]


def late(frame):
    more = frame[of_day(frame, DAYS - 1, DAYS - 3)]
    return pd.concat([shop(days=DAYS + 1), more])


def next_day(_):
    return shop(days=DAYS + 1)


def moved_on(_):
    return shop(first=1)


def longer_history(_):
    return shop(first=-5, days=DAYS + 5)


def same_in_another_order(frame):
    return frame.sample(frac=1, random_state=2)


@pytest.mark.parametrize("usual", [late, next_day, moved_on, longer_history, same_in_another_order])
def test_what_is_usual_is_no_change(tmp_path, usual) -> None:
    load(tmp_path, shop())
    assert load(tmp_path, usual(shop())).changes == ()


def test_lines_that_come_later_than_the_rhythm_of_the_source_are_a_change(tmp_path) -> None:
    load(tmp_path, shop())
    (found,) = load(tmp_path, pd.concat([shop(), shop()[of_day(shop(), DAYS - 4)]])).changes
    assert (found.first_day, found.more) == (LAST - timedelta(days=3), 3)


def test_a_weekly_source_may_be_late_by_its_own_rhythm(tmp_path) -> None:
    weekly = shop(days=400)
    weekly = weekly[weekly["at"].dt.dayofweek == 0]
    newest, before = (weekly["at"].dt.date == day for day in (date(2025, 1, 27), date(2025, 1, 6)))
    assert newest.any()
    assert before.any()
    load(tmp_path, weekly)
    assert load(tmp_path, pd.concat([weekly, weekly[newest]])).changes == ()
    (found,) = load(tmp_path, pd.concat([weekly, weekly[newest], weekly[before]])).changes
    assert (found.first_day, found.more) == (date(2025, 1, 6), 3)


def test_a_history_that_begins_later_is_a_change_where_its_end_stays(tmp_path) -> None:
    load(tmp_path, shop())
    (found,) = load(tmp_path, shop(first=30, days=DAYS - 30)).changes
    assert (found.days, found.fewer, found.first_day) == (30, 90, FIRST)


def test_another_mapping_is_no_other_past(tmp_path) -> None:
    load(tmp_path, shop())
    assert load(tmp_path, shop(), extra="where = \"id <> 'c0'\"").changes == ()


def test_merged_accounts_are_no_other_past(tmp_path) -> None:
    identity = '[identity]\npath = "identity.csv"\nsource = "src"\nsource_id = "own"\nprofile_id = "person"\n'
    table = pd.DataFrame({"src": "shop", "own": ["c0", "c1", "c2"], "person": ["p0", "p1", "p2"]})
    load(tmp_path, shop(), more=(identity,), identity_csv=table)
    table = table.assign(person=["p0", "p0", "p2"])
    log = load(tmp_path, shop(), more=(identity,), identity_csv=table)
    assert log.profiles == 2
    assert log.changes == ()


def test_a_change_stays_on_record_over_the_loads_that_follow(tmp_path) -> None:
    load(tmp_path, shop())
    (found,) = load(tmp_path, one_fewer(shop())).changes
    for days in (DAYS + 1, DAYS + 20, DAYS + 30):
        assert load(tmp_path, one_fewer(shop(days=days))).changes == (found,)
    assert load(tmp_path, one_fewer(shop(days=DAYS + 31))).changes == ()
