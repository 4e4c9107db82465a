"""What effects are learned from, of campaigns on record: both arms of those with a holdout, as they are known today."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from tagcast.features.core.errors import DataError
from tagcast.features.loads.former_ids import FormerIds
from tagcast.registry.operations.campaigns import save_campaign
from tagcast.registry.operations.treatments import drawn_treatments
from tagcast.registry.state.id_lists import packed
from tests.support.campaigns.on_record import SPRING
from tests.support.stores import make_state

MARCH, MAY = date(2026, 3, 2), date(2026, 5, 4)
WHERE = "mail_effect: treatment.campaigns"


@pytest.fixture(scope="module")
def state(tmp_path_factory):
    """Two letters of one name, a call of the same day as the second, one that held nobody out."""
    state = make_state("sqlite", tmp_path_factory.mktemp("state"))
    letter = replace(SPRING, name="letter", given=3, held_out=1)
    save_campaign(state, letter, packed(["a", "b", "c"]), packed(["d"]))
    second = replace(letter, id="c2", starts=MAY, share=0.5, given=2, held_out=2)
    save_campaign(state, second, packed(["a", "e"]), packed(["b", "old"]))
    save_campaign(
        state, replace(second, id="c3", name="call", share=0.1, given=1), packed(["f", "e"]), packed(["g"])
    )
    nobody = replace(letter, id="c4", name="all of them", share=0.0, held_out=0)
    save_campaign(state, nobody, packed(["a"]), packed([]))
    yield state
    state.close()


def rows(state, *names: str, former: FormerIds | None = None) -> list[tuple]:
    found = drawn_treatments(state, former or FormerIds(), names, WHERE)
    assert str(found["treated"].dtype) == "int8"
    return list(found[["profile_id", "day", "treated", "propensity"]].itertuples(index=False, name=None))


def test_every_campaign_of_a_name_gives_its_members_with_the_share_that_it_drew(state) -> None:
    assert rows(state, "letter", former=FormerIds({"old": ("h",)})) == [
        ("a", MARCH, 1, 0.75), ("b", MARCH, 1, 0.75), ("c", MARCH, 1, 0.75), ("d", MARCH, 0, 0.75),
        ("a", MAY, 1, 0.5), ("b", MAY, 0, 0.5), ("e", MAY, 1, 0.5), ("h", MAY, 0, 0.5),
    ]  # fmt: skip
    assert rows(state, "c1") == rows(state, "letter")[:4], "by id it is that one alone"


def test_who_is_in_two_campaigns_of_a_day_tells_nothing_of_either(state) -> None:
    both = rows(state, "c2", "call")
    assert [one[0] for one in both] == ["a", "b", "f", "g", "old"], "e was sent the letter and called"
    assert {one[0]: one[3] for one in both} == {"a": 0.5, "b": 0.5, "f": 0.9, "g": 0.9, "old": 0.5}


def test_what_cannot_be_learned_from_is_named_with_what_is_there(state, tmp_path) -> None:
    with pytest.raises(DataError, match=f"{WHERE}: the campaign 'all of them' held nobody out"):
        rows(state, "letter", "all of them")
    with pytest.raises(DataError, match=f"{WHERE}: there is no campaign 'leter'") as refused:
        rows(state, "leter")
    assert "did you mean 'letter'?" in str(refused.value.hint)
    empty = make_state("sqlite", tmp_path)
    with pytest.raises(DataError) as refused:
        drawn_treatments(empty, FormerIds(), ["letter"], WHERE, [("store", empty)])
    assert "no campaign is on record yet" in str(refused.value.hint)
    with pytest.raises(DataError) as refused:
        drawn_treatments(empty, FormerIds(), ["letter"], WHERE, [("household", state)])
    assert "one of the entity household" in str(refused.value.hint)
