"""What a customer bought, counted again by pandas, and as the features of that day have it."""

from __future__ import annotations

from datetime import date, timedelta

import pandas as pd
import pytest

from tagcast.features.core.settings import load_settings
from tagcast.features.ingest.event_log import build_event_log, last_events
from tagcast.serving.profiles.purchases import purchases_before
from tests.support.shop import CONFIG, shop_lines

AS_OF = date(2024, 7, 15)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bought")
    (folder / "tags").mkdir()
    lines = shop_lines(60)
    lines.to_parquet(folder / "lines.parquet", index=False)
    (folder / "tagcast.toml").write_text(CONFIG.partition("[profiles]")[0], encoding="utf-8")
    settings = load_settings(folder / "tagcast.toml", folder / "home", folder)
    build_event_log(settings)
    return settings, lines


def test_every_figure_is_that_of_the_lines(home):
    settings, lines = home
    start = pd.Timestamp(AS_OF)
    seen = 0
    for customer, mine in lines[lines["at"] < start].groupby("customer"):
        found = purchases_before(last_events(settings.data, customer, 10_000), AS_OF)
        days = mine["at"].dt.date
        assert (found.first, found.last) == (days.min(), days.max())
        assert found.days_since_last == (AS_OF - days.max()).days
        for window in found.windows:
            recent = mine[mine["at"] >= start - pd.Timedelta(days=window.days)]
            assert window.orders == recent["order_no"].nunique()
            if window.spend is None:
                assert recent.empty
            else:
                assert window.spend == pytest.approx(recent["price"].sum())
        year = mine[mine["at"] >= start - pd.Timedelta(days=365)]
        by_kind = year.groupby("kind")["price"].sum().sort_values(ascending=False)
        assert [one.category for one in found.categories] == list(by_kind.index[:3])
        assert [one.share for one in found.categories] == pytest.approx(list(by_kind[:3] / by_kind.sum()))
        seen += 1
    assert seen > 30


def test_what_came_later_is_not_counted(home):
    settings, lines = home
    customer = lines["customer"].iloc[0]
    events = last_events(settings.data, customer, 10_000)
    first = lines.loc[lines["customer"] == customer, "at"].min().date()
    assert purchases_before(events, first).first is None
    assert purchases_before(events, first).windows[0].orders == 0
    assert purchases_before(events, first + timedelta(days=1)).last == first


def line(day: date, **more):
    return {"event": "purchase", "event_day": day, "amount": None, "order_id": None, "category": None, **more}


def test_without_orders_days_count_and_without_amounts_lines_do():
    days = [AS_OF - timedelta(days=n) for n in (1, 1, 5, 200)]
    events = [
        line(day, category=kind) for day, kind in zip(days, ("tea", "tea", "bread", "tea"), strict=True)
    ]
    found = purchases_before([*events, line(AS_OF), {**line(days[0]), "event": "visit"}], AS_OF)
    assert [(window.orders, window.spend) for window in found.windows] == [(2, None), (3, None)]
    assert [(one.category, one.share) for one in found.categories] == [("tea", 0.75), ("bread", 0.25)]


def test_what_was_given_back_is_taken_off():
    events = [
        line(AS_OF - timedelta(days=3), amount=50.0, category="tea"),
        line(AS_OF - timedelta(days=2), amount=-50.0, category="tea"),
    ]
    found = purchases_before(events, AS_OF)
    assert found.windows[0].spend == 0
    assert found.categories == ()
