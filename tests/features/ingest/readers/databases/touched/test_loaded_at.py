"""With a column that says when rows were loaded, a load compares what was touched, and the log is that of a full read all the same."""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tagcast.features.core.errors import ConfigError, DataError
from tagcast.features.core.settings import load_settings
from tagcast.features.ingest.event_log import EventLog, build_event_log
from tagcast.features.ingest.readers.databases.touched.load_mark import LoadMark
from tagcast.features.ingest.readers.places import Places
from tests.features.ingest.parts.test_database_histories import (
    FIRST,
    KINDS,
    TYPES,
    Shop,
    configured,
    pieces,
    shop_in,
)
from tests.features.ingest.parts.test_histories import everything
from tests.support.source_projects import build, project, read, source

pytestmark = pytest.mark.filterwarnings("ignore")
OPENED = datetime(2024, 3, 1, 4, tzinfo=UTC)
"""The first load; the shop's thirty days were loaded on the days themselves."""


class LoadedShop:
    """A shop whose table says when a row was loaded, and what happens to it night by night."""

    def __init__(self, shop: Shop) -> None:
        self.shop, self.night = shop, 0
        self.moment = TYPES[shop.kind][0]
        shop.run(f"ALTER TABLE orders ADD COLUMN loaded {self.moment}")
        shop.run("UPDATE orders SET loaded = bought")

    @property
    def now(self) -> datetime:
        return OPENED + timedelta(days=self.night)

    def at(self, name: str) -> str:
        return f"CAST(:{name} AS timestamptz)" if self.shop.kind == "postgres" else f":{name}"

    def touch(self, which: str, **values: object) -> None:
        """Say of some rows that they were loaded tonight."""
        loaded = str(self.now.replace(tzinfo=None) - timedelta(hours=2))
        self.shop.run(f"UPDATE orders SET loaded = {self.at('n')} WHERE {which}", n=loaded, **values)

    def add(self, day: int, lines: int = 3, **more: object) -> None:
        before = self.shop.lines
        self.shop.add(day, lines, **more)
        self.touch("line >= :b", b=before)

    def correct(self, line: int, price: float) -> None:
        self.shop.run("UPDATE orders SET price = :p WHERE line = :l", p=price, l=line)

    def move(self, line: int, day: int) -> None:
        moved = str(FIRST + timedelta(days=day, hours=3))
        self.shop.run(f"UPDATE orders SET bought = {self.at('a')} WHERE line = :l", a=moved, l=line)
        self.touch("line = :l", l=line)

    def happen(self, step: str, at: int) -> None:
        line = at * 7 % 90
        if step == "new day":
            self.add(40 + self.night)
        elif step == "late line":
            self.add(at % 30, 1, price=3.0, who="late")
        elif step == "correction":
            self.correct(line, 4 + self.night)
            self.touch("line = :l", l=line)
        elif step == "deletion":
            self.shop.run("DELETE FROM orders WHERE line = :l", l=line)
        elif step == "moved":
            self.move(line, at % 30)
        elif step == "moved alone":
            self.move(line, 60 + at)
        elif step == "moved and another comes":
            self.move(line, at % 30)
            self.add(at % 11, 1)
        elif step == "no longer timed":
            self.shop.run("UPDATE orders SET bought = NULL WHERE line = :l", l=line)
            self.touch("line = :l", l=line)
            self.add(70 + self.night, 110)  # more than so many of a hundred rows without a time are refused
        elif step == "not said when":
            self.correct(line, 5 + self.night)
            self.shop.run("UPDATE orders SET loaded = NULL WHERE line = :l", l=line)
        elif step == "corrected again, not said when":
            self.shop.run("UPDATE orders SET price = :p WHERE loaded IS NULL", p=50 + self.night)
        elif step == "in the future":
            far = str(datetime(2999, 12, 31))  # noqa: DTZ001 - as a table holds it
            self.shop.run(f"UPDATE orders SET loaded = {self.at('f')} WHERE line = :l", f=far, l=line)


def build_at(config: Path, now: datetime | None, home: Path | None = None) -> EventLog:
    opened = load_settings(config, home, config.parent)
    return build_event_log(opened, places=Places(opened, now=now))


def same_as_read_anew(config: Path, now: datetime) -> EventLog:
    log = build_at(config, now)
    with tempfile.TemporaryDirectory() as fresh:
        whole = build(config, Path(fresh) / "home")
        pd.testing.assert_frame_equal(read(log), read(whole))
        assert everything(replace(log, unchecked=())) == everything(whole)
    return log


def opened_in(kind: str, servers, folder: Path, monkeypatch, **more) -> tuple[LoadedShop, Path]:
    shop = LoadedShop(shop_in(kind, servers, folder))
    return shop, configured(shop.shop, folder, monkeypatch, extra='loaded_at = "loaded"', **more)


