"""What is measured of whom: delivered messages, other campaigns, merged and erased members, arms that are not as drawn."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from tagcast.features.core.errors import ConfigError, DefinitionError
from tagcast.features.core.settings import load_settings
from tagcast.features.ingest.event_log import build_event_log
from tagcast.features.loads.former_ids import FormerIds
from tagcast.models.definitions.loader import parse_definition
from tagcast.registry.operations.campaigns import Campaign, save_campaign
from tagcast.registry.operations.floors import observed_floors
from tagcast.registry.state.database import open_state
from tagcast.registry.state.id_lists import packed
from tagcast.serving.campaigns.floors import is_judged_by
from tagcast.serving.campaigns.measure import Measuring, measure, measure_campaigns
from tagcast.serving.campaigns.members import write_members
from tagcast.serving.campaigns.words import doubts, headline
from tests.support.experiments.mailing import TAG
from tests.support.shop import CONFIG

NOW = datetime(2024, 6, 1, tzinfo=UTC)
START, DAYS = date(2024, 6, 1), 10
BARE = CONFIG.split("[profiles]")[0]
MAILS = """
[[sources]]
name = "mails"
path = "mails.parquet"
timezone = "UTC"
event = "delivered"
words = ["mail"]

[sources.columns]
profile_id = "customer"
event_time = "at"
mail = "about"

