"""A tag past its time: unknown of everybody, under NOT too; said since when, not exported, marked in lists and profiles."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pandas as pd
import pytest

from tagcast.pipelines.cli import profiles, scoring
from tagcast.pipelines.project.clock import clock
from tests.pipelines.scoring.test_older_days import write
from tests.support.command_line import Project

LAST_DAY = date(2026, 10, 27)
LIFE_DAYS = 7
NOW = clock()
THEN = datetime.combine(LAST_DAY + timedelta(days=1), time(12), UTC)
EXPIRED = datetime.combine(LAST_DAY + timedelta(days=1 + LIFE_DAYS), time(), UTC)
SECOND = """\
kind: rule
name: known
title: {en: known, zh: known}
description: {en: known, zh: known}
path: [A, R]
owner: crm
expires_after_days: 3650
cases:
  long: "tenure_days >= 100"
otherwise: short
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> Project:
    """The shop of the older days, scored when its data were new: `stage` lived a week, `known` lives ten years."""
    project = write(tmp_path_factory.mktemp("expired") / "shop", name="expired")
    tags = project.config.parent / "tags"
    text = (tags / "stage.yaml").read_text(encoding="utf-8")
    (tags / "stage.yaml").write_text(f"{text}expires_after_days: {LIFE_DAYS}\n", encoding="utf-8")
    (tags / "known.yaml").write_text(SECOND, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scoring, "clock", lambda: THEN)
        project.run("score", "--all")
    return project


# Purchases lie n % 60 and 90 + n % 30 days before the last day: 'long' are those whose first one is 99 days back or more.
LONG = sum(90 + n % 30 + 1 >= 100 for n in range(300))


@pytest.mark.parametrize(
    ("text", "members"),
    [
        ("stage = 'away'", 0),
        ("NOT (stage = 'away')", 0),
        ("stage != 'away'", 0),
        ("NOT (NOT (stage = 'away'))", 0),
        ("stage IS NULL", 0),
        ("NOT (stage IS NULL)", 0),
        ("stage.confidence < 0.5", 0),
        ("NOT (stage.confidence < 0.5)", 0),
        ("stage IN ('away', 'active')", 0),
        ("NOT (stage IN ('away', 'active'))", 0),
        ("known = 'long'", LONG),
        ("NOT (known = 'long')", 300 - LONG),
        # Whatever stage would say, these are members, or are not.
        ("known = 'long' OR stage = 'away'", LONG),
        ("known = 'long' OR NOT (stage = 'away')", LONG),
        ("known = 'long' AND NOT (stage = 'away')", 0),
        ("NOT (known = 'long' AND stage = 'away')", 300 - LONG),
        ("NOT (known = 'long' OR stage = 'away')", 0),
        ("NOT (NOT (known = 'long') AND stage = 'away')", LONG),
    ],
)
def test_what_it_would_say_is_unknown(shop, text, members) -> None:
    found = shop.json("audience", "count", text)
    assert found["members"] == members
    assert bool(found["expired"]) == ("stage" in text)
    assert found["mean_confidence"].get("stage") is None


def test_saved_audiences_carry_it_along(shop) -> None:
    shop.run("audience", "save", "away ones", "stage = 'away'")
    assert shop.json("audience", "count", "NOT IN AUDIENCE 'away ones'")["members"] == 0
    shown = shop.run("audience", "show", "NOT IN AUDIENCE 'away ones'")
    assert f"stage expired on {EXPIRED:%Y-%m-%d}" in shown.stderr
    shop.run("audience", "delete", "away ones")


def test_the_answer_says_since_when(shop) -> None:
    found = shop.json("audience", "count", "NOT (stage = 'away')")
    assert datetime.fromisoformat(found["expired"]["stage"]).astimezone(UTC).date() == EXPIRED.date()
    shown = shop.run("audience", "count", "NOT (stage = 'away')").stdout
    assert f"stage expired on {EXPIRED:%Y-%m-%d}" in " ".join(shown.split())
    assert "tagcast score --all" in shown
    assert f"stage expired on {EXPIRED:%Y-%m-%d}" in " ".join(
        shop.run("audience", "explain", "stage = 'away'").stdout.split()
    )


@pytest.mark.parametrize(
    "text", ["stage = 'away'", "NOT (stage = 'away')", "known = 'long' OR stage = 'away'"]
)
def test_it_is_not_exported(shop, text, tmp_path) -> None:
    result = shop.invoke("audience", "export", text, "--out", str(tmp_path / "a.csv"))
    assert result.exit_code == 14, result.output + result.stderr
    assert (
        f"stage expired on {EXPIRED:%Y-%m-%d} ({(NOW - EXPIRED).days} days ago): nothing is known by it"
        in result.stderr
    )
    assert "tagcast score --all" in result.stderr
    assert not (tmp_path / "a.csv").exists()
    assert not [line for line in shop.json("audit", "list") if line["action"] == "export"]


def test_nor_is_its_column(shop, tmp_path) -> None:
    words = ("audience", "export", "known = 'long'", "--out", str(tmp_path / "a.csv"))
    assert shop.invoke(*words, "--column", "stage").exit_code == 14
    shop.run(*words)
    assert len(pd.read_csv(tmp_path / "a.csv")) == LONG


def test_lists_and_profiles_mark_it(shop, monkeypatch) -> None:
    rows = {row["name"]: row for row in shop.json("tag", "list")}
    assert (rows["stage"]["expired"], rows["known"]["expired"]) == (True, False)
    shown = " ".join(shop.run("tag", "list").stdout.split())
    assert shown.count("expired") == 1
    predictions = {p["tag"]: p for p in shop.json("profile", "show", "1045")["predictions"]}
    assert (predictions["stage"]["expired"], predictions["known"]["expired"]) == (True, False)
    assert "(expired" in " ".join(shop.run("profile", "show", "1045").stdout.split())
    monkeypatch.setattr(profiles, "clock", lambda: THEN)
    assert "(expired" not in shop.run("profile", "show", "1045").stdout


def test_a_new_run_of_newer_data_heals_it(shop, tmp_path) -> None:
    """Last of all: what the hint says. The old data, scored again, are no newer for it."""
    assert "expired as it is published" in shop.run("score", "--all").stderr
    assert shop.json("audience", "count", "stage = 'away'")["members"] == 0
    orders = shop.config.parent / "orders.csv"
    moved_orders = pd.read_csv(orders, dtype={"customer_id": str})
    moved = NOW.date() - timedelta(days=1) - LAST_DAY
    moved_orders["ordered_at"] = (pd.to_datetime(moved_orders["ordered_at"]) + moved).dt.date
    moved_orders.to_csv(orders, index=False)
    shop.run("score", "--all", "--force", "--reason", "the sources are up to date")
    assert shop.json("audience", "count", "stage = 'away'")["members"] == 5 * 30
    assert shop.json("audience", "count", "NOT (stage = 'away')")["members"] == 300 - 5 * 30
    shop.run("audience", "export", "NOT (stage = 'away')", "--out", str(tmp_path / "a.csv"))
    assert len(pd.read_csv(tmp_path / "a.csv")) == 300 - 5 * 30
