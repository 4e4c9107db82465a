"""From an export to its lift: what is measured is what pandas counts over the raw lines."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from tagcast.features.core.errors import NotFoundError
from tagcast.registry.access.audit_log import entries
from tagcast.registry.access.roles import roles_of
from tagcast.registry.operations.approaches import approaches
from tagcast.registry.operations.campaigns import get_campaign, given_ids, held_out_ids
from tagcast.serving.campaigns.measure import Measuring, measure, measure_campaigns
from tagcast.serving.campaigns.members import members_file
from tagcast.serving.campaigns.service import find_campaign, list_campaigns
from tagcast.serving.campaigns.words import headline
from tagcast.serving.store.reader_pool import whole
from tests.support.campaigns.shop import DAYS, MO, MORNING, CampaignShop, campaign_shop
from tests.support.champion import DAY, TAG

pytestmark = pytest.mark.slow
END = DAY + timedelta(days=DAYS)


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> tuple[CampaignShop, str]:
    """A shop with a campaign that has worked, its figures looked at while it was open; and the campaign's id."""
    shop = campaign_shop(tmp_path_factory.mktemp("shop"))
    record = shop.export(shop.context(), name="come back")
    shop.plant(shop.given())
    return shop, record.id


def measuring(shop: CampaignShop) -> Measuring:
    project = shop.project()
    return Measuring(project.settings, project.state, project.events, project.former_ids)


def bought(shop: CampaignShop, until: date) -> pd.Series:
    lines = shop.lines()
    window = lines[(lines["at"] >= pd.Timestamp(DAY)) & (lines["at"] < pd.Timestamp(until))]
    return window.groupby("customer")["price"].sum()


def test_an_export_is_a_campaign_with_both_arms_and_what_was_known_of_each(made) -> None:
    shop, number = made
    context = shop.context()
    campaign = get_campaign(context.state, number)
    given, held = set(given_ids(context.state, number)), set(held_out_ids(context.state, number))
    assert given == shop.given()
    assert not given & held
    assert (campaign.given, campaign.held_out, campaign.standing) == (len(given), len(held), 0)
    assert (campaign.name, campaign.tag, campaign.wanted, campaign.starts, campaign.days) == (
        "come back", TAG, "less", DAY, DAYS,
    )  # fmt: skip
    assert campaign.goal == {"kind": "no_event", "event": "purchase", "horizon_days": 30}
    kept = pd.read_parquet(members_file(shop.home, number)).set_index("profile_id")
    with context.store.reader(whole) as reader:
        said = pd.concat(b.to_pandas() for b in reader.stream([f"{TAG}:score", f"{TAG}:confidence"]))
    said = said.set_index("profile_id").loc[kept.index]
    assert kept[f"{TAG}:score"].tolist() == said[f"{TAG}:score"].tolist()
    assert campaign.promised["expected"] == pytest.approx(said[f"{TAG}:score"].mean())
    assert campaign.promised["tags"][TAG]["mean_confidence"] == pytest.approx(
        said[f"{TAG}:confidence"].mean()
    )
    assert set(kept.index[~kept["given"]]) == held
    # Of each decile of the score three of ten.
    lowest_first = kept.sort_index().sort_values(f"{TAG}:score", kind="stable")
    tenth = np.arange(len(kept)) * 10 // len(kept)
    drawn = (~lowest_first["given"]).groupby(tenth).agg(["sum", "size"])
    assert (abs(drawn["sum"] - 0.3 * drawn["size"]) <= 1).all()
    assert abs(len(held) - 0.3 * len(kept)) < 1
    (entry,) = entries(context.state, action="export")
    assert entry.detail["goal"] == campaign.goal
    assert number not in str(entry.detail["columns"])
    rows = approaches(context.state).to_pandas()
    assert set(rows.loc[~rows["held_out"], "profile_id"]) == given


def test_before_its_first_day_and_while_it_is_open(made) -> None:
    shop, number = made
    seen = find_campaign(shop.context(), MO, number)
    assert seen.figures.stage == "ahead"
    shop.arrive(DAY + timedelta(days=10))
    figures = find_campaign(shop.context(), MO, number).figures
    assert (figures.stage, figures.day, figures.days) == ("open", 10, DAYS)
    active = bought(shop, DAY + timedelta(days=10)).index
    given = pd.Series(sorted(shop.given()))
    assert figures.lift.mean_given == pytest.approx(1 - given.isin(active).mean())
    assert figures.lift.method == "sequence"
    sentence = str(headline(find_campaign(shop.context(), MO, number).campaign, figures, "en"))
    assert "day 10 of 30" in sentence
    assert "No purchase within 10 days:" in sentence
    assert not measure_campaigns(measuring(shop), MORNING), "nothing is final yet"


