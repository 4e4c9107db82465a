"""A published member of `family: {top: K}` that another category overtook stays until somebody retires it."""

from __future__ import annotations

from datetime import date, timedelta

import pandas as pd
import pytest

from tests.pipelines.scoring.test_older_days import CONFIG
from tests.support.command_line import Project

pytestmark = pytest.mark.slow
END = date(2026, 6, 30)
LIKES = """\
kind: rule
name: likes.{category}
title: {en: "Likes {category}", zh: "喜欢{category}"}
description: {en: "Bought {category} lately", zh: "近期买过{category}"}
path: [Interest, Groceries]
owner: crm
category: "{category}"
family: {top: 2}
rule: "category_recency_days <= 200"
"""


def orders(buyers: dict[str, int], day: date) -> pd.DataFrame:
    rows = [(f"c{n:03}", day, 5.0, kind) for kind, count in buyers.items() for n in range(count)]
    return pd.DataFrame(rows, columns=["customer_id", "ordered_at", "price", "kind"])


@pytest.fixture
def shop(tmp_path) -> Project:
    (tmp_path / "tags").mkdir()
    (tmp_path / "tags" / "likes.yaml").write_text(LIKES, encoding="utf-8")
    orders({"tea": 30, "oat milk & co": 20, "bread": 10}, END).to_csv(tmp_path / "orders.csv", index=False)
    text = (
        CONFIG.format(name="family", more="")
        + 'category = "kind"\n[publish]\nbase_change = 9\npopulation_change = 9\nshare_change = 1\n'
    )
    (tmp_path / "tagcast.toml").write_text(text, encoding="utf-8")
    project = Project(tmp_path / "tagcast.toml", tmp_path / "home")
    project.run("score", "--all")
    return project


def tags(shop: Project) -> set[str]:
    return {t["tag"] for t in shop.json("score", "--all")["tags"]}


def bread_overtakes(shop: Project) -> None:
    later = orders({"tea": 30, "oat milk & co": 20, "bread": 40}, END + timedelta(days=5))
    every = pd.concat([pd.read_csv(shop.config.parent / "orders.csv"), later])
    every.to_csv(shop.config.parent / "orders.csv", index=False)


def test_it_stays_until_it_is_retired(shop) -> None:
    assert tags(shop) == {"likes.tea", "likes.oat_milk_co"}
    bread_overtakes(shop)
    assert tags(shop) == {"likes.tea", "likes.oat_milk_co", "likes.bread"}
    assert tags(shop) == {"likes.tea", "likes.oat_milk_co", "likes.bread"}
    assert shop.json("audience", "count", "likes.oat_milk_co = 'yes'")["members"] == 20
    shop.run("tag", "retire", "likes.oat_milk_co", "--reason", "nobody uses it", "--yes")
    assert tags(shop) == {"likes.tea", "likes.bread"}


def test_it_stays_where_the_store_is_begun_anew(shop) -> None:
    """The record of definitions knows it, too."""
    bread_overtakes(shop)
    (shop.home / "store" / "CURRENT").write_text("damaged", encoding="utf-8")
    assert tags(shop) == {"likes.tea", "likes.oat_milk_co", "likes.bread"}


def test_a_list_that_no_longer_names_it_takes_it_away(shop) -> None:
    text = LIKES.replace("{top: 2}", "{values: [tea]}")
    (shop.config.parent / "tags" / "likes.yaml").write_text(text, encoding="utf-8")
    shop.run("tag", "apply", "--reason", "tea alone")
    assert tags(shop) == {"likes.tea"}


def test_a_smaller_top_takes_nothing_away(shop) -> None:
    (shop.config.parent / "tags" / "likes.yaml").write_text(
        LIKES.replace("top: 2", "top: 1"), encoding="utf-8"
    )
    assert tags(shop) == {"likes.tea", "likes.oat_milk_co"}
