"""Tags of a customer and a fund, over a view of such pairs: from the events to the store, counted here in plain pandas."""

from __future__ import annotations

import json
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

import tagcast
from tagcast.features.core.errors import DefinitionError
from tagcast.features.core.messages import render
from tagcast.features.entities.pair import Pair
from tagcast.models.definitions.loader import with_services
from tagcast.pipelines.project.champions import load_champions
from tagcast.pipelines.project.own_views import check_chosen
from tagcast.pipelines.project.project import open_project
from tests.support.command_line import Project

FIRST, DAYS = pd.Timestamp("2024-01-01"), 260
NOW = str(date(2024, 1, 1) + timedelta(days=DAYS - 10))
EARLIER = str(date(2024, 1, 1) + timedelta(days=DAYS - 17))

CONFIG = """\
name = "house"
timezone = "UTC"
tags = "tags"
features = "views"

[entities.fund]
table = {path = "funds.parquet", key = "code", columns = ["risk"]}

[entities.manager]
of = "fund"
key = "run_by"

[entities.channel]

[[sources]]
name = "orders"
path = "events.parquet"
event_column = "type"
keys = {fund = "fund", channel = "channel"}
columns = {profile_id = "customer", event_time = "at", amount = "amount"}
"""
VIEWS = """\
view: money
windows: [30, all]
features:
  moved: {sum: amount}
  silence: {since_last: true}
---
view: position
entity: [profile, fund]
owner: product
windows: [30, all]
features:
  into: {sum: amount, where: "event = 'subscribe'"}
  placed: {count: true}
  idle_days: {since_last: true}
roles: {recency: idle_days, frequency: placed_all, value: into_all}
---
view: usual
entity: [profile, fund]
sql: SELECT profile_id, fund, median(amount) AS usual_amount FROM events WHERE fund IS NOT NULL GROUP BY profile_id, fund
---
view: counter
entity: [fund, channel]
windows: [all]
features: {sold: {sum: amount}}
---
view: holder
entity: [fund, profile]
windows: [all]
features: {given: {sum: amount}}
"""
WANTS = """\
name: wants.{fund}
title: {en: "Wants {fund}", zh: "想要{fund}"}
description: {en: "Puts money into {fund} within 30 days", zh: "30天内申购{fund}"}
path: [Customers, Wants a fund]
owner: sales
population: "idle_days <= 120"
outcome: {count: true, where: "event = 'subscribe'", of: {fund: "{fund}"}, horizon_days: 30, at_least: 1}
family: {over: fund, top: 2}
features: [money, position, usual.usual_amount]
decision: {rule: top_share, share: 0.2}
"""
KEEPS = """\
kind: rule
name: keeps.{fund}
title: Keeps {fund}
description: Has put money into {fund} and been there lately
path: [Customers, Keeps a fund]
owner: sales
family: {over: fund, values: [F01, F03]}
of: {fund: "{fund}"}
population: "idle_days <= 200"
rule: into_all > 100 AND idle_days <= 45
"""
SOLD_BY_WEB = """\
kind: rule
name: sold_by_web
entity: fund
title: Sold by the web
description: More than 1,000 came in by the web
path: [Funds, Sales]
owner: sales
of: {channel: web}
rule: sold_all > 1000
"""


def made_events() -> pd.DataFrame:
    """Return orders of 400 customers, who like one fund of four and stop at some day."""
    rng = np.random.default_rng(11)
    rows = []
    for number in range(400):
        liked, stops = rng.integers(4), rng.integers(60, DAYS + 120)
        for day in np.flatnonzero(rng.random(min(stops, DAYS)) < 0.06):
            fund = liked if rng.random() < 0.7 else rng.integers(4)
            rows.append(
                {
                    "customer": f"c{number:03d}",
                    "at": FIRST + pd.Timedelta(days=int(day), hours=int(rng.integers(24))),
                    "type": str(rng.choice(["subscribe", "redeem"], p=[0.8, 0.2])),
                    "fund": f"F0{fund + 1}" if rng.random() < 0.95 else None,
                    "channel": str(rng.choice(["web", "branch"])),
                    "amount": float(rng.integers(10, 200)),
                }
            )
    return pd.DataFrame(rows)