def test_once_it_has_closed_the_lift_is_what_the_lines_say_and_stays_on_record(made) -> None:
    shop, number = made
    shop.arrive(END + timedelta(days=5))
    context = shop.context()
    campaign = get_campaign(context.state, number)
    figures = find_campaign(context, MO, number).figures
    assert figures.stage == "closed"
    spent = bought(shop, END)
    arms = {
        "given": sorted(given_ids(context.state, number)),
        "held": sorted(held_out_ids(context.state, number)),
    }
    gone = {arm: 1 - np.isin(ids, spent.index).mean() for arm, ids in arms.items()}
    money = {arm: spent.reindex(ids).fillna(0).mean() for arm, ids in arms.items()}
    assert figures.lift.mean_given == pytest.approx(gone["given"])
    assert figures.lift.mean_held_out == pytest.approx(gone["held"])
    assert figures.money.mean_given == pytest.approx(money["given"])
    assert figures.money.mean_held_out == pytest.approx(money["held"])
    assert (figures.given, figures.held_out, figures.gone) == (len(arms["given"]), len(arms["held"]), 0)
    assert figures.lift.method == "adjusted"
    assert figures.lift.lift == pytest.approx(gone["given"] - gone["held"], abs=0.04)
    assert figures.decided
    assert figures.works(campaign)
    assert figures.extra.value == pytest.approx(figures.lift.lift * len(arms["given"]))
    assert not figures.ratio.alarm
    assert headline(campaign, figures, "en").template.startswith("It worked")
    (recorded,) = measure_campaigns(measuring(shop), MORNING)
    assert recorded.id == number
    assert measure_campaigns(measuring(shop), MORNING + timedelta(days=1)) == []
    final = find_campaign(shop.context(), MO, number)
    assert final.figures == figures
    # What happens later to the data does not change the record, though it would change what is measured.
    lines = shop.lines()
    lines[~lines["order_no"].str.startswith("planted")].to_parquet(shop.folder / "lines.parquet", index=False)
    _ = shop.project().events
    assert find_campaign(shop.context(), MO, number).figures == figures
    anew = measure(measuring(shop), campaign)
    assert anew.lift.mean_given > figures.lift.mean_given
    members_file(shop.home, number).unlink()
    bare = measure(measuring(shop), campaign)
    assert bare.lift.mean_given == anew.lift.mean_given, "the arms are on record without the file too"
    assert (bare.given, bare.held_out) == (anew.given, anew.held_out)
    assert [one.campaign.id for one in list_campaigns(shop.context(), MO)] == [number]
    assert replace(anew, lift=None) != bare


def test_an_open_window_has_a_range_though_all_members_did_the_same_in_the_one_before(made) -> None:
    """Everybody bought within the half year before: it plans no variance, and the scores are those of another horizon."""
    shop, _ = made
    record = shop.export(shop.context(), name="half a year", days=180)
    shop.arrive(DAY + timedelta(days=40))
    figures = find_campaign(shop.context(), MO, record.id).figures
    assert (figures.stage, figures.day, figures.expected) == ("open", 40, None)
    assert figures.lift.method == "sequence"
    assert figures.elsewhere_given > 0, "the campaign of before approached some of them"


def test_whoever_sees_some_members_sees_what_came_of_these(made) -> None:
    shop, _ = made
    rows = "\n[access.rows]\nlikely = 'churn_risk.score >= 0.5'\nnobody = 'churn_risk.score > 2'\n"
    shop.config.write_text(shop.config.read_text(encoding="utf-8") + rows, encoding="utf-8")
    context = shop.context()
    number = shop.export(context, name="again").id
    roles = roles_of(context.settings.access)
    with context.store.reader(whole) as reader:
        scores = pd.concat(b.to_pandas() for b in reader.stream([f"{TAG}:score"])).set_index("profile_id")
    scores = scores.loc[scores[f"{TAG}:score"] >= 0.5, f"{TAG}:score"]
    arms = {
        "given": sorted(set(given_ids(context.state, number)) & set(scores.index)),
        "held": sorted(set(held_out_ids(context.state, number)) & set(scores.index)),
    }
    assert 1 < len(arms["held"]) < len(list(held_out_ids(context.state, number)))
    shop.arrive(END + timedelta(days=5))
    seen = find_campaign(context, roles.person("no", "marketer", rows=["likely"]), number)
    assert (seen.campaign.given, seen.campaign.held_out) == (len(arms["given"]), len(arms["held"]))
    assert seen.campaign.promised["expected"] == pytest.approx(
        scores.loc[arms["given"] + arms["held"]].mean()
    )
    spent = bought(shop, END)
    for arm, mean in (("given", seen.figures.lift.mean_given), ("held", seen.figures.lift.mean_held_out)):
        assert mean == pytest.approx(1 - np.isin(arms[arm], spent.index).mean())
    assert find_campaign(context, MO, number).campaign.given > len(arms["given"])
    nobody = roles.person("no", "marketer", rows=["nobody"])
    assert list_campaigns(context, nobody) == []
    with pytest.raises(NotFoundError, match="no campaign"):
        find_campaign(context, nobody, number)
