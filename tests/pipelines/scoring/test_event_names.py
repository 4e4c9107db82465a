"""Event names as sources write them: each makes features of its own, or is refused before any is built."""

from __future__ import annotations

import re

import pandas as pd
import pytest

from tests.support.command_line import Project
from tests.support.faults.wrong_data import (
    CHURN,
    STAGE,
    everyday_shop,
    findings,
    project_report,
    write_project,
)

SEEN = """\
kind: rule
name: seen
title: {en: Seen, zh: 来访}
description: {en: Came lately, zh: 近期来访}
path: [Lifecycle, Visits]
owner: tests
rule: '"%s_days_30d" >= 1'
"""


def shop_with(*names: str) -> pd.DataFrame:
    """Return an everyday shop whose lines are called by ``names`` in turn."""
    shop = everyday_shop()
    return shop.assign(ev=[names[n % len(names)] for n in range(len(shop))])


def shared(project: Project) -> list[dict]:
    """Return the errors of `tagcast check` about names of events."""
    return [f for f in findings(project).get("event_names", []) if f["level"] == "error"]


def follow(project: Project, hint: str) -> None:
    """Do what the hint says: a second source of the same file, and a condition in the first, or no first one."""
    where, event, rest = re.search(r"(where = .*), (event = .*); .*: (where = .*)", hint).groups()
    head, _, source = project.config.read_text(encoding="utf-8").partition("[[sources]]")
    own = source.replace('name = "shop"', 'name = "own"').replace('event_column = "ev"', f"{where}\n{event}")
    kept = source.replace('event_column = "ev"', f'event_column = "ev"\n{rest}')
    alone = f"{head}[[sources]]{own}"
    project.config.write_text(alone, encoding="utf-8")
    rows = pd.read_parquet(project.config.parent / "shop.parquet")
    if project_report(project)["sources"]["sources"][0]["rows"] < len(rows):
        project.config.write_text(f"{alone}[[sources]]{kept}", encoding="utf-8")


@pytest.mark.parametrize(
    ("names", "feature"),
    [
        (["Purchase", "purchase", "purchase "], "purchase_days_7d"),
        (["PURCHASE", "Visit", "purchase"], "purchase_days_7d"),
        (["purchase", "Page View", "page view", "PAGE VIEW\t"], "page view_recency_days"),
        (["purchase", "Añadir", "AñADIR"], "añadir_recency_days"),
    ],
    ids=["purchases", "shouted", "visits", "accents"],
)
def test_names_alike_but_for_case_are_refused_by_whatever_builds_features(tmp_path, names, feature) -> None:
    shop = shop_with(*names)
    project = write_project(tmp_path, extra='event_column = "ev"', tags=(STAGE, CHURN), shop=shop)
    (finding,) = shared(project)
    alike = shop["ev"].str.strip()
    for name, count in (
        alike[alike.str.lower() == feature.rpartition("_")[0].rsplit("_", 1)[0]].value_counts().items()
    ):
        assert f"{name!r} ({count:,})" in finding["message"]
    for words in (("score", "--all"), ("train", "churn", "--trials", "1")):
        refused = project.invoke(*words)
        assert refused.exit_code == 4
        assert feature in refused.stderr
        assert not list((project.home / "features").glob("*/as_of=*")), "nothing was built"
    # The hint, tried: in every spelling it is one event, and the other lines stay.
    follow(project, finding["hint"])
    assert shared(project) == []
    assert sum(s["rows"] for s in project.json("check")["sources"]["sources"]) == len(shop)
    assert project.json("score", "--all")["profiles"] == shop["customer"].nunique()


def test_blanks_within_a_name(tmp_path) -> None:
    shop = shop_with("purchase", "page view", "Page  View")
    project = write_project(tmp_path, extra='event_column = "ev"', shop=shop)
    (finding,) = shared(project)
    assert "'Page  View'" in finding["message"]
    follow(project, finding["hint"])
    assert shared(project) == []
    assert sum(s["rows"] for s in project.json("check")["sources"]["sources"]) == len(shop)