EVENTS = made_events()


def write_house(folder, **tags: str) -> Project:
    EVENTS.to_parquet(folder / "events.parquet", index=False)
    codes = [f"F0{n}" for n in range(1, 5)]
    table = pd.DataFrame({"code": codes, "risk": "low", "run_by": ["m1", "m1", "m2", "m2"]})
    table.to_parquet(folder / "funds.parquet", index=False)
    (folder / "tagcast.toml").write_text(CONFIG, encoding="utf-8")
    for name, texts in (("views", {"views": VIEWS}), ("tags", tags)):
        (folder / name).mkdir()
        for file, text in texts.items():
            (folder / name / f"{file}.yaml").write_text(text, encoding="utf-8")
    return Project(folder / "tagcast.toml", folder / "home")


@pytest.fixture(scope="module")
def house(tmp_path_factory) -> Project:
    """Models of the two funds of most customers, promoted by hand, and everything scored."""
    project = write_house(tmp_path_factory.mktemp("house"), wants=WANTS, keeps=KEEPS, sold_by_web=SOLD_BY_WEB)
    project.run("check", "--as-of", NOW)
    project.run("train", "--all", "--as-of", NOW, "--trials", "1", "--threads", "1")
    for fund in TOP:
        tag = f"wants.{fund.lower()}"
        project.run("model", "promote", tag, "1", "--force", "--reason", "a small house")
    project.run("score", "--all", "--as-of", EARLIER)
    scored = project.json("score", "--all", "--as-of", NOW, "--force", "--reason", "a small house")
    (project.config.parent / "scored.json").write_text(json.dumps(scored), encoding="utf-8")
    return project


def before(day: str) -> pd.DataFrame:
    return EVENTS[EVENTS["at"] < pd.Timestamp(day)]


TOP = before(NOW).groupby("fund")["customer"].nunique().sort_values(ascending=False).index[:2].tolist()


def by_pair(day: str, fund: str) -> pd.DataFrame:
    """Return the features of every customer with an event, counted one after the other."""
    as_of, known, rows = pd.Timestamp(day), before(day), {}
    for customer, mine in known.groupby("customer"):
        own = mine[mine["fund"] == fund]
        into = own[own["type"] == "subscribe"]
        recent = own["at"] >= as_of - pd.Timedelta(days=30)
        rows[customer] = {
            "into_30d": into[into["at"] >= as_of - pd.Timedelta(days=30)]["amount"].sum(),
            "into_all": into["amount"].sum(),
            "placed_30d": float(recent.sum()),
            "placed_all": float(len(own)),
            "idle_days": (as_of - own["at"].max().normalize()).days if len(own) else np.nan,
            "usual_amount": own["amount"].median() if len(own) else np.nan,
        }
    return pd.DataFrame.from_dict(rows, orient="index").sort_index()


@pytest.mark.slow
def test_the_features_of_a_pair_are_those_of_its_events(house) -> None:
    project = tagcast.open(house.config, house.home)
    for fund in ("F01", "F04"):
        right = by_pair(NOW, fund)
        found = project.features(NOW, of={"fund": fund}).set_index("profile_id")
        pd.testing.assert_frame_equal(found[right.columns], right, check_names=False)
    with pytest.raises(DefinitionError, match="there is no fund 'F09'"):
        project.features(NOW, of={"fund": "F09"})
    with pytest.raises(DefinitionError, match="no view of pairs with a channel"):
        project.features(NOW, of={"channel": "web"})
    with pytest.raises(DefinitionError, match="the view position is of pairs with a fund"):
        project.features(NOW, views=["position"])