[campaigns]
delivered = "event = 'delivered'"
campaign_column = "mail"
"""
MEMBERS = [f"m{k:03d}" for k in range(200)]
GIVEN, HELD = MEMBERS[:150], MEMBERS[150:]
BUYERS = [*GIVEN[:90], *HELD[:15]]
REACHED = [*GIVEN[:120], *HELD[:5]]
SPRING = Campaign(
    id="c1", name="spring", entity="profile", made_at=NOW, made_by="mo", filter="x", names=(), channel="",
    goal={"kind": "any_event", "event": "purchase", "horizon_days": DAYS}, wanted="more", tag="", starts=START, days=DAYS,
    share=0.25, seed=1, stratified=True, given=150, held_out=50, standing=0, run=1, as_of=START,
    promised={"expected": None, "tags": {}},
)  # fmt: skip


def line(customer: str, day: date, price: float = 10.0) -> dict[str, object]:
    at = pd.Timestamp(day) + timedelta(hours=12)
    return {
        "customer": customer, "at": at, "order_no": f"{customer}{day}", "sku": "s", "kind": "tea", "price": price,
        "units": 1, "off": 0.0,
    }  # fmt: skip


def project(
    folder, *, without: tuple[str, ...] = (), config: str = MAILS, former: FormerIds | None = None
) -> Measuring:
    """A shop in which all members bought once in May, and those who buy buy in June; all is over on the 20th."""
    rows = [line(one, date(2024, 5, 20)) for one in MEMBERS]
    rows += [line(one, date(2024, 6, 5), 20.0) for one in BUYERS]
    rows += [line("later", date(2024, 6, 20))]
    frame = pd.DataFrame(rows)
    frame[~frame["customer"].isin(without)].to_parquet(folder / "lines.parquet", index=False)
    mails = [
        {"customer": one, "at": pd.Timestamp(START), "about": about}
        for one, about in zip(REACHED, ["c1", "spring"] * 99, strict=False)
    ]
    mails += [{"customer": MEMBERS[140], "at": pd.Timestamp(START), "about": "another"}]
    mails += [{"customer": "later", "at": pd.Timestamp("2024-06-20"), "about": "another"}]
    pd.DataFrame(mails).to_parquet(folder / "mails.parquet", index=False)
    (folder / "tagcast.toml").write_text(BARE + config, encoding="utf-8")
    settings = load_settings(folder / "tagcast.toml", folder / "home", folder)
    state = open_state(settings)
    return Measuring(settings, state, build_event_log(settings), former or FormerIds())


def saved(measuring: Measuring, campaign: Campaign = SPRING, given=GIVEN, held=HELD) -> Campaign:
    save_campaign(measuring.state, campaign, packed(given), packed(held))
    return campaign


def test_below_the_lift_stands_the_one_among_those_reached(tmp_path) -> None:
    measuring = project(tmp_path)
    figures = measure(measuring, saved(measuring))
    assert (figures.lift.mean_given, figures.lift.mean_held_out) == (90 / 150, 15 / 50)
    assert figures.lift.lift == pytest.approx(0.3)
    assert figures.money.lift == pytest.approx(6.0)
    assert (figures.delivered.given, figures.delivered.held_out) == (120 / 150, 5 / 50)
    assert figures.delivered.effect.value == pytest.approx(0.3 / (0.8 - 0.1))
    assert figures.delivered.effect.low == pytest.approx(figures.lift.low / 0.7)
    assert any("reached all the same" in str(one) for one in doubts(figures))
    elsewhere = [
        replace(SPRING, id="c2", starts=START + timedelta(days=3)),
        replace(SPRING, id="c3", starts=START - timedelta(days=DAYS)),
    ]
    saved(measuring, elsewhere[0], GIVEN[:7] + HELD[:2], [])
    saved(measuring, elsewhere[1], GIVEN, [])
    again = measure(measuring, SPRING)
    assert (again.elsewhere_given, again.elsewhere_held_out) == (7, 2), (
        "the one that ended before does not count"
    )


def test_whoever_is_erased_or_in_both_groups_is_counted_and_not_measured(tmp_path) -> None:
    former = FormerIds({HELD[0]: (GIVEN[0],), GIVEN[2]: (GIVEN[1],), HELD[49]: ("new",)})
    measuring = project(tmp_path, without=(HELD[0], GIVEN[2], HELD[49], GIVEN[149]), config="", former=former)
    figures = measure(measuring, saved(measuring))
    # GIVEN[0] was in both, GIVEN[1] twice in one, "new" and the last of those given are not in the data.
    assert (figures.in_both, figures.gone) == (1, 2)
    assert (figures.given, figures.held_out) == (150 - 1 - 1 - 1, 50 - 1 - 1)
    assert figures.delivered is None
    assert not figures.ratio.alarm
    assert {str(one)[:9] for one in doubts(figures)} >= {"2 members", "1 member "}


def test_arms_that_are_not_as_drawn_are_not_believed(tmp_path) -> None:
    measuring = project(tmp_path, without=tuple(HELD[10:]), config="")
    figures = measure(measuring, saved(measuring))
    assert figures.ratio.alarm
    assert not figures.decided
    assert "cannot be trusted" in str(headline(SPRING, figures, "en"))


def with_bounds(measuring: Measuring, lowers: dict[str, np.ndarray], version: int = 3) -> None:
    """Keep what uplift tags said of each member at export."""
    bounds = {f"{tag}:lower": pa.array(values, from_pandas=True) for tag, values in lowers.items()}
    members = pa.table({"profile_id": pa.array(MEMBERS), **bounds})
    given = np.isin(MEMBERS, GIVEN)
    versions = dict.fromkeys(lowers, version)
    write_members(measuring.settings.home, SPRING.id, members, given, np.zeros(200, np.int8), versions)


def test_the_floor_of_a_tag_is_held_against_the_lift_of_those_it_spoke_of(tmp_path) -> None:
    measuring = project(tmp_path, without=(GIVEN[0],), config="")
    saved(measuring)
    rising = np.linspace(0.0, 0.4, 200)
    some = np.where(np.arange(200) % 2 == 0, 0.4, np.nan)
    with_bounds(measuring, {"careful": rising, "bold": np.full(200, 0.6), "of_some": some})
    (campaign,) = measure_campaigns(measuring, NOW + timedelta(days=30))
    bold, careful, of_some = observed_floors(measuring.state)
    assert [row.tag for row in (bold, careful, of_some)] == ["bold", "careful", "of_some"]
    assert (careful.version, careful.predicted, careful.campaign, careful.due) == (
        3,
        199,
        "c1",
        campaign.ends,
    )
    assert careful.promised == pytest.approx(rising[1:].mean()), "of those who are measured"
    assert careful.right == pytest.approx(89 / 149 - 15 / 50)
    assert (careful.is_broken, bold.is_broken) == (False, True)
    buyers = np.isin(MEMBERS, BUYERS)
    even, given = np.arange(200) % 2 == 0, np.isin(MEMBERS, GIVEN)
    even[0] = False
    assert of_some.predicted == even.sum()
    assert of_some.right == pytest.approx(buyers[even & given].mean() - buyers[even & ~given].mean())
    assert not of_some.is_broken, f"below {of_some.promised}, but by no more than chance: {of_some.interval}"
    assert observed_floors(measuring.state, "bold", since=START) == [bold]
    assert observed_floors(measuring.state, "bold", since=START + timedelta(days=1)) == []


def test_arms_that_are_not_as_drawn_judge_no_floor_and_an_open_window_none_yet(tmp_path) -> None:
    measuring = project(tmp_path, without=tuple(HELD[10:]), config="")
    with_bounds(measuring, {"bold": np.full(200, 0.6)})
    assert measure(measuring, saved(measuring)).floors == ()
    assert measure(measuring, replace(SPRING, days=30)).floors == ()


@pytest.mark.parametrize(
    ("goal", "name", "mentioned", "judged"),
    [
        ({"kind": "any_event", "event": "visit", "horizon_days": 14}, "autumn", (), (True, False)),
        ({"kind": "any_event", "event": "visit", "horizon_days": 14}, "spring", (), (True, True)),
        ({"kind": "any_event", "event": "visit", "horizon_days": 14}, "autumn", ("mail_effect",), (True, True)),
        ({"kind": "any_event", "event": "visit", "horizon_days": 15}, "spring", ("mail_effect",), (False, False)),
        ({"kind": "any_event", "event": "order", "horizon_days": 14}, "spring", ("mail_effect",), (False, False)),
    ],
)  # fmt: skip
def test_a_campaign_judges_the_tags_of_its_goal_that_learn_from_such_a_campaign(
    goal, name, mentioned, judged
) -> None:
    of_campaigns = re.sub("treatment: .*", "treatment: {campaigns: [spring, summer]}", TAG)
    found = [is_judged_by(parse_definition(text, "t"), goal, name, mentioned) for text in (TAG, of_campaigns)]
    assert tuple(found) == judged


def test_less_is_wanted_of_what_is_a_loss_and_more_of_it_is_harm(tmp_path) -> None:
    measuring = project(tmp_path, config="")
    lost = replace(
        SPRING, wanted="less", goal={"kind": "no_event", "event": "purchase", "horizon_days": DAYS}
    )
    figures = measure(measuring, saved(measuring, lost))
    assert figures.lift.lift == pytest.approx(-0.3)
    assert figures.extra.value == pytest.approx(-45)
    assert str(headline(lost, figures, "en")).startswith("It worked.")
    assert str(headline(replace(lost, wanted="more"), figures, "en")).startswith("It did harm.")
    assert str(headline(replace(lost, held_out=0), replace(figures, lift=None), "en")).startswith("Nobody")


def test_what_delivered_names_has_to_be_there(tmp_path) -> None:
    measuring = project(tmp_path, config=MAILS.replace("event = 'delivered'\"", "event = 'opened'\""))
    with pytest.raises(DefinitionError, match=r"campaigns\.delivered"):
        measure(measuring, saved(measuring))
    for config, problem in (
        (MAILS.replace('campaign_column = "mail"', ""), "go together"),
        (MAILS.replace('campaign_column = "mail"', 'campaign_column = "mial"'), "mial"),
        ("\n[campaigns]\nstanding_holdout = 1.5\n", "standing_holdout"),
    ):
        with pytest.raises(ConfigError, match=problem):
            project(tmp_path, config=config)


def test_nobody_held_out_or_no_day_seen_gives_no_lift(tmp_path) -> None:
    measuring = project(tmp_path, config="")
    figures = measure(measuring, saved(measuring, replace(SPRING, share=0.0, held_out=0), MEMBERS, []))
    assert (figures.lift, figures.given, figures.ratio) == (None, 200, None)
    ahead = measure(measuring, replace(SPRING, starts=date(2024, 7, 1)))
    assert (ahead.stage, ahead.lift) == ("ahead", None)
