"""`tagcast check` on ids that many share, tables that do not meet, and names that are one or become another."""

from __future__ import annotations

import re

import pandas as pd
import pytest

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

INTEREST = """\
name: interest.{category}
title: {en: "Interest in {category}", zh: "对{category}感兴趣"}
description: {en: "Will buy {category}", zh: "会购买{category}"}
path: [Interest, Groceries]
owner: tests
population: {active_within_days: 90}
outcome: {kind: any_event, category: "{category}", horizon_days: 30}
feature_service: interest
decision: {rule: threshold, threshold: 0.5}
family: {values: [Coffee]}
"""
BOUGHT = """\
kind: rule
name: bought.{category}
title: {en: "Bought {category}", zh: "买过{category}"}
description: {en: "Bought {category}", zh: "买过{category}"}
path: [Interest, Bought]
owner: tests
category: "{category}"
family: {top: 5}
rule: "category_recency_days <= 90"
"""


@pytest.mark.parametrize("every", [3, 40])
@pytest.mark.parametrize(
    "name",
    ["undefined", "null", "None", "NaN", "0", "00000000-0000-0000-0000-000000000000", "(none)", "\\N", "#N/A",
     "[NULL]", "00000000", "99999.0", "111111", "1234567"],
)  # fmt: skip
def test_an_id_of_nobody(tmp_path, name, every) -> None:
    shop = everyday_shop()
    shop.loc[shop.index % every == 0, "customer"] = name
    project = write_project(tmp_path, shop=shop)
    (finding,) = findings(project)["shared_id"]
    assert finding["level"] == "warning"
    assert repr(name) in finding["message"]
    assert f"{(shop['customer'] == name).sum():,} of {len(shop):,} lines" in finding["message"]
    # The hint, tried.
    where = re.search(r"where = .*", finding["hint"]).group()
    edit(project, 'path = "shop.parquet"', f'path = "shop.parquet"\n{where}')
    report = project_report(project)["sources"]
    assert "shared_id" not in {finding["code"] for finding in report["findings"]}
    assert report["sources"][0]["rows"] == (shop["customer"] != name).sum()


def test_numbers_that_somebody_has_are_no_finding(tmp_path) -> None:
    shop = everyday_shop()
    people = sorted(shop["customer"].unique())
    numbers = dict(zip(people[200:], ["1234567", "111111", "99999", "000"], strict=False))
    assert findings(write_project(tmp_path, shop=shop.replace({"customer": numbers}))) == {}


def test_an_id_with_a_third_of_the_lines_is_named_whatever_it_is_called(tmp_path) -> None:
    shop = everyday_shop()
    shop.loc[shop.index % 3 == 0, "customer"] = 'till 7\'s "best"'
    (finding,) = findings(write_project(tmp_path, shop=shop))["shared_id"]
    assert "till 7" in finding["message"]
    where = re.search(r"where = .*", finding["hint"]).group()
    edit(
        Project(tmp_path / "tagcast.toml", tmp_path / "home"),
        'path = "shop.parquet"',
        f'path = "shop.parquet"\n{where}',
    )
    assert "shared_id" not in findings(Project(tmp_path / "tagcast.toml", tmp_path / "home"))


def test_bots_are_named_and_can_be_left_out(tmp_path) -> None:
    shop = everyday_shop(days=200)
    bot = pd.concat([everyday_shop(days=200, lines_a_day=20, seed=s) for s in (1, 2)]).assign(
        customer="crawler"
    )
    visits = pd.concat([everyday_shop(days=200, lines_a_day=400, seed=3), bot])[["customer", "at"]]
    visits.loc[visits["customer"] != "crawler", "customer"] = [
        f"c{n % 6000:04d}" for n in range((visits["customer"] != "crawler").sum())
    ]
    project = write_project(tmp_path, shop=shop, web=visits)
    (finding,) = findings(project)["bot"]
    assert "'crawler'" in finding["message"]
    where = re.search(r"where = .*", finding["hint"]).group()
    edit(project, 'path = "web.parquet"', f'path = "web.parquet"\n{where}')
    assert "bot" not in findings(project)


