"""`tagcast check` on times that cannot be, days without events and sources that stopped."""

from __future__ import annotations

import json
from datetime import timedelta

import pandas as pd
import pytest

from tests.support.faults.wrong_data import CHURN, LAST_DAY, STAGE, everyday_shop, findings, write_project


def at(day: str, shop: pd.DataFrame) -> pd.DataFrame:
    """Return the shop with its last line at ``day``."""
    moved = shop.copy()
    moved["at"] = moved["at"].astype("datetime64[us]")
    moved.loc[moved.index[-1], "at"] = pd.Timestamp(day).to_datetime64().astype("datetime64[us]")
    return moved


@pytest.mark.parametrize("day", ["2026-11-16 10:00", "2026-12-31 23:00", "2099-12-31"])
def test_a_clock_ahead_neither_moves_today_nor_the_outcomes(tmp_path, day) -> None:
    shop = everyday_shop()
    (tmp_path / "whole").mkdir()
    (tmp_path / "ahead").mkdir()
    whole = write_project(tmp_path / "whole", tags=(STAGE, CHURN), shop=shop.iloc[:-1])
    ahead = write_project(tmp_path / "ahead", tags=(STAGE, CHURN), shop=at(day, shop))
    expected, report = whole.json("check"), ahead.json("check")
    assert report["as_of"] == expected["as_of"] == str(LAST_DAY + timedelta(days=1))
    assert report["tags"] == expected["tags"]
    (finding,) = findings(ahead)["implausible_times"]
    assert (finding["level"], finding["where"]) == ("warning", "sources.shop")
    assert f"1 of {len(shop):,} lines" in finding["message"]
    assert day[:10] in finding["message"]
    assert str(LAST_DAY) in finding["message"]
    assert "implausible_times" not in findings(whole)
    manifest = json.loads(next((ahead.home / "events").glob("*/manifest.json")).read_text())
    assert manifest["spans"][0]["after"] == {"lines": 1, "first_day": day[:10], "last_day": day[:10]}
    assert manifest["rows"] == len(shop) - 1


def test_everybody_lapses_no_more_for_one_line(tmp_path) -> None:
    project = write_project(tmp_path, shop=at("2099-12-31", everyday_shop()))
    scored = project.run("score", "--all", "--json")
    run = json.loads(scored.stdout)
    assert "2099-12-31" in scored.stderr
    assert run["as_of"] == str(LAST_DAY + timedelta(days=1))
    last = everyday_shop().iloc[:-1].groupby("customer")["at"].max().dt.normalize()
    silent = (pd.Timestamp(LAST_DAY) + pd.Timedelta(days=1) - last).dt.days > 90
    counted = project.json("audience", "count", "stage = 'lapsed'")["members"]
    assert 0 < counted <= silent.sum() < len(last) / 2


def test_1970_does_not_begin_the_history(tmp_path) -> None:
    shop = everyday_shop()
    shop["at"] = shop["at"].astype("datetime64[us]")
    shop.loc[[3, 900, 2000], "at"] = pd.Timestamp("1970-01-01").to_datetime64().astype("datetime64[us]")
    project = write_project(tmp_path, tags=(STAGE, CHURN), shop=shop)
    (finding,) = findings(project)["implausible_times"]
    assert f"3 of {len(shop):,} lines" in finding["message"]
    assert "1970-01-01" in finding["message"]
    (_, churn) = sorted(project.json("check")["tags"], key=lambda tag: tag["tag"], reverse=True)
    assert churn["level"] == "ok"