STEP = st.sampled_from(
    [
        "new day",
        "late line",
        "correction",
        "deletion",
        "moved",
        "moved alone",
        "moved and another comes",
        "no longer timed",
        "not said when",
        "corrected again, not said when",
        "in the future",
        "nothing",
    ]
)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=2, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=st.lists(st.tuples(STEP, st.integers(0, 40)), min_size=2, max_size=5))
def test_what_was_loaded_since_gives_the_log_of_a_full_read(kind, servers, monkeypatch, steps) -> None:
    with tempfile.TemporaryDirectory() as name:
        shop, config = opened_in(kind, servers, Path(name), monkeypatch)
        same_as_read_anew(config, shop.now)
        for shop.night, (step, at) in enumerate(steps, 1):
            shop.happen(step, at)
            log = same_as_read_anew(config, shop.now)
            # Where many rows differ, all is compared and read anew.
            assert all(OPENED.date() <= one.compared_on < shop.now.date() for one in log.unchecked)


@pytest.mark.parametrize("kind", KINDS)
def test_a_load_compares_the_days_that_were_touched_and_says_which_it_did_not(
    kind,
    servers,
    tmp_path,
    monkeypatch,
) -> None:
    shop, config = opened_in(kind, servers, tmp_path, monkeypatch)
    assert build_at(config, shop.now).unchecked == ()
    shop.night = 1
    shop.add(40)
    shop.correct(30, 7)
    shop.touch("line = 30")
    (one,) = same_as_read_anew(config, shop.now).unchecked
    # Of thirty days the tenth was corrected; rows of the newest four may have been on their way.
    assert (one.days, one.rows) == (25, 75)
    assert (one.first_day, one.last_day) == (date(2024, 1, 1), date(2024, 1, 26))
    assert (one.since, one.compared_on) == (date(2024, 1, 27), OPENED.date())
    made = pieces(tmp_path)["made"]
    shop.night = 2
    assert build_at(config, shop.now).unchecked
    assert pieces(tmp_path)["made"] == made


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_that_is_changed_without_saying_so_is_seen_after_a_week(
    kind,
    servers,
    tmp_path,
    monkeypatch,
) -> None:
    shop, config = opened_in(kind, servers, tmp_path, monkeypatch)
    build_at(config, shop.now)
    shop.correct(30, 7)
    for shop.night in (1, 6):
        assert read(build_at(config, shop.now))["amount"].astype(float).sum() == 900
    shop.night = 7
    log = same_as_read_anew(config, shop.now)
    assert read(log)["amount"].astype(float).sum() == 897
    assert log.unchecked == ()
    (change,) = log.changes
    assert (change.first_day, change.days) == (date(2024, 1, 10), 1)


@pytest.mark.parametrize("kind", KINDS)
def test_deleted_rows_and_the_day_that_a_row_has_left_are_seen_at_once(
    kind,
    servers,
    tmp_path,
    monkeypatch,
) -> None:
    shop, config = opened_in(kind, servers, tmp_path, monkeypatch)
    build_at(config, shop.now)
    shop.night = 1
    shop.move(30, 20)
    shop.shop.run("DELETE FROM orders WHERE line = 60")
    log = same_as_read_anew(config, shop.now)
    assert log.rows == 89
    assert log.unchecked[0].days == 30 - 4 - 2


@pytest.mark.parametrize("kind", KINDS)
def test_rows_that_do_not_say_when_they_were_loaded_are_always_compared(
    kind, servers, tmp_path, monkeypatch
) -> None:
    shop, config = opened_in(kind, servers, tmp_path, monkeypatch)
    shop.shop.run("UPDATE orders SET loaded = NULL WHERE line = 30")
    build_at(config, shop.now)
    shop.night = 1
    shop.correct(30, 7)
    assert same_as_read_anew(config, shop.now).unchecked[0].days == 25


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_of_the_future_hides_nothing(kind, servers, tmp_path, monkeypatch) -> None:
    shop, config = opened_in(kind, servers, tmp_path, monkeypatch)
    shop.happen("in the future", 0)
    build_at(config, shop.now)
    for shop.night in (1, 2):
        shop.correct(30, 6 + shop.night)
        shop.touch("line = 30")
        assert same_as_read_anew(config, shop.now).unchecked


@pytest.mark.parametrize(
    ("kind", "other"),
    [
        ("duckdb", "double precision"),
        ("mariadb", "double precision"),
        pytest.param("postgres", "text", marks=pytest.mark.postgres),
    ],
)
def test_times_that_become_another_type(kind, other, servers, tmp_path, monkeypatch) -> None:
    shop, config = opened_in(kind, servers, tmp_path, monkeypatch)
    build_at(config, shop.now)
    shop.night = 1
    shop.shop.run(f"ALTER TABLE orders ADD COLUMN other {other}")
    values = {"mariadb": "unix_timestamp(bought)", "duckdb": "extract(epoch FROM bought)"}
    shop.shop.run(f"UPDATE orders SET other = {values.get(kind, 'left(cast(bought AS text), 19)')}")
    shop.shop.run("ALTER TABLE orders DROP COLUMN bought")
    shop.shop.run("ALTER TABLE orders RENAME COLUMN other TO bought")
    assert same_as_read_anew(config, shop.now).unchecked == ()


