"""`tagcast campaign`, and the options of an export that make one."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from tagcast.pipelines.cli import groups
from tests.support.campaigns.shop import DAYS, EVERYBODY, MORNING, campaign_shop
from tests.support.champion import DAY, TAG
from tests.support.command_line import Project

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    return campaign_shop(tmp_path_factory.mktemp("shop"), more="\n[campaigns]\nstanding_holdout = 0.1\n")


def test_from_the_click_to_the_sentence(shop, monkeypatch) -> None:
    monkeypatch.setattr(groups, "clock", lambda: MORNING)
    line, out = Project(shop.config, shop.home), str(shop.folder / "out.csv")
    planned = line.json("audience", "export", EVERYBODY, "--holdout", "0.3", "--dry-run")
    assert planned["power"]["tag"] == TAG
    assert planned["standing"] > 0
    dry = " ".join(line.run("audience", "export", EVERYBODY, "--holdout", "0.1", "--dry-run").stdout.split())
    assert "held out you would see a lift from" in dry
    assert "50% shows" in dry
    assert "belong to the standing control group" in dry
    assert line.json("campaign", "list") == []
    first = line.json(
        "audience", "export", EVERYBODY, "--holdout", "0.3", "--out", out, "--name", "come back",
    )  # fmt: skip
    assert first["goal"]["kind"] == "no_event"
    assert first["standing"] == planned["standing"]
    assert first["rows"] + first["held_out"] == planned["written"]
    shop.plant(shop.given())
    printed = line.run("campaign", "show", first["id"]).stdout
    assert "No day of the campaign is in the data yet" in printed
    shop.arrive(DAY + timedelta(days=DAYS))
    printed = " ".join(line.run("campaign", "show", first["id"]).stdout.split())
    assert "It worked. No purchase within 30 days:" in printed
    assert "less of it is wanted" in printed
    assert "promised at export, without a campaign" in printed
    (row,) = line.json("campaign", "list")
    shown = line.json("campaign", "show", first["id"])
    assert row == shown
    assert (shown["given"], shown["held_out"], shown["standing"]) == (
        first["rows"], first["held_out"], first["standing"],
    )  # fmt: skip
    assert shown["figures"]["decided"]
    assert not any(person in json.dumps(shown) for person in shop.given()), "no id is ever shown"
    assert "come back" in line.run("campaign", "list").stdout
    chinese = line.invoke("campaign", "show", "none")
    assert chinese.exit_code != 0
    assert "there is no campaign 'none'" in chinese.stderr


def test_a_goal_of_its_own_and_what_makes_no_sense(shop, monkeypatch) -> None:
    monkeypatch.setattr(groups, "clock", lambda: MORNING)
    line, out = Project(shop.config, shop.home), str(shop.folder / "own.csv")
    made = line.json(
        "audience", "export", "city = 'Oslo'", "--out", out, "--days", "7", "--starts", str(DAY + timedelta(days=2)),
        "--goal", "{kind: count_at_least, at_least: 2, horizon_days: 14, wanted: less}",
    )  # fmt: skip
    assert made["goal"]["horizon_days"] == 7
    shown = line.json("campaign", "show", made["id"])
    assert (shown["wanted"], shown["days"], shown["starts"], shown["tag"]) == (
        "less", 7, str(DAY + timedelta(days=2)), "",
    )  # fmt: skip
    assert "Nobody was held out" in line.run("campaign", "show", made["id"]).stdout
    plain = line.json("audience", "export", "city = 'Oslo'", "--out", out, "--holdout", "0.2")
    assert plain["goal"] is None, "no tag, no goal: a plain export, as ever"
    assert (
        "see --goal"
        in line.run("audience", "export", "city = 'Oslo'", "--out", out, "--holdout", "0.2").stdout
    )
    for words, problem in (
        (["--goal", "nothing"], "there is no tag 'nothing'"),
        (["--goal", "{kind: any_event}"], "horizon_days is missing"),
        (["--goal", "{kind: any_event, event: call, horizon_days: 3}"], "no event is called 'call'"),
        (["--goal", "{kind: any_event, horizon_days: 3, wanted: none}"], "expected more or less"),
        (["--goal", "{count: true, where: 'nope = 1', horizon_days: 3, at_least: 1}"], "nope"),
        (["--goal", "{count: true, horizon_days: 3, at_least: 2 * x}"], "another number for each"),
        (["--goal", "{kind: [}"], "not valid YAML"),
        (["--days", "3"], "has no goal"),
        (["--goal", TAG, "--starts", "2024-06-01"], "before the day of the data"),
        (["--goal", TAG, "--days", "9999"], "expected 1 to 730"),
        (["--goal", TAG, "--no-contact"], "contacts no one is no campaign"),
    ):  # fmt: skip
        refused = line.invoke(
            "audience", "export", "city = 'Oslo'", "--out", str(shop.folder / "no.csv"), *words
        )
        assert refused.exit_code != 0, words
        assert problem in " ".join(refused.stderr.split()), words
        assert not (shop.folder / "no.csv").exists()