def test_chinese(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("TAGCAST_LANG", "zh")
    project = write_project(tmp_path, shop=at("2099-12-31", everyday_shop()))
    said = project.run("check").stdout + project.run("check").stderr
    assert "2099-12-31" in said
    assert "lie after" not in said


def test_a_source_that_stopped_holds_today_back(tmp_path) -> None:
    shop, visits = everyday_shop(), everyday_shop(seed=8)[["customer", "at"]]
    last = pd.Timestamp(LAST_DAY - timedelta(days=23))
    stopped = shop[shop["at"] < last + pd.Timedelta(days=1)]
    project = write_project(tmp_path, shop=stopped, web=visits)
    (tmp_path / "tagcast.toml").write_text(
        (tmp_path / "tagcast.toml")
        .read_text()
        .replace('path = "web.parquet"', 'path = "web.parquet"\nevent = "visit"')
    )
    (finding,) = findings(project)["stopped"]
    assert finding["where"] == "sources.shop"
    assert str(last.date()) in finding["message"]
    assert "23 days" in finding["message"]
    observed = str((last + pd.Timedelta(days=1)).date())
    assert project.json("check")["as_of"] == observed
    assert project.json("score", "--all")["as_of"] == observed
    refused = project.invoke("score", "--all", "--as-of", str(LAST_DAY + timedelta(days=1)))
    assert refused.exit_code == 4
    assert "shop" in refused.stderr
    # The hint, tried: a source that is said to have ended is not waited for.
    config = tmp_path / "tagcast.toml"
    config.write_text(
        config.read_text().replace('path = "shop.parquet"', 'path = "shop.parquet"\nended = true')
    )
    assert project.json("check")["as_of"] == str(LAST_DAY + timedelta(days=1))
    assert "stopped" not in findings(project)


def seasons(*spans: tuple[str, str]) -> pd.DataFrame:
    """Return a shop that is open from the first to the last day of each span, and closed otherwise."""
    frames = []
    for number, (first, last) in enumerate(spans):
        season = everyday_shop(days=(pd.Timestamp(last) - pd.Timestamp(first)).days + 1, seed=number)
        frames.append(season.assign(at=season["at"] + (pd.Timestamp(last) - pd.Timestamp(LAST_DAY))))
    return pd.concat(frames, ignore_index=True)


def inhabited(shop: pd.DataFrame) -> list[str]:
    """Return every 30th day back from the last whole window at which somebody bought in the 90 days before."""
    days, first = shop["at"].dt.normalize(), shop["at"].min().normalize()
    day = days.max() + pd.Timedelta(days=1 - 30)
    found = []
    while day > first:
        if days.between(day - pd.Timedelta(days=90), day - pd.Timedelta(days=1)).any():
            found.append(str(day.date()))
        day -= pd.Timedelta(days=30)
    return found[::-1]


@pytest.mark.parametrize(
    ("spans", "closed", "level", "snapshots", "chosen"),
    [
        (
            [("2025-05-01", "2025-09-30"), ("2026-05-01", "2026-09-30")],
            "2025-10-01 to 2026-04-30 (212 days)",
            "warning",
            [
                "2025-11-05",
                "2025-12-05",
                "2026-05-04",
                "2026-06-03",
                "2026-07-03",
                "2026-08-02",
                "2026-09-01",
            ],
            "2025-07-01, 2025-08-01, 2026-06-15, 2026-07-31, 2026-08-31",
        ),
        (
            # The lifts of a winter resort.
            [("2024-12-01", "2025-04-10"), ("2025-12-01", "2026-04-10")],
            "2025-04-11 to 2025-11-30 (234 days)",
            "warning",
            None,
            "2025-01-30, 2025-02-20, 2025-03-10, 2026-02-01, 2026-03-12",
        ),
        (
            # A theatre that was shut for half a year: all seven windows lie behind it.
            [("2025-01-01", "2025-06-14"), ("2025-12-20", "2026-10-20")],
            "2025-06-15 to 2025-12-19 (188 days)",
            "ok",
            None,
            "2025-03-01, 2025-04-15, 2026-06-01, 2026-07-01, 2026-08-01, 2026-09-20",
        ),
    ],
    ids=["summers", "winters", "shut"],
)
def test_a_shop_that_is_closed_for_months_learns_from_those_it_is_open(
    tmp_path, spans, closed, level, snapshots, chosen
) -> None:
    shop = seasons(*spans)
    project = write_project(tmp_path, tags=(CHURN,), shop=shop)
    (finding,) = findings(project)["months_without_events"]
    assert closed in finding["message"]
    (churn,) = project.json("check")["tags"]
    assert churn["level"] == level
    learned = set(churn["snapshots"])
    assert learned == set(inhabited(shop)[-len(learned) :])
    if snapshots:
        # Every 30 days back from 2026-09-01; of those, the ones with a purchase in the 90 days before.
        assert churn["snapshots"] == snapshots
        assert "2025-11-05 (30 days), 2025-12-05 (30 days)" in churn["message"]
    # The hint, tried.
    (tmp_path / "tags" / "tag_0.yaml").write_text(
        f"{CHURN}snapshots: {{dates: [{chosen}]}}\n", encoding="utf-8"
    )
    assert project.json("check")["tags"][0]["level"] == "ok"


def test_days_without_events_are_named(tmp_path) -> None:
    shop = everyday_shop()
    gap = shop[(shop["at"] < "2026-06-01") | (shop["at"] >= "2026-06-13")]
    found = findings(write_project(tmp_path, tags=(STAGE, CHURN), shop=gap))
    (finding,) = found["days_without_events"]
    assert "2026-06-01 to 2026-06-12 (12 days)" in finding["message"]


@pytest.mark.parametrize(
    ("timezone", "named"), [("America/New_York", True), ("UTC", False), ("Asia/Shanghai", False)]
)
def test_dates_that_fall_on_the_day_before(tmp_path, timezone, named) -> None:
    shop = everyday_shop()
    shop["at"] = shop["at"].dt.floor("D").dt.tz_localize("UTC")
    found = findings(write_project(tmp_path, timezone=timezone, shop=shop))
    assert ("midnight_utc" in found) == named
