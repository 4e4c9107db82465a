"""`tagcast check`, `train` and `score` where amounts are missing or in another unit, and on imports."""

from __future__ import annotations

import re

import pandas as pd
import pytest

from tests.support.champion import TAG, shop_with_champion
from tests.support.command_line import Project
from tests.support.faults.wrong_data import (
    CHURN,
    STAGE,
    edit,
    everyday_shop,
    findings,
    project_report,
    write_project,
)
from tests.support.shop import write_shop

BIG = """\
kind: rule
name: big
title: {en: Big, zh: 大额}
description: {en: Spent much lately, zh: 近期消费高}
path: [Value, Spend]
owner: tests
cases:
  big: "spend_30d >= 20"
otherwise: small
"""
SPEND = """\
name: spend
title: {en: Spend, zh: 消费额}
description: {en: Spend in 30 days, zh: 30天消费额}
path: [Value, Amount]
owner: tests
population: {active_within_days: 90}
outcome: {kind: amount, horizon_days: 30, tiers: {low: 0, medium: 20, high: 60}}
feature_service: value
"""


@pytest.mark.parametrize("day", ["2026-09-28", "2026-10-07", "2026-10-20"])
def test_amounts_missing_from_a_day_on(tmp_path, day) -> None:
    shop = everyday_shop()
    late = shop["at"] >= day
    true = shop["price"].copy()
    shop.loc[late, "price"] = None
    project = write_project(tmp_path, tags=(BIG, SPEND, STAGE, CHURN), shop=shop)
    (finding,) = findings(project)["missing_amounts"]
    assert f"no line has an amount since {day} ({late.sum():,} lines)" == finding["message"]
    tags = {tag["tag"]: tag for tag in project_report(project)["tags"]}
    levels = {name: tag["level"] for name, tag in tags.items()}
    assert levels == {"big": "error", "spend": "error", "stage": "ok", "churn": "warning"}
    assert f"no amounts since {day}; its features made of amounts count" in tags["churn"]["message"]
    assert project.invoke("check").exit_code == 4
    refused = project.invoke("score", "--all")
    assert refused.exit_code == 4
    assert "big" in refused.stderr
    assert day in refused.stderr
    assert project.invoke("train", "spend", "--trials", "1").exit_code == 4
    # What speaks of no spend goes on, and so does all of it as of the day of the loss, as the hint says.
    assert project.json("score", "stage")["as_of"] == "2026-10-28"
    assert project.json("check", "--as-of", day)["ready"]
    # With the true prices it is ready, and 30-day spend is what pandas counts.
    shop.assign(price=true).to_parquet(tmp_path / "shop.parquet")
    project.run("score", "big", "--force", "--reason", "amounts are back")
    month = shop.assign(price=true)[shop["at"] >= "2026-09-28"].groupby("customer")["price"].sum()
    assert project.json("audience", "count", "big = 'big'")["members"] == (month >= 20).sum()


@pytest.mark.parametrize(
    ("first", "end", "words"),
    [
        ("2026-09-28", "2027", "have an amount of zero since 2026-09-28"),
        ("2026-10-20", "2027", "have an amount of zero since 2026-10-20"),
        ("2026-08-03", "2026-08-17", "have an amount of zero from 2026-08-03 to 2026-08-16"),
    ],
)
@pytest.mark.parametrize("kind", ["whole", "text"])
def test_a_loader_that_writes_zero_for_what_it_does_not_know(tmp_path, first, end, words, kind) -> None:
    shop = everyday_shop()
    lost = (shop["at"] >= first) & (shop["at"] < end)
    shop.loc[lost, "price"] = 0.0
    if kind == "text":
        shop["price"] = shop["price"].map("{:.2f}".format)
    project = write_project(tmp_path, tags=(BIG,), shop=shop)
    (finding,) = findings(project)["zero_amounts"]
    assert f"{lost.sum():,} of {lost.sum():,} lines (100.0%) {words}" in finding["message"]
    # The hint, tried: those days are unknown, and what speaks of them says so.
    amount = re.search(r"amount = .*", finding["hint"]).group()
    edit(project, 'amount = "price"\n', "")
    edit(project, "[sources.columns]", f"[sources.derive]\n{amount}\n[sources.columns]")
    found = findings(project)
    assert "zero_amounts" not in found
    assert first in found["missing_amounts"][0]["message"]
    assert project.invoke("score", "--all").exit_code == (4 if end == "2027" else 0)


def test_gifts_every_day_are_no_finding(tmp_path) -> None:
    shop = everyday_shop()
    shop.loc[shop.index % 50 == 0, "price"] = 0.0
    assert findings(write_project(tmp_path, shop=shop)) == {}


