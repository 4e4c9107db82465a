"""What `check` says of declared views: coverage, days, tables that stopped or are about others."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from tagcast.pipelines.project.project import open_project
from tagcast.pipelines.training.view_readiness import ViewReadiness, view_readiness
from tests.support.command_line import Project
from tests.support.source_projects import source

RULE = """\
kind: rule
name: buyer
title: Buyer
description: Bought lately
path: [Value, Buyers]
owner: tests
rule: recency_days <= 60
"""
NOW = date(2024, 7, 1)
PEOPLE = [f"p{n}" for n in range(40)]
ATTRIBUTES = "view: plans\nfrom: {path: plans.parquet, key: id, %s}\ncolumns: {plan: word}\n"
HISTORY = ATTRIBUTES % "valid_from: at, seen_at: seen"


def shop(folder: Path, view: str, **plans: object) -> Path:
    days = pd.to_datetime(["2024-01-05", "2024-06-30"])
    lines = pd.DataFrame({"id": PEOPLE * 2, "at": [day for day in days for _ in PEOPLE], "price": 1.0})
    lines.to_parquet(folder / "shop.parquet")
    late = {"at": pd.Timestamp("2024-06-01"), "seen": pd.Timestamp("2024-06-03"), "plan": "basic"}
    pd.DataFrame({"id": PEOPLE, **late, **plans}).to_parquet(folder / "plans.parquet")
    for name in ("views", "tags"):
        (folder / name).mkdir()
    (folder / "views" / "plans.yaml").write_text(view, encoding="utf-8")
    (folder / "tags" / "buyer.yaml").write_text(RULE, encoding="utf-8")
    config = folder / "tagcast.toml"
    config.write_text(f'name = "small"\nfeatures = "views"\ntags = "tags"\n{source()}', encoding="utf-8")
    return config


def readiness(config: Path, as_of: date = NOW) -> ViewReadiness:
    (found,) = view_readiness(open_project(config, config.parent / "home"), as_of)
    return found


def test_a_table_is_counted_and_how_late_it_is_written(tmp_path) -> None:
    found = readiness(shop(tmp_path, HISTORY))
    assert (found.level, found.kind, found.features) == ("ok", "attributes", 1)
    assert (found.rows, found.profiles, found.known_profiles, found.coverage) == (40, 40, 40, 1.0)
    assert (found.first_day, found.last_day, found.late_days) == (date(2024, 6, 3), date(2024, 6, 3), 2)


def test_events_are_counted_as_its_condition_says(tmp_path) -> None:
    view = "view: late\nwhere: event_day > make_date(2024, 2, 1)\nfeatures: {n: {count: true, windows: [30, all]}}"
    found = readiness(shop(tmp_path, view))
    assert (found.level, found.kind, found.features, found.rows) == ("ok", "aggregates", 2, 40)
    assert (found.first_day, found.last_day, found.late_days) == (date(2024, 6, 30),) * 2 + (None,)


def test_rows_of_a_query_are_counted(tmp_path) -> None:
    sql = "SELECT profile_id, count(*) AS n FROM events WHERE event_day >= as_of - 30 AND profile_id <> 'p0' GROUP BY profile_id"
    config = shop(tmp_path, f'view: late\nsql: "{sql}"')
    found = readiness(config)
    assert (found.level, found.kind, found.features, found.rows, found.profiles) == ("ok", "sql", 1, 39, 39)
    assert (found.first_day, found.last_day, found.late_days) == (None, None, None)
    assert readiness(config, date(2024, 5, 1)).rows == 0
    assert "SQL" in Project(config, tmp_path / "home").invoke("check", "--as-of", str(NOW)).output


def test_what_is_constant_has_no_days(tmp_path) -> None:
    found = readiness(shop(tmp_path, ATTRIBUTES % "constant: true"))
    assert (found.level, found.first_day, found.last_day, found.late_days) == ("ok", None, None, None)


@pytest.mark.parametrize(
    ("view", "plans", "level", "said"),
    [
        (HISTORY, {"id": [f"other-{n}" for n in range(40)]}, "error", "none of its ids is a profile"),
        (HISTORY, {"seen": pd.Timestamp("2024-07-01")}, "warning", "nothing of it was known before 2024-07-01"),
        (HISTORY, {"at": pd.Timestamp("2024-02-01"), "seen": pd.Timestamp("2024-02-01")}, "warning", "nothing new since 2024-02-01"),
        (HISTORY, {"id": ["p0", *(f"x{n}" for n in range(39))]}, "warning", "it has something of 2.5% of the profiles"),
        ("view: v\nwhere: event = 'login'\nfeatures: {n: {count: true}}", {}, "warning", "nothing of it was known"),
        ("view: v\nsql: SELECT profile_id, 1 AS n FROM events WHERE event = 'x' GROUP BY 1", {}, "warning", "nothing of it was known"),
        ("view: v\nsql: SELECT profile_id, count_if(event = 'purchas') AS n FROM events GROUP BY 1", {}, "warning", "no event is called 'purchas'"),
        ("view: v\nfeatures: {n: {count: true, where: event = 'purchas'}}", {}, "warning", "features.n.where: no event is called 'purchas'"),
    ],
    ids=["others", "late", "stopped", "few", "none", "empty", "misspelt sql", "misspelt"],
)  # fmt: skip
def test_what_would_teach_little_is_said(tmp_path, view, plans, level, said) -> None:
    config = shop(tmp_path, view, **plans)
    found = readiness(config)
    assert (found.level, said in str(found.message), bool(str(found.hint))) == (level, True, True)
    command = Project(config, tmp_path / "home").invoke("check", "--as-of", str(NOW))
    assert said in " ".join((command.output + command.stderr).split())  # however wide the terminal is
    assert command.exit_code == (4 if level == "error" else 0)


@pytest.mark.parametrize(
    ("source_of", "added", "late"),
    [
        ("valid_from: at", "2024-06-02", 8),
        ("valid_from: at", "2024-06-30", 0),
        ("valid_from: at, seen_at: seen", "2024-06-02", 8),
        ("constant: true", "2024-06-02", 0),
    ],
    ids=["past", "last day", "past, said to be seen", "constant"],
)
def test_rows_that_come_later_than_they_say_are_counted_from_load_to_load(
    tmp_path, source_of, added, late
) -> None:
    config = shop(tmp_path, ATTRIBUTES % source_of, id=[*PEOPLE[:32], *(f"n{k}" for k in range(8))])
    assert open_project(config, tmp_path / "home").events.late == {}
    plans = pd.read_parquet(tmp_path / "plans.parquet")
    more = pd.DataFrame(
        {"id": PEOPLE[32:], "at": pd.Timestamp(added), "seen": pd.Timestamp(added), "plan": "new"}
    )
    pd.concat([plans, more]).to_parquet(tmp_path / "plans.parquet")
    events = open_project(config, tmp_path / "home").events
    assert events.late == ({"plans": late} if late else {})
    assert events.late_share("plans") == pytest.approx(late / 48)
    found = readiness(config)
    assert (found.level == "warning") == bool(late)
    assert ("16.7% of its rows were not there yet" in str(found.message)) == bool(late)
    # It stays on record at the loads that follow.
    lines = pd.read_parquet(tmp_path / "shop.parquet")
    pd.concat([lines, lines.tail(1).assign(price=2.0)]).to_parquet(tmp_path / "shop.parquet")
    assert open_project(config, tmp_path / "home").events.late == events.late


def test_events_that_name_both_are_counted_of_what_is_related(tmp_path) -> None:
    view = "view: v\nrelated: {entity: fund}\ncolumns: {x: profile_activity.recency_days}"
    config = shop(tmp_path, view)
    lines = pd.read_parquet(tmp_path / "shop.parquet")
    lines["fund"] = [f"F{n % 3}" if n >= 70 else None for n in range(len(lines))]
    lines.to_parquet(tmp_path / "shop.parquet")
    text = config.read_text(encoding="utf-8").replace(
        "[sources.columns]", 'keys = { fund = "fund" }\n[sources.columns]'
    )
    config.write_text(f"{text}\n[entities.fund]\n", encoding="utf-8")
    found = readiness(config)
    assert (found.level, found.kind, found.features) == ("ok", "related", 1)
    assert (found.rows, found.profiles, found.known_profiles) == (10, 10, 40)
    assert (found.first_day, found.last_day) == (date(2024, 6, 30),) * 2
