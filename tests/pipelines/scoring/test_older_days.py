"""A missed night that is scored afterwards is kept for the history: the newer run stays active, on both stores."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest

from tagcast.registry.state.state_url import schema_of
from tests.support.command_line import Project
from tests.support.stores import KINDS, made, postgres_url

pytestmark = pytest.mark.slow

LAST_DAY = date(2026, 10, 27)
NEWER, OLDER = LAST_DAY + timedelta(days=1), date(2026, 10, 8)
CONFIG = """\
name = "{name}"
timezone = "UTC"
tags = "tags"
{more}
[[sources]]
name = "shop"
path = "orders.csv"
timezone = "UTC"
event = "purchase"
[sources.columns]
profile_id = "customer_id"
event_time = "ordered_at"
amount = "price"
"""
STAGE = """\
kind: rule
name: stage
title: {en: stage, zh: stage}
description: {en: stage, zh: stage}
path: [A, R]
owner: crm
cases:
  away: "recency_days > 30"
otherwise: active
"""


def write(folder: Path, more: str = "", name: str = "backfill") -> Project:
    """300 customers, each with a purchase 1 to 60 days back and one long ago."""
    (folder / "tags").mkdir(parents=True)
    (folder / "tags" / "stage.yaml").write_text(STAGE, encoding="utf-8")
    rows = [
        (f"{1000 + n}", LAST_DAY - timedelta(days=back), 10.0)
        for n in range(300)
        for back in (n % 60, 90 + n % 30)
    ]
    pd.DataFrame(rows, columns=["customer_id", "ordered_at", "price"]).to_csv(
        folder / "orders.csv", index=False
    )
    (folder / "tagcast.toml").write_text(CONFIG.format(name=name, more=more), encoding="utf-8")
    return Project(folder / "tagcast.toml", folder / "home")


@pytest.fixture(params=KINDS)
def shop(request, tmp_path, monkeypatch) -> Project:
    if request.param == "duckdb":
        return write(tmp_path / "shop")
    name = f"backfill {tmp_path}"
    made.append(schema_of(name))
    monkeypatch.setenv("TAGCAST_BACKFILL", postgres_url())
    return write(tmp_path / "shop", 'store = "${TAGCAST_BACKFILL}"', name)


def members(shop: Project, text: str = "stage = 'away'") -> int:
    return shop.json("audience", "count", text)["members"]


def test_an_older_day_is_kept_and_the_newer_run_stays(shop) -> None:
    shop.run("score", "--all")
    # Away on 2026-10-28: 30 to 59 days since the day of purchase plus one, 29 of every 60 customers from 30 back on.
    assert members(shop) == 5 * 30
    done = shop.run("score", "--all", "--as-of", str(OLDER))
    assert "Kept for the history" in done.stdout
    assert f"the run of {NEWER} stays active" in done.stdout
    assert "--force --reason" in done.stdout
    assert members(shop) == 5 * 30
    log = shop.json("run", "list")
    assert [(r["action"], r["as_of"], r["active"], r["kept"]) for r in log] == [
        ("keep", str(OLDER), False, True),
        ("publish", str(NEWER), True, True),
    ]
    shop.run("run", "list")
    shop.run("run", "prune", "--keep", "1")
    assert [r["kept"] for r in shop.json("run", "list")] == [True, True]
    again = shop.run("score", "--all")  # today's run, once more: compared with the one that is active
    assert "changed" not in again.stderr
    assert members(shop) == 5 * 30


@pytest.mark.parametrize("back", [1, 7, 45])
def test_however_little_older_a_day_is(shop, back) -> None:
    shop.run("score", "--all")
    day = NEWER - timedelta(days=back)
    scored = shop.json("score", "--all", "--as-of", str(day))
    assert (scored["as_of"], scored["active_as_of"]) == (str(day), str(NEWER))
    # Away on that day, counted from the purchases before it.
    last = [min(b for b in (n % 60, 90 + n % 30) if b >= back) - back for n in range(300)]
    assert scored["tags"][0]["predicted"]["away"] == sum(silent + 1 > 30 for silent in last)
    assert members(shop) == 5 * 30


def test_as_json_it_says_which_day_stays_active(shop) -> None:
    shop.run("score", "--all")
    assert shop.json("score", "--all")["active_as_of"] is None
    assert shop.json("score", "--all", "--as-of", str(OLDER))["active_as_of"] == str(NEWER)


def test_with_a_reason_the_older_day_becomes_active_and_can_be_taken_back(shop) -> None:
    shop.run("score", "--all")
    shop.run("score", "--all", "--as-of", str(OLDER), "--force", "--reason", "the last weeks were wrong")
    # As of 2026-10-08 nobody with a purchase in the last 20 days is known by it: 0 to 19 back were yet to come.
    known = [n % 60 if n % 60 > 19 else 90 + n % 30 for n in range(300)]
    away = sum(back - 19 > 30 for back in known)
    assert members(shop) == away
    shop.run("run", "rollback", "--reason", "they were right")
    assert members(shop) == 5 * 30


def test_the_predictions_of_an_older_day_can_be_written_to_a_file(shop, tmp_path) -> None:
    shop.run("score", "--all")
    shop.run("score", "--all", "--as-of", str(OLDER), "--out", str(tmp_path / "older.parquet"))
    said = pd.read_parquet(tmp_path / "older.parquet")
    assert set(said["as_of"]) == {OLDER}
    assert members(shop) == 5 * 30


def test_a_kept_day_can_be_activated_by_its_number(shop) -> None:
    shop.run("score", "--all")
    shop.run("score", "--all", "--as-of", str(OLDER))
    shop.run("run", "rollback", "2", "--reason", "back to the eighth")
    active = [r for r in shop.json("run", "list") if r["active"]]
    assert [(r["action"], r["as_of"]) for r in active] == [("rollback", str(OLDER))]


def test_profiles_of_the_past_are_what_people_saw(shop) -> None:
    """The history is of what was active: a day that was only kept does not change it."""
    shop.run("score", "--all")
    before = shop.json("profile", "show", "1045")["predictions"]
    shop.run("score", "--all", "--as-of", str(OLDER))
    after = shop.json("profile", "show", "1045")["predictions"]
    assert [p["value"] for p in before] == [p["value"] for p in after] == ["away"]
    assert json.dumps(before) == json.dumps(after)