@pytest.mark.slow
def test_a_model_learns_from_the_pair_that_its_tag_is_about(house) -> None:
    project = tagcast.open(house.config, house.home)
    for fund in TOP:
        frame = project.training_frame(f"wants.{fund.lower()}", NOW)
        for day, rows in frame.groupby("as_of"):
            right = by_pair(str(day)[:10], fund)
            right = right[right["idle_days"] <= 120]
            mine = rows.set_index("profile_id").sort_index()
            assert list(mine.index) == list(right.index)
            pd.testing.assert_frame_equal(
                mine[right.columns].astype("float64"), right, check_names=False, check_index_type=False
            )
            end = pd.Timestamp(day) + pd.Timedelta(days=30)
            ahead = EVENTS[(EVENTS["at"] >= pd.Timestamp(day)) & (EVENTS["at"] < end)]
            ahead = ahead[(ahead["type"] == "subscribe") & (ahead["fund"] == fund)]
            assert mine["y"].astype(int).tolist() == mine.index.isin(ahead["customer"]).astype(int).tolist()


@pytest.mark.slow
def test_scores_reasons_and_values_are_of_the_pair(house) -> None:
    opened = open_project(house.config, house.home)
    names = [f"wants.{fund.lower()}" for fund in TOP]
    champions = load_champions(opened, names, [])
    for fund, champion in zip(
        TOP, sorted(champions, key=lambda c: names.index(c.definition.name)), strict=True
    ):
        assert champion.pair == Pair("fund", fund)
        right = by_pair(NOW, fund)
        right = right[right["idle_days"] <= 120]
        assert {"into_all", "idle_days", "usual_amount"} <= {*champion.model.features}
        found = tagcast.open(house.config, house.home).predictions(champion.definition.name)
        found = found.set_index("profile_id").sort_index()
        assert list(found.index) == list(right.index)
        of = tagcast.open(house.config, house.home).features(NOW, of={"fund": fund}).set_index("profile_id")
        X = of.loc[found.index, list(champion.model.features)].to_numpy("float64")
        again = champion.model.predict(X, date.fromisoformat(NOW))
        np.testing.assert_array_equal(found["score"].to_numpy(), again.score)
        shown = house.json("profile", "show", str(found["score"].idxmax()))
        (tag,) = [one for one in shown["predictions"] if one["tag"] == champion.definition.name]
        assert {reason["feature"] for reason in tag["reasons"]} <= {*champion.model.features}
        assert {reason["feature"] for reason in tag["reasons"]} & {*right.columns}


@pytest.mark.slow
def test_what_moved_a_value_is_found_from_features_of_the_pair(house) -> None:
    scored = json.loads((house.config.parent / "scored.json").read_text(encoding="utf-8"))
    by_tag = {one["tag"]: one for one in scored["profile"]["moved"]}
    for fund in TOP:
        found = by_tag[f"wants.{fund.lower()}"]
        assert found["sampled"] > 100
        assert found["by_model"] == 0
        assert found["by_data"] > 0


@pytest.mark.slow
def test_a_rule_speaks_of_its_pair(house) -> None:
    for fund in ("F01", "F03"):
        right = by_pair(NOW, fund)
        kept = (right["into_all"] > 100) & (right["idle_days"] <= 45)
        counted = house.json("audience", "count", f"keeps.{fund.lower()} = 'yes'")
        assert counted["members"] == int(kept.sum()) > 0
        known = house.json("audience", "count", f"keeps.{fund.lower()} IN ('yes', 'no')")
        assert known["members"] == int((right["idle_days"] <= 200).sum())


