"""What is measured of whom: delivered messages, other campaigns, merged and erased members, arms that are not as drawn."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pandas as pd
import pytest

from tagcast.features.core.errors import ConfigError, DefinitionError
from tagcast.features.core.settings import load_settings
from tagcast.features.ingest.event_log import build_event_log
from tagcast.features.loads.former_ids import FormerIds
from tagcast.registry.operations.campaigns import Campaign, save_campaign
from tagcast.registry.state.database import open_state
from tagcast.registry.state.id_lists import packed
from tagcast.serving.campaigns.measure import Measuring, measure
from tagcast.serving.campaigns.words import doubts, headline
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
