"""Values are good from the day of the data, however often and late they are scored; trends go by that day too."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pandas as pd
import pytest

from tagcast.features.core.settings import load_settings
from tagcast.pipelines.cli import groups, profiles, scoring
from tagcast.pipelines.project.local_user import local_user
from tagcast.pipelines.scoring.validity import validity
from tagcast.serving.audiences.saved_audience_actions import sizes as sizes_of
from tagcast.serving.context import open_context
from tests.pipelines.scoring.test_older_days import LAST_DAY, write
from tests.support.command_line import Project

DATA = LAST_DAY + timedelta(days=1)
"""The day that the shop's data make today: values are good for 30 days from it."""

OWN = [f"{1000 + number}" for number in range(300)]


def noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)


@pytest.fixture
def shop(tmp_path) -> Project:
    return write(tmp_path / "shop", name="valid")


@pytest.fixture
def at(monkeypatch):
    """Set the clock of the commands to so many days after the data."""

    def turn(days: int) -> datetime:
        now = noon(DATA + timedelta(days=days))
        for module in (scoring, profiles, groups):
            monkeypatch.setattr(module, "clock", lambda: now)
        return now

    return turn


def expires(shop: Project) -> datetime:
    (row,) = shop.json("profile", "show", "1045")["predictions"]
    return datetime.fromisoformat(row["expires_at"])


@pytest.mark.parametrize(
    ("lags", "days"),
    [
        ((0,), 30),
        ((1,), 30),
        ((29,), 30),
        ((0, 20), 30),  # the same data, scored again after three weeks
        ((0, 1, 2, 3), 30),
        ((-5,), 25.5),  # the clock is behind the data: from then on
    ],
)
def test_values_expire_so_many_days_after_the_data(shop, at, lags, days) -> None:
    for lag in lags:
        at(lag)
        shop.run("score", "--all")
    assert expires(shop) == datetime(DATA.year, DATA.month, DATA.day, tzinfo=UTC) + timedelta(days=days)


def test_data_that_nobody_brings_up_to_date_expire_though_they_are_scored_every_night(shop, at) -> None:
    for lag in (0, 15, 29):
        at(lag)
        assert "expired as it is published" not in shop.run("score", "--all").stderr
    at(31)
    printed = shop.run("score", "--all").stderr
    assert f"stage: expired as it is published: the data end on {LAST_DAY}, 32 days ago" in printed
    assert expires(shop).date() == DATA + timedelta(days=30)
    result = shop.invoke("audience", "export", "stage = 'away'", "--out", str(shop.home / "a.csv"))
    assert result.exit_code == 14
    assert "bring the sources up to date and publish a new run" in result.stderr


def test_what_the_hint_says_helps(shop, at) -> None:
    at(0)
    shop.run("score", "--all")
    at(40)
    shop.run("score", "--all")
    orders = shop.config.parent / "orders.csv"
    days = [DATA + timedelta(days=day) for day in range(40) for _ in range(10)]
    newer = pd.DataFrame({"customer_id": [*OWN[:10]] * 40, "ordered_at": days, "price": 10.0})
    pd.concat([pd.read_csv(orders, dtype=str), newer]).to_csv(orders, index=False)
    shop.run("score", "--all", "--force", "--reason", "it is brought up to date")
    assert expires(shop).date() == DATA + timedelta(days=70)


@pytest.mark.parametrize("lag", [31, 400, 3000])
def test_data_that_were_past_from_the_first_run_on_are_good_from_scoring(shop, at, lag) -> None:
    """A public data set has no today: its values would be gone before anybody saw them."""
    for days in (lag, lag + 100):
        now = at(days)
        shop.run("score", "--all")
        assert expires(shop) == now + timedelta(days=30)


@pytest.mark.parametrize(("timezone", "hour"), [("Asia/Shanghai", 16), ("America/New_York", 4), ("UTC", 0)])
def test_a_day_begins_in_the_project_s_zone(timezone, hour) -> None:
    found = validity([], date(2026, 7, 2), noon(date(2026, 7, 3)), timezone)
    day = date(2026, 8, 1) if hour != 16 else date(2026, 7, 31)
    assert found.until(timedelta(days=30)) == datetime(day.year, day.month, day.day, hour, tzinfo=UTC)


@pytest.mark.parametrize("force", [("--force", "--reason", "the last weeks were wrong"), ()])
def test_an_older_day_is_drawn_where_it_belongs(shop, at, force) -> None:
    older = DATA - timedelta(days=20)
    at(0)
    for day in (DATA - timedelta(days=10), DATA, older):
        shop.run("score", "--all", "--as-of", str(day), *force)
    trend = shop.json("tag", "show", "stage")["trend"]
    assert [point["as_of"] for point in trend] == [
        str(older),
        str(DATA - timedelta(days=10)),
        str(DATA),
    ]
    orders = pd.read_csv(shop.config.parent / "orders.csv", parse_dates=["ordered_at"])
    for point in trend:
        known = orders[orders["ordered_at"] < point["as_of"]].groupby("customer_id")["ordered_at"].max()
        away = (pd.Timestamp(point["as_of"]) - known).dt.days > 30
        assert point["population"] == len(known)
        assert point["shares"].get("away", 0.0) == pytest.approx(away.mean())


def test_sizes_of_an_audience_go_by_the_day_of_the_data(shop, at) -> None:
    at(0)
    days = [DATA - timedelta(days=10), DATA, DATA - timedelta(days=20)]
    shop.run("score", "--all", "--as-of", str(days[0]))
    shop.run("audience", "save", "away ones", "stage = 'away'")
    sizes = {days[0]: shop.json("audience", "list")[0]["members"]}
    for day in days[1:]:
        shop.run("score", "--all", "--as-of", str(day), "--force", "--reason", "another day")
        sizes[day] = shop.json("audience", "count", "stage = 'away'")["members"]
    assert shop.json("audience", "list")[0]["members"] == sizes[days[2]]
    context = open_context(load_settings(shop.config, shop.home, shop.config.parent), lambda: noon(DATA))
    found = sizes_of(context, local_user(), "away ones")
    assert [size.members for size in found] == [sizes[day] for day in sorted(days)]
    assert [size.run for size in found] == [3, 1, 2]
