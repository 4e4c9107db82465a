"""Pins and visits of people, on both kinds of state."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tagcast.registry.access.accounts import add_user, remove_user
from tagcast.registry.people.pins import pinned, set_pins
from tagcast.registry.people.visits import last_visit
from tests.support.stores import STATES, make_state

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


@pytest.fixture(params=STATES)
def state(request, tmp_path):
    found = make_state(request.param, tmp_path)
    yield found
    found.close()


def test_pins_belong_to_one_person_and_stand_in_the_order_of_pinning(state):
    for minutes, name in enumerate(("b", "a")):
        set_pins(state, "mia", "tag", [name], NOW + timedelta(minutes=minutes), on=True)
    set_pins(state, "mia", "tag", ["b"], NOW + timedelta(hours=1), on=True)  # pinned already: it stays first
    set_pins(state, "mia", "audience", ["a"], NOW, on=True)
    assert pinned(state, "mia", "tag") == ["b", "a"]
    assert pinned(state, "bob", "tag") == []
    set_pins(state, "mia", "tag", ["b", "gone"], NOW, on=False)
    assert pinned(state, "mia", "tag") == ["a"]
    assert pinned(state, "mia", "audience") == ["a"]


def test_pins_and_visits_go_with_the_account(state):
    for who in ("mia", "bob"):
        add_user(state, who, "marketer", "a long password", sensitive=False, by="t", now=NOW)
        set_pins(state, who, "tag", ["a"], NOW, on=True)
        last_visit(state, who, NOW)
    remove_user(state, "mia", by="t", now=NOW)
    later = NOW + timedelta(days=1)
    assert (pinned(state, "mia", "tag"), last_visit(state, "mia", later)) == ([], None)
    assert (pinned(state, "bob", "tag"), last_visit(state, "bob", later)) == (["a"], NOW)


def test_a_visit_lasts_until_nobody_looks_for_half_an_hour(state):
    looks = [0, 10, 39, 68, 99, 100, 300]  # minutes
    found = [last_visit(state, "mia", NOW + timedelta(minutes=m)) for m in looks]
    # Each look within half an hour of the one before is of the same visit, however long that has lasted.
    ended = [None if at is None else (at - NOW) / timedelta(minutes=1) for at in found]
    assert ended == [None, None, None, None, 68, 68, 100]
    assert last_visit(state, "bob", NOW) is None
