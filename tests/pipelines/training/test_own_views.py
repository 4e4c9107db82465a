"""A tag that learns from a company's own views: YAML and TOML alone, from the table to the published tag."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from tagcast.pipelines.project.champions import load_champions
from tagcast.pipelines.project.project import open_project
from tests.support.command_line import Project
from tests.support.shop import FIRST_DAY, VALUE, shop_lines, write_shop

NOW = str(FIRST_DAY + timedelta(days=200))
VIEW = """\
view: membership
from: {path: members.parquet, key: customer, valid_from: since}
title: {en: Membership, zh: 会员}
owner: crm
description: What members are promised
columns:
  grade: {kind: word, title: {en: grade of membership, zh: 会员等级}}
  budget: number
---
view: buying
title: {en: Buying, zh: 购买}
owner: shop
windows: [30, 90, all]
features:
  big_lines: {count: true, where: "amount > 20", title: {en: lines above 20, zh: 20以上的行数}}
  biggest: {max: amount, windows: [30]}
  last_category: {last: category}
derive:
  big_share: "big_lines_30d / big_lines_all"
---
view: basket
title: {en: Basket, zh: 购物篮}
owner: shop
description: What a basket holds
sql: >-
  WITH days AS (SELECT profile_id, event_day, sum(amount) AS spent FROM events GROUP BY ALL)
  SELECT profile_id, median(spent) AS day_median, date_diff('day', max(event_day), as_of) AS silent_days FROM days GROUP BY profile_id
features: {day_median: {title: {en: median of a day, zh: 日消费中位数}}, silent_days: {absent: 999}}
"""
TAG = VALUE.replace("feature_service: value", "features: [profile_activity, membership, buying, basket]")
RULE = """\
kind: rule
name: gold_member
title: Gold member
description: Members of the highest grade
path: [Value, Members]
owner: tests
rule: grade_is_gold = 1 AND silent_days <= 60 AND big_lines_all >= 0
"""

pytestmark = pytest.mark.slow


def members(lines: pd.DataFrame) -> pd.DataFrame:
    """Return grades by what people spent in their first 60 days, changed once for every second of them."""
    rng = np.random.default_rng(5)
    spent = lines.groupby("customer")["price"].sum()
    grade = pd.qcut(spent.rank(method="first"), 3, labels=["basic", "silver", "gold"]).astype(str)
    first = pd.DataFrame(
        {"customer": spent.index, "grade": grade.to_numpy(), "budget": rng.normal(50, 9, len(spent))}
    )
    first["since"] = pd.Timestamp(FIRST_DAY)
    later = first.iloc[::2].assign(grade="silver", since=pd.Timestamp(FIRST_DAY) + pd.Timedelta(days=100))
    return pd.concat([first, later])


@pytest.fixture
def project(tmp_path) -> Project:
    config = write_shop(tmp_path, customers=200)
    members(shop_lines(200)).to_parquet(tmp_path / "members.parquet")
    (tmp_path / "views").mkdir()
    (tmp_path / "views" / "membership.yaml").write_text(VIEW, encoding="utf-8")
    config.write_text('features = "views"\n' + config.read_text(encoding="utf-8"), encoding="utf-8")
    for file in (tmp_path / "tags").iterdir():
        file.unlink()
    (tmp_path / "tags" / "high_value.yaml").write_text(TAG, encoding="utf-8")
    (tmp_path / "tags" / "gold_member.yaml").write_text(RULE, encoding="utf-8")
    return Project(config, tmp_path / "home")


def test_own_views_are_learned_from_ruled_by_and_explained(project) -> None:
    project.run("check", "--as-of", NOW)
    project.run("train", "high_value", "--as-of", NOW, "--trials", "1", "--threads", "1")
    project.run("model", "promote", "high_value", "1", "--force", "--reason", "a small shop")
    project.run("score", "--all", "--as-of", NOW)
    opened = open_project(project.config, project.home)
    (champion,) = load_champions(opened, ["high_value"], [])
    own = {"grade_is_basic", "grade_is_gold", "grade_is_silver", "budget"}
    own |= {"big_lines_30d", "biggest_30d", "big_share", "day_median", "silent_days"}
    assert own <= set(champion.model.features)
    assert any(name.startswith("last_category_is_") for name in champion.model.features)
    repo = opened.repo(champion.feature_set)
    service = repo.store().get_feature_service("high_value")
    assert {p.name for p in service.feature_view_projections} == {
        "profile_activity",
        "membership",
        "buying",
        "basket",
    }
    view = repo.store().get_feature_view("membership")
    assert (view.owner, view.description) == ("crm", "What members are promised")
    assert view.tags["title_zh"] == "会员"
    basket = repo.store().get_feature_view("basket")
    assert (basket.owner, basket.description, basket.tags["title_zh"]) == (
        "shop",
        "What a basket holds",
        "购物篮",
    )
    assert [(f.name, f.description) for f in basket.features] == [
        ("day_median", "median of a day"),
        ("silent_days", "silent days"),
    ]
    # The rule agrees with the table as of the day, counted here.
    as_of = pd.Timestamp(NOW)
    table = pd.read_parquet(project.config.parent / "members.parquet").sort_values("since")
    now = table[table["since"] < as_of].groupby("customer")["grade"].last()
    lines = shop_lines(200)
    seen = lines[lines["at"] < as_of].groupby("customer")["at"].max().dt.normalize()
    right = {c for c, last in seen.items() if now.get(c) == "gold" and (as_of - last).days <= 60}
    counted = project.json("audience", "count", "gold_member = 'yes'")
    assert counted["members"] == len(right) > 0


def test_what_is_chosen_has_to_be_there(project) -> None:
    file = project.config.parent / "tags" / "high_value.yaml"
    for chosen, said in (
        ("profile_activity, member", "there is no such view"),
        ("profile_activity, buying.big_lines_7d", "has no feature 'big_lines_7d'"),
        ("profile_activity, membership.grad", "has no feature 'grad'"),
        ("profile_activity, basket.day_medain", "did you mean 'day_median'?"),
        ("profile_activity, profile_activity.recency", "has no feature 'recency'"),
    ):
        file.write_text(TAG.replace("profile_activity, membership, buying, basket", chosen), encoding="utf-8")
        for command in (["check"], ["train", "high_value"]):
            found = project.invoke(*command, "--as-of", NOW)
            assert found.exit_code, command
            assert said in found.output + found.stderr


def test_a_column_that_tells_the_outcome_is_refused(project) -> None:
    """A table that somebody fills with what they learn afterwards, and dates back."""
    daily = shop_lines(200).assign(day=lambda frame: frame["at"].dt.normalize())
    spent = daily.pivot_table(index="day", columns="customer", values="price", aggfunc="sum")
    spent = spent.reindex(pd.date_range(FIRST_DAY, periods=240)).fillna(0.0)
    ahead = spent[::-1].rolling(30, min_periods=1).sum()[::-1]  # of a day: what is spent in the 30 from it on
    dated_back = ahead.stack().rename("budget").rename_axis(["day", "customer"]).reset_index()
    dated_back["since"] = dated_back["day"] - pd.Timedelta(days=1)
    dated_back.assign(grade="basic").drop(columns="day").to_parquet(project.config.parent / "members.parquet")
    (answer,) = project.json("train", "high_value", "--as-of", NOW, "--trials", "1", "--threads", "1")
    assert answer["alias"] != "champion"
    (failed,) = [check for check in answer["checks"] if check["name"] == "single_feature"]
    assert failed["outcome"] == "fail"
    assert "budget" in failed["text"]
