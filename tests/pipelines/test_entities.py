"""Entities beside the profile, from their events to audiences: what each has of its own, counted here in plain pandas."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner
from fastapi.testclient import TestClient

import tagcast
from examples.funds.make_events import write_tables
from tagcast.features.core.errors import ConflictError
from tagcast.pipelines.cli.main import cli
from tagcast.pipelines.project.clock import clock
from tagcast.pipelines.project.project import open_project
from tagcast.registry.access.accounts import add_user
from tagcast.registry.access.api_keys import add_key
from tagcast.registry.state.database import open_state
from tagcast.serving.context import open_context
from tagcast.serving.web_app import create_app
from tests.support.browser import SECRET, Visitor, chromium, served
from tests.support.command_line import Project

EXAMPLE = Path(__file__).parents[2] / "examples" / "funds"
FUNDS, CUSTOMERS = 12, 900
AS_OF = date(2024, 6, 24)

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("entities")]


@pytest.fixture(scope="module")
def house(tmp_path_factory) -> Project:
    """The example on a few funds, its models trained on what there is and promoted by hand, everything scored."""
    folder = tmp_path_factory.mktemp("house") / "funds"
    shutil.copytree(EXAMPLE, folder)
    write_tables(folder, CUSTOMERS, FUNDS)
    (folder / "tags" / "wants.yaml").unlink()
    (folder / "tags" / "redeems_half.yaml").unlink()
    (folder / "tags" / "loses_money.yaml").unlink()
    project = Project(folder / "tagcast.toml", folder.parent / "home")
    project.run("train", "subscribes_again", "--trials", "1", "--threads", "1")
    project.run("model", "promote", "subscribes_again", "1", "--force", "--reason", "a small example")
    project.run("score", "--all")
    return project


@pytest.fixture(scope="module")
def events(house) -> pd.DataFrame:
    return pd.read_parquet(house.config.parent / "events.parquet")


@contextmanager
def another_tag(house: Project, part: str, instead: str) -> Iterator[None]:
    """Put a tag beside those of the example for a while."""
    tags = house.config.parent / "tags"
    size = (tags / "fund_size.yaml").read_text(encoding="utf-8")
    (tags / "extra.yaml").write_text(
        size.replace("fund_size", "other").replace(part, instead), encoding="utf-8"
    )
    try:
        yield
    finally:
        (tags / "extra.yaml").unlink()


def of(project: Project, entity: str, *words: str):
    return project.json(*words, "--entity", entity)


def test_each_entity_has_those_that_its_events_name(house, events) -> None:
    table = pd.read_parquet(house.config.parent / "funds.parquet").set_index("fund_code")
    named = {
        "profile": set(events["customer"]),
        "fund": set(events["fund"].dropna()),
        "manager": set(table.loc[events["fund"].dropna().unique(), "manager_id"]),
        "channel": set(events["channel"]),
    }
    for entity, keys in named.items():
        runs = of(house, entity, "run", "list")
        assert runs[0]["profiles"] == len(keys)
        assert runs[0]["as_of"] == str(AS_OF)
        found = of(house, entity, "profile", "show", min(keys))
        assert found["profile_id"] == min(keys)


def test_features_of_a_fund_are_those_of_its_events(house, events) -> None:
    project = open_project(house.config, house.home).of("fund")
    early = AS_OF - timedelta(days=200)
    feature_set = project.widest_set(AS_OF)
    snapshots = project.snapshots(feature_set)
    snapshots.ensure([early, AS_OF])
    for as_of in (early, AS_OF):
        found = pd.read_parquet(snapshots.path("flows", as_of)).set_index("profile_id")
        before = events[(events["at"] < pd.Timestamp(as_of)) & events["fund"].notna()]
        bought = before[before["type"] == "subscribe"].groupby("fund")["amount"].sum()
        recent = before[before["at"] >= pd.Timestamp(as_of - timedelta(days=90))]
        holders = recent.groupby("fund")["customer"].nunique()
        assert set(found.index) == set(before["fund"])
        for fund, row in found.iterrows():
            assert row["fund_inflow_all"] == pytest.approx(bought.get(fund, 0.0), abs=1e-6)
            assert row["fund_holders_90d"] == holders.get(fund, 0)


def test_an_entity_without_news_is_silent_and_not_unknown(house, events, tmp_path) -> None:
    shutil.copytree(house.config.parent, tmp_path / "funds")
    lately = events["at"] >= pd.Timestamp(AS_OF - timedelta(days=9))
    events[~lately | events["fund"].isna()].to_parquet(tmp_path / "funds" / "events.parquet", index=False)
    project = open_project(tmp_path / "funds" / "tagcast.toml", tmp_path / "home")
    assert project.of("fund").observed_until == project.observed_until == AS_OF
    assert project.of("fund").resolve_as_of(None) == AS_OF


def test_figures_follow_the_relation(house, events) -> None:
    project = open_project(house.config, house.home)
    feature_set = project.widest_set(AS_OF)
    snapshots = project.snapshots(feature_set)
    snapshots.ensure([AS_OF])
    found = pd.read_parquet(snapshots.path("main_fund", AS_OF)).set_index("profile_id")
    named = events[events["fund"].notna()].sort_values(["customer", "at", "fund"], kind="stable")
    newest = named.groupby("customer").last()
    recent = named[named["at"] >= pd.Timestamp(AS_OF - timedelta(days=90))]
    holders = recent.groupby("fund")["customer"].nunique()
    for customer, row in newest.head(200).iterrows():
        assert found.loc[customer, "main_fund_holders_90d"] == holders.get(row["fund"], 0)


def test_what_its_holders_are_predicted_to_do_is_an_attribute_of_a_fund(house, events) -> None:
    said = (
        tagcast.open(house.config, house.home)
        .predictions("subscribes_again")
        .set_index("profile_id")["score"]
    )
    year = events[(events["at"] >= pd.Timestamp(AS_OF - timedelta(days=365))) & events["fund"].notna()]
    funds = tagcast.open(house.config, house.home).of("fund")
    for fund, lines in year.groupby("fund"):
        mean = said.reindex(lines["customer"].unique()).mean()
        near = funds.audience(
            f"holders_subscribing > {mean - 1e-9:.12f} AND holders_subscribing < {mean + 1e-9:.12f}"
        )
        assert fund in set(near.to_pandas()["profile_id"])


def test_rules_and_audiences_are_of_the_entity(house, events) -> None:
    sizes = of(house, "fund", "audience", "count", "fund_size = 'small'")
    flows = events[events["type"].isin(["subscribe", "redeem"])]
    signed = flows["amount"].where(flows["type"] == "subscribe", -flows["amount"])
    assets = (
        signed.groupby(flows["fund"]).sum().reindex(sorted(events["fund"].dropna().unique()), fill_value=0)
    )
    assert sizes["members"] == int((assets <= 2000).sum())
    table = pd.read_parquet(house.config.parent / "funds.parquet")
    bonds = of(house, "fund", "audience", "count", "asset_class = 'bond'")
    assert bonds["members"] == int((table["asset_class"] == "bond").sum())
    wrong = house.run("audience", "count", "fund_size = 'small'", ok=False)
    assert wrong.exit_code == 9
    assert "fund_size" in wrong.stderr


def test_tags_belong_to_one_entity_and_names_find_it(house) -> None:
    listed = {
        entity: {row["name"] for row in of(house, entity, "tag", "list")} for entity in ("profile", "fund")
    }
    assert "fund_size" in listed["fund"]
    assert not listed["fund"] & listed["profile"]
    answer = house.json("score", "fund_size")
    assert [tag["tag"] for tag in answer["tags"]] == ["fund_size"]
    of(house, "fund", "score", "--all")


def test_what_is_asked_of_no_entity_is_answered_for_each(house) -> None:
    answers = house.json("score", "--all")
    assert set(answers) == {"profile", "fund", "manager", "channel"}
    assert list(answers).index("profile") < list(answers).index("fund"), "a fund reads tags of its holders"
    assert {answer["as_of"] for answer in answers.values()} == {str(AS_OF)}
    spoken = house.run("check", ok=False).stdout
    assert {line for line in spoken.splitlines() if line.startswith("Entity: ")} == {
        f"Entity: {name}" for name in answers
    }


def test_one_that_fails_holds_up_no_other_and_is_said_in_the_end(house) -> None:
    with another_tag(house, "fund_assets > 20000", "fund_asset > 20000"):
        result = CliRunner().invoke(
            cli, ["score", "--all", "--json", "--config", str(house.config), "--home", str(house.home)]
        )
    assert result.exit_code == 5
    assert set(json.loads(result.stdout)) == {"profile", "manager", "channel"}
    assert "fund_asset" in result.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("check", "--entity", "found"), "there is no entity 'found'"),
        (("score", "--all", "--out", "x.parquet"), "--out writes one table"),
    ],
)
def test_what_is_of_no_entity_is_said(house, words, said) -> None:
    result = house.run(*words, ok=False)
    assert result.exit_code in {2, 3}
    assert said in result.stderr


def test_a_definition_of_nothing_known_is_refused_before_anything_is_read(house) -> None:
    with another_tag(house, "entity: fund", "entity: fond"):
        result = house.run("check", ok=False)
    assert "other: entity: there is no entity 'fond'" in result.stderr
    assert "did you mean 'fund'" in result.stderr


def test_later_events_change_nothing_of_an_earlier_day(house, events, tmp_path) -> None:
    early = AS_OF - timedelta(days=100)

    def flows_of(lines: pd.DataFrame, folder: Path) -> bytes:
        shutil.copytree(house.config.parent, folder)
        lines.to_parquet(folder / "events.parquet", index=False)
        project = open_project(folder / "tagcast.toml", folder / "home").of("manager")
        snapshots = project.snapshots(project.widest_set(early))
        snapshots.ensure([early])
        (file,) = snapshots.files("team_flows", early)
        return file.read_bytes()

    later = events["at"] >= pd.Timestamp(early)
    changed = events.assign(
        amount=events["amount"].where(~later, 1.0), fund=events["fund"].where(~later, "F0001")
    )
    assert flows_of(events, tmp_path / "a") == flows_of(changed, tmp_path / "b")


@pytest.fixture(scope="module")
def client(house):
    settings = open_project(house.config, house.home).settings
    context = open_context(settings, clock)
    key = add_key(context.state, "a program", "marketer", by="test", now=clock())
    with TestClient(create_app(context, console=False)) as asked:
        asked.headers["Authorization"] = f"Bearer {key}"
        yield asked


def test_the_api_has_each_entity_under_its_name_with_the_same_key(client) -> None:
    assert client.get("/api/v1/me").json()["entities"] == ["profile", "fund", "manager", "channel"]
    asked = {"filter": "fund_size = 'small'"}
    answer = client.post("/api/v1/entities/fund/audiences/count", json=asked)
    assert answer.status_code == 200, answer.text
    assert answer.json()["base"] == FUNDS
    assert client.post("/api/v1/audiences/count", json=asked).status_code == 422
    assert client.get("/api/v1/entities/fond/me").status_code == 404
    # Accounts are the project's.
    assert client.get("/api/v1/entities/fund/users").status_code == 404
    assert client.get("/api/v1/users").status_code == 403


def test_the_api_of_an_entity_is_closed_without_a_key(client) -> None:
    answer = client.get("/api/v1/entities/fund/runs", headers={"Authorization": "Bearer tc_wrong"})
    assert answer.status_code == 401


@pytest.mark.browser
@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_console_switches_between_entities(house, language) -> None:
    settings = open_project(house.config, house.home).settings
    with suppress(ConflictError):
        add_user(open_state(settings), "ada", "owner", SECRET, sensitive=True, by="tests", now=clock())
    with served(house.config, house.home) as site, chromium() as browser:
        ada = Visitor(browser, site, "ada", language)
        switch = ada.page.locator("aside .entities")
        titles = {
            "en": ["Customers", "Funds", "Managers", "Channels"],
            "zh": ["客户", "基金", "基金经理", "渠道"],
        }
        assert switch.locator("a").all_inner_texts() == titles[language]
        switch.get_by_text(titles[language][1], exact=True).click()
        ada.page.locator("aside [aria-current]").get_by_text(titles[language][1], exact=True).wait_for()
        ada.open(f"{site}/tags")
        ada.page.locator("main").get_by_text("fund_size", exact=False).first.wait_for()
        assert switch.locator("[aria-current]").inner_text() == titles[language][1]
        assert titles[language][1] in ada.page.locator("aside h3").all_inner_texts()
        ada.open(f"{site}/audience?filter=asset_class%20%3D%20'bond'")
        table = pd.read_parquet(house.config.parent / "funds.parquet")
        assert ada.count() == int((table["asset_class"] == "bond").sum())
        # An address may name the entity; accounts stay the same wherever one is.
        ada.open(f"{site}/profile/app?entity=channel")
        assert switch.locator("[aria-current]").inner_text() == titles[language][3]
        for address in (site, f"{site}/profile"):
            ada.open(address)
            shown = ada.page.locator("main").inner_text().casefold()
            assert {"en": "customer", "zh": "客户"}[language] not in shown
        ada.open(f"{site}/access")
        ada.page.locator("main").get_by_text("ada", exact=True).first.wait_for()
        assert not ada.violations()
        ada.page.set_viewport_size({"width": 390, "height": 800})
        ada.open(site)
        assert ada.page.evaluate("document.documentElement.scrollWidth") <= 390
        ada.leave()


def test_a_backup_holds_what_is_each_entitys_own(house, tmp_path) -> None:
    house.run("backup", str(tmp_path / "backup"), "--drill")
    other = Project(house.config, tmp_path / "home")
    other.run("restore", str(tmp_path / "backup"))
    for entity in ("profile", "fund"):
        assert of(other, entity, "run", "list") == of(house, entity, "run", "list") != []
        assert of(other, entity, "tag", "list") == of(house, entity, "tag", "list")
    for store in ("store", "entities/fund/store"):
        files = {f.name: f.read_bytes() for f in (house.home / store / "snapshots").iterdir()}
        assert {f.name: f.read_bytes() for f in (other.home / store / "snapshots").iterdir()} == files