@pytest.mark.parametrize("how", ["a deletion hides a row that came unsaid", "all at once", "no moment"])
def test_what_is_fetched_was_compared(how, servers, tmp_path, monkeypatch) -> None:
    shop, config = opened_in("sqlite", servers, tmp_path, monkeypatch)
    build_at(config, shop.now)
    shop.night = 1
    shop.shop.add(12, 1)
    shop.shop.run("UPDATE orders SET loaded = bought WHERE loaded IS NULL")
    shop.shop.run("DELETE FROM orders WHERE line = 0")
    if how == "all at once":
        shop.shop.run("UPDATE orders SET price = 7 WHERE line < 60")
        shop.touch("line < 60 AND line > 2")
        assert same_as_read_anew(config, shop.now).unchecked == ()
    elif how == "no moment":
        assert same_as_read_anew(config, None).unchecked == ()
    else:
        # As many rows as before, and none that says that it is new: the documented gap, for a week at most.
        assert build_at(config, shop.now).unchecked[0].days == 26
        shop.night = 7
        same_as_read_anew(config, shop.now)


def test_a_load_that_breaks_off_is_made_up_for(servers, tmp_path, monkeypatch) -> None:
    shop, config = opened_in("sqlite", servers, tmp_path, monkeypatch)
    build_at(config, shop.now)
    shop.night = 1
    shop.correct(30, 7)
    shop.touch("line = 30")

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    from tagcast.features.ingest.readers.databases import fetched

    with monkeypatch.context() as patched:
        patched.setattr(fetched, "write_chunks", stop)
        with pytest.raises(KeyboardInterrupt):
            build_at(config, shop.now)
    shop.night = 5
    same_as_read_anew(config, shop.now)


def test_a_file_that_is_as_it_was_is_compared_after_a_week(servers, tmp_path, monkeypatch) -> None:
    import os

    shop, config = opened_in("sqlite", servers, tmp_path, monkeypatch)
    build_at(config, shop.now)
    shop.correct(30, 7)
    os.utime(tmp_path / "shop.db", (1_700_000_000, 1_700_000_000))
    for shop.night in (1, 2):
        assert build_at(config, shop.now).unchecked[0].days == 26
    shop.night = 8
    assert same_as_read_anew(config, shop.now).unchecked == ()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("asked", ['table = "orders"', 'query = "SELECT * FROM orders"'])
@pytest.mark.parametrize(
    ("named", "problem"),
    [
        ("loadet", "loaded_at: there is no column 'loadet'"),
        ("note", "loaded_at: column 'note' does not hold times"),
    ],
)
def test_a_wrong_column_is_named_before_anything_is_read(
    kind,
    asked,
    named,
    problem,
    servers,
    tmp_path,
    monkeypatch,
) -> None:
    shop = LoadedShop(shop_in(kind, servers, tmp_path))
    config = configured(shop.shop, tmp_path, monkeypatch, asked=asked, extra=f'loaded_at = "{named}"')
    with pytest.raises(DataError, match=problem) as caught:
        build_at(config, shop.now)
    assert "sources.shop" in str(caught.value)
    assert caught.value.hint
    assert not list((tmp_path / ".tagcast" / "sources").glob("*/pieces.json"))


def test_another_column_compares_all_and_fetches_nothing_anew(servers, tmp_path, monkeypatch) -> None:
    shop, config = opened_in("sqlite", servers, tmp_path, monkeypatch)
    log = build_at(config, shop.now)
    made = pieces(tmp_path)["made"]
    shop.night = 1
    config.write_text(config.read_text(encoding="utf-8").replace('"loaded"', '"LOADED"'), encoding="utf-8")
    again = build_at(config, shop.now)
    assert (again.unchecked, again.readings) == ((), log.readings)
    config.write_text(
        config.read_text(encoding="utf-8").replace('loaded_at = "LOADED"', ""), encoding="utf-8"
    )
    assert build_at(config, shop.now).readings == log.readings
    assert pieces(tmp_path)["made"] == made
    assert json.dumps(pieces(tmp_path)["mark"]) == json.dumps({"column": "", "newest": "", "compared": ""})


def test_files_are_not_for_it(tmp_path) -> None:
    config = project(tmp_path, source(extra='loaded_at = "at"'))
    with pytest.raises(ConfigError, match="loaded_at is for a database"):
        build(config)


@pytest.mark.parametrize(
    ("column", "now", "since"),
    [
        ("loaded", datetime(2024, 3, 1, tzinfo=UTC), date(2024, 2, 25)),
        ("loaded", datetime(2024, 3, 7, 23, tzinfo=UTC), date(2024, 2, 25)),
        ("loaded", datetime(2024, 3, 8, tzinfo=UTC), None),
        ("loaded", datetime(2024, 2, 29, tzinfo=UTC), None),
        ("loaded", None, None),
        ("changed", datetime(2024, 3, 1, tzinfo=UTC), None),
        (None, datetime(2024, 3, 1, tzinfo=UTC), None),
    ],
)
def test_all_is_compared_once_a_week(column, now, since) -> None:
    assert LoadMark("loaded", "2024-02-28", "2024-03-01").since(column, now) == since
