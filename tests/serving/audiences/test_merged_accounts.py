"""Accounts are merged after something was stored of them: frozen audiences, control groups and lookups follow the person."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd
import pytest

import tagcast
from tagcast.pipelines.cli import scoring
from tagcast.pipelines.project.clock import clock
from tests.pipelines.scoring.test_older_days import write
from tests.support.command_line import Project

pytestmark = pytest.mark.slow

IDENTITY = '\n[identity]\npath = "ids.csv"\nsource = "source"\nsource_id = "alias"\nprofile_id = "person"\n'
OWN = [f"{1000 + number}" for number in range(300)]
AWAY = {
    f"P{own}" for number, own in enumerate(OWN) if number % 60 >= 30
}  # the purchase lies 31 to 60 days back
FORCE = ("--force", "--reason", "accounts were merged")


def place(shop: Project, moved: dict[str, str]) -> dict[str, str]:
    """Place each account on a person of its own, but for ``moved``; return who is who."""
    who = {own: f"P{own}" for own in OWN} | moved
    table = pd.DataFrame({"source": "shop", "alias": who.keys(), "person": who.values()})
    table.to_csv(shop.config.parent / "ids.csv", index=False)
    return who


@pytest.fixture
def shop(tmp_path) -> Project:
    """300 customers, of whom those away were saved as asked."""
    shop = write(tmp_path / "shop", name="merged")
    shop.config.write_text(shop.config.read_text(encoding="utf-8") + IDENTITY, encoding="utf-8")
    place(shop, {})
    shop.run("score", "--all")
    shop.run("audience", "save", "asked", "stage = 'away'", "--frozen")
    assert shop.json("audience", "count", "IN AUDIENCE 'asked'")["members"] == len(AWAY) == 150
    return shop


def exported(shop: Project, text: str, *more: str) -> set[str]:
    file = shop.config.parent / "out.parquet"
    shop.run("audience", "export", text, "--out", str(file), *more)
    return set(pd.read_parquet(file)["profile_id"])


def an_active_account_is_kept(number: int, away: str) -> dict[str, str]:
    """Away accounts become the person of an account that bought lately."""
    return {away: f"P{OWN[number * 60]}"}


def the_away_account_is_kept(number: int, away: str) -> dict[str, str]:
    return {OWN[number * 60]: f"P{away}"}


def both_get_a_new_id(number: int, away: str) -> dict[str, str]:
    return {away: f"M{number}", OWN[number * 60]: f"M{number}"}


@pytest.mark.parametrize("merge", [an_active_account_is_kept, the_away_account_is_kept, both_get_a_new_id])
@pytest.mark.parametrize("scored_again", [True, False])
def test_nobody_who_was_asked_is_asked_again(shop, merge, scored_again) -> None:
    moved: dict[str, str] = {}
    for number in range(5):
        for place_away in range(number + 1):
            moved |= merge(number, OWN[number * 60 + 30 + place_away])
    who = place(shop, moved)
    shop.invoke("check")
    if scored_again:
        shop.run("score", "--all", *FORCE)
    asked = {who[person.removeprefix("P")] for person in AWAY}
    found = exported(shop, "NOT IN AUDIENCE 'asked'")
    again = found if scored_again else {who[person.removeprefix("P")] for person in found}
    assert not again & asked
    everybody = set(who.values()) if scored_again else {f"P{own}" for own in OWN}
    of_asked = exported(shop, "IN AUDIENCE 'asked'")
    assert of_asked | found == everybody
    assert not of_asked & found
    if scored_again:
        assert of_asked == asked
        counted = shop.json("audience", "count", "IN AUDIENCE 'asked'")
        assert counted["members"] == len(asked)
        assert counted["frozen"] == {"asked": {"saved": 150, "gone": 0, "profiles": len(asked)}}


def test_merged_twice_and_then_taken_apart(shop) -> None:
    """Two loads without a run between them; at last everybody is who they were."""
    place(shop, {OWN[30]: f"P{OWN[0]}"})
    shop.invoke("check")
    who = place(shop, {OWN[30]: f"P{OWN[1]}", OWN[0]: f"P{OWN[1]}"})
    shop.run("score", "--all", *FORCE)
    assert f"P{OWN[1]}" in exported(shop, "IN AUDIENCE 'asked'")
    assert exported(shop, "IN AUDIENCE 'asked'") == {who[person.removeprefix("P")] for person in AWAY}
    place(shop, {})
    shop.run("score", "--all", *FORCE)
    assert exported(shop, "IN AUDIENCE 'asked'") == AWAY


def test_who_is_gone_is_counted(shop) -> None:
    orders = pd.read_csv(shop.config.parent / "orders.csv", dtype={"customer_id": str})
    gone = [person.removeprefix("P") for person in sorted(AWAY)[:7]]
    orders[~orders["customer_id"].isin(gone)].to_csv(shop.config.parent / "orders.csv", index=False)
    shop.run("score", "--all", *FORCE)
    printed = shop.run("audience", "count", "IN AUDIENCE 'asked'").stdout
    assert "143 of 293 profiles" in printed
    assert (
        "asked: of 150 members saved, 7 are no longer in the data; the others are 143 profiles now" in printed
    )
    (row,) = shop.json("audience", "list")
    assert (row["kind"], row["members"]) == ("frozen", 143)


def test_a_control_group_drawn_again_holds_out_the_same_persons(shop) -> None:
    everybody = "stage IN ('away', 'active')"
    contacted = exported(shop, everybody, "--holdout", "0.3", "--seed", "11")
    held = {f"P{own}" for own in OWN} - contacted
    pairs = list(zip(sorted(held), sorted(contacted), strict=False))[:20]
    who = place(shop, {gone.removeprefix("P"): stays for gone, stays in pairs})
    shop.run("score", "--all", *FORCE)
    again = exported(shop, everybody, "--holdout", "0.3", "--seed", "11")
    assert set(who.values()) - again == {who[person.removeprefix("P")] for person in held}


def test_a_lookup_by_a_former_id_shows_the_person(shop) -> None:
    asked, stays = OWN[30], OWN[0]
    place(shop, {asked: f"P{stays}"})
    shop.run("score", "--all", *FORCE)
    view = shop.json("profile", "show", f"P{asked}")
    assert view["profile_id"] == f"P{stays}"
    assert [p["value"] for p in view["predictions"]] == ["active"]
    same = tagcast.open(shop.config, shop.home).profile(f"P{asked}")
    assert (same.profile_id, [p["value"] for p in same.predictions]) == (f"P{stays}", ["active"])
    assert "there is no profile" in shop.invoke("profile", "show", "P9999").stderr


def test_what_was_said_of_a_renamed_person_is_found_by_the_new_id(shop, monkeypatch) -> None:
    now = clock()
    monkeypatch.setattr(scoring, "clock", lambda: now + timedelta(days=5))
    place(shop, {OWN[30]: "M"})
    shop.run("score", "--all", *FORCE)
    then = shop.json("profile", "show", "M", "--on", str((now + timedelta(days=2)).date()))
    assert (then["profile_id"], [p["value"] for p in then["predictions"]]) == (f"P{OWN[30]}", ["away"])
    after = shop.json("profile", "show", f"P{OWN[30]}", "--on", str((now + timedelta(days=6)).date()))
    assert (after["profile_id"], [p["value"] for p in after["predictions"]]) == ("M", ["away"])
