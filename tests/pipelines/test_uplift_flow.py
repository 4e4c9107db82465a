"""From events to a published uplift tag: a shop that sent one mail to half of its customers, drawn by lot."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tagcast.features.core.errors import DataError
from tagcast.features.core.settings import load_settings
from tagcast.models.definitions.loader import parse_definition
from tagcast.pipelines.cards.card_kinds import CARD_PARTS
from tagcast.pipelines.nights.occasions import unsent
from tagcast.pipelines.nights.steps import judged
from tagcast.pipelines.project.project import open_project
from tagcast.pipelines.reports.catalog import render_page
from tagcast.pipelines.training.labelling.labels import label_rows
from tagcast.registry.operations.campaigns import save_campaign
from tagcast.registry.state.id_lists import packed
from tagcast.registry.versions.tracking import tracking_of
from tagcast.registry.versions.versions import versions
from tagcast.serving.audiences.service import parse_for
from tagcast.serving.catalog.tag_details import tag_details
from tagcast.serving.console.i18n.translator import Translator
from tagcast.serving.console.tags.quality.floor_table import floor_record
from tagcast.serving.context import open_context
from tagcast.serving.delivery.exports import export
from tests.support.campaigns.on_record import SPRING
from tests.support.campaigns.shop import MO
from tests.support.command_line import Project
from tests.support.experiments.mailing import MAIL_DAY, TAG, write_mailing

pytestmark = pytest.mark.slow
MAY = datetime(2024, 5, 6, 6, tzinfo=UTC)
"""The night after both campaigns are over."""


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> Project:
    folder = tmp_path_factory.mktemp("mailing")
    return Project(write_mailing(folder, customers=1600), folder / "home")


def of_campaigns(*names: str) -> str:
    """Return the tag as one that learns from campaigns on record."""
    return re.sub("treatment: .*", f"treatment: {{campaigns: [{', '.join(names)}]}}", TAG)


def put_on_record(project) -> pd.DataFrame:
    """Put the mailing on record as a campaign, and return it."""
    mails = pd.read_parquet(project.settings.folder / "mails.parquet")
    arms = {arm: sorted(mails.loc[mails["arm"] == arm, "customer"]) for arm in ("sent", "none")}
    sizes = {"given": len(arms["sent"]), "held_out": len(arms["none"])}
    spring = replace(SPRING, name="spring mail", starts=MAIL_DAY, share=0.4, **sizes)
    save_campaign(project.state, spring, packed(arms["sent"]), packed(arms["none"]))
    return mails


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
    for said in ("Left alone", "floor", "Both arms are alike", "average effect"):
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
    assert "no campaign has judged its floor yet" in " ".join(shop.run("promise").output.split())
    own = shop.json("promise")
    assert [(row["observed"], row["low"]) for row in own] == [(False, None)] * len(own)
    profile = shop.json("profile", "show", sure.iloc[0]["profile_id"])
    (tag,) = profile["predictions"]
    assert tag["is_difference"]
    assert {reason["direction"] for reason in tag["reasons"]} <= {"more persuaded", "less persuaded"}


def test_members_of_campaigns_are_cases_as_those_of_events_are(shop, tmp_path) -> None:
    """The mailing once more, on record as a campaign that held half out."""
    own = of_campaigns("spring mail")
    assert len(own.strip().splitlines()) <= 12
    project = open_project(shop.config, tmp_path / "home")
    mails = put_on_record(project)
    rows = {}
    for name, text in (("events", TAG), ("campaigns", own)):
        tag = parse_definition(text, name)
        plan = project.plan(tag, project.observed_until)
        rows[name] = label_rows(project, plan, project.observed_until)
    assert set(rows["campaigns"].pop("propensity")) == {0.6}, "as it was drawn"
    assert set(rows["events"].pop("propensity")) == {mails["arm"].eq("sent").mean()}
    same = [frame.sort_values("profile_id", ignore_index=True) for frame in rows.values()]
    pd.testing.assert_frame_equal(*same, check_like=True)
    assert ("Campaigns", "spring mail") in [
        (str(name), str(text)) for name, text in CARD_PARTS["uplift"].decision_rows(tag, "en")
    ]
    unknown = parse_definition(own.replace("spring mail", "autumn mail"), "other")
    with pytest.raises(
        DataError, match="mail_effect: treatment.campaigns: there is no campaign 'autumn mail'"
    ):
        project.plan(unknown, project.observed_until)
    early = MAIL_DAY + timedelta(days=unknown.horizon_days - 1)
    with pytest.raises(DataError, match="window of 14 days that is over before"):
        project.plan(parse_definition(own, "campaigns"), early)


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


@pytest.fixture(scope="module")
def judged_campaigns(shop, trained) -> tuple[dict, dict, list]:
    """Two mailings to whom the tag expects most and least of: the first moves nobody, the second everybody; then a night."""
    shop.run("score", "--all")
    folder, starts = shop.config.parent, MAIL_DAY + timedelta(days=19)
    morning = datetime.combine(starts, time(6), UTC)
    project = open_project(shop.config, shop.home)
    with project.store.reader() as reader:
        columns = [f"mail_effect:{part}" for part in ("score", "lower")]
        said = pd.concat(b.to_pandas() for b in reader.stream(columns)).set_index("profile_id")
    said.columns = ["score", "lower"]
    middle = said["score"].median()
    context = open_context(load_settings(shop.config, shop.home, folder), lambda: morning)
    visits = [pd.read_parquet(folder / "visits.parquet")]
    counted = {}
    for name, filter_, effect in (
        ("to the best", f"mail_effect.score >= {middle}", 0.0), ("to the rest", f"mail_effect.score < {middle}", 0.5),
    ):  # fmt: skip
        to = folder / "given.csv"
        export(context, MO, parse_for(context, MO, filter_), to, holdout=0.5, seed=7, name=name)
        members = said[said["score"] >= middle] if effect == 0 else said[said["score"] < middle]
        given = members.index.isin(pd.read_csv(to)["profile_id"])
        came = np.random.default_rng(3).random(len(members)) < 0.1 + effect * given
        visits.append(pd.DataFrame({"customer": members.index[came], "at": morning + timedelta(days=2)}))
        lift = came[given].mean() - came[~given].mean()
        counted[name] = {"floor": members["lower"].mean(), "effect": lift, "members": len(members)}
    who = [f"c{i:05d}" for i in range(40)]  # the shop goes on
    days = [morning + timedelta(days=d) for d in range(1, 16) for _ in who]
    visits.append(pd.DataFrame({"customer": who, "at": days[-1]}))
    goes_on = pd.DataFrame({"customer": who * 15, "at": days, "price": 5.0})
    for name, frames in (
        ("visits", visits),
        ("orders", [pd.read_parquet(folder / "orders.parquet"), goes_on]),
    ):
        naive = [one.assign(at=pd.to_datetime(one["at"], utc=True).dt.tz_localize(None)) for one in frames]
        pd.concat(naive).to_parquet(folder / f"{name}.parquet", index=False)
    night = judged(open_project(shop.config, shop.home), morning + timedelta(days=16))
    return counted, {"run": night.detail}, night.news


def test_a_campaign_judges_the_floor_of_its_members_once_it_is_over(shop, judged_campaigns) -> None:
    counted, said, news = judged_campaigns
    rows = {row["name"]: row for row in shop.json("promise", "mail_effect")}
    assert set(rows) == set(counted)
    for name, row in rows.items():
        assert (row["version"], row["predicted"]) == (1, counted[name]["members"])
        assert row["promised"] == pytest.approx(counted[name]["floor"])
        assert row["low"] < counted[name]["effect"] < row["high"]
        assert row["right"] == pytest.approx(counted[name]["effect"], abs=0.03)
    assert rows["to the best"]["high"] < rows["to the best"]["promised"], "it moved nobody"
    assert rows["to the rest"]["low"] > rows["to the rest"]["promised"]
    text = shop.run("promise", "mail_effect").output
    assert "kept on 1 of 2 campaigns" in " ".join(text.split())
    (broken,) = news
    assert (broken.occasion, broken.tag) == ("promise_broken", "mail_effect")
    assert "its floor did not hold on the campaign to the best" in broken.text
    assert "2 promises were judged" in str(said["run"])
    (newest,) = [row for row in shop.json("promise") if row["tag"] == "mail_effect"]
    assert newest in rows.values()
    project = open_project(shop.config, shop.home)
    assert {one.id for one in unsent(project, MAY)} >= {broken.id}
    again = judged(project, MAY + timedelta(days=1))
    assert (again.outcome, again.news) == ("nothing", ())
    assert not list((shop.home / "predictions").iterdir()), "kept for judgements that never come"


def test_a_campaign_shows_the_floor_it_judged_and_mlflow_has_it(shop, judged_campaigns, capsys) -> None:
    counted, _, _ = judged_campaigns
    for one in shop.json("campaign", "list"):
        (floor,) = one["figures"]["floors"]
        assert (floor["tag"], floor["members"]) == ("mail_effect", counted[one["name"]]["members"])
        assert one["figures"]["expected"] is None, "an effect is no chance of the goal"
        shown = " ".join(shop.run("campaign", "show", one["id"]).output.split())
        assert "Floors of uplift tags" in shown
    tracking = tracking_of(load_settings(shop.config, shop.home, shop.config.parent))
    context = open_context(load_settings(shop.config, shop.home, shop.config.parent), lambda: MAY)
    details = tag_details(context, MO, "mail_effect")
    page = str(floor_record(Translator("en"), details))
    assert "kept on 1 of 2 campaigns" in page
    assert (page.count(">missed<"), page.count(">kept</span></td>")) == (1, 1), "own cases have no interval"
    assert "test snapshot" in page
    render_page(details)
    assert "floors of the last year: kept on 1 of 2 campaigns" in capsys.readouterr().out
    (version,) = versions(tracking, "mail_effect")
    history = tracking.client.get_metric_history(version.run_id, "observed_floor_promised")
    assert {round(one.value, 9) for one in history} == {round(one["floor"], 9) for one in counted.values()}


def test_what_a_tag_would_have_promised_of_a_later_campaign_is_held_against_its_lift(
    shop, judged_campaigns
) -> None:
    """Learned from the mailing alone, asked of the two campaigns that followed: those of whom most was expected did not move."""
    counted, _, _ = judged_campaigns
    put_on_record(open_project(shop.config, shop.home))
    text = of_campaigns("spring mail", "to the best", "to the rest").replace("mail_effect", "own_effect")
    (shop.config.parent / "tags" / "own_effect.yaml").write_text(text, encoding="utf-8")
    few = shop.run("model", "evaluate", "own_effect", ok=False)
    assert "1 fit" in few.stderr
    found = shop.json("model", "evaluate", "own_effect", "--windows", "1", "--threads", "1")
    (window,) = found["windows"]
    assert (window["test"], window["trained_on"]) == (str(MAIL_DAY + timedelta(days=19)), 1)
    own = window["metrics"]["tagcast"]
    mean = np.mean([one["effect"] for one in counted.values()])  # of two halves
    assert window["cases"] == sum(one["members"] for one in counted.values())
    assert own["effect"]["low"] < mean < own["effect"]["high"]
    assert window["mean_outcome"] == pytest.approx(mean, abs=0.02)
    assert own["area"]["high"] < 0, "it ranks the wrong way round"
    floor = own["effect"]["value"] - own["floor_margin"]["value"]
    assert floor < window["mean_score"]
    sure = window["promise"][-1]
    assert (sure["confidence"], sure["mean_confidence"] > sure["share_right"]) == (0.9, True), (
        "of whom it was surest"
    )
    assert window["audiences"]["broken_share"] > 0.05, "by chance it would be one of fifty"
    report = (Path(found["folder"]) / "report.md").read_text("utf-8")
    for said in (
        "measured effect",
        "area over random",
        "mean lower bound → measured effect",
        "effect minus floor",
    ):
        assert said in report
