"""From events to a published uplift tag: a shop that sent one mail to half of its customers, drawn by lot."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from tests.support.command_line import Project
from tests.support.experiments.mailing import MAIL_DAY, TAG, write_mailing

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> Project:
    folder = tmp_path_factory.mktemp("mailing")
    return Project(write_mailing(folder, customers=1600), folder / "home")


@pytest.fixture(scope="module")
def trained(shop) -> dict:
    (found,) = shop.json("train", "mail_effect", "--threads", "1")
    return found


def test_check_says_what_it_learns_from(shop) -> None:
    (tag,) = shop.json("check")["tags"]
    assert (tag["kind"], tag["snapshots"]) == ("uplift", [str(MAIL_DAY)])
    assert tag["level"] == "warning", "one day: a part of the people is held back"


def test_it_becomes_champion_and_its_card_says_all(shop, trained) -> None:
    assert (trained["kind"], trained["alias"]) == ("uplift", "champion"), trained["reason"]
    assert trained["metrics"]["slope_low"] > 0
    card = shop.json("model", "card", "mail_effect")
    for said in ("Left alone", "floor", "arms alike", "average effect"):
        assert said in card["markdown"]
    assert sum(card["arms"].values()) == 1600
    thresholds = shop.json("model", "thresholds", "mail_effect")
    (chosen,) = [row for row in thresholds["shares"] if row["chosen"]]
    assert thresholds["margin"] == 0.05
    assert chosen["effect"] > thresholds["shares"][-1]["effect"], "than of all"
    assert thresholds["snapshots"] == [str(MAIL_DAY)]
    assert "more outcomes a thousand people" in shop.run("model", "thresholds", "mail_effect").output.replace(
        "\n", " "
    )


def test_it_is_scored_filtered_summed_and_explained(shop, trained, tmp_path) -> None:
    out = tmp_path / "predicted.parquet"
    run = shop.json("score", "--all", "--out", str(out))
    assert run["tags"][0]["kind"] == "uplift"
    frame = pd.read_parquet(out)
    assert frame["score"].between(-1, 1).all()
    assert (frame["lower"] <= frame["score"]).all()
    said = frame[frame["value"] == "persuadable"]
    assert len(said) > 200
    text = "mail_effect = 'persuadable' AND mail_effect.confidence >= 0.9"
    found = shop.json("audience", "explain", text)
    sure = said[said["confidence"] >= 0.9]
    assert found["members"] == len(sure)
    assert found["expected"] == [], "nobody's own effect comes true"
    (gains,) = found["expected_effects"]
    assert gains["gained"] == pytest.approx(sure["score"].sum())
    assert gains["floor"] == pytest.approx(sure["lower"].sum())
    profile = shop.json("profile", "show", sure.iloc[0]["profile_id"])
    (tag,) = profile["predictions"]
    assert tag["is_difference"]
    assert {reason["direction"] for reason in tag["reasons"]} <= {"more persuaded", "less persuaded"}


def test_values_are_not_judged_one_by_one(shop, trained) -> None:
    refused = shop.run("model", "evaluate", "mail_effect", ok=False)
    assert refused.exit_code != 0
    assert "no profile alone" in refused.stderr.replace("\n", " ")


def test_features_see_nothing_of_the_mail_or_what_follows(shop, trained) -> None:
    card = shop.json("model", "card", "mail_effect")
    assert "no event and no value later than as_of" in card["markdown"]


def test_a_condition_that_nobody_meets_is_named_before_long_work(tmp_path) -> None:
    config = write_mailing(tmp_path, customers=200, tag=TAG.replace("'sent'", "'posted'"))
    project = Project(config, tmp_path / "home")
    refused = project.run("train", "mail_effect", ok=False)
    assert "no day has 50 people who were approached" in refused.stderr.replace("\n", " ").replace("  ", " ")
    wrong = TAG.replace("arm = 'sent'", "colour = 'sent'")
    (tmp_path / "tags" / "mail_effect.yaml").write_text(wrong, encoding="utf-8")
    refused = project.run("train", "mail_effect", ok=False)
    assert "treatment.approached" in refused.stderr
    assert not json.loads(project.run("model", "list", "--json", ok=False).stdout or "[]")