@pytest.mark.parametrize(
    ("event", "feature"),
    [
        ("PURCHASE", "purchase_days_7d"),
        ("category", "category_recency_days"),
        ("category_purchase", "category_purchase_days_7d"),
    ],
)
def test_an_event_that_is_called_as_a_feature_is(tmp_path, event, feature) -> None:
    shop = shop_with("visit", event)
    project = write_project(tmp_path, extra='event_column = "ev"', shop=shop)
    (finding,) = shared(project)
    assert repr(event) in finding["message"]
    assert feature in finding["message"]
    refused = project.invoke("score", "--all")
    assert refused.exit_code == 4
    assert feature in refused.stderr
    follow(project, finding["hint"])
    assert shared(project) == []
    assert project.json("score", "--all")["profiles"] == shop["customer"].nunique()


@pytest.mark.parametrize(
    "name",
    [
        "Add to Cart",
        "order, paid",
        "a;b",
        "50%",
        "50%2C off",
        "it's",
        "x.y",
        "{x}",
        "加入购物车",
        "a|b",
        "SELECT *",
    ],
)
def test_signs_in_a_name_mean_nothing(tmp_path, name) -> None:
    shop = shop_with("purchase", name)
    project = write_project(
        tmp_path, extra='event_column = "ev"', tags=(STAGE, SEEN % name.replace("'", "''")), shop=shop
    )
    assert shared(project) == []
    project.run("score", "--all")
    lately = shop[(shop["ev"] == name) & (shop["at"] >= "2026-09-28")]
    assert project.json("audience", "count", "seen = 'yes'")["members"] == lately["customer"].nunique()


@pytest.mark.parametrize(
    ("old", "new", "day"),
    [
        ("purchase", "order_placed", "2026-10-01"),
        ("purchase", "Kauf abgeschlossen", "2026-09-15"),
        ("Page View", "page viewed", "2026-10-01"),
    ],
)
def test_the_hint_where_an_event_is_called_otherwise_from_a_day_on(tmp_path, old, new, day) -> None:
    shop = shop_with(old, "visit", "visit" if old == "purchase" else "purchase")
    shop.loc[(shop["at"] >= day) & (shop["ev"] == old), "ev"] = new
    project = write_project(tmp_path, extra='event_column = "ev"', shop=shop)
    (finding,) = findings(project)["event_renamed"]
    last = str((pd.Timestamp(day) - pd.Timedelta(days=1)).date())
    for part in (repr(old), last, repr(new), day):
        assert part in finding["message"]
    follow(project, finding["hint"])
    assert "event_renamed" not in findings(project)
    assert sum(s["rows"] for s in project.json("check")["sources"]["sources"]) == len(shop)
    project.run("score", "--all")


@pytest.mark.parametrize(
    ("names", "most"),
    [(["Order", "visit"], "order"), (["order placed"], "order placed"), (["Kauf", "Kauf", "Besuch"], "kauf")],
    ids=["orders", "orders alone", "German"],
)
def test_the_hint_where_none_is_called_purchase(tmp_path, names, most) -> None:
    shop = shop_with(*names)
    project = write_project(tmp_path, extra='event_column = "ev"', tags=(STAGE, CHURN), shop=shop)
    assert project.invoke("check").exit_code == 4
    (finding,) = findings(project)["no_purchases"]
    follow(project, finding["hint"])
    assert "no_purchases" not in findings(project)
    assert project.json("check")["ready"]
    project.run("score", "stage")
    bought = shop[shop["ev"].str.lower() == most]
    silent = (pd.Timestamp("2026-10-28") - bought.groupby("customer")["at"].max().dt.normalize()).dt.days
    begun = (pd.Timestamp("2026-10-28") - bought.groupby("customer")["at"].min().dt.normalize()).dt.days
    lapsed = ((silent > 90) & (begun > 60)).sum()
    assert project.json("audience", "count", "stage = 'lapsed'")["members"] == lapsed > 0
