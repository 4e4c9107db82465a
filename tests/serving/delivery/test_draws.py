"""Who is held out: within deciles of the score, again by seed, and the standing control group of all exports."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagcast.features.core.errors import ConflictError, NotFoundError, StateError, TagcastError
from tagcast.registry.operations.campaigns import all_campaigns, get_campaign, given_ids
from tagcast.serving.audiences.service import parse_for
from tagcast.serving.campaigns.members import members_file
from tagcast.serving.campaigns.service import find_campaign, list_campaigns
from tagcast.serving.delivery import exports
from tagcast.serving.delivery.consent import reach
from tagcast.serving.delivery.exports import export
from tagcast.serving.delivery.holdouts import drawn_within, holdout_ids, nearest_within, strata_of
from tagcast.serving.delivery.power import power
from tests.support.desks import ANALYST, MARKETER, PROFILES, desk_over, frame, publish_made
from tests.support.stores import KINDS, make_store

GOAL = {"kind": "any_event", "event": "purchase", "horizon_days": 30}
FRAME = frame()
STANDING = PROFILES + "\n[campaigns]\nstanding_holdout = 0.2\n"


@pytest.fixture
def made(tmp_path):
    def make(config: str = PROFILES):
        store = make_store("duckdb", tmp_path)
        publish_made(store)
        return desk_over(store, tmp_path / "project", config)

    return make


def everybody(context, person=ANALYST, text="spend.score >= 0"):
    return parse_for(context, person, text)


@given(
    st.lists(st.one_of(st.just(float("nan")), st.floats(0, 1)), min_size=1, max_size=200),
    st.floats(0, 0.99),
    st.integers(0, 2**31),
)
def test_each_stratum_gives_its_share_but_for_less_than_one_member(scores, share, seed) -> None:
    ids = [f"p{k}" for k in range(len(scores))]
    stratum = strata_of(np.array(scores))
    held_out = drawn_within(ids, stratum, share, seed)
    assert abs(held_out.sum() - share * len(ids)) < 1 + 1e-9
    for one in set(stratum.tolist()):
        rows = stratum == one
        assert abs(held_out[rows].sum() - share * rows.sum()) < 1 + 1e-9
    assert (held_out == drawn_within(ids, stratum, share, seed)).all()


def test_everybody_is_held_out_as_often() -> None:
    stratum = strata_of(np.linspace(0, 1, 23))  # tenths of 23 are no whole numbers
    rng = np.random.default_rng(1)
    share = np.mean(
        [nearest_within(rng.random(23), stratum, 0.15, rng.random()) for _ in range(4_000)], axis=0
    )
    assert abs(share - 0.15).max() < 0.03


def test_deciles_rise_with_the_score() -> None:
    scores = np.array([0.9, np.nan, 0.1, 0.5, *np.linspace(0.11, 0.89, 16)])
    stratum = strata_of(scores)
    assert (stratum[0], stratum[1], stratum[2]) == (9, -1, 0)
    counts = np.bincount(stratum[stratum >= 0], minlength=10)
    assert counts.min() >= 1
    assert counts.max() <= 2


def test_the_seed_of_a_campaign_holds_out_the_same_persons_again(made, tmp_path) -> None:
    context = made()
    first = export(
        context, ANALYST, everybody(context), tmp_path / "a.csv", holdout=0.3, goal=GOAL, channel="sms"
    )
    again = export(
        context, ANALYST, everybody(context), tmp_path / "b.csv", holdout=0.3, goal=GOAL, channel="sms",
        seed=first.seed,
    )  # fmt: skip
    assert list(holdout_ids(context.state, again.id)) == list(holdout_ids(context.state, first.id))
    assert get_campaign(context.state, first.id).stratified
    assert not get_campaign(context.state, again.id).stratified
    with pytest.raises(ConflictError, match=r"a share of 0\.3"):
        export(
            context,
            ANALYST,
            everybody(context),
            tmp_path / "c.csv",
            holdout=0.1,
            channel="sms",
            seed=first.seed,
        )


@pytest.mark.parametrize("kind", KINDS)
def test_both_stores_keep_the_same_members(kind, tmp_path) -> None:
    store = make_store(kind, tmp_path)
    publish_made(store)
    context = desk_over(store, tmp_path / "project")
    record = export(
        context, ANALYST, everybody(context, text="churn_risk.score >= 0.5"), tmp_path / "a.csv", holdout=0.3, goal=GOAL,
        channel="sms",
    )  # fmt: skip
    kept = pd.read_parquet(members_file(context.settings.home, record.id))
    mine = FRAME[(FRAME["churn_risk:score"] >= 0.5) & (FRAME["sms"] == "yes")]
    assert kept["profile_id"].tolist() == mine["profile_id"].tolist()
    for part in ("value", "score", "confidence"):
        assert kept[f"churn_risk:{part}"].tolist() == mine[f"churn_risk:{part}"].tolist()
    written = pd.read_csv(tmp_path / "a.csv")["profile_id"].tolist()
    assert kept.loc[kept["given"], "profile_id"].tolist() == written
    tags = get_campaign(context.state, record.id).promised["tags"]
    assert tags["churn_risk"]["mean_score"] == pytest.approx(mine["churn_risk:score"].mean())


def test_the_standing_control_group_is_in_no_export(made, tmp_path) -> None:
    context = made(STANDING)
    files = []
    for number, how in enumerate(
        (
            {"no_contact": True},
            {"channel": "sms"},
            {"channel": "sms", "holdout": 0.5, "goal": GOAL},
            {"channel": "sms", "holdout": 0.5},
        )
    ):
        file = tmp_path / f"{number}.csv"
        record = export(context, ANALYST, everybody(context), file, **how)
        written = set(pd.read_csv(file)["profile_id"])
        held = set(holdout_ids(context.state, record.id))
        files.append((record, written, held))
    whole, by_sms = files[0], files[1]
    everyone = set(FRAME["profile_id"])
    standing = everyone - whole[1]
    assert whole[0].standing == len(standing)
    assert abs(len(standing) - 0.2 * len(everyone)) < 4 * (0.16 * len(everyone)) ** 0.5
    found = reach(context, ANALYST, everybody(context), "sms")
    assert (found.written, found.standing) == (len(by_sms[1]), by_sms[0].standing)
    for record, written, held in files[2:]:
        assert not standing & (written | held), "neither given nor held out for one campaign"
        assert written | held == by_sms[1]
        assert record.standing == by_sms[0].standing
    campaign = get_campaign(context.state, files[2][0].id)
    assert (campaign.standing, campaign.given) == (by_sms[0].standing, len(files[2][1]))
    assert list(given_ids(context.state, campaign.id)) == sorted(files[2][1])


def test_nothing_is_left_of_a_campaign_that_cannot_be_recorded(made, tmp_path, monkeypatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise StateError("the audit log cannot be written", hint="make room")

    context = made()
    monkeypatch.setattr(exports, "record", broken)
    with pytest.raises(StateError):
        export(
            context, ANALYST, everybody(context), tmp_path / "a.csv", holdout=0.5, goal=GOAL, channel="sms"
        )
    assert all_campaigns(context.state) == []
    assert not list((context.settings.home / "campaigns").glob("*"))
    assert not list(tmp_path.glob("*.csv*"))


def test_who_may_not_see_what_a_campaign_names_does_not_see_it(made, tmp_path) -> None:
    context = made()
    tree = everybody(context, text="income > 0")
    record = export(context, ANALYST, tree, tmp_path / "a.csv", goal=GOAL, channel="sms", name="rich")
    assert [one.campaign.name for one in list_campaigns(context, ANALYST)] == ["rich"]
    assert list_campaigns(context, MARKETER) == []
    with pytest.raises(NotFoundError):
        find_campaign(context, MARKETER, record.id)
    open_one = export(
        context, MARKETER, everybody(context, MARKETER), tmp_path / "b.csv", goal=GOAL, channel="sms"
    )
    assert [one.campaign.id for one in list_campaigns(context, MARKETER)] == [open_one.id]


def test_an_export_without_a_goal_stays_a_plain_one(made, tmp_path) -> None:
    context = made()
    record = export(context, ANALYST, everybody(context), tmp_path / "a.csv", holdout=0.5, channel="sms")
    assert record.goal is None
    assert all_campaigns(context.state) == []
    for more in ({"starts": context.now.date()}, {"days": 3}):
        with pytest.raises(TagcastError, match="has no goal"):
            export(context, ANALYST, everybody(context), tmp_path / "b.csv", channel="sms", **more)
    with pytest.raises(TagcastError, match="no campaign"):
        export(context, ANALYST, everybody(context), tmp_path / "b.csv", no_contact=True, goal=GOAL)
    assert not (tmp_path / "b.csv").exists()


def test_the_power_of_an_unknown_goal_is_the_worst_case(made) -> None:
    context = made()
    found = power(context, ANALYST, everybody(context), 0.5, goal=GOAL)
    n = len(FRAME)
    assert found.members == n
    assert found.smallest_lift == pytest.approx((1.959964 + 0.841621) * (0.25 * 4 / n) ** 0.5, rel=1e-5)
    fewer = power(context, ANALYST, everybody(context), 0.5, goal=GOAL, channel="sms")
    assert fewer.members < n
    assert power(context, ANALYST, everybody(context), 0.0).smallest_lift is None
