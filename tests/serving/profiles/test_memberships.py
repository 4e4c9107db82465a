"""What a customer belongs to, and whom somebody looked up lately: each as far as they may know of it."""

from __future__ import annotations

from datetime import date

import pytest

from tagcast.features.core.errors import NotAllowedError
from tagcast.registry.access.access_log import accesses
from tagcast.registry.operations.campaigns import Campaign, save_campaign
from tagcast.registry.state.id_lists import packed
from tagcast.serving.audiences.saved_audience_actions import save
from tagcast.serving.profiles.memberships import memberships
from tagcast.serving.profiles.profile_details import look_up, profile_page
from tagcast.serving.profiles.recent_lookups import MOST, recent_lookups
from tests.support.desks import ANALYST, MARKETER, VIEWER, desk_over, frame, publish_made
from tests.support.published import NOW
from tests.support.stores import KINDS, make_store

FRAME = frame().set_index("profile_id")


@pytest.fixture(params=KINDS)
def context(request, tmp_path):
    store = make_store(request.param, tmp_path)
    publish_made(store)
    return desk_over(store, tmp_path / "project")


def test_audiences_are_those_whose_conditions_a_profile_meets(context):
    save(context, MARKETER, "old", "age >= 40")
    save(context, MARKETER, "oslo", "city = 'Oslo'", kind="frozen")
    save(context, ANALYST, "rich", "income >= 30000")
    for profile in ("p0001", "p0007", "p0100", "p0399"):
        row = FRAME.loc[profile]
        expected = {"old": row["age"] >= 40, "oslo": row["city"] == "Oslo"}
        found = memberships(context, MARKETER, profile)
        # One that names a sensitive attribute is none that a marketer knows of.
        assert set(found.audiences) == {name for name, inside in expected.items() if inside}
        assert found.campaigns == ()
        seen = set(memberships(context, ANALYST, profile).audiences)
        assert seen == {
            name for name, inside in {**expected, "rich": row["income"] >= 30_000}.items() if inside
        }


def campaign(context, name, given, held_out, names=()):
    one = Campaign(
        id=f"{name}-id", name=name, entity="profile", made_at=NOW, made_by="mo", filter="city = 'Oslo'", names=names, channel="",
        goal={}, wanted="more", tag="", starts=date(2024, 5, 3), days=30, share=0.5, seed=1, stratified=False, given=len(given),
        held_out=len(held_out), standing=0, run=1, as_of=date(2024, 4, 30), promised={},
    )  # fmt: skip
    save_campaign(context.state, one, packed(given), packed(held_out))


def test_campaigns_name_the_arm(context):
    campaign(context, "spring", ["p0001", "p0002"], ["p0003"])
    campaign(context, "rich", ["p0001"], [], names=("income",))
    found = {p: memberships(context, MARKETER, p).campaigns for p in ("p0001", "p0003", "p0004")}
    arms = {p: [(one.name, one.arm, one.starts) for one in of] for p, of in found.items()}
    start = date(2024, 5, 3)
    # One that names what is hidden from somebody is none that they know of.
    assert arms == {
        "p0001": [("spring", "contacted", start)],
        "p0003": [("spring", "held out", start)],
        "p0004": [],
    }
    assert {one.name for one in memberships(context, ANALYST, "p0001").campaigns} == {"spring", "rich"}


def test_who_may_not_learns_nothing(context):
    with pytest.raises(NotAllowedError):
        memberships(context, VIEWER, "p0001")
    save(context, MARKETER, "old", "age >= 0 OR age IS NULL")
    assert memberships(context, MARKETER, "nobody").audiences == ()


def test_whom_i_looked_up_is_mine_alone_and_newest_first(context):
    for profile in ("p0001", "p0002", "p0001"):
        profile_page(context, MARKETER, profile)
    look_up(context, MARKETER, "p0009")  # by the API: no page
    assert recent_lookups(context, MARKETER) == ["p0001", "p0002"]
    newest = accesses(context.state, who="mo")[0]
    assert (newest.kind, newest.profiles) == ("examples", 2)
    assert recent_lookups(context, ANALYST) == []
    for k in range(20):
        profile_page(context, MARKETER, f"p{k:04d}")
    assert recent_lookups(context, MARKETER) == [f"p{k:04d}" for k in range(19, 19 - MOST, -1)]