@pytest.mark.slow
def test_other_entities_have_pairs_too(house) -> None:
    by_web = before(NOW)[before(NOW)["channel"] == "web"].groupby("fund")["amount"].sum()
    counted = house.json("audience", "count", "sold_by_web = 'yes'", "--entity", "fund")
    assert counted["members"] == int((by_web > 1000).sum()) > 0
    funds = tagcast.open(house.config, house.home).of("fund")
    given = funds.features(NOW, of={"profile": "c007"}).set_index("profile_id")["given_all"]
    mine = before(NOW)[before(NOW)["customer"] == "c007"].groupby("fund")["amount"].sum()
    assert given.to_dict() == mine.reindex(given.index).fillna(0.0).to_dict()
    assert given.sum() > 0


@pytest.mark.slow
def test_feast_knows_both_entities(house) -> None:
    opened = open_project(house.config, house.home)
    (champion, *_) = load_champions(opened, [f"wants.{TOP[0].lower()}"], [])
    store = opened.repo(champion.feature_set).store()
    view = store.get_feature_view("position")
    assert view.entities == ["profile", "fund"]
    assert [column.name for column in view.entity_columns] == ["profile_id", "fund"]
    assert store.get_entity("fund").join_key == "fund"
    service = store.get_feature_service("wants")
    assert {p.name for p in service.feature_view_projections} == {"money", "position", "usual"}


@pytest.mark.slow
def test_a_definition_says_of_whom_it_is_and_is_read_again(house) -> None:
    (tag,) = [t for t in open_project(house.config, house.home).definitions(date.fromisoformat(NOW))
              if t.name == f"wants.{TOP[0].lower()}"]  # fmt: skip
    written = json.loads(tag.model_dump_json())
    assert written["outcome"]["of"] == {"fund": TOP[0]}
    assert type(tag).model_validate(written) == tag
    assert tag.pair == Pair("fund", TOP[0])
    assert tag.title.en == f"Wants {TOP[0]}"


POSITION = "entity: [profile, fund]\nowner"
WRONG = {
    (POSITION, "entity: [profile, fnd]\nowner"): ("views.yaml: position: entity: there is no entity 'fnd'", "did you mean 'fund'"),
    (POSITION, "entity: [profile, manager]\nowner"): ("position: entity: events name no manager: it follows from the table of fund", "fund, channel"),
    (POSITION, "entity: [profile, fund, channel]\nowner"): ("position: entity: expected one entity, as in [profile], or two", "views.md"),
    (POSITION, "entity: [profile, profile]\nowner"): ("position: entity: profile cannot be paired with itself", "views.md"),
    (POSITION, "entity: [profil, fund]\nowner"): ("position: entity: there is no entity 'profil'", "did you mean 'profile'"),
    ("  idle_days: {since_last: true}", "  idle_days: {since_last: true}\n  fund: {count: true, windows: none}"): ("position: fund is the key of pairs of the view", "rename one"),
    ("profile_id, fund, median", "profile_id, median"): ("usual: entity names fund, and the query gives no column fund", "views.md"),
    ('of: {fund: "{fund}"}', 'of: {fnd: "{fund}"}'): ("a family needs {fund} both in name and as outcome.of.fund", ""),
    ('of: {fund: "{fund}"}', 'category: "{fund}"'): ("a family needs {fund} both in name and as outcome.of.fund", ""),
    ("over: fund, ", ""): ("the family is over category, and {fund} stands for one of fund: give family.over: fund", ""),
    ("family: {over: fund, top: 2}\n", ""): ("family and {fund} in name and outcome.of.fund go together", ""),
    ('of: {fund: "{fund}"}', 'of: {fund: "{fund}", channel: web}'): ("of names one, as in of: {fund: F001}", ""),
    ("name: wants.{fund}", "name: wants"): ("a family needs {fund} both in name and as outcome.of.fund", ""),
}  # fmt: skip