@pytest.mark.parametrize("key", ["anna{}@example.org", "10{}", "C-{}"])
def test_attributes_that_match_nobody(tmp_path, key) -> None:
    shop = everyday_shop()
    people = sorted(shop["customer"].unique())
    pd.DataFrame({"id": [key.format(n) for n in range(len(people))], "city": "Oslo"}).to_parquet(
        tmp_path / "people.parquet"
    )
    project = write_project(
        tmp_path, shop=shop, tables='[profiles]\npath = "people.parquet"\nkey = "id"\ncolumns = ["city"]\n'
    )
    (finding,) = findings(project)["attributes_match_nobody"]
    assert f"0 of {len(people):,}" in finding["message"]
    assert "'A9999'" in finding["hint"]  # the shape of ids, not the id of anybody
    assert "example.org" not in finding["hint"]
    pd.DataFrame({"id": people[: len(people) // 3], "city": "Oslo"}).to_parquet(tmp_path / "people.parquet")
    assert "attributes_match_nobody" not in findings(project)


def test_two_sources_that_match_nobody(tmp_path) -> None:
    shop = everyday_shop()
    web = everyday_shop(seed=9)[["customer", "at"]].assign(customer=lambda t: "web-" + t["customer"])
    (finding,) = findings(write_project(tmp_path, shop=shop, web=web))["sources_match_nobody"]
    assert finding["where"] == "sources.web"
    assert "'AAA-A9999'" in finding["hint"]
    assert "'A9999'" in finding["hint"]


def test_a_file_that_calls_its_id_otherwise(tmp_path) -> None:
    shop = everyday_shop()
    shop["client"] = None
    late = shop["at"] >= "2026-07-01"
    shop.loc[late, "client"] = shop.loc[late, "customer"]
    shop.loc[late, "customer"] = None
    project = write_project(tmp_path, shop=shop)
    (finding,) = findings(project)["missing_ids"]
    assert finding["level"] == "error"
    assert "since 2026-07-01" in finding["message"]
    assert f"{late.sum():,} of {late.sum():,} lines" in finding["message"]
    edit(project, 'profile_id = "customer"\n', "")
    with project.config.open("a") as config:
        config.write('[sources.derive]\nprofile_id = "COALESCE(customer, client)"\n')
    assert "missing_ids" not in findings(project)


def test_guests_every_day_are_no_error(tmp_path) -> None:
    shop = everyday_shop()
    shop.loc[shop.index % 4 == 0, "customer"] = None
    (finding,) = findings(write_project(tmp_path, shop=shop))["missing_ids"]
    assert finding["level"] == "warning"


def test_names_are_listed_and_a_missing_purchase_is_named(tmp_path) -> None:
    shop = everyday_shop()
    shop["ev"] = ["Order", "visit"] * (len(shop) // 2) + ["visit"] * (len(shop) % 2)
    project = write_project(tmp_path, extra='event_column = "ev"', tags=(STAGE, CHURN), shop=shop)
    (finding,) = findings(project)["no_purchases"]
    assert f"'Order' ({len(shop) // 2:,})" in finding["message"]
    churn = next(tag for tag in project_report(project)["tags"] if tag["tag"] == "churn")
    assert churn["level"] == "error"
    assert "no event is called purchase" in churn["message"]
    shop["ev"] = shop["ev"].replace("Order", "purchase")
    shop.to_parquet(tmp_path / "shop.parquet")
    (note,) = findings(project)["event_names"]
    assert note["level"] == "note"
    assert "'visit'" in note["message"]


@pytest.mark.parametrize(
    "pair",
    [("Food & Drink", "Food/Drink"), ("Coffee", "COFFEE"), ("Tee ", "tee!"), ("☕", "🍵"), ("!!", "--")],
    ids=str,
)
def test_two_categories_that_become_one_model_are_refused_by_each_command(tmp_path, pair) -> None:
    shop = everyday_shop()
    shop["kind"] = shop["kind"].map({"Coffee": pair[0], "Tea": pair[1], "Bread": "Bread"})
    tag = INTEREST.replace("family: {values: [Coffee]}", "family: {top: 3}")
    project = write_project(tmp_path, tags=(tag,), shop=shop)
    for words in (("check",), ("train", "--all", "--trials", "1"), ("score", "--all")):
        refused = project.invoke(*words)
        assert refused.exit_code == 5, refused.stderr
        assert all(repr(category.strip()) in refused.stderr for category in pair)


@pytest.mark.parametrize(
    "pair", [("Food & Drink", "Food/Drink"), ("Coffee", "COFFEE"), ("☕", "🍵"), ("!!", "--")], ids=str
)
def test_two_categories_that_become_one_tag(tmp_path, pair) -> None:
    shop = everyday_shop()
    shop["kind"] = shop["kind"].map({"Coffee": pair[0], "Tea": pair[1], "Bread": "Bread"})
    project = write_project(tmp_path, tags=(BOUGHT,), shop=shop)
    refused = project.invoke("check")
    assert refused.exit_code == 5
    for category in pair:
        assert repr(category) in refused.stderr
    assert "bought." in refused.stderr
    # Both hints, tried.
    one = f"derive = {{category = \"CASE WHEN kind = '{pair[1]}' THEN '{pair[0]}' ELSE kind END\"}}"
    whole = project.config.read_text()
    edit(project, 'category = "kind"\n', "")
    edit(project, 'path = "shop.parquet"', f'path = "shop.parquet"\n{one}')
    assert project.run("check")
    project.config.write_text(whole)
    named = BOUGHT.replace("{top: 5}", f"{{values: ['{pair[0]}', Bread]}}")
    (tmp_path / "tags" / "tag_0.yaml").write_text(named, encoding="utf-8")
    assert [tag["tag"] for tag in project.json("check")["tags"]][1] == "bought.bread"


def test_a_tag_that_is_a_member_of_a_family_too(tmp_path) -> None:
    single = BOUGHT.replace("{category}", "coffee").replace("family: {top: 5}\n", "")
    project = write_project(tmp_path, tags=(BOUGHT, single), shop=everyday_shop())
    refused = project.invoke("check")
    assert refused.exit_code == 5
    assert "bought.coffee" in refused.stderr


@pytest.mark.parametrize(("day", "level"), [("2026-10-13", "warning"), ("2026-08-15", "error")])
def test_a_category_that_is_called_otherwise_from_a_day_on(tmp_path, day, level) -> None:
    shop = everyday_shop()
    shop.loc[(shop["at"] >= day) & (shop["kind"] == "Coffee"), "kind"] = "Coffee & Tea"
    project = write_project(tmp_path, tags=(INTEREST,), shop=shop)
    (finding,) = findings(project)["category_renamed"]
    last = str((pd.Timestamp(day) - pd.Timedelta(days=1)).date())
    silent = (pd.Timestamp("2026-10-27") - pd.Timestamp(last)).days
    for part in ("'Coffee'", "'Coffee & Tea'", last, day, f"{silent} days"):
        assert part in finding["message"]
    (tag,) = project_report(project)["tags"]
    assert tag["level"] == level
    assert f"last bought on {last}" in tag["message"]
    if level == "error":
        refused = project.invoke("train", "interest", "--trials", "1")
        assert refused.exit_code == 6
        assert f"last bought on {last}" in refused.stderr
    # The hint, tried.
    category = re.search(r"category = .*", finding["hint"]).group()
    edit(project, 'category = "kind"\n', "")
    edit(project, "[sources.columns]", f"[sources.derive]\n{category}\n[sources.columns]")
    assert "category_renamed" not in findings(project)
    assert project.json("check")["tags"][0]["level"] == "ok"


def test_item_codes_that_change_on_a_day(tmp_path) -> None:
    shop = everyday_shop()
    late = shop["at"] >= "2026-10-10"
    shop.loc[late, "sku"] = "N" + shop.loc[late, "sku"]
    (finding,) = findings(write_project(tmp_path, shop=shop))["items_renamed"]
    assert "2026-10-10" in finding["message"]


def test_all_categories_that_change_their_case_become_one_again(tmp_path) -> None:
    shop = everyday_shop()
    late = shop["at"] >= "2026-09-01"
    shop.loc[late, "kind"] = shop.loc[late, "kind"].str.upper()
    project = write_project(tmp_path, shop=shop)
    (finding,) = findings(project)["category_renamed"]
    for kind in ("Coffee", "Tea", "Bread"):
        assert f"WHEN '{kind.upper()}' THEN '{kind}'" in finding["hint"]
    category = re.search(r"category = .*", finding["hint"]).group()
    edit(project, 'category = "kind"\n', "")
    edit(project, "[sources.columns]", f"[sources.derive]\n{category}\n[sources.columns]")
    assert "category_renamed" not in findings(project)
    assert project.json("check")["sources"]["sources"][0]["categories"] == 3


def test_what_was_bought_every_day_and_is_no_more(tmp_path) -> None:
    shop = everyday_shop()
    gone = shop[(shop["kind"] != "Tea") | (shop["at"] < "2026-09-01")]
    (finding,) = findings(write_project(tmp_path, shop=gone))["category_ended"]
    last = shop.loc[(shop["kind"] == "Tea") & (shop["at"] < "2026-09-01"), "at"].max().date()
    assert (
        f"'Tea' was there on {gone.loc[gone['kind'] == 'Tea', 'at'].dt.date.nunique():,} of"
        in finding["message"]
    )
    assert f"since {last}" in finding["message"]


def test_purchases_that_stop_while_visits_go_on(tmp_path) -> None:
    shop = everyday_shop()
    shop["ev"] = ["purchase", "visit"] * (len(shop) // 2) + ["visit"] * (len(shop) % 2)
    shop = shop[(shop["ev"] == "visit") | (shop["at"] < "2026-10-05")]
    project = write_project(tmp_path, extra='event_column = "ev"', shop=shop)
    (finding,) = findings(project)["event_ended"]
    assert "'purchase'" in finding["message"]
    assert "since 2026-10-04 (23 days)" in finding["message"]
    assert "event_ended" not in findings(project, *re.search(r"(--as-of) (\S+);", finding["hint"]).groups())