def test_a_model_that_only_reads_amounts_is_scored_with_a_warning(tmp_path) -> None:
    project = shop_with_champion(tmp_path)
    file = tmp_path / "lines.parquet"
    lines = pd.read_parquet(file)
    shop = Project(tmp_path / "tagcast.toml", project.settings.home)
    assert "amounts" not in shop.run("score", TAG).stderr
    lines.loc[lines["at"] >= lines["at"].max() - pd.Timedelta(days=9), "price"] = None
    lines.to_parquet(file, index=False)
    assert f"{TAG}: what was spent is unknown: no amounts since" in shop.run("score", TAG).stderr


def test_a_hole_of_days_is_named_and_short_ones_do_not_stop_anything(tmp_path) -> None:
    shop = everyday_shop()
    shop.loc[(shop["at"] >= "2026-08-03") & (shop["at"] < "2026-08-07"), "price"] = None
    project = write_project(tmp_path, tags=(BIG, SPEND), shop=shop)
    (finding,) = findings(project)["missing_amounts"]
    assert "from 2026-08-03 to 2026-08-06" in finding["message"]
    levels = {tag["tag"]: tag["level"] for tag in project.json("check")["tags"]}
    assert levels == {"big": "ok", "spend": "warning"}


def test_events_that_are_no_purchases_need_no_amount(tmp_path) -> None:
    shop = everyday_shop()
    shop["ev"] = ["purchase", "visit"] * (len(shop) // 2) + ["visit"] * (len(shop) % 2)
    shop.loc[shop["ev"] == "visit", "price"] = None
    assert "missing_amounts" not in findings(write_project(tmp_path, extra='event_column = "ev"', shop=shop))


def test_amounts_beyond_what_is_kept(tmp_path) -> None:
    shop = everyday_shop()
    shop.loc[100, "price"] = 1e20
    found = findings(write_project(tmp_path, shop=shop))
    (finding,) = found["unreadable_amounts"]
    assert "1 of" in finding["message"]


@pytest.mark.parametrize(("factor", "day"), [(100, "2026-10-19"), (0.01, "2026-06-15"), (1000, "2026-10-24")])
def test_prices_in_another_unit(tmp_path, factor, day) -> None:
    shop = everyday_shop()
    shop.loc[shop["at"] >= day, "price"] *= factor
    project = write_project(tmp_path, shop=shop)
    (finding,) = findings(project)["price_step"]
    assert day in finding["message"]
    amount = re.search(r"amount = .*", finding["hint"]).group()
    edit(project, 'amount = "price"\n', "")
    edit(project, "[sources.columns]", f"[sources.derive]\n{amount}\n[sources.columns]")
    assert "price_step" not in findings(project)


def test_an_import_makes_no_beginners(tmp_path) -> None:
    shop = everyday_shop()
    day = pd.Timestamp("2026-02-02")
    imported = (
        shop[shop["at"] < day]
        .groupby("customer", as_index=False)
        .tail(4)
        .assign(at=day + pd.Timedelta(hours=3))
    )
    whole = pd.concat([imported, shop[shop["at"] >= day]])
    begun = (whole.groupby("customer")["at"].min().dt.normalize() == day).sum()
    found = findings(write_project(tmp_path, shop=whole))
    (finding,) = found["import_day"]
    assert "2026-02-02" in finding["message"]
    assert f"{begun:,} of {whole['customer'].nunique():,} profiles" in finding["message"]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_healthy_shop_gives_no_finding(tmp_path, seed) -> None:
    whole = {"customers": 150 * seed, "days": 150 + 100 * seed, "lines_a_day": 4 * seed}
    assert findings(write_project(tmp_path, shop=everyday_shop(seed=seed, **whole))) == {}


@pytest.mark.parametrize(("customers", "days"), [(300, 240), (60, 150), (600, 400)])
def test_the_shop_of_the_other_tests_gives_no_finding(tmp_path, customers, days) -> None:
    from tests.support.command_line import Project

    config = write_shop(tmp_path, customers=customers, days=days, seed=customers)
    assert set(findings(Project(config, tmp_path / "home"))) <= {"duplicates"}


def test_the_demo_gives_no_false_finding(tmp_path) -> None:
    from tests.support.command_line import Project
    from tests.support.source_projects import EXAMPLES

    found = findings(Project(EXAMPLES / "tagcast.toml", tmp_path), "--as-of", "2017-12-02")
    assert set(found) <= {"future_times", "zero_amounts", "duplicates", "missing_categories", "unmatched"}