@pytest.mark.parametrize(("change", "said"), list(WRONG.items()), ids=range(len(WRONG)))
def test_what_is_wrong_is_one_error_before_any_source_is_read(tmp_path, change, said) -> None:
    old, new = change
    house = write_house(tmp_path, wants=WANTS)
    (tmp_path / "events.parquet").unlink()
    for name in ("views/views", "tags/wants"):
        file = tmp_path / f"{name}.yaml"
        text = file.read_text(encoding="utf-8")
        file.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(DefinitionError) as caught:
        from tagcast.features.catalog.view_files import declared_views

        settings = open_project(house.config, house.home).settings
        with_services(settings)
        declared_views(settings)
    assert said[0] in str(caught.value)
    assert said[1] in str(caught.value.hint)
    assert render(caught.value.message, "zh") != str(caught.value.message)


OF_ONE = (
    WANTS.replace("{fund}", "F01").replace("family: {over: fund, top: 2}\n", "").replace("wants.F01", "wants")
)
WRONG_TAGS = {
    ("of: {fund:", "of: {fnd:"): ("wants: outcome.of: there is no entity 'fnd'", "did you mean 'fund'"),
    ("of: {fund:", "of: {manager:"): ("wants: outcome.of: events name no manager", "fund, channel"),
    ("of: {fund:", "of: {profile:"): ("wants: outcome.of: profile cannot be paired with itself", "fund, channel"),
    ("of: {fund: \"F01\"}", "category: F01"): ("wants: position is of pairs with a fund, and the tag is about no fund", "outcome.of.fund"),
    (", of: {fund: \"F01\"}", ""): ("wants: position is of pairs with a fund, and the tag is about no fund", "outcome.of.fund"),
    ("[money, position,", "[money, position, profile_category,"): ("features of profile_category need outcome.category", ""),
    ("of: {fund: \"F01\"}", "of: {channel: web}"): ("wants: position is of pairs with a fund, and the tag is about no fund", "outcome.of.fund"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "said"), list(WRONG_TAGS.items()), ids=range(len(WRONG_TAGS)))
def test_a_tag_is_of_the_pairs_that_it_learns_from(tmp_path, change, said) -> None:
    assert change[0] in OF_ONE
    house = write_house(tmp_path, wants=OF_ONE.replace(*change))
    project = open_project(house.config, house.home)
    with pytest.raises(DefinitionError) as caught:
        (tag,) = with_services(project.settings)
        check_chosen(project, tag)
    assert said[0] in str(caught.value)
    assert said[1] in str(caught.value.hint)
    assert render(caught.value.message, "zh") != str(caught.value.message)


def test_category_is_short_for_of_a_category(tmp_path) -> None:
    house = write_house(tmp_path, wants=OF_ONE.replace('of: {fund: "F01"}', "of: {category: tea}"))
    (tag,) = with_services(open_project(house.config, house.home).settings)
    assert (tag.outcome.category, tag.outcome.of, tag.pair) == ("tea", None, Pair("category", "tea"))
    assert "of" not in tag.model_dump(mode="json")["outcome"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            OF_ONE.replace("[money, position, usual.usual_amount]", "[money]"),
            ("'idle_days' is a feature of a pair with a fund", "outcome.of: {fund: …}"),
        ),
        (
            KEEPS.replace("{fund}", "any").replace('of: {fund: "any"}\n', "").replace("family: {over: fund, values: [F01, F03]}\n", ""),
            ("keeps.any: population: 'idle_days' is a feature of a pair with a fund", "say which one in of.fund"),
        ),
    ],
    ids=["model", "rule"],
)  # fmt: skip
def test_features_of_a_pair_need_the_pair(house, text, said) -> None:
    file = house.config.parent / "tags" / "extra.yaml"
    file.write_text(
        text.replace("name: keeps.any", "name: keeps_any").replace("name: wants", "name: wants_one")
    )
    try:
        found = house.invoke("check", "--as-of", NOW)
        shown = " ".join(f"{found.output} {found.stderr}".split())
    finally:
        file.unlink()
    assert found.exit_code
    for part in said:
        assert part.replace("keeps.any", "keeps_any") in shown
